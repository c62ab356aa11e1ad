//! The scaling of 8-bit RGB pictures, as in Pillow's `Image.resize`, with which CLIP models were trained.
//!
//! The method: convolution with a filter that is stretched when shrinking (antialiasing), first along rows,
//! then along columns, with 8-bit pixels in between. Weights are computed in `f64`, normalised to a sum of 1
//! and rounded to fixed point with 22 fractional bits (32 bits less 8 for the pixel and 2 for overshoot); sums
//! start at one half, are shifted right and clamped to 0–255.
//!
//! Pillow 13 scales along columns first where that is cheaper, mostly for tall pictures that hardly get narrower;
//! earlier versions and this module always scale along rows first. The difference is at most one step of 255.
//!
//! Only the wanted region of the scaled picture is computed, from only those rows and columns of the source that
//! contribute to it.

use std::ops::Range;

use image::RgbImage;

use super::manifest::Interpolation;

/// The number of fractional bits of a weight.
const PRECISION_BITS: u32 = 22;
/// One half in fixed point, added before the bits are shifted out.
const HALF: i32 = 1 << (PRECISION_BITS - 1);
/// The number of low bits of a weight that is cut in two. These 15 bits and the rest both fit `i16`, and CPUs add
/// products of `i16` fastest.
const LOW_BITS: u32 = 15;
/// The number of weights that SIMD instructions take at once. The weights of a pixel are filled up with zeros to a
/// multiple of this number.
const SIMD_LANES: usize = 8;

/// A rectangle of pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Region {
    /// The left edge.
    pub x: u32,
    /// The upper edge.
    pub y: u32,
    /// The width, at least 1.
    pub width: u32,
    /// The height, at least 1.
    pub height: u32,
}

/// Scales `source` to `width` × `height` pixels and returns the part `region` of the scaled picture. `region` must lie
/// inside the scaled picture, and `source` must have pixels; otherwise the result is black where there are no pixels.
#[must_use]
pub fn resize(source: &RgbImage, (width, height): (u32, u32), region: Region, filter: Interpolation) -> RgbImage {
    let mut scaled = RgbImage::new(region.width, region.height);
    if source.is_empty() || width == 0 || height == 0 {
        return scaled;
    }
    let columns = Weights::new(source.width(), width, region.x, region.width, filter);
    let rows = Weights::new(source.height(), height, region.y, region.height, filter);
    let reached = rows.reach();
    let narrowed = along_rows(source, reached.clone(), &columns);
    along_columns(&narrowed, reached.start, &rows, &mut scaled);
    scaled
}

/// The source pixels and weights that make up each pixel of a range of the output, in one direction.
struct Weights {
    /// The first source pixel of each output pixel.
    starts: Vec<usize>,
    /// The number of source pixels of each output pixel.
    counts: Vec<usize>,
    /// The weights of each output pixel in fixed point, filled up with zeros to `stride`.
    fixed: Vec<i32>,
    /// The number of weights kept for each output pixel.
    stride: usize,
}

impl Weights {
    /// Computes the weights of `wanted` output pixels from `first` on, of `input` pixels scaled to `output`.
    fn new(input: u32, output: u32, first: u32, wanted: u32, filter: Interpolation) -> Self {
        let scale = f64::from(input) / f64::from(output);
        let stretch = scale.max(1.0);
        let support = radius(filter) * stretch;
        let stride = (2 * support.ceil() as usize + 1).next_multiple_of(SIMD_LANES);
        let wanted = wanted as usize;
        let mut weights = Self {
            starts: Vec::with_capacity(wanted),
            counts: Vec::with_capacity(wanted),
            fixed: vec![0; wanted * stride],
            stride,
        };
        for (x, fixed) in (first..).zip(weights.fixed.chunks_exact_mut(stride)) {
            let center = (f64::from(x) + 0.5) * scale;
            // Conversions saturate at 0; the last pixel is always within the source.
            let start = ((center - support + 0.5) as usize).min(input as usize - 1);
            let end = ((center + support + 0.5) as usize).clamp(start + 1, input as usize);
            let at = |i: usize| value(filter, ((start + i) as f64 - center + 0.5) / stretch);
            let sum: f64 = (0..end - start).map(at).sum();
            let norm = if sum == 0.0 { 1.0 } else { sum };
            for (i, weight) in fixed.iter_mut().enumerate().take(end - start) {
                // Halves are rounded away from zero, as `f64::round` does.
                *weight = (at(i) / norm * f64::from(1 << PRECISION_BITS)).round() as i32;
            }
            weights.starts.push(start);
            weights.counts.push(end - start);
        }
        weights
    }

    /// Returns the range of the source that is used.
    fn reach(&self) -> Range<usize> {
        let start = self.starts.first().copied().unwrap_or(0);
        let ends = self.starts.iter().zip(&self.counts).map(|(start, count)| start + count);
        start..ends.max().unwrap_or(start)
    }

    /// Returns the low and the high halves of all weights.
    fn halves(&self) -> (Vec<i16>, Vec<i16>) {
        let low = self.fixed.iter().map(|w| (w & ((1 << LOW_BITS) - 1)) as i16);
        (low.collect(), self.fixed.iter().map(|w| (w >> LOW_BITS) as i16).collect())
    }
}

/// Returns half the width of a filter when nothing is shrunk, in source pixels.
fn radius(filter: Interpolation) -> f64 {
    match filter {
        Interpolation::Bilinear => 1.0,
        Interpolation::Bicubic => 2.0,
        Interpolation::Lanczos => 3.0,
    }
}

/// Returns the value of a filter at `x`.
fn value(filter: Interpolation, x: f64) -> f64 {
    let x = x.abs();
    match filter {
        Interpolation::Bilinear => (1.0 - x).max(0.0),
        Interpolation::Bicubic => {
            const A: f64 = -0.5;
            if x < 1.0 {
                ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0
            } else if x < 2.0 {
                (((x - 5.0) * x + 8.0) * x - 4.0) * A
            } else {
                0.0
            }
        }
        Interpolation::Lanczos if x < 3.0 => sinc(x) * sinc(x / 3.0),
        Interpolation::Lanczos => 0.0,
    }
}

fn sinc(x: f64) -> f64 {
    let x = x * std::f64::consts::PI;
    if x == 0.0 { 1.0 } else { x.sin() / x }
}

/// Scales the rows `rows` of the source along their length, and returns row after row of RGB triples.
fn along_rows(source: &RgbImage, rows: Range<usize>, weights: &Weights) -> Vec<u8> {
    let (low, high) = weights.halves();
    let reach = weights.reach();
    let row_bytes = source.width() as usize * 3;
    let out_bytes = weights.starts.len() * 3;
    let mut narrowed = vec![0; rows.len() * out_bytes];
    // The room beyond the last pixel is for the zeros with which weights are filled up.
    let mut planes = [const { Vec::new() }; 3].map(|_: Vec<i16>| vec![0_i16; reach.len() + weights.stride]);
    let used_rows = source.as_raw()[rows.start * row_bytes..rows.end * row_bytes].chunks_exact(row_bytes);
    for (row, out) in used_rows.zip(narrowed.chunks_exact_mut(out_bytes)) {
        split_channels(&row[reach.start * 3..reach.end * 3], &mut planes);
        let weighted = low.chunks_exact(weights.stride).zip(high.chunks_exact(weights.stride));
        for ((pixel, start), (low, high)) in out.as_chunks_mut::<3>().0.iter_mut().zip(&weights.starts).zip(weighted) {
            for (channel, plane) in pixel.iter_mut().zip(&planes) {
                *channel = to_pixel(dot(&plane[start - reach.start..], low, high));
            }
        }
    }
    narrowed
}

/// Splits RGB triples into one plane for each channel.
fn split_channels(row: &[u8], [red, green, blue]: &mut [Vec<i16>; 3]) {
    let planes = red.iter_mut().zip(green).zip(blue);
    for ([r, g, b], ((red, green), blue)) in row.as_chunks::<3>().0.iter().zip(planes) {
        (*red, *green, *blue) = (i16::from(*r), i16::from(*g), i16::from(*b));
    }
}

/// Returns one half + Σ pixel × weight. The partial sums may wrap, but the total fits, and wrapping addition is exact
/// modulo 2³².
fn dot(pixels: &[i16], low: &[i16], high: &[i16]) -> i32 {
    let (mut low_sum, mut high_sum) = (HALF, 0_i32);
    // This is a plain loop, because SIMD lanes written by hand make it three times as slow.
    for ((&pixel, &low), &high) in pixels.iter().zip(low).zip(high) {
        low_sum = low_sum.wrapping_add(i32::from(pixel) * i32::from(low));
        high_sum = high_sum.wrapping_add(i32::from(pixel) * i32::from(high));
    }
    low_sum.wrapping_add(high_sum << LOW_BITS)
}

/// Scales along columns into `out`. `narrowed` begins with the source's row `first_row`.
fn along_columns(narrowed: &[u8], first_row: usize, weights: &Weights, out: &mut RgbImage) {
    let row_bytes = out.width() as usize * 3;
    let mut sums = vec![0_i32; row_bytes];
    let mut out_rows = out.chunks_exact_mut(row_bytes);
    for (y, (start, count)) in weights.starts.iter().zip(&weights.counts).enumerate() {
        sums.fill(HALF);
        let rows = narrowed[(start - first_row) * row_bytes..].chunks_exact(row_bytes);
        for (row, &weight) in rows.zip(&weights.fixed[y * weights.stride..]).take(*count) {
            for (sum, &pixel) in sums.iter_mut().zip(row) {
                *sum += i32::from(pixel) * weight;
            }
        }
        let Some(out) = out_rows.next() else { return };
        for (pixel, &sum) in out.iter_mut().zip(&sums) {
            *pixel = to_pixel(sum);
        }
    }
}

/// Turns a sum in fixed point, which already contains the half, into 8 bits.
fn to_pixel(sum: i32) -> u8 {
    (sum >> PRECISION_BITS).clamp(0, 255) as u8
}

#[cfg(test)]
mod tests;
