//! An HTTP client of the service, with the uploads, exports, backfills and reindexes that the command line runs on a server.
//!
//! [`Client`] sends requests, repeats those that can still succeed and turns refusals into a [`Failure`]. `images`,
//! `models`, [`pages`] and `download` add the calls of one resource each; [`backfill`], [`export`](mod@export), [`reindex`] and
//! [`upload`] are built on these calls. The crate knows the HTTP API alone: no store and no encoder.

pub mod backfill;
mod client;
mod download;
mod duration;
pub mod export;
mod failure;
mod hash;
pub mod images;
pub mod models;
pub mod pages;
pub mod reindex;
mod retry;
pub mod tls;
pub mod upload;

pub use client::{Client, ClientError, RetryPolicy};
pub use duration::format_duration;
pub use failure::{ConnectError, Failure, FailureKind};

use std::time::Duration;

/// The time for which a command waits at its start for a server that does not answer.
pub const FIRST_CONTACT: Duration = Duration::from_secs(5);
