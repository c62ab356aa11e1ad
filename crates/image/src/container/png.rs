//! The chunks of a PNG file.

use super::pieces::take;

/// A PNG chunk whose length fits in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chunk<'a> {
    /// The type: four letters, for example `tEXt`.
    pub kind: [u8; 4],
    /// The content.
    pub data: &'a [u8],
    /// The checksum that the file states.
    pub crc: u32,
}

impl Chunk<'_> {
    /// Returns whether the stated checksum equals that of type and content.
    pub fn is_intact(&self) -> bool {
        let mut crc = flate2::Crc::new();
        crc.update(&self.kind);
        crc.update(self.data);
        crc.sum() == self.crc
    }
}

/// Returns the chunks in file order, up to and including IEND, or to where the file is cut off.
pub fn chunks(bytes: &[u8]) -> impl Iterator<Item = Chunk<'_>> {
    let mut rest = bytes.strip_prefix(b"\x89PNG\r\n\x1A\n").unwrap_or_default();
    std::iter::from_fn(move || {
        let length = u32::from_be_bytes(take(&mut rest, 4)?.try_into().ok()?);
        let kind: [u8; 4] = take(&mut rest, 4)?.try_into().ok()?;
        let data = take(&mut rest, usize::try_from(length).ok()?)?;
        let crc = u32::from_be_bytes(take(&mut rest, 4)?.try_into().ok()?);
        if kind == *b"IEND" {
            rest = &[];
        }
        Some(Chunk { kind, data, crc })
    })
}
