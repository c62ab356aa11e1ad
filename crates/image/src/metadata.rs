//! Where each type of file keeps its EXIF and XMP.

use std::borrow::Cow;

use super::container::{self, marker};
use super::exif::{Exif, tag};
use super::inflate::inflate;
use super::sniff::FileType;

/// EXIF that ImageMagick writes into PNG text is hexadecimal; more than this is no camera's.
const MAX_RAW_PROFILE: usize = 512 * 1024;

const XMP_IN_JPEG: &[u8] = b"http://ns.adobe.com/xap/1.0/\0";

/// The file's EXIF structure, borrowed wherever the file holds it as it is.
pub(super) fn exif_blob(bytes: &[u8], file_type: FileType) -> Option<Cow<'_, [u8]>> {
    match file_type {
        FileType::Jpeg => app1(bytes, b"Exif\0\0").map(Cow::Borrowed),
        FileType::Png => container::chunks(bytes)
            .find(|chunk| chunk.kind == *b"eXIf")
            .map(|chunk| Cow::Borrowed(chunk.data))
            .or_else(|| exif_in_png_text(bytes).map(Cow::Owned)),
        FileType::WebP => riff_chunk(bytes, b"EXIF").map(Cow::Borrowed),
        FileType::Tiff => Some(Cow::Borrowed(bytes)),
        FileType::Gif | FileType::Bmp => None,
    }
}

/// The file's XMP packet, where it stands uncompressed.
pub(super) fn xmp_packet(bytes: &[u8], file_type: FileType) -> Option<&[u8]> {
    match file_type {
        FileType::Jpeg => app1(bytes, XMP_IN_JPEG),
        FileType::Png => container::chunks(bytes)
            .find(|c| c.kind == *b"iTXt" && c.data.starts_with(b"XML:com.adobe.xmp\0\0\0"))
            .map(|chunk| chunk.data),
        FileType::WebP => riff_chunk(bytes, b"XMP "),
        FileType::Tiff => Exif::parse(bytes)?.first_directory(tag::XMP),
        FileType::Gif | FileType::Bmp => None,
    }
}

/// The rest of the first APP1 segment that begins with `prefix`, looking no further than the pixels.
fn app1<'a>(bytes: &'a [u8], prefix: &[u8]) -> Option<&'a [u8]> {
    container::segments(bytes)
        .take_while(|segment| segment.marker != marker::SOS)
        .filter(|segment| segment.marker == marker::APP1)
        .find_map(|segment| segment.payload.strip_prefix(prefix))
}

fn riff_chunk<'a>(bytes: &'a [u8], kind: &[u8; 4]) -> Option<&'a [u8]> {
    container::riff_chunks(bytes).find(|(k, _)| k == kind).map(|(_, data)| data)
}

/// Before PNG had eXIf, ImageMagick wrote EXIF as text: a name, a length, then lines of hexadecimal.
fn exif_in_png_text(bytes: &[u8]) -> Option<Vec<u8>> {
    let text = container::chunks(bytes).find_map(|chunk| {
        let rest = chunk.data.strip_prefix(b"Raw profile type exif\0")?;
        match &chunk.kind {
            b"tEXt" => Some(rest.get(..MAX_RAW_PROFILE).unwrap_or(rest).to_vec()),
            // A compressed chunk names its method (0, zlib) first.
            b"zTXt" => Some(inflate(rest.strip_prefix(b"\0")?, MAX_RAW_PROFILE).bytes),
            _ => None,
        }
    })?;
    let text = std::str::from_utf8(&text).ok()?;
    let digits: Vec<u8> = text
        .lines()
        .skip(3)
        .flat_map(|line| line.bytes())
        .filter_map(|b| char::from(b).to_digit(16))
        .map(|digit| digit as u8)
        .collect();
    Some(digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}
