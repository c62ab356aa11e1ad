//! GIF.

use image::ImageFormat;

use super::format::{Format, no_metadata};
use crate::decode::image_crate;

/// Describes GIF.
pub const FORMAT: Format = Format {
    media_type: "image/gif",
    name: "GIF",
    extensions: &["gif"],
    matches: |bytes| matches!(bytes, [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..]),
    decode: |bytes, limits| image_crate::decode(bytes, ImageFormat::Gif, limits),
    metadata: no_metadata,
};
