//! The description of a page: how its samples are stored, and what they mean.

use super::directory::{Directory, Tiff, Values};
use super::tag;
use crate::decode::refusal::Refusal;

/// The compression of a strip or tile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    None,
    /// CCITT modified Huffman coding; each row begins at a multiple of this many bytes.
    FaxRows {
        alignment: u32,
    },
    /// CCITT Group 3; with rows that refer to the row above when `two_dimensional`.
    Fax3 {
        two_dimensional: bool,
    },
    /// CCITT Group 4.
    Fax4,
    Lzw,
    Deflate,
    PackBits,
    /// JPEG, whose decoder turns YCbCr into RGB.
    Jpeg {
        is_ycbcr: bool,
    },
}

/// The value that was subtracted from a sample before it was compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Predictor {
    None,
    /// The sample to the left.
    Horizontal,
    /// The byte to the left, in rows of floats whose bytes are sorted by significance.
    Float,
}

/// The meaning of the color samples of a pixel.
#[derive(Debug, Clone, Copy)]
pub enum Colors<'a> {
    Grey {
        /// Whether 0 is white.
        inverted: bool,
    },
    Rgb,
    /// An index into this table of all reds, then all greens, then all blues.
    Palette(Values<'a>),
    Cmyk,
    YCbCr(YCbCr),
    /// CIE L*a*b*.
    Lab {
        /// Whether a* and b* are signed; otherwise 128 stands for 0.
        signed: bool,
    },
}

/// The storage of luma and chroma.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct YCbCr {
    /// The pixels, across and down, that share one chroma sample.
    pub subsampling: (u32, u32),
    /// The weights of red, green and blue in luma.
    pub weights: [f64; 3],
    /// The samples that stand for the lowest and the highest value of luma and of both chromas.
    pub range: [f64; 6],
}

/// The storage of alpha.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Alpha {
    /// The position of the alpha sample in the pixel.
    pub position: u32,
    /// Whether the colors are multiplied by alpha.
    pub is_associated: bool,
}

/// The description of a page.
#[derive(Debug, Clone, Copy)]
pub struct Page<'a> {
    /// Width and height in pixels.
    pub size: (u32, u32),
    /// The samples of a pixel, used or not.
    pub samples: u32,
    /// The bits of each sample.
    pub bits: u32,
    /// Whether samples are floats.
    pub is_float: bool,
    pub big_endian: bool,
    pub colors: Colors<'a>,
    pub alpha: Option<Alpha>,
    /// Whether each sample of the pixels has strips or tiles of its own.
    pub is_planar: bool,
    pub compression: Compression,
    pub predictor: Predictor,
    /// Whether the first bit of a byte is its lowest.
    pub has_reversed_bits: bool,
    /// The tables that all strips or tiles of JPEG share.
    pub jpeg_tables: Option<&'a [u8]>,
    /// Width and height of a strip or tile in pixels.
    pub chunk_size: (u32, u32),
    /// Whether chunks are tiles, which keep their size at the edge of the picture.
    pub is_tiled: bool,
    pub offsets: Values<'a>,
    pub byte_counts: Option<Values<'a>>,
}

/// Returns the first page that is a picture of its own: neither a smaller version of another page nor a mask.
///
/// # Errors
/// [`Refusal`] when the file has no such page or the page is of a kind that is not read.
pub fn first_page(tiff: Tiff<'_>) -> Result<Page<'_>, Refusal> {
    let mut first = None;
    for directory in tiff.directories() {
        if is_whole(&directory) {
            return page(&directory);
        }
        // Camera raw files have a small picture in front and the real one below it.
        if let Some(below) = directory.pointed_to_by(tag::SUB_IFDS).find(is_whole) {
            return page(&below);
        }
        first = first.or(Some(directory));
    }
    page(&first.ok_or_else(|| Refusal::corrupt("no directory"))?)
}

/// Returns whether the page of a directory is a picture of its own.
pub fn is_whole(directory: &Directory<'_>) -> bool {
    directory.number(tag::NEW_SUBFILE_TYPE).unwrap_or(0) & 0b101 == 0
}

/// Describes the page of a directory.
fn page<'a>(directory: &Directory<'a>) -> Result<Page<'a>, Refusal> {
    if let Some(tag) = directory.first_without_values(&tag::ALL) {
        return Err(Refusal::corrupt(format!("the values of tag {tag} are missing")));
    }
    let number = |tag, missing: u64| directory.number(tag).unwrap_or(missing);
    let length = |tag| {
        let length = directory.number(tag).ok_or_else(|| Refusal::corrupt(format!("no tag {tag}")))?;
        u32::try_from(length).map_err(|_| Refusal::corrupt(format!("an edge of {length}")))
    };
    let size = (length(tag::IMAGE_WIDTH)?, length(tag::IMAGE_LENGTH)?);
    let samples = number(tag::SAMPLES_PER_PIXEL, 1);
    let samples = u32::try_from(samples)
        .ok()
        .filter(|n| (1..=64).contains(n))
        .ok_or_else(|| Refusal::unsupported_kind(format!("{samples} samples a pixel")))?;
    let bits = same_for_all(directory, tag::BITS_PER_SAMPLE, 1)?;
    let bits = u32::try_from(bits).unwrap_or(u32::MAX);
    let compression = compression(directory)?;
    let is_planar = number(tag::PLANAR_CONFIGURATION, 1) == 2 && samples > 1;
    let colors = colors(directory, samples, compression)?;
    let is_float = is_float(directory, &colors)?;
    check_bits(bits, is_float, &colors, compression)?;

    let is_tiled = directory.values(tag::TILE_OFFSETS).is_some() && directory.values(tag::TILE_WIDTH).is_some();
    let (offsets, byte_counts) = if is_tiled {
        (tag::TILE_OFFSETS, tag::TILE_BYTE_COUNTS)
    } else {
        (tag::STRIP_OFFSETS, tag::STRIP_BYTE_COUNTS)
    };
    if compression.is_fax() && samples > 1 && !is_planar {
        return Err(Refusal::unsupported_kind("fax data of several samples a pixel"));
    }
    let predictor = predictor(directory, compression, bits, is_float)?;
    if is_planar && matches!(compression, Compression::Jpeg { is_ycbcr: true }) {
        return Err(Refusal::unsupported_kind("luma and chroma as JPEG in planes"));
    }
    let subsampled = matches!(colors, Colors::YCbCr(YCbCr { subsampling, .. }) if subsampling != (1, 1));
    if subsampled && (is_planar || samples != 3 || predictor != Predictor::None) {
        return Err(Refusal::unsupported_kind("subsampled chroma in planes, with alpha or with a predictor"));
    }
    let chunk_size = if is_tiled {
        (length(tag::TILE_WIDTH)?, length(tag::TILE_LENGTH)?)
    } else {
        let rows = number(tag::ROWS_PER_STRIP, u64::from(size.1)).min(u64::from(size.1));
        (size.0, u32::try_from(rows).unwrap_or(size.1))
    };
    if chunk_size.0 == 0 || chunk_size.1 == 0 {
        return Err(Refusal::corrupt("strips or tiles without pixels"));
    }
    Ok(Page {
        size,
        samples,
        bits,
        is_float,
        big_endian: directory.is_big_endian(),
        alpha: alpha(directory, samples, colors.samples()),
        colors,
        is_planar,
        compression,
        predictor,
        has_reversed_bits: number(tag::FILL_ORDER, 1) == 2,
        jpeg_tables: directory.values(tag::JPEG_TABLES).map(|tables| tables.as_bytes()),
        chunk_size,
        is_tiled,
        offsets: directory.values(offsets).ok_or_else(|| Refusal::corrupt("no strips or tiles"))?,
        byte_counts: directory.values(byte_counts),
    })
}

fn compression(directory: &Directory<'_>) -> Result<Compression, Refusal> {
    Ok(match directory.number(tag::COMPRESSION).unwrap_or(1) {
        0 | 1 => Compression::None,
        2 => Compression::FaxRows { alignment: 1 },
        32_771 => Compression::FaxRows { alignment: 2 },
        3 => Compression::Fax3 { two_dimensional: directory.number(tag::T4_OPTIONS).unwrap_or(0) & 1 == 1 },
        4 => Compression::Fax4,
        5 => Compression::Lzw,
        7 => Compression::Jpeg { is_ycbcr: directory.number(tag::PHOTOMETRIC) == Some(6) },
        8 | 32_946 => Compression::Deflate,
        32_773 => Compression::PackBits,
        other => return Err(Refusal::unsupported_kind(format!("compression {other}"))),
    })
}

/// Returns the meaning of the colors.
fn colors<'a>(directory: &Directory<'a>, samples: u32, compression: Compression) -> Result<Colors<'a>, Refusal> {
    let photometric = directory.number(tag::PHOTOMETRIC).unwrap_or(if samples >= 3 { 2 } else { 1 });
    let colors = match photometric {
        0 => Colors::Grey { inverted: true },
        1 => Colors::Grey { inverted: false },
        2 => Colors::Rgb,
        3 => Colors::Palette(directory.values(tag::COLOR_MAP).ok_or_else(|| Refusal::corrupt("no palette"))?),
        5 if directory.number(tag::INK_SET).unwrap_or(1) == 1 => Colors::Cmyk,
        6 if matches!(compression, Compression::Jpeg { .. }) => Colors::Rgb,
        6 => Colors::YCbCr(ycbcr(directory)?),
        8 => Colors::Lab { signed: true },
        9 => Colors::Lab { signed: false },
        other => return Err(Refusal::unsupported_kind(format!("photometric interpretation {other}"))),
    };
    if samples < colors.samples() {
        return Err(Refusal::corrupt(format!("{samples} samples where colors need {}", colors.samples())));
    }
    Ok(colors)
}

fn ycbcr(directory: &Directory<'_>) -> Result<YCbCr, Refusal> {
    let floats = |tag, missing: [f64; 6]| -> [f64; 6] {
        let values = directory.values(tag);
        std::array::from_fn(|i| values.and_then(|values| values.float(i)).unwrap_or(missing[i]))
    };
    let [red, green, blue, _, _, _] = floats(tag::YCBCR_COEFFICIENTS, [0.299, 0.587, 0.114, 0., 0., 0.]);
    let subsampling = directory.values(tag::YCBCR_SUB_SAMPLING);
    let factor = |i| subsampling.and_then(|values| values.get(i)).unwrap_or(2);
    let subsampling = match (factor(0), factor(1)) {
        (across @ (1 | 2 | 4), down @ (1 | 2 | 4)) => (across as u32, down as u32),
        other => return Err(Refusal::corrupt(format!("subsampling {other:?}"))),
    };
    let range = floats(tag::REFERENCE_BLACK_WHITE, [0., 255., 128., 255., 128., 255.]);
    Ok(YCbCr { subsampling, weights: [red, green, blue], range })
}

/// Returns whether samples are floats; signed numbers and complex numbers are not read, because no rule says which
/// value is black.
fn is_float(directory: &Directory<'_>, colors: &Colors<'_>) -> Result<bool, Refusal> {
    match same_for_all(directory, tag::SAMPLE_FORMAT, 1)? {
        // 4 is "undefined", which is read as an unsigned number.
        1 | 4 => Ok(false),
        2 if matches!(colors, Colors::Lab { .. }) => Ok(false),
        3 => Ok(true),
        other => Err(Refusal::unsupported_kind(format!("sample format {other}"))),
    }
}

/// Checks that samples of these bits can be read. Samples of 32 bits are refused, because their writers mostly use a
/// small part of the range that the file does not state.
fn check_bits(bits: u32, is_float: bool, colors: &Colors<'_>, compression: Compression) -> Result<(), Refusal> {
    let is_read = match colors {
        _ if compression.is_fax() => bits == 1 && !is_float,
        _ if matches!(compression, Compression::Jpeg { .. }) => bits == 8 && !is_float,
        Colors::Grey { .. } | Colors::Rgb if is_float => matches!(bits, 16 | 32 | 64),
        _ if is_float => false,
        Colors::Grey { .. } | Colors::Rgb => (1..=16).contains(&bits),
        Colors::Palette(_) => (1..=8).contains(&bits),
        Colors::YCbCr(_) => bits == 8,
        Colors::Cmyk | Colors::Lab { .. } => matches!(bits, 8 | 16),
    };
    if is_read { Ok(()) } else { Err(Refusal::unsupported_kind(format!("samples of {bits} bits"))) }
}

/// Returns the value of a tag that has one value for each sample.
fn same_for_all(directory: &Directory<'_>, tag: u16, missing: u64) -> Result<u64, Refusal> {
    let Some(values) = directory.values(tag) else {
        return Ok(missing);
    };
    let first = values.get(0).unwrap_or(missing);
    if (1..values.len()).all(|i| values.get(i) == Some(first)) {
        Ok(first)
    } else {
        Err(Refusal::unsupported_kind(format!("several values of tag {tag}")))
    }
}

/// Finds the alpha sample among the samples after the colors. A sample of unspecified meaning is no alpha, because it
/// may be infrared or a mask. A fourth sample that the file says nothing about is straight alpha, as Pillow has it.
fn alpha(directory: &Directory<'_>, samples: u32, color_samples: u32) -> Option<Alpha> {
    let extra = directory.values(tag::EXTRA_SAMPLES);
    let meaning = |position| match extra {
        Some(extra) => extra.get((position - color_samples) as usize).unwrap_or(0),
        None if samples == color_samples + 1 => 2,
        None => 0,
    };
    let position = (color_samples..samples).find(|position| matches!(meaning(*position), 1 | 2))?;
    Some(Alpha { position, is_associated: meaning(position) == 1 })
}

fn predictor(
    directory: &Directory<'_>,
    compression: Compression,
    bits: u32,
    is_float: bool,
) -> Result<Predictor, Refusal> {
    // The other compressions have no predictor; some writers state one nevertheless.
    if !matches!(compression, Compression::Lzw | Compression::Deflate) {
        return Ok(Predictor::None);
    }
    match directory.number(tag::PREDICTOR).unwrap_or(1) {
        0 | 1 => Ok(Predictor::None),
        2 if matches!(bits, 8 | 16 | 32 | 64) => Ok(Predictor::Horizontal),
        3 if is_float => Ok(Predictor::Float),
        other => Err(Refusal::unsupported_kind(format!("predictor {other} of samples of {bits} bits"))),
    }
}

impl Compression {
    const fn is_fax(self) -> bool {
        matches!(self, Self::FaxRows { .. } | Self::Fax3 { .. } | Self::Fax4)
    }
}

impl Colors<'_> {
    /// Returns the number of samples of a color.
    pub const fn samples(&self) -> u32 {
        match self {
            Self::Grey { .. } | Self::Palette(_) => 1,
            Self::Rgb | Self::YCbCr(_) | Self::Lab { .. } => 3,
            Self::Cmyk => 4,
        }
    }
}

impl Page<'_> {
    /// Returns whether the samples of a raster of the page have 16 bits; otherwise they have 8.
    pub const fn has_wide_samples(&self) -> bool {
        self.bits > 8 && matches!(self.colors, Colors::Grey { .. } | Colors::Rgb)
    }

    /// Returns the samples of a pixel that one strip or tile holds.
    pub const fn samples_in_chunk(&self) -> u32 {
        if self.is_planar { 1 } else { self.samples }
    }

    /// Returns how many pixels, across and down, share one chroma sample: (1, 1) unless chroma is subsampled.
    pub const fn subsampling(&self) -> (u32, u32) {
        match self.colors {
            Colors::YCbCr(YCbCr { subsampling, .. }) => subsampling,
            _ => (1, 1),
        }
    }

    /// Returns the bytes of `rows` rows of a chunk when nothing is compressed.
    pub fn chunk_bytes(&self, rows: u32) -> u64 {
        let (width, rows) = (u64::from(self.chunk_size.0), u64::from(rows));
        match self.subsampling() {
            (1, 1) => rows * self.row_bytes(),
            (across, down) => {
                let (across, down) = (u64::from(across), u64::from(down));
                rows.div_ceil(down) * width.div_ceil(across) * (across * down + 2)
            }
        }
    }

    /// Returns the bytes of a row of a chunk in which chroma is not subsampled.
    pub fn row_bytes(&self) -> u64 {
        (u64::from(self.chunk_size.0) * u64::from(self.samples_in_chunk()) * u64::from(self.bits)).div_ceil(8)
    }
}
