//! The segments of a JPEG file.

use super::pieces::take;

/// The marker codes that this crate looks for.
pub mod marker {
    /// Application segment 1: EXIF or XMP.
    pub const APP1: u8 = 0xE1;
    /// Application segment 2: a part of an ICC colour profile.
    pub const APP2: u8 = 0xE2;
    /// Application segment 13: Photoshop resources, which hold IPTC.
    pub const APP13: u8 = 0xED;
    /// A comment.
    pub const COM: u8 = 0xFE;
    /// End of the picture.
    pub const EOI: u8 = 0xD9;
    /// Start of a scan; entropy-coded data follows.
    pub const SOS: u8 = 0xDA;
    /// Start of a baseline frame.
    pub const SOF0: u8 = 0xC0;
    /// Start of a sequential frame.
    pub const SOF1: u8 = 0xC1;
    /// Start of a progressive frame.
    pub const SOF2: u8 = 0xC2;
}

/// A marker and the bytes that its length field covers (none for a marker without a length).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment<'a> {
    /// The byte after `FF`.
    pub marker: u8,
    /// The content after the length field.
    pub payload: &'a [u8],
}

impl Segment<'_> {
    /// Returns whether the segment starts a frame (SOF0 to SOF15, which share their range with DHT, JPG and DAC).
    pub fn is_frame_header(&self) -> bool {
        matches!(self.marker, 0xC0..=0xCF) && !matches!(self.marker, 0xC4 | 0xC8 | 0xCC)
    }
}

/// Returns the segments from SOI to EOI (included), or to where the file is cut off or malformed.
/// Entropy-coded data is skipped. Bytes after EOI (padding, a second picture) are not read.
pub fn segments(bytes: &[u8]) -> impl Iterator<Item = Segment<'_>> {
    let mut rest = bytes.strip_prefix(b"\xFF\xD8").unwrap_or_default();
    std::iter::from_fn(move || {
        let marker = next_marker(&mut rest)?;
        if marker == marker::EOI {
            rest = &[];
            return Some(Segment { marker, payload: &[] });
        }
        let length = take(&mut rest, 2)?;
        let length = usize::from(u16::from_be_bytes([length[0], length[1]]));
        let payload = take(&mut rest, length.checked_sub(2)?)?;
        Some(Segment { marker, payload })
    })
}

/// Skips to the next marker that has a length, or to EOI, and returns its code. Stuffing (`FF 00`), fill bytes (`FF
/// FF`) and markers without a length, such as restart markers, are skipped. The bytes between markers (a scan's data
/// after SOS, stray bytes elsewhere) are skipped too, as other readers do.
fn next_marker(rest: &mut &[u8]) -> Option<u8> {
    loop {
        let at = memchr::memchr(0xFF, rest)?;
        *rest = &rest[at + 1..];
        match *rest.first()? {
            0xFF => {}
            0x00 | 0x01 | 0xD0..=0xD8 => *rest = &rest[1..],
            marker => {
                *rest = &rest[1..];
                return Some(marker);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scan_data_is_skipped_and_eoi_is_the_last_segment() {
        let file = b"\xFF\xD8\xFF\xE1\0\x04ab\xFF\xFF\xDA\0\x03x\x12\xFF\0\xFF\xD0\x34\xFF\xD9\xFF\xE1\0\x02";
        let found: Vec<_> = segments(file).map(|s| (s.marker, s.payload)).collect();
        assert_eq!(found, [(0xE1, b"ab".as_slice()), (0xDA, b"x".as_slice()), (0xD9, b"".as_slice())]);
    }

    #[test]
    fn a_length_beyond_the_file_ends_the_segments() {
        assert_eq!(segments(b"\xFF\xD8\xFF\xE1\xFF\xFFab").count(), 0);
        assert_eq!(segments(b"\xFF\xD8\xFF\xE1\0\x01ab").count(), 0);
        assert_eq!(segments(b"not a jpeg").count(), 0);
    }
}
