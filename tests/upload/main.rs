//! `mitsuke upload` and `mitsuke backfill --server`: runs the program against the real app, directly and through a
//! proxy that injects faults.

#[path = "../http/app.rs"]
#[expect(dead_code, reason = "shared with the tests of the HTTP API, which use all of it")]
mod app;
mod backfill;
mod captions;
mod interrupted;
#[path = "../http/pictures.rs"]
#[expect(dead_code, reason = "shared with the tests of the HTTP API, which use all of it")]
mod pictures;
mod proxy;
mod refused;
mod retried;
mod runner;
mod script;
mod sent;
#[path = "../http/embedded.rs"]
mod store;
