//! The text chunks of PNG: tEXt, zTXt and iTXt.

use std::borrow::Cow;

use crate::container::png::Chunk;
use crate::inflate::inflate;
use crate::metadata::{Body, RawText};
use crate::text_chunks::TextSource;

/// The keyword of an XMP packet.
const XMP: &[u8] = b"XML:com.adobe.xmp";

/// The largest size in bytes of a compressed XMP packet that is read.
const MAX_XMP: usize = 4 << 20;

/// The largest size in bytes of a colour profile that is decompressed. Printers' profiles are a few megabytes.
const MAX_ICC_PROFILE: usize = 8 << 20;

/// Returns whether the text is an XMP packet.
pub fn is_xmp(text: &RawText<'_>) -> bool {
    text.key == XMP
}

/// Returns the XMP packet in a text.
pub fn xmp(text: RawText<'_>) -> Cow<'_, [u8]> {
    match text.body {
        Body::Plain(packet) => packet,
        Body::Zlib(zlib) => Cow::Owned(inflate(zlib, MAX_XMP).bytes),
    }
}

/// Decompresses the colour profile of an iCCP chunk: a name, the method of compression, a zlib stream.
pub fn icc_profile(chunk: &Chunk<'_>) -> Option<Vec<u8>> {
    let (_name, rest) = split_at_nul(chunk.data)?;
    let profile = inflate(rest.strip_prefix(b"\0")?, MAX_ICC_PROFILE);
    (!profile.damaged && !profile.truncated).then_some(profile.bytes)
}

/// Splits a text chunk into keyword and text; `None` when it is damaged.
pub fn read<'a>(chunk: &Chunk<'a>) -> Option<RawText<'a>> {
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
    let is_text = !key.is_empty() && chunk.is_intact();
    is_text.then_some(RawText { key, body, source: TextSource::PngText })
}

fn split_at_nul(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = bytes.iter().position(|&b| b == 0)?;
    Some((&bytes[..at], &bytes[at + 1..]))
}
