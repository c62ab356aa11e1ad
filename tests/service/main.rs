//! The service through its public faces: the HTTP API, the gallery page in a browser, and the program's commands.
//!
//! All of it is one program, so that it is linked once. `cargo test --test service http::` runs the tests of the API
//! alone; `page::`, `cli::`, `upload::`, `process::` and `oracle::` run the others.

mod app;
#[macro_use]
mod snapshots;
#[macro_use]
mod stores;
mod data_directories;
mod pictures;

mod cli;
mod http;
mod oracle;
mod page;
mod process;
mod server;
mod shared_store;
mod upload;
mod workspace;
