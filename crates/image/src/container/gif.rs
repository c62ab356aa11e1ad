//! The extensions of a GIF file.

use super::pieces::take;

/// An extension that holds metadata.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Extension<'a> {
    /// A comment, as its sub-blocks.
    Comment(SubBlocks<'a>),
    /// Data of an application, named by 11 bytes.
    Application([u8; 11], SubBlocks<'a>),
}

/// The sub-blocks of an extension, each with its length byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SubBlocks<'a>(&'a [u8]);

impl<'a> SubBlocks<'a> {
    /// Returns the content of the sub-blocks.
    pub fn join(self) -> Vec<u8> {
        let mut rest = self.0;
        std::iter::from_fn(|| sub_block(&mut rest)).flatten().copied().collect()
    }

    /// Returns the bytes with the lengths of the sub-blocks among them, for data that ignores them, such as XMP.
    pub fn as_written(self) -> &'a [u8] {
        self.0
    }
}

/// Returns the comments and application data, between, before and after the frames, up to where the file is cut off.
pub fn extensions(bytes: &[u8]) -> impl Iterator<Item = Extension<'_>> {
    let mut rest = start(bytes).unwrap_or_default();
    std::iter::from_fn(move || {
        loop {
            match take(&mut rest, 1)? {
                [0x21] => {
                    let label = take(&mut rest, 1)?[0];
                    match label {
                        0xFE => return Some(Extension::Comment(sub_blocks(&mut rest)?)),
                        0xFF => {
                            let name = sub_block(&mut rest)?;
                            let data = sub_blocks(&mut rest)?;
                            if let Ok(name) = name.try_into() {
                                return Some(Extension::Application(name, data));
                            }
                        }
                        _ => {
                            sub_blocks(&mut rest)?;
                        }
                    }
                }
                [0x2C] => {
                    let descriptor = take(&mut rest, 9)?;
                    take(&mut rest, color_table(descriptor[8]))?;
                    // The smallest size of a code, then the pixels.
                    take(&mut rest, 1)?;
                    sub_blocks(&mut rest)?;
                }
                _ => return None,
            }
        }
    })
}

/// Returns the bytes after the header and the global colour table.
fn start(bytes: &[u8]) -> Option<&[u8]> {
    let mut rest = bytes;
    let header = take(&mut rest, 13)?;
    take(&mut rest, color_table(header[10]))?;
    Some(rest)
}

/// Returns the size in bytes of the colour table that these flags announce.
fn color_table(flags: u8) -> usize {
    if flags & 0x80 == 0 { 0 } else { 3 << ((flags & 7) + 1) }
}

/// Splits off a sub-block; `None` at the end mark or where the file is cut off.
fn sub_block<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = usize::from(take(rest, 1)?[0]);
    if length == 0 { None } else { take(rest, length) }
}

/// Splits off sub-blocks and their end mark; `None` where the file is cut off.
fn sub_blocks<'a>(rest: &mut &'a [u8]) -> Option<SubBlocks<'a>> {
    let all = *rest;
    let mut at = 0;
    loop {
        let length = usize::from(*all.get(at)?);
        if length == 0 {
            break;
        }
        at += 1 + length;
    }
    *rest = &all[at + 1..];
    Some(SubBlocks(&all[..at]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::gif;

    #[test]
    fn comments_and_application_data_are_found_among_the_frames() {
        let plain = gif((3, 2), &[(0, 0, 3, 2, &[0, 1, 2, 3, 0, 1])]);
        let head = 13 + 12;
        let bytes = [
            &plain[..head],
            b"\x21\xFE\x02ab\x01c\0\x21\xF9\x04\0\0\0\0\0",
            &plain[head..plain.len() - 1],
            b"\x21\xFF\x0BABCDEFGHIJK\x01x\0\x21\xFF\x02ab\0;",
        ]
        .concat();
        let found: Vec<_> = extensions(&bytes).collect();
        let [Extension::Comment(comment), Extension::Application(name, data)] = found.as_slice() else {
            panic!("{found:?}")
        };
        assert_eq!((comment.join(), name, data.join()), (b"abc".to_vec(), b"ABCDEFGHIJK", b"x".to_vec()));
        for end in 0..bytes.len() {
            assert!(extensions(&bytes[..end]).count() <= 2);
        }
    }
}
