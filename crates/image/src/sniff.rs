//! The recognition of the type of a picture from its content.
//!
//! The file name and the Content-Type of an upload are claims that are often wrong. The type that is stored and served
//! is the type that the first bytes prove.

use crate::error::ImageError;
use crate::formats::FileType;

/// Returns the type of a picture, which its first bytes prove.
///
/// # Errors
/// [`ImageError::UnsupportedType`] for content of any other type. The error names the type if it can be recognised
/// (SVG, PDF, a video), so that the caller knows what to convert.
pub fn sniff(bytes: &[u8]) -> Result<FileType, ImageError> {
    FileType::from_first_bytes(bytes).ok_or_else(|| ImageError::UnsupportedType { found: name_unsupported(bytes) })
}

/// Returns a name for content of a type that this crate does not read.
fn name_unsupported(bytes: &[u8]) -> &'static str {
    match bytes {
        [] => "an empty file",
        [b'%', b'P', b'D', b'F', ..] => "a PDF document",
        // Canon's raw files have the boxes of a video too.
        [_, _, _, _, b'f', b't', b'y', b'p', b'c', b'r', b'x', ..] => "a camera raw file",
        [_, _, _, _, b'f', b't', b'y', b'p', ..] => "a video",
        _ if contains_svg_tag(bytes) => "an SVG drawing",
        _ => "a file that is no known picture",
    }
}

/// Searches the first kibibyte for the tag, because comments and an XML prologue may precede the tag.
fn contains_svg_tag(bytes: &[u8]) -> bool {
    bytes[..bytes.len().min(1024)].windows(4).any(|w| w.eq_ignore_ascii_case(b"<svg"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_is_told_from_content() {
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
            (b"\0\0\0\x10ftypheic\0\0\0\0", FileType::Heic),
            (b"\0\0\0\x14ftypmif1\0\0\0\0heic", FileType::Heic),
            (b"\0\0\0\x10ftypavif\0\0\0\0", FileType::Avif),
            (b"\0\0\0\x14ftypmif1\0\0\0\0avif", FileType::Avif),
            (b"\xFF\x0A", FileType::JpegXl),
            (b"\0\0\0\x0CJXL \r\n\x87\n", FileType::JpegXl),
        ] {
            assert_eq!(sniff(bytes), Ok(want));
        }
    }

    #[test]
    fn other_content_is_refused_and_named() {
        for (bytes, found) in [
            (b"".as_slice(), "an empty file"),
            (b"<?xml version='1.0'?><!-- x --><svg xmlns=''/>", "an SVG drawing"),
            (b"\0\0\0\x10ftypisom\0\0\0\0", "a video"),
            (b"\0\0\0\x10ftypcrx \0\0\0\0", "a camera raw file"),
            (b"%PDF-1.7", "a PDF document"),
            (b"BMW is a car maker from Bavaria", "a file that is no known picture"),
            (b"RIFF\x10\0\0\0WAVEfmt ", "a file that is no known picture"),
            (b"GIF", "a file that is no known picture"),
            (b"hello", "a file that is no known picture"),
        ] {
            assert_eq!(sniff(bytes), Err(ImageError::UnsupportedType { found }));
        }
    }
}
