//! The profiles that ImageMagick and ExifTool write into PNG as hexadecimal text: EXIF, XMP, IPTC and ICC.

use crate::container::photoshop;
use crate::inflate::inflate;
use crate::metadata::{Body, Metadata, RawText};

/// The beginning of the keywords, in lower case. The kind of the profile follows.
const KEYWORD: &[u8] = b"raw profile type ";

/// The largest size in bytes of a profile as text. The profiles of cameras are shorter.
const MAX_TEXT: usize = 2 << 20;

/// The beginning of an APP1 profile that holds XMP.
const XMP: &[u8] = b"http://ns.adobe.com/xap/1.0/\0";

/// Returns whether the keyword is that of a profile.
pub fn is_profile(text: &RawText<'_>) -> bool {
    text.key.get(..KEYWORD.len()).is_some_and(|head| head.eq_ignore_ascii_case(KEYWORD))
}

/// Adds the content of a profile to metadata that lack it.
pub fn add(text: &RawText<'_>, found: &mut Metadata<'_>) {
    let Some(kind) = text.key.get(KEYWORD.len()..) else { return };
    match kind.to_ascii_lowercase().as_slice() {
        b"exif" | b"app1" if found.exif.is_empty() || found.xmp.is_empty() => match decode(text) {
            Some(packet) if packet.starts_with(XMP) => found.add_xmp(packet[XMP.len()..].to_vec()),
            Some(blob) => found.add_exif(blob),
            None => {}
        },
        b"xmp" if found.xmp.is_empty() => {
            if let Some(packet) = decode(text) {
                found.add_xmp(packet);
            }
        }
        b"iptc" | b"8bim" | b"app13" if found.iptc.is_none() => {
            found.iptc = decode(text).map(|bytes| {
                let resources = bytes.strip_prefix(b"Photoshop 3.0\0").unwrap_or(&bytes);
                photoshop::iptc(resources).map_or_else(|| resources.to_vec(), <[u8]>::to_vec).into()
            });
        }
        b"icc" | b"icm" if found.icc.is_none() => found.icc = decode(text).map(Into::into),
        _ => {}
    }
}

/// Reads a profile: its name and its length, each on a line, then hexadecimal digits.
fn decode(text: &RawText<'_>) -> Option<Vec<u8>> {
    let inflated;
    let text = match &text.body {
        Body::Plain(text) => text.get(..MAX_TEXT).unwrap_or(text),
        Body::Zlib(zlib) => {
            inflated = inflate(zlib, MAX_TEXT).bytes;
            inflated.as_slice()
        }
    };
    let text = text.trim_ascii_start();
    let (_name, rest) = text.split_at(text.iter().position(|&b| b == b'\n')?);
    let rest = rest.trim_ascii_start();
    let (_length, digits) = rest.split_at(rest.iter().position(|b| b.is_ascii_whitespace())?);
    let digits: Vec<u8> = digits.iter().filter_map(|&b| char::from(b).to_digit(16)).map(|digit| digit as u8).collect();
    Some(digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}
