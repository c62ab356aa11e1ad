//! The media type of bytes, from their content alone.
//!
//! The file name and the Content-Type of an upload are claims: hundreds of files in the wild carry a
//! wrong one. What is stored and served is what the first bytes prove.

use std::fmt;

use super::ImageError;

/// A type of picture that is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, utoipa::ToSchema)]
#[schema(example = "image/png")]
pub enum FileType {
    /// `image/jpeg`
    #[serde(rename = "image/jpeg")]
    Jpeg,
    /// `image/png`, APNG included
    #[serde(rename = "image/png")]
    Png,
    /// `image/gif`
    #[serde(rename = "image/gif")]
    Gif,
    /// `image/webp`
    #[serde(rename = "image/webp")]
    WebP,
    /// `image/bmp`
    #[serde(rename = "image/bmp")]
    Bmp,
    /// `image/tiff`
    #[serde(rename = "image/tiff")]
    Tiff,
}

impl FileType {
    /// Every type, for tables and tests.
    pub const ALL: [Self; 6] = [Self::Jpeg, Self::Png, Self::Gif, Self::WebP, Self::Bmp, Self::Tiff];

    /// The IANA media type, safe to send as Content-Type.
    #[must_use]
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::Gif => "image/gif",
            Self::WebP => "image/webp",
            Self::Bmp => "image/bmp",
            Self::Tiff => "image/tiff",
        }
    }

    /// The type with this [media type](Self::media_type).
    #[must_use]
    pub fn from_media_type(media_type: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|t| t.media_type() == media_type)
    }
}

/// The name people know it by, for messages: `JPEG`, `WebP`.
impl fmt::Display for FileType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Jpeg => "JPEG",
            Self::Png => "PNG",
            Self::Gif => "GIF",
            Self::WebP => "WebP",
            Self::Bmp => "BMP",
            Self::Tiff => "TIFF",
        })
    }
}

/// Tells the type of a picture by its first bytes.
///
/// # Errors
/// [`ImageError::UnsupportedType`] for everything that is not one of the six types, named where it can
/// be recognised (SVG, HEIC, AVIF, JPEG XL, PDF), so that the caller learns what to convert.
pub fn sniff(bytes: &[u8]) -> Result<FileType, ImageError> {
    match bytes {
        [0xFF, 0xD8, 0xFF, ..] => Ok(FileType::Jpeg),
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1A, b'\n', ..] => Ok(FileType::Png),
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Ok(FileType::Gif),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Ok(FileType::WebP),
        // 43 instead of 42 is BigTIFF.
        [b'I', b'I', 42 | 43, 0, ..] | [b'M', b'M', 0, 42 | 43, ..] => Ok(FileType::Tiff),
        _ if is_bmp(bytes) => Ok(FileType::Bmp),
        _ => Err(ImageError::UnsupportedType { found: name_the_stranger(bytes) }),
    }
}

/// `BM` alone also begins ordinary text, so the size of the second header must be one that exists.
fn is_bmp(bytes: &[u8]) -> bool {
    let Some(([b'B', b'M', ..], [size, 0, 0, 0, ..])) = bytes.split_at_checked(14) else {
        return false;
    };
    matches!(size, 12 | 16 | 40 | 52 | 56 | 64 | 108 | 124)
}

fn name_the_stranger(bytes: &[u8]) -> &'static str {
    match bytes {
        [] => "an empty file",
        [b'%', b'P', b'D', b'F', ..] => "a PDF document",
        [0xFF, 0x0A, ..] => "a JPEG XL picture",
        [_, _, _, _, b'f', b't', b'y', b'p', b'a', b'v', b'i', b'f' | b's', ..] => "an AVIF picture",
        [_, _, _, _, b'f', b't', b'y', b'p', b'h' | b'm', b'e' | b'i', ..] => "a HEIC picture",
        _ if contains_svg_tag(bytes) => "an SVG drawing",
        _ => "a file that is no known picture",
    }
}

/// Comments and an XML prologue may precede the tag; a look at the beginning is enough for a message.
fn contains_svg_tag(bytes: &[u8]) -> bool {
    bytes[..bytes.len().min(1024)].windows(4).any(|w| w.eq_ignore_ascii_case(b"<svg"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_six_types_are_told_by_content() {
        let bmp = [b"BM".as_slice(), &[0; 12], &[40, 0, 0, 0]].concat();
        for (bytes, want) in [
            (b"\xFF\xD8\xFF\xE0".as_slice(), FileType::Jpeg),
            (b"\x89PNG\r\n\x1A\n", FileType::Png),
            (b"GIF87a", FileType::Gif),
            (b"GIF89a", FileType::Gif),
            (b"RIFF\x10\0\0\0WEBPVP8 ", FileType::WebP),
            (&bmp, FileType::Bmp),
            (b"II*\0", FileType::Tiff),
            (b"MM\0*", FileType::Tiff),
        ] {
            assert_eq!(sniff(bytes), Ok(want));
            assert_eq!(FileType::from_media_type(want.media_type()), Some(want));
        }
    }

    #[test]
    fn everything_else_is_refused_by_name() {
        for (bytes, found) in [
            (b"".as_slice(), "an empty file"),
            (b"<?xml version='1.0'?><!-- x --><svg xmlns=''/>", "an SVG drawing"),
            (b"\0\0\0\x18ftypheic\0\0", "a HEIC picture"),
            (b"\0\0\0\x18ftypmif1\0\0", "a HEIC picture"),
            (b"\0\0\0\x18ftypavif\0\0", "an AVIF picture"),
            (b"%PDF-1.7", "a PDF document"),
            (b"\xFF\x0A", "a JPEG XL picture"),
            (b"BMW is a car maker from Bavaria", "a file that is no known picture"),
            (b"RIFF\x10\0\0\0WAVEfmt ", "a file that is no known picture"),
            (b"GIF", "a file that is no known picture"),
            (b"hello", "a file that is no known picture"),
        ] {
            assert_eq!(sniff(bytes), Err(ImageError::UnsupportedType { found }));
        }
    }
}
