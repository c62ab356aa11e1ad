//! PNG text chunks.

use super::{Collector, to_text};
use crate::container::{Chunk, chunks};
use crate::inflate::inflate;

/// Collects every readable text chunk in file order.
pub(super) fn collect(bytes: &[u8], collector: &mut Collector) {
    for chunk in chunks(bytes) {
        if !matches!(&chunk.kind, b"tEXt" | b"zTXt" | b"iTXt") {
            continue;
        }
        let Some(allowance) = collector.allowance() else { return };
        if let Some((key, body)) = parse(&chunk) {
            take(&key, body, allowance, collector);
        }
    }
}

/// The text of a chunk as it stands in the file.
enum Body<'a> {
    Plain(&'a [u8]),
    Zlib(&'a [u8]),
}

/// Splits a chunk into keyword and body; `None` when it is damaged or holds metadata that is not text.
fn parse<'a>(chunk: &Chunk<'a>) -> Option<(String, Body<'a>)> {
    let (key, rest) = split_at_nul(chunk.data)?;
    if key.is_empty() || is_private(key) || !chunk.is_intact() {
        return None;
    }
    let body = match &chunk.kind {
        b"tEXt" => Body::Plain(rest),
        b"zTXt" => Body::Zlib(rest.strip_prefix(b"\0")?),
        _ => {
            let (&[compressed, method], rest) = rest.split_first_chunk()?;
            let (_language, rest) = split_at_nul(rest)?;
            let (_translated_key, rest) = split_at_nul(rest)?;
            match (compressed, method) {
                (0, _) => Body::Plain(rest),
                (1, 0) => Body::Zlib(rest),
                _ => return None,
            }
        }
    };
    Some((to_text(key, false), body))
}

fn take(key: &str, body: Body<'_>, allowance: usize, collector: &mut Collector) {
    match body {
        Body::Plain(text) => collector.push(key, text, allowance, false),
        Body::Zlib(zlib) => {
            let text = inflate(zlib, allowance);
            if text.damaged {
                collector.charge(text.bytes.len());
            } else {
                collector.push(key, &text.bytes, allowance, text.truncated);
            }
        }
    }
}

/// XMP packets and hexadecimal EXIF, IPTC and colour profiles.
fn is_private(key: &[u8]) -> bool {
    key == b"XML:com.adobe.xmp" || key.starts_with(b"Raw profile type ")
}

fn split_at_nul(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = bytes.iter().position(|&b| b == 0)?;
    Some((&bytes[..at], &bytes[at + 1..]))
}
