//! What the JPEG decoder does not check: that the file is whole, and that it is not built to be slow.

use super::{DecodeLimits, check_size};
use crate::container::{marker, segments};
use crate::{FileType, ImageError};

/// A progressive picture has about ten scans. Each one costs a pass over all of the picture however few
/// bytes it has, so thousands of tiny scans would keep a core busy for hours.
const MAX_SCANS: usize = 100;

/// Walks over the segments without decoding.
///
/// The decoder fills what is missing from a cut-off file with grey and calls it a success, so a JPEG
/// must reach its end marker, as it must for Pillow. It also keeps the coefficients of the whole picture
/// when it has several scans, which its own limits do not count.
pub(super) fn check(bytes: &[u8], limits: &DecodeLimits) -> Result<(), ImageError> {
    let mut scans = 0;
    let mut complete = false;
    for segment in segments(bytes) {
        match segment.payload {
            &[_, h0, h1, w0, w1, components, ..] if segment.is_frame_header() => {
                let height = u32::from(u16::from_be_bytes([h0, h1]));
                let width = u32::from(u16::from_be_bytes([w0, w1]));
                let samples = u64::from(width) * u64::from(height) * u64::from(components);
                let kept = if segment.marker == marker::SOF2 { 2 * samples } else { 0 };
                check_size(FileType::Jpeg, (width, height), samples + kept, limits)?;
            }
            _ if segment.marker == marker::SOS => scans += 1,
            _ => complete |= segment.marker == marker::EOI,
        }
    }
    if !complete {
        return Err(ImageError::corrupt(FileType::Jpeg, "no end marker: the file is cut off"));
    }
    if scans > MAX_SCANS {
        return Err(ImageError::unsupported_kind(FileType::Jpeg, format!("{scans} scans")));
    }
    Ok(())
}
