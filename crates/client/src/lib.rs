//! The HTTP client of the service: what the command line asks a running server.

pub mod tls;
pub mod upload;
