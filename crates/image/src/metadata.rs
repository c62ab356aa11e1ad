//! The metadata of a file: its EXIF structure, its XMP packet and its pieces of text.

use std::borrow::Cow;

use crate::exif::Exif;

/// The metadata of a file, borrowed from the file wherever the file holds the metadata unchanged. Each format collects
/// the metadata in one pass over its container; orientation and texts are then read from this struct.
#[derive(Default)]
pub struct Metadata<'a> {
    /// The EXIF structure.
    pub exif: Option<Cow<'a, [u8]>>,
    /// The XMP packet, if it stands in the file uncompressed.
    pub xmp: Option<&'a [u8]>,
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
}

/// The text of a [`RawText`].
pub enum Body<'a> {
    /// Uncompressed text.
    Plain(&'a [u8]),
    /// A zlib stream.
    Zlib(&'a [u8]),
}

impl<'a> Metadata<'a> {
    /// Returns the EXIF structure, if it is valid.
    pub fn exif(&self) -> Option<Exif<'_>> {
        Exif::parse(self.exif.as_deref()?)
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
