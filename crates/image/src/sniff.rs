//! The recognition of the type of a picture from its content.
//!
//! The file name and the Content-Type of an upload are claims that are often wrong. The type that is stored and served
//! is the type that the first bytes prove.

use crate::error::ImageError;
use crate::formats::{FileType, is_camera_raw};
use crate::other_content::OtherContent;

/// Returns the type of a picture, which its first bytes prove.
///
/// # Errors
/// [`ImageError::UnsupportedType`] for content of any other type. The error names the kind of content if it can be
/// recognised (a camera RAW file, a video), so that the caller knows what to convert.
pub fn sniff(bytes: &[u8]) -> Result<FileType, ImageError> {
    // Many camera RAW files have the header of a TIFF.
    FileType::from_first_bytes(bytes)
        .filter(|file_type| *file_type != FileType::Tiff || !is_camera_raw(bytes))
        .ok_or_else(|| ImageError::UnsupportedType { found: OtherContent::of(bytes) })
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
            (b"".as_slice(), OtherContent::Empty),
            (b"<?xml version='1.0'?><!-- x --><svg xmlns=''/>", OtherContent::Svg),
            (b"\0\0\0\x10ftypisom\0\0\0\0", OtherContent::Video),
            (b"\0\0\0\x10ftypcrx \0\0\0\0", OtherContent::CameraRaw),
            (b"%PDF-1.7", OtherContent::Pdf),
            (b"BMW is a car maker from Bavaria", OtherContent::Unknown),
            (b"RIFF\x10\0\0\0WAVEfmt ", OtherContent::Unknown),
            (b"GIF", OtherContent::Unknown),
            (b"hello", OtherContent::Unknown),
        ] {
            assert_eq!(sniff(bytes), Err(ImageError::UnsupportedType { found }));
        }
    }
}
