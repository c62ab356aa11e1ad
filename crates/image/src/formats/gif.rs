//! GIF.

use super::format::Format;
use super::gif_pixels;
use crate::container::gif::{Extension, extensions};
use crate::metadata::{Metadata, RawText};
use crate::text_chunks::TextSource;

/// Describes GIF.
pub const FORMAT: Format = Format {
    media_type: "image/gif",
    name: "GIF",
    extensions: &["gif"],
    matches: |bytes| matches!(bytes, [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..]),
    decode: gif_pixels::decode,
    metadata,
};

/// The application that marks an XMP packet.
const XMP: &[u8; 11] = b"XMP DataXMP";

/// The application that marks a colour profile.
const ICC: &[u8; 11] = b"ICCRGBG1012";

/// The bytes after an XMP packet that lead a reader of sub-blocks to the end of the packet: 1, then 255 to 1. The zero
/// after them is the end mark.
const XMP_TRAILER: usize = 256;

/// Reads XMP, the colour profile and comments.
fn metadata(bytes: &[u8], max_texts: usize) -> Metadata<'_> {
    let mut found = Metadata::default();
    for extension in extensions(bytes) {
        match extension {
            Extension::Comment(text) => {
                found.add_text(max_texts, || Some(RawText::comment(text.join(), TextSource::GifComment)));
            }
            Extension::Application(name, data) if name == *XMP => {
                let packet = data.as_written();
                found.add_xmp(&packet[..packet.len().saturating_sub(XMP_TRAILER)]);
            }
            Extension::Application(name, data) if name == *ICC && found.icc.is_none() => {
                found.icc = Some(data.join().into());
            }
            Extension::Application(..) => {}
        }
    }
    found
}
