//! Takes pictures in: bytes → pixels and facts → embedding, for uploads, for searches by picture and for thumbnails.
//!
//! The [`Decoder`] owns the decoding slots of the process. Backfills decode through it as well.

mod decoder;
mod enough;
mod error;
mod prepared;
mod query_picture;
mod thumbnail;
mod upload;

pub(crate) use enough::enough;

pub use decoder::{Decoder, DecodingSlot};
pub use error::IntakeError;
pub use prepared::Prepared;
pub use upload::{Intake, Registered, Upload};
