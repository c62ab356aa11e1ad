//! The parts that the decoders of all formats share.

pub mod color;
pub mod completeness;
pub mod image_crate;
pub mod libjpeg;
pub mod limits;
pub mod raster;
pub mod refusal;
pub mod request;
pub mod rgb;
