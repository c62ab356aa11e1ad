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
    decode: |bytes, request| image_crate::decode(bytes, ImageFormat::Gif, request),
    metadata: no_metadata,
};
