//! HEIC: HEIF with HEVC pictures, as phones write them.

use super::format::Format;
use super::heif;
use crate::container::isobmff::{Brand, brand};

/// Describes HEIC.
pub const FORMAT: Format = Format {
    media_type: "image/heic",
    name: "HEIC",
    extensions: &["heic", "heif", "hif"],
    matches: |bytes| brand(bytes) == Some(Brand::Heic),
    decode: heif::decode,
    metadata: heif::metadata,
};
