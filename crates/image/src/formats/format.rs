//! The description of a format.

use crate::decode::raster::Raster;
use crate::decode::refusal::Refusal;
use crate::decode::request::DecodeRequest;
use crate::metadata::Metadata;

/// A format: its names, how its files are recognised, and how pixels and metadata are read from them.
pub struct Format {
    /// The IANA media type.
    pub media_type: &'static str,
    /// The familiar name, for messages: `JPEG`, `WebP`.
    pub name: &'static str,
    /// The extensions of file names in lower case, the usual one first.
    pub extensions: &'static [&'static str],
    /// Whether the first bytes of a file are those of the format.
    pub matches: fn(&[u8]) -> bool,
    /// Decodes the first frame or page of a file of the format, within limits that it checks before it decodes any
    /// pixel. Neither colour profile, nor alpha, nor orientation is applied; these steps are the same for all formats.
    pub decode: fn(&[u8], &DecodeRequest) -> Result<Raster, Refusal>,
    /// Reads the metadata of a file of the format, with this many pieces of text at most.
    pub metadata: for<'a> fn(&'a [u8], usize) -> Metadata<'a>,
}
