//! EXIF, XMP and the colour profile in HEIF files.

use std::borrow::Cow;

use crate::container::isobmff::{Color, Items, Property};
use crate::metadata::Metadata;

/// Reads the EXIF and XMP items of the picture and its colour profile.
pub fn metadata(bytes: &[u8], _max_texts: usize) -> Metadata<'_> {
    let mut found = Metadata::default();
    let Some(items) = Items::read(bytes) else { return found };
    for (id, _) in items.describing(*b"Exif") {
        if let Some(blob) = items.data(id).and_then(exif) {
            found.add_exif(blob);
        }
    }
    for (id, item) in items.describing(*b"mime") {
        if item.media_type == b"application/rdf+xml"
            && item.encoding.is_empty()
            && let Some(packet) = items.data(id)
        {
            found.add_xmp(packet);
        }
    }
    found.icc = items.properties(items.primary).find_map(|property| match property {
        Property::Color(Color::Icc(profile)) => Some(Cow::Borrowed(profile)),
        _ => None,
    });
    found
}

/// Returns the EXIF structure of an item, which begins as many bytes behind a number of four bytes as the number says.
pub fn exif(item: Cow<'_, [u8]>) -> Option<Cow<'_, [u8]>> {
    let skipped = u32::from_be_bytes(*item.first_chunk()?);
    let start = usize::try_from(skipped).ok()?.checked_add(4)?;
    match item {
        Cow::Borrowed(bytes) => bytes.get(start..).map(Cow::Borrowed),
        Cow::Owned(bytes) => bytes.get(start..).map(|exif| Cow::Owned(exif.to_vec())),
    }
}
