//! EXIF and XMP in HEIF files.

use std::borrow::Cow;

use crate::container::isobmff::Items;
use crate::metadata::Metadata;

/// Reads the EXIF and the XMP item of the picture.
pub fn metadata(bytes: &[u8], _max_texts: usize) -> Metadata<'_> {
    let mut found = Metadata::default();
    let Some(items) = Items::read(bytes) else { return found };
    found.exif = items.describing(*b"Exif").find_map(|(id, _)| exif(items.data(id)?));
    let is_xmp = |media_type: &[u8]| media_type == b"application/rdf+xml";
    let xmp = items.describing(*b"mime").find(|(_, item)| is_xmp(&item.media_type) && item.encoding.is_empty());
    found.xmp = xmp.and_then(|(id, _)| match items.data(id)? {
        Cow::Borrowed(packet) => Some(packet),
        Cow::Owned(_) => None,
    });
    found
}

/// Returns the EXIF structure, which begins as many bytes behind a number of four bytes as the number says.
pub fn exif(item: Cow<'_, [u8]>) -> Option<Cow<'_, [u8]>> {
    let skipped = u32::from_be_bytes(*item.first_chunk()?);
    let start = usize::try_from(skipped).ok()?.checked_add(4)?;
    match item {
        Cow::Borrowed(bytes) => bytes.get(start..).map(Cow::Borrowed),
        Cow::Owned(bytes) => bytes.get(start..).map(|exif| Cow::Owned(exif.to_vec())),
    }
}
