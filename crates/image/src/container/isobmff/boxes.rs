//! The walk over a sequence of boxes.

/// The four characters that name a box, an item or a brand.
pub type BoxType = [u8; 4];

/// Returns the type and the content of each box in `bytes`, which is a whole file or the content of a box. A box that
/// claims to end behind `bytes` is cut at their end, and the walk ends at a box that cannot be one.
pub fn boxes(bytes: &[u8]) -> impl Iterator<Item = (BoxType, &[u8])> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let (length, after) = rest.split_first_chunk()?;
        let (&kind, after) = after.split_first_chunk()?;
        let (content, next) = match u32::from_be_bytes(*length) {
            // The box reaches to the end.
            0 => (after, &after[after.len()..]),
            // The length follows in 64 bits.
            1 => {
                let (length, after) = after.split_first_chunk()?;
                cut(after, u64::from_be_bytes(*length).checked_sub(16)?)
            }
            length => cut(after, u64::from(length).checked_sub(8)?),
        };
        rest = next;
        Some((kind, content))
    })
}

/// Splits `bytes` after `length` bytes, or at their end if they are fewer.
fn cut(bytes: &[u8], length: u64) -> (&[u8], &[u8]) {
    bytes.split_at(usize::try_from(length).unwrap_or(usize::MAX).min(bytes.len()))
}

/// Returns the content of the first box of a type.
pub fn find(bytes: &[u8], kind: BoxType) -> Option<&[u8]> {
    boxes(bytes).find_map(|(found, content)| (found == kind).then_some(content))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_are_told_by_their_lengths() {
        let bytes =
            [b"\0\0\0\x0Afree12".as_slice(), b"\0\0\0\x01wide\0\0\0\0\0\0\0\x13abc", b"\0\0\0\xFFmdatcut"].concat();
        let found: Vec<_> = boxes(&bytes).collect();
        assert_eq!(found, [(*b"free", b"12".as_slice()), (*b"wide", b"abc"), (*b"mdat", b"cut")]);
        assert_eq!(find(&bytes, *b"wide"), Some(b"abc".as_slice()));
        assert_eq!(find(b"\0\0\0\0mdatto the end", *b"mdat"), Some(b"to the end".as_slice()));
    }

    #[test]
    fn the_walk_ends_at_a_length_that_is_shorter_than_its_box() {
        for bytes in [b"\0\0\0\x07free".as_slice(), b"\0\0\0\x01wide\0\0\0\0\0\0\0\x0F", b"\0\0\0\x08fre", b""] {
            assert_eq!(boxes(bytes).count(), 0, "{bytes:?}");
        }
    }
}
