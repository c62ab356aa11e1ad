//! The text chunks of PNG: tEXt, zTXt and iTXt.

use std::borrow::Cow;

use crate::container::png::Chunk;
use crate::inflate::inflate;
use crate::metadata::{Body, RawText};
use crate::text_chunks::TextSource;

const XMP: &[u8] = b"XML:com.adobe.xmp";

/// The beginning of the keywords under which ImageMagick writes EXIF, IPTC and colour profiles as hexadecimal text.
const PROFILE: &[u8] = b"Raw profile type ";

/// The keyword under which ImageMagick writes EXIF.
const EXIF_PROFILE: &[u8] = b"Raw profile type exif";

/// The largest size in bytes of an EXIF profile as text. The profile of a camera is shorter.
const MAX_EXIF_PROFILE: usize = 512 * 1024;

/// The largest size in bytes of a colour profile that is decompressed. Printers' profiles are a few megabytes.
const MAX_ICC_PROFILE: usize = 8 << 20;

/// Reads a text chunk; `None` when it is damaged, or holds an XMP packet or a profile.
pub fn read<'a>(chunk: &Chunk<'a>) -> Option<RawText<'a>> {
    let text = split(chunk)?;
    let is_metadata = text.key == XMP || text.key.starts_with(PROFILE);
    (!text.key.is_empty() && !is_metadata && chunk.is_intact()).then_some(text)
}

/// Returns an iTXt chunk that holds an XMP packet uncompressed.
pub fn xmp<'a>(chunk: &Chunk<'a>) -> Option<&'a [u8]> {
    let is_xmp = chunk.kind == *b"iTXt" && chunk.data.strip_prefix(XMP)?.starts_with(b"\0\0\0");
    is_xmp.then_some(chunk.data)
}

/// Returns a tEXt or zTXt chunk that holds EXIF. ImageMagick wrote such chunks before PNG had eXIf.
pub fn exif_profile<'a>(chunk: &Chunk<'a>) -> Option<RawText<'a>> {
    let text = split(chunk)?;
    (chunk.kind != *b"iTXt" && text.key == EXIF_PROFILE).then_some(text)
}

/// Decompresses the colour profile of an iCCP chunk: a name, the method of compression, a zlib stream.
pub fn icc_profile(chunk: &Chunk<'_>) -> Option<Vec<u8>> {
    let (_name, rest) = split_at_nul(chunk.data)?;
    let profile = inflate(rest.strip_prefix(b"\0")?, MAX_ICC_PROFILE);
    (!profile.damaged && !profile.truncated).then_some(profile.bytes)
}

/// Reads the EXIF structure in a text of [`exif_profile`]: a name, a length, then lines of hexadecimal digits.
pub fn decode_profile(text: &RawText<'_>) -> Option<Vec<u8>> {
    let text = match &text.body {
        Body::Plain(text) => text.get(..MAX_EXIF_PROFILE).unwrap_or(text).to_vec(),
        Body::Zlib(zlib) => inflate(zlib, MAX_EXIF_PROFILE).bytes,
    };
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

/// Splits a text chunk into keyword and text; `None` when it is damaged.
fn split<'a>(chunk: &Chunk<'a>) -> Option<RawText<'a>> {
    let (key, rest) = split_at_nul(chunk.data)?;
    let body = match &chunk.kind {
        b"tEXt" => Body::Plain(Cow::Borrowed(rest)),
        // A compressed chunk names its method of compression first: 0 is zlib.
        b"zTXt" => Body::Zlib(rest.strip_prefix(b"\0")?),
        _ => {
            let (&[compressed, method], rest) = rest.split_first_chunk()?;
            let (_language, rest) = split_at_nul(rest)?;
            let (_translated_key, rest) = split_at_nul(rest)?;
            match (compressed, method) {
                (0, _) => Body::Plain(Cow::Borrowed(rest)),
                (1, 0) => Body::Zlib(rest),
                _ => return None,
            }
        }
    };
    Some(RawText { key, body, source: TextSource::PngText })
}

fn split_at_nul(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = bytes.iter().position(|&b| b == 0)?;
    Some((&bytes[..at], &bytes[at + 1..]))
}
