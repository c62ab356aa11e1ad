//! `mitsuke upload`, `mitsuke backfill --server` and `mitsuke reindex --server`: runs the program against the real app, directly and through a
//! proxy that injects faults.

mod backfill;
mod captions;
mod interrupted;
pub mod proxy;
mod refused;
mod reindex;
mod retried;
pub mod runner;
mod script;
pub mod sent;
