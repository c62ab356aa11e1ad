//! The database behind the stand-in: Oracle's SQL run over SQLite, with Oracle's rules where they are stricter.

mod alterations;
pub mod catalog;
mod ddl;
mod dictionary;
mod dml;
mod functions;
mod json;
mod locks;
mod merge;
mod plan;
mod plsql;
mod scalar;
mod scheduler;
mod session;
mod side;
mod store;
mod text;
pub mod time;
mod transaction;
pub mod types;
mod vector;
mod vector_index;

pub use plan::{Bind, OutColumn};
pub use session::{Outcome, Session, attach};
pub use side::{Point, Trip};
pub use types::{Family, Ty};
