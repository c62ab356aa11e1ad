//! Sends folders of pictures to a server: finds the files, hashes them, asks the server which bytes it knows,
//! sends the others several at once, tries again what can succeed later, and writes down what is done so that
//! the next run goes on from there.
//!
//! A client of the HTTP API like any other: nothing here knows the store or the encoders.

pub mod captions;
pub mod client;
pub mod journal;
pub mod lookup;
pub mod prepare;
pub mod progress;
pub mod retry;
pub mod run;
pub mod scan;
pub mod summary;

pub use run::{Options, StopReason, UploadError, run};
