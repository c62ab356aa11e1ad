//! AVIF: HEIF with AV1 pictures.

use super::format::Format;
use super::heif;
use crate::container::isobmff::{Brand, brand};

/// Describes AVIF.
pub const FORMAT: Format = Format {
    media_type: "image/avif",
    name: "AVIF",
    extensions: &["avif"],
    matches: |bytes| brand(bytes) == Some(Brand::Avif),
    decode: heif::decode,
    metadata: heif::metadata,
};
