//! The metadata of a file: EXIF, XMP, IPTC, colour profile and pieces of text.

use std::borrow::Cow;

use crate::exif::Exif;
use crate::text_chunks::TextSource;

/// The largest number of EXIF structures, and of XMP packets, that are kept of one file. Ordinary files have one; files
/// that several programs have written can have a second.
const MAX_PACKETS: usize = 4;

/// The metadata of a file, borrowed from the file wherever the file holds the metadata unchanged. Each format collects
/// the metadata in one pass over its container; orientation, colour and texts are then read from this struct.
#[derive(Default)]
pub struct Metadata<'a> {
    /// The EXIF structures in file order, each from its byte-order mark on or with an `Exif\0\0` before.
    pub exif: Vec<Cow<'a, [u8]>>,
    /// The XMP packets in file order.
    pub xmp: Vec<Cow<'a, [u8]>>,
    /// The IPTC records, without the Photoshop resources around them.
    pub iptc: Option<Cow<'a, [u8]>>,
    /// The ICC colour profile, joined and decompressed.
    pub icc: Option<Cow<'a, [u8]>>,
    /// The pieces of text in file order. `None` is a piece that is damaged or not text; such a piece counts against the
    /// limit too.
    pub texts: Vec<Option<RawText<'a>>>,
    /// Whether the file holds more pieces of text than were asked for.
    pub has_more_texts: bool,
}

/// A keyword and its text as they stand in the file.
pub struct RawText<'a> {
    /// The keyword; never empty.
    pub key: &'a [u8],
    /// The text.
    pub body: Body<'a>,
    /// The place of the text.
    pub source: TextSource,
}

impl<'a> RawText<'a> {
    /// Makes a comment, which has no keyword in the file.
    pub fn comment(text: impl Into<Cow<'a, [u8]>>, source: TextSource) -> Self {
        Self { key: b"Comment", body: Body::Plain(text.into()), source }
    }

    /// Makes a text that was hidden in the pixels.
    pub fn hidden(text: String) -> Self {
        Self { key: b"stealth", body: Body::Plain(text.into_bytes().into()), source: TextSource::Stealth }
    }
}

/// The text of a [`RawText`].
pub enum Body<'a> {
    /// Uncompressed text.
    Plain(Cow<'a, [u8]>),
    /// A zlib stream.
    Zlib(&'a [u8]),
}

impl<'a> Metadata<'a> {
    /// Returns the first EXIF structure that is valid.
    pub fn exif(&self) -> Option<Exif<'_>> {
        self.valid_exif().next()
    }

    /// Returns the EXIF structures that are valid.
    pub fn valid_exif(&self) -> impl Iterator<Item = Exif<'_>> {
        self.exif.iter().filter_map(|blob| Exif::parse(blob))
    }

    /// Adds an EXIF structure, unless there are enough.
    pub fn add_exif(&mut self, blob: impl Into<Cow<'a, [u8]>>) {
        if self.exif.len() < MAX_PACKETS {
            self.exif.push(blob.into());
        }
    }

    /// Adds an XMP packet, unless there are enough.
    pub fn add_xmp(&mut self, packet: impl Into<Cow<'a, [u8]>>) {
        self.add_xmp_with(|| packet.into());
    }

    /// Adds the XMP packet that `read` makes, unless there are enough.
    pub fn add_xmp_with(&mut self, read: impl FnOnce() -> Cow<'a, [u8]>) {
        if self.xmp.len() < MAX_PACKETS {
            self.xmp.push(read());
        }
    }

    /// Adds a piece of text, or notes that the file has more than `max_texts` pieces.
    pub fn add_text(&mut self, max_texts: usize, read: impl FnOnce() -> Option<RawText<'a>>) {
        if self.texts.len() < max_texts {
            self.texts.push(read());
        } else {
            self.has_more_texts = true;
        }
    }
}
