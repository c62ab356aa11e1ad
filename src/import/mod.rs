//! The import of a folder straight into a store: pictures of a plain folder, or what `mitsuke export` has written, with
//! everything that is known of each.
//!
//! [`Source`] lists what there is, [`Importer`] reads, embeds where an embedding is missing, and stores in batches, and
//! [`Report`] counts. Nothing but the hashes of pictures decides what is left to do, so that a run after an interruption
//! continues. The log spares a plain folder to be read again.

mod error;
mod facts;
mod files;
mod journal;
mod lines;
mod models;
mod prepare;
mod report;
mod run;
mod source;

pub use error::ImportError;
pub use journal::Journal;
pub use models::Proof;
pub use prepare::Reader;
pub use report::Report;
pub use run::{ImportOptions, Importer};
pub use source::Source;
