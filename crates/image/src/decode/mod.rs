//! The parts that the decoders of all formats share.

pub mod image_crate;
pub mod limits;
pub mod refusal;
pub mod rgb;
