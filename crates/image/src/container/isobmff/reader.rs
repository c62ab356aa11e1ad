//! Reading big-endian numbers one after the other.

/// Reads numbers from the front of bytes. Each method returns `None` where the bytes end.
#[derive(Clone, Copy)]
pub struct Reader<'a> {
    /// The bytes that are not read yet.
    pub rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Reads from the beginning of `bytes`.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Reads the head of a full box and returns its version and flags.
    pub fn full_box(bytes: &'a [u8]) -> Option<(u8, u32, Self)> {
        let mut reader = Self::new(bytes);
        let head = reader.u32()?;
        Some(((head >> 24) as u8, head & 0xFF_FFFF, reader))
    }

    pub fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(*array)
    }

    pub fn bytes(&mut self, length: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(bytes)
    }

    pub fn u8(&mut self) -> Option<u8> {
        self.array().map(u8::from_be_bytes)
    }

    pub fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    pub fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    /// Reads a number of 0, 1, 2, 4 or 8 bytes.
    pub fn uint(&mut self, size: u8) -> Option<u64> {
        Some(match size {
            0 => 0,
            1 => self.u8()?.into(),
            2 => self.u16()?.into(),
            4 => self.u32()?.into(),
            8 => self.array().map(u64::from_be_bytes)?,
            _ => return None,
        })
    }

    /// Reads text up to its terminating zero, which may be missing at the end.
    pub fn text(&mut self) -> &'a [u8] {
        let end = self.rest.iter().position(|&b| b == 0).unwrap_or(self.rest.len());
        let (text, rest) = self.rest.split_at(end);
        self.rest = rest.get(1..).unwrap_or_default();
        text
    }
}
