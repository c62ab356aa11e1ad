//! The places of items in the file.

use std::ops::Range;

use super::reader::Reader;

/// The place of an item: byte ranges of the file, or of the box of item data.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Location {
    /// Whether the ranges count from the beginning of the box of item data instead of that of the file.
    pub in_item_data: bool,
    /// The ranges. An end of `usize::MAX` means the end of the file.
    pub extents: Vec<Range<usize>>,
}

/// Reads the box of locations: the number and the place of each item. Items whose data lies elsewhere (in another file or
/// in another item) are left out.
pub fn locations(content: &[u8]) -> Option<Vec<(u32, Location)>> {
    let (version, _, mut reader) = Reader::full_box(content)?;
    let sizes = reader.u16()?;
    let nibble = |n: u16| (sizes >> (4 * n) & 15) as u8;
    let (offset_size, length_size, base_size) = (nibble(3), nibble(2), nibble(1));
    let index_size = if version == 0 { 0 } else { nibble(0) };
    let id = |reader: &mut Reader<'_>| if version < 2 { reader.u16().map(u32::from) } else { reader.u32() };

    if ![offset_size, length_size, base_size, index_size].iter().all(|size| matches!(size, 0 | 4 | 8)) {
        return None;
    }
    let count = id(&mut reader)?;
    let mut found = Vec::new();
    for _ in 0..count {
        let item = id(&mut reader)?;
        let method = if version == 0 { 0 } else { reader.u16()? & 15 };
        let other_file = reader.u16()? != 0;
        let base = reader.uint(base_size)?;
        let extents = reader.u16()?;
        let mut location = Location { in_item_data: method == 1, extents: Vec::new() };
        for _ in 0..extents {
            reader.uint(index_size)?;
            let start = base.checked_add(reader.uint(offset_size)?)?;
            let end = match reader.uint(length_size)? {
                0 => u64::MAX,
                length => start.checked_add(length)?,
            };
            let place = |at| usize::try_from(at).unwrap_or(usize::MAX);
            location.extents.push(place(start)..place(end));
            // Extents without any length field cost no bytes of the file, so their number is bounded otherwise.
            if offset_size == 0 && length_size == 0 && index_size == 0 {
                break;
            }
        }
        if method < 2 && !other_file {
            found.push((item, location));
        }
    }
    Some(found)
}
