//! Reads the files of stored images again, after a new version of the reader of texts: caption, generation prompt and
//! tags. Pixels are not decoded and nothing is encoded.
//!
//! The store keeps the version of the reader with each image, and so holds the work that is left. A reindex therefore
//! continues after any stop, and several processes at once do some work twice and none wrong.

mod progress;
mod reindexing;
mod run;
mod state;

pub use reindexing::Reindexing;
pub use state::{ReindexCounts, ReindexFailure, ReindexState, ReindexStatus};
