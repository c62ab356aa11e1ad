//! Uploads folders of pictures: finds the files, hashes them, asks the server which bytes it has, and sends the
//! others several at once. A log lets the next run continue where this one ended.
//!
//! [`run()`] prepares the upload and hands the files to `pipeline`, whose stages `prepare`, `lookup` and `delivery`
//! work at the same time on different files. [`watch()`] does the same again and again with what has appeared.

pub mod captions;
mod confirm;
mod delivery;
mod error;
mod lookup;
mod options;
mod pipeline;
pub mod prepare;
pub mod progress;
mod run;
pub mod scan;
mod session;
mod settled;
mod stop;
pub mod summary;
pub mod upload_log;
mod watch;

pub use error::UploadError;
pub use options::UploadOptions;
pub use progress::Progress;
pub use run::{UploadReport, run};
pub use stop::{StopReason, StopSignal};
pub use watch::{WatchOptions, watch};
