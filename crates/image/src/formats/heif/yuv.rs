//! Conversion of luma and chroma to 8-bit RGB (ITU-T H.273).

use super::planes::{Chroma, Coding, Plane, Planes};
use crate::decode::refusal::Refusal;

/// The way in which the three samples of a pixel become red, green and blue.
enum Matrix {
    /// The samples are green, blue and red.
    Identity,
    /// Luma, and the differences of blue and red to it, with the shares of red and blue in luma.
    Differences { red: f32, blue: f32 },
    /// Luma, and two differences that shifts and additions turn into colours.
    Lifting,
}

impl Matrix {
    /// Returns the matrix of a code point. BT.601 stands for "unspecified", as in libheif and libavif. `primaries` are
    /// the code point of the primaries, from which one matrix is derived.
    fn new(code: u16, primaries: u16) -> Result<Self, Refusal> {
        let (red, blue) = match code {
            0 => return Ok(Self::Identity),
            8 => return Ok(Self::Lifting),
            2 | 5 | 6 => (0.299, 0.114),
            1 => (0.2126, 0.0722),
            4 => (0.30, 0.11),
            7 => (0.212, 0.087),
            9 => (0.2627, 0.0593),
            // The matrix that follows from the primaries.
            12 => match primaries {
                1 => (0.2126, 0.0722),
                9 => (0.2627, 0.0593),
                12 => (0.228_974_56, 0.079_286_91),
                _ => (0.299, 0.114),
            },
            code => return Err(Refusal::unsupported_kind(format!("matrix coefficients {code}"))),
        };
        Ok(Self::Differences { red, blue })
    }

    /// Writes the colours of a row of samples.
    fn apply(&self, samples: impl Iterator<Item = [f32; 3]>, out: &mut [[u8; 3]]) {
        let pixels = out.iter_mut().zip(samples);
        match *self {
            Self::Identity => pixels.for_each(|(out, [green, blue, red])| *out = [red, green, blue].map(byte)),
            Self::Differences { red, blue } => {
                let (from_red, from_blue) = (2.0 * (1.0 - red), 2.0 * (1.0 - blue));
                let green = 1.0 - red - blue;
                let (red_in_green, blue_in_green) = (from_red * red / green, from_blue * blue / green);
                pixels.for_each(|(out, [y, b, r])| {
                    *out = [y + from_red * r, y - red_in_green * r - blue_in_green * b, y + from_blue * b].map(byte);
                });
            }
            Self::Lifting => pixels.for_each(|(out, [y, green, orange])| {
                *out = [y - green + orange, y + green, y - green - orange].map(byte);
            }),
        }
    }
}

/// Converts the top left `width` × `height` pixels to three bytes for each pixel, rows from the top.
///
/// Chroma between samples is interpolated linearly, each sample taken as the centre of its pixels.
///
/// # Errors
/// [`Refusal::UnsupportedKind`] for a matrix that is not known, [`Refusal::Corrupt`] for fewer samples than that.
pub fn to_rgb(planes: &Planes, coding: Coding, primaries: u16, size: (usize, usize)) -> Result<Vec<u8>, Refusal> {
    let [luma, chroma_blue, chroma_red] = &planes.planes;
    let (width, height) = size;
    check(luma, size)?;
    let mut rgb = vec![0; width * height * 3];
    if planes.chroma == Chroma::Grey {
        for (pixel, grey) in rgb.as_chunks_mut().0.iter_mut().zip(to_grey(luma, coding.full_range, size)?) {
            *pixel = [grey; 3];
        }
        return Ok(rgb);
    }
    let (right, down) = planes.chroma.shifts();
    let chroma_size = ((width + right as usize) >> right, (height + down as usize) >> down);
    check(chroma_blue, chroma_size)?;
    check(chroma_red, chroma_size)?;

    let matrix = Matrix::new(coding.matrix, primaries)?;
    let identity = matches!(matrix, Matrix::Identity);
    if identity && planes.chroma != Chroma::Full {
        return Err(Refusal::corrupt("red and blue samples are fewer than green ones"));
    }
    let luma_scale = Scale::luma(luma.depth, coding.full_range);
    let chroma_scale = |plane: &Plane| match identity {
        true => Scale::luma(plane.depth, coding.full_range),
        false => Scale::chroma(plane.depth, coding.full_range),
    };
    let (blue_scale, red_scale) = (chroma_scale(chroma_blue), chroma_scale(chroma_red));

    let mut rows = [(); 3].map(|()| vec![0.0f32; width]);
    let mut between = Vec::new();
    for (y, out) in rgb.chunks_exact_mut(width * 3).enumerate() {
        let [lights, blues, reds] = &mut rows;
        luma_scale.apply(luma.row(y), lights);
        upsample(chroma_blue, planes.chroma, y, &blue_scale, &mut between, blues);
        upsample(chroma_red, planes.chroma, y, &red_scale, &mut between, reds);
        let samples = lights.iter().zip(&*blues).zip(&*reds).map(|((&y, &b), &r)| [y, b, r]);
        matrix.apply(samples, out.as_chunks_mut().0);
    }
    Ok(rgb)
}

/// Converts the luma of the top left pixels to one byte for each pixel.
///
/// # Errors
/// [`Refusal::Corrupt`] for fewer samples than that.
pub fn to_grey(luma: &Plane, full_range: bool, size: (usize, usize)) -> Result<Vec<u8>, Refusal> {
    check(luma, size)?;
    let scale = Scale::luma(luma.depth, full_range);
    let (width, height) = size;
    let mut grey = Vec::with_capacity(width * height);
    for y in 0..height {
        grey.extend(luma.row(y).iter().take(width).map(|&sample| byte(scale.of(sample))));
    }
    Ok(grey)
}

fn check(plane: &Plane, (width, height): (usize, usize)) -> Result<(), Refusal> {
    let enough = plane.width >= width && plane.height >= height && plane.samples.len() >= plane.width * plane.height;
    if enough { Ok(()) } else { Err(Refusal::corrupt("the coded picture is smaller than announced")) }
}

/// The conversion of samples to numbers from 0 to 255 for luma, from -127.5 to 127.5 for chroma.
struct Scale {
    zero: f32,
    factor: f32,
}

impl Scale {
    fn luma(depth: u8, full_range: bool) -> Self {
        if full_range {
            Self { zero: 0.0, factor: 255.0 / unit(depth, 256, 1) }
        } else {
            Self { zero: unit(depth, 16, 0), factor: 255.0 / unit(depth, 219, 0) }
        }
    }

    fn chroma(depth: u8, full_range: bool) -> Self {
        let factor = if full_range { 255.0 / unit(depth, 256, 1) } else { 255.0 / unit(depth, 224, 0) };
        Self { zero: unit(depth, 128, 0), factor }
    }

    fn of(&self, sample: u16) -> f32 {
        (f32::from(sample) - self.zero) * self.factor
    }

    fn apply(&self, samples: &[u16], out: &mut [f32]) {
        for (out, &sample) in out.iter_mut().zip(samples) {
            *out = self.of(sample);
        }
    }
}

/// Returns a number of 8-bit steps, less `below`, in steps of samples of this depth.
fn unit(depth: u8, steps: u32, below: u32) -> f32 {
    ((steps << u32::from(depth.clamp(8, 16) - 8)) - below) as f32
}

/// Rounds to a byte. Numbers out of range are clamped by the conversion.
fn byte(value: f32) -> u8 {
    (value + 0.5) as u8
}

/// Writes the chroma of the row `y` of pixels to `out`. `between` is room for a row.
fn upsample(plane: &Plane, chroma: Chroma, y: usize, scale: &Scale, between: &mut Vec<f32>, out: &mut [f32]) {
    let (near, other) = match chroma {
        Chroma::Quarter => (y / 2, if y.is_multiple_of(2) { (y / 2).saturating_sub(1) } else { y / 2 + 1 }),
        _ => return horizontally(plane.row(y), chroma, |n| scale.of(*n), out),
    };
    between.clear();
    let pairs = plane.row(near).iter().zip(plane.row(other));
    between.extend(pairs.map(|(&near, &other)| 0.75 * scale.of(near) + 0.25 * scale.of(other)));
    horizontally(between, chroma, |n| *n, out);
}

/// Spreads a row of chroma over the pixels of a row.
fn horizontally<T>(row: &[T], chroma: Chroma, value: impl Fn(&T) -> f32, out: &mut [f32]) {
    if chroma == Chroma::Full {
        for (out, sample) in out.iter_mut().zip(row) {
            *out = value(sample);
        }
        return;
    }
    // The first pixel has no sample to its left, and the last one none to its right.
    let (Some(first), Some(last)) = (row.first(), row.last()) else { return };
    let (first_out, inner) = match out.split_first_mut() {
        Some(split) => split,
        None => return,
    };
    *first_out = value(first);
    for (pixels, pair) in inner.chunks_exact_mut(2).zip(row.windows(2)) {
        let (left, right) = (value(&pair[0]), value(&pair[1]));
        pixels[0] = 0.75 * left + 0.25 * right;
        pixels[1] = 0.25 * left + 0.75 * right;
    }
    let is_last_open = inner.len() % 2 == 1 || row.len() <= inner.len() / 2;
    if is_last_open && let Some(out) = inner.last_mut() {
        *out = value(last);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plane(width: usize, depth: u8, samples: &[u16]) -> Plane {
        Plane { width, height: samples.len() / width, depth, samples: samples.to_vec() }
    }

    fn pixel(depth: u8, samples: [u16; 3], matrix: u16, full_range: bool) -> Vec<u8> {
        let planes = Planes {
            chroma: Chroma::Full,
            planes: samples.map(|s| plane(1, depth, &[s])),
            coding: Coding { matrix, full_range },
        };
        to_rgb(&planes, planes.coding, 2, (1, 1)).unwrap()
    }

    #[test]
    fn matrices_and_ranges_give_the_primary_colours() {
        for (depth, samples, matrix, full_range, want) in [
            (8, [76, 85, 255], 6, true, [254, 0, 0]),
            (8, [81, 90, 240], 6, false, [254, 0, 0]),
            (8, [63, 102, 240], 1, false, [255, 1, 0]),
            (10, [593, 512, 512], 1, false, [155, 155, 155]),
            (12, [4095, 2048, 2048], 9, true, [255, 255, 255]),
            (8, [10, 20, 30], 0, true, [30, 10, 20]),
            (8, [100, 128, 128], 8, true, [100, 100, 100]),
        ] {
            let found = pixel(depth, samples, matrix, full_range);
            let near = found.iter().zip(want).all(|(&a, b)| i16::from(a).abs_diff(b) <= 1);
            assert!(near, "{samples:?} with matrix {matrix}: {found:?}");
        }
    }

    #[test]
    fn an_unknown_matrix_is_a_kind_that_is_not_read() {
        let planes = Planes {
            chroma: Chroma::Full,
            planes: [0; 3].map(|s| plane(1, 8, &[s])),
            coding: Coding { matrix: 14, full_range: true },
        };
        assert!(matches!(to_rgb(&planes, planes.coding, 9, (1, 1)), Err(Refusal::UnsupportedKind { .. })));
    }

    #[test]
    fn chroma_is_interpolated_and_ends_at_the_edges() {
        for (width, want) in [(1, vec![0.0]), (2, vec![0.0, 0.0])] {
            let mut out = vec![9.0; width];
            horizontally(&[0.0], Chroma::Half, |n| *n, &mut out);
            assert_eq!(out, want);
        }
        for (width, want) in [(3, vec![0.0, 1.0, 3.0]), (4, vec![0.0, 1.0, 3.0, 4.0])] {
            let mut out = vec![9.0; width];
            horizontally(&[0.0, 4.0], Chroma::Half, |n| *n, &mut out);
            assert_eq!(out, want);
        }
        let plane = plane(1, 8, &[128, 132]);
        let scale = Scale { zero: 128.0, factor: 1.0 };
        let rows: Vec<_> = (0..4)
            .map(|y| {
                let mut out = [9.0];
                upsample(&plane, Chroma::Quarter, y, &scale, &mut Vec::new(), &mut out);
                out[0]
            })
            .collect();
        assert_eq!(rows, [0.0, 1.0, 3.0, 4.0]);
    }
}
