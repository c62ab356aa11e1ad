//! Connections to the database: opening, pooling and using them, the values and errors that pass over them, and row locks.

pub(crate) mod codes;
pub(crate) mod connect;
pub(crate) mod error;
pub(crate) mod locks;
pub(crate) mod pool;
mod refusals;
pub(crate) mod session;
pub(crate) mod value;
