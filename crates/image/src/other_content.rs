//! The recognition of content that is no picture, so that its sender knows what to convert.

use std::fmt;

use crate::formats::is_camera_raw;

/// The kind of content that is no picture which this crate reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OtherContent {
    /// No bytes at all.
    Empty,
    /// A PDF document.
    Pdf,
    /// The picture of a camera's sensor, in one of the formats of its maker, or as DNG.
    CameraRaw,
    /// A video.
    Video,
    /// An SVG drawing.
    Svg,
    /// Anything else.
    Unknown,
}

impl OtherContent {
    /// Every kind.
    pub const ALL: [Self; 6] = [Self::Empty, Self::Pdf, Self::CameraRaw, Self::Video, Self::Svg, Self::Unknown];

    /// Returns the kind of content that begins with these bytes and that no [`FileType`](crate::FileType) matches.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        match bytes {
            [] => Self::Empty,
            [b'%', b'P', b'D', b'F', ..] => Self::Pdf,
            _ if is_camera_raw(bytes) => Self::CameraRaw,
            _ if is_video(bytes) => Self::Video,
            _ if contains_svg_tag(bytes) => Self::Svg,
            _ => Self::Unknown,
        }
    }

    /// Returns the stable name of the kind for programs.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Pdf => "pdf",
            Self::CameraRaw => "camera_raw",
            Self::Video => "video",
            Self::Svg => "svg",
            Self::Unknown => "unknown",
        }
    }
}

/// Writes the kind for messages: `a video`.
impl fmt::Display for OtherContent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "an empty file",
            Self::Pdf => "a PDF document",
            Self::CameraRaw => "a camera RAW file",
            Self::Video => "a video",
            Self::Svg => "an SVG drawing",
            Self::Unknown => "not a known picture format",
        })
    }
}

/// Returns whether the bytes begin a video: MP4 and QuickTime, Matroska and WebM, AVI, MPEG, Windows Media, Flash.
fn is_video(bytes: &[u8]) -> bool {
    /// The length of a packet of an MPEG transport stream.
    const PACKET: usize = 188;
    match bytes {
        // These brands of MP4 hold sound alone.
        [_, _, _, _, b'f', b't', b'y', b'p', b'M', b'4', b'A' | b'B' | b'P', ..] => false,
        [_, _, _, _, b'f', b't', b'y', b'p', ..]
        | [_, _, _, _, b'm', b'o', b'o', b'v', ..]
        | [_, _, _, _, b'm', b'd', b'a', b't', ..]
        | [b'R', b'I', b'F', b'F', _, _, _, _, b'A', b'V', b'I', b' ', ..]
        | [0x1A, 0x45, 0xDF, 0xA3, ..]
        | [0, 0, 1, 0xBA | 0xB3, ..]
        | [0x30, 0x26, 0xB2, 0x75, ..]
        | [b'F', b'L', b'V', 1, ..] => true,
        [0x47, ..] => bytes.get(PACKET) == Some(&0x47) && bytes.get(2 * PACKET) == Some(&0x47),
        _ => false,
    }
}

/// Searches the first kibibyte for the tag, because comments and an XML prologue may precede the tag.
fn contains_svg_tag(bytes: &[u8]) -> bool {
    bytes[..bytes.len().min(1024)].windows(4).any(|w| w.eq_ignore_ascii_case(b"<svg"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_kind_has_a_code_and_a_name_of_its_own() {
        let codes = OtherContent::ALL.map(|found| found.code().to_owned());
        let names = OtherContent::ALL.map(|found| found.to_string());
        for list in [codes, names] {
            assert_eq!(BTreeSet::from(list.clone()).len(), OtherContent::ALL.len(), "{list:?}");
        }
    }

    #[test]
    fn videos_are_told_from_sound_and_from_text() {
        let mut stream = vec![0; 3 * 188];
        [0, 188, 376].into_iter().for_each(|at| stream[at] = b'G');
        for video in [
            b"\0\0\0\x10ftypisom\0\0\0\0".as_slice(),
            b"\0\0\0\x14ftypqt  \0\0\0\0",
            b"\0\0\x10\0moov\0\0",
            b"\x1A\x45\xDF\xA3\x01\0",
            b"RIFF\x10\0\0\0AVI LIST",
            b"\0\0\x01\xBA!",
            b"\0\0\x01\xB3!",
            b"\x30\x26\xB2\x75\x8E\x66",
            b"FLV\x01\x05",
            &stream,
        ] {
            assert_eq!(OtherContent::of(video), OtherContent::Video, "{video:?}");
        }
        for other in [b"\0\0\0\x10ftypM4A \0\0\0\0".as_slice(), b"RIFF\x10\0\0\0WAVEfmt ", b"Good morning"] {
            assert_eq!(OtherContent::of(other), OtherContent::Unknown, "{other:?}");
        }
    }
}
