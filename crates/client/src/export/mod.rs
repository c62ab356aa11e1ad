//! Exports a collection into a folder: the originals, and one JSON Lines file with everything that is known of them.
//!
//! Nothing is remembered between runs. Each run compares the files that are there with the hashes of the images and
//! fetches those that are missing or differ, so that a run after an interruption continues, and a run after a whole one
//! verifies it.

mod document;
mod error;
mod facts;
mod files;
mod names;
mod run;

pub use error::ExportError;
pub use run::{ExportOptions, ExportReport, Problem, export};
