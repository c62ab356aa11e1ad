//! Decoding the picture of a HEIF file: the coded pictures, what is made of them, and the alpha plane.

use std::cell::Cell;
use std::mem::discriminant;

use super::canvas::Canvas;
use super::color::Colors;
use super::derivation::Derivation;
use super::planes::Planes;
use super::source::{Alpha, AlphaPlanes, Source};
use super::{av1, hevc, yuv};
use crate::container::isobmff::{BoxType, ItemId, Property};
use crate::decode::hdr::tone_mapped;
use crate::decode::limits::DecodeLimits;
use crate::decode::raster::{Layout, Raster};
use crate::decode::refusal::Refusal;
use crate::decode::request::DecodeRequest;

/// The longest chain of pictures that are made of each other: a grid that is cropped as another picture, or lies in an
/// overlay.
const MAX_DEPTH: u8 = 2;
/// The bytes of a pixel that is decoded.
const PIXEL_BYTES: u64 = 3;
/// The pixels that a picture counts at least towards the limit on all pixels that are decoded for one file, because each
/// starts a decoder.
const LEAST_PIXELS: u64 = 128 * 128;
/// The pixels that may be decoded for one file however low the limit on its own pixels is. Twice as many are decoded at
/// most, because alpha comes after the colours.
const LEAST_BUDGET: u64 = 4_000_000;
/// The bytes that decoding takes for each sample of a coded picture: 16 bits for the decoder, for its filters, and for
/// the samples that it delivers.
const SAMPLE_BYTES: u64 = 6;

/// Decodes the primary picture, upright: HEIF states turns as properties, and the orientation in EXIF does not count.
///
/// # Errors
/// [`Refusal`] when a limit would be exceeded, for kinds of HEIF that are not read, and for damaged files.
pub fn decode(bytes: &[u8], request: &DecodeRequest) -> Result<Raster, Refusal> {
    let limits = &request.limits;
    let source = &Source::read(bytes)?;
    let primary = source.primary();
    let size = source.size(primary)?;
    let alpha = source.alpha(primary);
    let pixels = u64::from(size.0) * u64::from(size.1);
    // Turning needs a second copy, and joining colours and alpha needs room for both and for the result.
    let pixel_bytes = if alpha.is_some() { PIXEL_BYTES + 1 + PIXEL_BYTES + 1 } else { 2 * PIXEL_BYTES };
    limits.check(size, pixels.saturating_mul(pixel_bytes))?;

    let kept = pixels.saturating_mul(PIXEL_BYTES);
    let budget = Cell::new(limits.max_pixels.max(LEAST_BUDGET).saturating_mul(2));
    let decoder = Decoder { source, limits, kept, budget };
    let colors = decoder.colors(primary);
    let picture = decoder.decode::<3>(primary, 0, &|id, planes, size| {
        let colors = decoder.colors(id).or(colors);
        yuv::to_rgb(&planes, colors.coding(planes.coding), colors.primaries(), size)
    })?;
    let size = (picture.width as u32, picture.height as u32);
    let raster = match alpha {
        None => Raster::new(size, Layout::Rgb8, picture.samples)?,
        Some(Alpha { planes, is_multiplied }) => {
            let convert = |id, planes: Planes, size| {
                // Alpha has the full range. Older AVIF files may say otherwise in the bitstream; HEVC says nothing.
                let full_range = source.kind(id)? != *b"av01" || planes.coding.full_range;
                yuv::to_grey(&planes.planes[0], full_range, size)
            };
            let alpha = match planes {
                AlphaPlanes::Own(id) => decoder.decode::<1>(id, 0, &convert)?,
                AlphaPlanes::OfParts(parts) => {
                    decoder.turned(primary, decoder.derived(primary, &parts, 0, &convert)?)?
                }
            };
            let alpha = alpha.scaled((picture.width, picture.height));
            Raster::new(size, Layout::Rgba8, joined(&picture, &alpha, is_multiplied))?
        }
    };
    Ok(tone_mapped(raster.with_color(colors.space())).upright())
}

/// Joins colours and alpha. Colours that are multiplied by alpha are divided.
fn joined(picture: &Canvas<3>, alpha: &Canvas<1>, is_multiplied: bool) -> Vec<u8> {
    let straight = |color: u8, alpha: u8| match alpha {
        0 => 255,
        alpha => ((u32::from(color) * 255 + u32::from(alpha) / 2) / u32::from(alpha)).min(255) as u8,
    };
    let mut samples = Vec::with_capacity(alpha.samples.len() * 4);
    for (&[r, g, b], &a) in picture.samples.as_chunks().0.iter().zip(&alpha.samples) {
        let color = [r, g, b].map(|color| if is_multiplied { straight(color, a) } else { color });
        samples.extend_from_slice(&[color[0], color[1], color[2], a]);
    }
    samples
}

/// Makes pixels of the samples of a coded picture, of this number and size.
type Convert<'f> = dyn Fn(ItemId, Planes, (usize, usize)) -> Result<Vec<u8>, Refusal> + 'f;

/// Decodes the pictures of one file.
struct Decoder<'s, 'a> {
    source: &'s Source<'a>,
    limits: &'s DecodeLimits,
    /// The bytes of the pictures that are kept while others are decoded.
    kept: u64,
    /// The pixels that may still be decoded.
    budget: Cell<u64>,
}

impl<'a> Decoder<'_, 'a> {
    /// Returns the colours of a picture. Those of its first part count where it states none.
    fn colors(&self, id: ItemId) -> Colors<'a> {
        let own = |id| Colors::read(self.source.properties(id).into_iter());
        let part = self.source.parts(id).first().map_or_else(Colors::default, |&part| own(part));
        own(id).or(part)
    }

    /// Cuts, turns and mirrors a picture as its properties say, in their order. A file may state each once (ISO/IEC
    /// 23000-22, 7.3.6.7).
    fn turned<const N: usize>(&self, id: ItemId, mut picture: Canvas<N>) -> Result<Canvas<N>, Refusal> {
        let mut seen = Vec::new();
        for property in self.source.properties(id) {
            picture = match property {
                Property::Crop(aperture) => picture.cropped(aperture)?,
                Property::Rotate(quarters) => picture.rotated(quarters),
                Property::Mirror { left_right } => picture.mirrored(left_right),
                _ => continue,
            };
            if seen.contains(&discriminant(&property)) {
                return Err(Refusal::corrupt("a picture that is turned twice"));
            }
            seen.push(discriminant(&property));
        }
        Ok(picture)
    }

    /// Decodes a picture, coded or derived, and its transformations.
    fn decode<const N: usize>(&self, id: ItemId, depth: u8, convert: &Convert<'_>) -> Result<Canvas<N>, Refusal> {
        let kind = self.source.kind(id)?;
        let picture = match &kind {
            b"hvc1" | b"av01" => {
                let (width, height) = self.source.size(id)?;
                let size = (width as usize, height as usize);
                Canvas { width: size.0, height: size.1, samples: convert(id, self.coded(id, &kind)?, size)? }
            }
            b"grid" | b"iovl" | b"iden" => self.derived(id, self.source.parts(id), depth, convert)?,
            kind => return Err(Refusal::unsupported_kind(format!("items of the type {}", kind.escape_ascii()))),
        };
        self.turned(id, picture)
    }

    /// Decodes a picture that is made of `parts`, before its transformations.
    fn derived<const N: usize>(
        &self,
        id: ItemId,
        parts: &[ItemId],
        depth: u8,
        convert: &Convert<'_>,
    ) -> Result<Canvas<N>, Refusal> {
        let data = self.source.data(id)?;
        let derivation = Derivation::read(&self.source.kind(id)?, &data, parts.len())
            .filter(|_| depth < MAX_DEPTH)
            .ok_or_else(|| Refusal::corrupt("the description of a derived picture"))?;
        if let Some(size) = derivation.size() {
            if size != self.source.size(id)? {
                return Err(Refusal::corrupt("a picture with two sizes"));
            }
            self.pay(size, data.len() as u64 / 4)?;
        }
        derivation.compose(parts, |part| self.decode(part, depth + 1, convert))
    }

    /// Decodes the samples of a coded picture.
    fn coded(&self, id: ItemId, kind: &BoxType) -> Result<Planes, Refusal> {
        let size = self.source.size(id)?;
        let data = self.source.data(id)?;
        // Long data takes time even if it says little: each of its bytes is looked at.
        let pixels = self.pay(size, data.len() as u64 / 4)?;
        let properties = self.source.properties(id);
        let config = |p: &Property<'a>| match p {
            Property::Hevc(config) if kind == b"hvc1" => Some((*config, hevc::chroma(config))),
            Property::Av1(config) if kind == b"av01" => Some((*config, av1::chroma(config))),
            _ => None,
        };
        let (config, chroma) = properties
            .iter()
            .find_map(config)
            .ok_or_else(|| Refusal::corrupt("a coded picture without its configuration"))?;
        let samples = pixels.saturating_mul(chroma.samples_of_two_pixels()).div_ceil(2);
        let memory = samples.saturating_mul(SAMPLE_BYTES).saturating_add(pixels.saturating_mul(PIXEL_BYTES));
        self.limits.check(size, memory.saturating_add(self.kept))?;
        // A coded picture has whole blocks, the largest of which are 64 and 128 pixels wide.
        let padded = |length: u32| u64::from(length).next_multiple_of(128);
        let coded_pixels = padded(size.0) * padded(size.1);
        if kind == b"hvc1" {
            hevc::decode(config, &data, coded_pixels)
        } else {
            let point =
                properties.iter().find_map(|p| if let Property::OperatingPoint(p) = p { Some(*p) } else { None });
            av1::decode(point.unwrap_or(0), &data, coded_pixels)
        }
    }

    /// Takes the pixels of a picture, or `least` if they are fewer, from the budget. Returns their number.
    fn pay(&self, size: (u32, u32), least: u64) -> Result<u64, Refusal> {
        let pixels = u64::from(size.0) * u64::from(size.1);
        self.limits.check(size, pixels.saturating_mul(PIXEL_BYTES).saturating_add(self.kept))?;
        let left = self.budget.get().checked_sub(pixels.max(least).max(LEAST_PIXELS));
        self.budget.set(left.ok_or_else(|| Refusal::corrupt("the parts have more pixels than are accepted"))?);
        Ok(pixels)
    }
}
