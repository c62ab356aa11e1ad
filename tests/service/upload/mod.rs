//! `mitsuke upload` and `mitsuke backfill --server`: runs the program against the real app, directly and through a
//! proxy that injects faults.

mod backfill;
mod captions;
mod interrupted;
mod proxy;
mod refused;
mod retried;
mod runner;
mod script;
mod sent;
