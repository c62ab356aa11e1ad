//! `mitsuke upload`, `mitsuke backfill --server` and `mitsuke reindex --server`: runs the program against the real app, directly and through a
//! proxy that injects faults.

mod backfill;
mod captions;
mod interrupted;
mod proxy;
mod refused;
mod reindex;
mod retried;
mod runner;
mod script;
mod sent;
