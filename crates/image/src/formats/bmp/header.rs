//! The headers and the palette of a BMP file.
//!
//! Source of the format: the structures `BITMAPCOREHEADER`, `BITMAPINFOHEADER`, `BITMAPV4HEADER` and `BITMAPV5HEADER` of
//! Windows, and `BITMAPINFOHEADER2` of OS/2.

use super::masks::Masks;
use crate::decode::refusal::Refusal;

/// The length of the header of the file, after which the header of the picture follows.
const FILE_HEADER: usize = 14;

/// The encoding of pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// Indices of 1, 2, 4 or 8 bits into the palette.
    Indexed,
    /// Numbers of 16, 24 or 32 bits that hold the samples.
    Masked(Masks),
    /// Run lengths of indices of 4 or 8 bits or of pixels of 24 bits.
    Runs,
}

/// The headers of a file.
#[derive(Debug)]
pub struct Header<'a> {
    /// Width and height in pixels.
    pub size: (u32, u32),
    /// Whether the first row of the file is the top one.
    pub is_top_down: bool,
    /// The bits of a pixel.
    pub bits: u32,
    pub encoding: Encoding,
    palette: Vec<[u8; 3]>,
    /// The bytes from the first pixel to the end of the file.
    pub data: &'a [u8],
}

/// Values of the compression field.
mod compression {
    pub const NONE: u32 = 0;
    pub const RLE8: u32 = 1;
    pub const RLE4: u32 = 2;
    pub const BIT_FIELDS: u32 = 3;
    /// JPEG on Windows, run lengths of 24 bits on OS/2.
    pub const JPEG_OR_RLE24: u32 = 4;
    pub const ALPHA_BIT_FIELDS: u32 = 6;
}

impl<'a> Header<'a> {
    /// Reads the headers and the palette.
    ///
    /// # Errors
    /// [`Refusal`] when the headers contradict themselves or tell of a kind that is not read.
    pub fn read(bytes: &'a [u8]) -> Result<Self, Refusal> {
        let cut = || Refusal::corrupt("the header is cut off");
        let u32_at = |at: usize| bytes.get(at..at + 4)?.first_chunk().copied().map(u32::from_le_bytes);
        let u16_at = |at: usize| bytes.get(at..at + 2)?.first_chunk().copied().map(u16::from_le_bytes);

        let header_size = u32_at(FILE_HEADER).ok_or_else(cut)? as usize;
        let end = FILE_HEADER + header_size;
        if bytes.len() < end {
            return Err(cut());
        }
        // A field that the header is too short for is 0.
        let field = |at: usize| if at + 4 <= header_size { u32_at(FILE_HEADER + at).unwrap_or(0) } else { 0 };
        let is_core = header_size == 12;
        let (width, height, bits) = if is_core {
            let short = |at| u16_at(FILE_HEADER + at).unwrap_or(0);
            (u32::from(short(4)), i32::from(short(6)), u32::from(short(10)))
        } else {
            (field(4), field(8).cast_signed(), field(12) >> 16)
        };
        if width > i32::MAX as u32 {
            return Err(Refusal::corrupt("a negative width"));
        }
        let kind = field(16);
        let is_of_os2 = is_core || header_size <= 64 && !matches!(header_size, 40 | 52 | 56);
        let encoding = match (kind, bits) {
            (compression::NONE, 1 | 2 | 4 | 8) => Encoding::Indexed,
            (compression::NONE, 16) => Encoding::Masked(Masks::FIVE_BITS_EACH),
            (compression::NONE, 24 | 32) => Encoding::Masked(Masks::EIGHT_BITS_EACH),
            (compression::RLE8, 8) | (compression::RLE4, 4) => Encoding::Runs,
            (compression::JPEG_OR_RLE24, 24) if is_of_os2 => Encoding::Runs,
            (compression::BIT_FIELDS | compression::ALPHA_BIT_FIELDS, 16 | 32) if !is_of_os2 => {
                let has_alpha = kind == compression::ALPHA_BIT_FIELDS || header_size >= 56;
                let mask = |i: usize| u32_at(FILE_HEADER + 40 + 4 * i).unwrap_or(0);
                Encoding::Masked(Masks::new([mask(0), mask(1), mask(2), if has_alpha { mask(3) } else { 0 }])?)
            }
            _ => return Err(Refusal::unsupported_kind(format!("compression {kind} of pixels of {bits} bits"))),
        };
        let masks_after_header = match kind {
            _ if header_size != 40 => 0,
            compression::BIT_FIELDS => 12,
            compression::ALPHA_BIT_FIELDS => 16,
            _ => 0,
        };
        let palette_start = end + masks_after_header;
        let entry = if is_core { 3 } else { 4 };
        let stated = field(32) as usize;
        let entries = match bits {
            1..=8 if stated == 0 => 1 << bits,
            _ => stated,
        };
        // Some writers leave the offset of the pixels 0; the pixels then follow what stands before them.
        let offset = match u32_at(10).unwrap_or(0) as usize {
            offset if offset < end => palette_start.saturating_add(entries.saturating_mul(entry)),
            offset => offset,
        };
        let palette = bytes.get(palette_start..offset.min(bytes.len())).unwrap_or_default();
        let palette =
            if bits <= 8 { palette.chunks_exact(entry).take(entries.min(256)) } else { [].chunks_exact(entry).take(0) };
        Ok(Self {
            size: (width, height.unsigned_abs()),
            is_top_down: height < 0,
            bits,
            encoding,
            palette: palette.map(|color| [color[2], color[1], color[0]]).collect(),
            data: bytes.get(offset..).unwrap_or_default(),
        })
    }

    /// Returns the number of pixels.
    pub fn pixels(&self) -> u64 {
        u64::from(self.size.0) * u64::from(self.size.1)
    }

    /// Returns a color of the palette. An index beyond its end is black, as in browsers.
    pub fn color(&self, index: u8) -> [u8; 3] {
        self.palette.get(usize::from(index)).copied().unwrap_or_default()
    }
}
