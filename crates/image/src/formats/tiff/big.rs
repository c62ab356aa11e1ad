//! The metadata of BigTIFF files.
//!
//! EXIF is a TIFF structure with offsets of 32 bits. The first directory of a BigTIFF file, whose offsets have 64, is
//! therefore written anew as such a structure.

use super::directory::{Directory, Values};

/// The largest value that is taken over; descriptions are smaller, and the offsets of strips are not wanted.
const MAX_VALUE: usize = 1 << 16;

/// The largest number of entries that are taken over.
const MAX_ENTRIES: usize = 256;

/// The last of the types that a TIFF structure of 32 bits may hold.
const LAST_TYPE: u16 = 13;

/// Returns the entries of a directory as an EXIF structure.
pub fn exif(directory: &Directory<'_>) -> Vec<u8> {
    let is_wanted =
        |values: &Values<'_>| values.kind() <= LAST_TYPE && values.as_bytes().len() <= MAX_VALUE && values.len() > 0;
    let entries: Vec<_> = directory.entries().filter(|(_, values)| is_wanted(values)).take(MAX_ENTRIES).collect();
    let big_endian = directory.is_big_endian();
    let short = |number: u16| if big_endian { number.to_be_bytes() } else { number.to_le_bytes() };
    let long = |number: usize| if big_endian { (number as u32).to_be_bytes() } else { (number as u32).to_le_bytes() };

    let mut structure = if big_endian { b"MM\0*".to_vec() } else { b"II*\0".to_vec() };
    structure.extend(long(8));
    structure.extend(short(entries.len() as u16));
    let mut values_at = structure.len() + 12 * entries.len() + 4;
    let mut behind: Vec<u8> = Vec::new();
    for (tag, values) in entries {
        let data = values.as_bytes();
        structure.extend(short(tag));
        structure.extend(short(values.kind()));
        structure.extend(long(values.len()));
        if data.len() <= 4 {
            structure.extend(data);
            structure.extend(&[0; 4][data.len()..]);
        } else {
            structure.extend(long(values_at));
            values_at += data.len();
            behind.extend(data);
        }
    }
    structure.extend(long(0));
    structure.extend(behind);
    structure
}
