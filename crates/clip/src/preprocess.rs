//! Preprocessing: from a picture to the pixels that an image tower takes, and to their float tensor.

use image::RgbImage;
use image::imageops;
use mitsuke_image::{Decoded, Enough};

use super::manifest::{Crop, Preprocessing, Resize};
use super::resize::{Region, resize};

/// A picture that was decoded smaller than its file has it must be at least this many times as large as the input of the
/// tower. The scaling to the input then hides that the decoder has scaled before: the pixels of the input differ from
/// those of the whole picture by less than one step of 255 on average.
const MARGIN: u32 = 2;

/// A picture scaled and cropped for one model. The picture stays in 8 bits (three bytes a pixel) while it waits in the
/// queue, because the tensor would be four times as large.
#[derive(Clone, PartialEq, Eq)]
pub struct PreparedImage(RgbImage);

impl PreparedImage {
    /// Returns the width in pixels.
    #[must_use]
    pub fn width(&self) -> u32 {
        self.0.width()
    }

    /// Returns the height in pixels.
    #[must_use]
    pub fn height(&self) -> u32 {
        self.0.height()
    }

    /// Returns the RGB triples, row after row.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_raw()
    }
}

impl std::fmt::Debug for PreparedImage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PreparedImage({} × {})", self.width(), self.height())
    }
}

/// Scales and crops pictures as a manifest says.
#[derive(Debug, Clone)]
pub struct Preprocessor {
    settings: Preprocessing,
    /// The number that each of the 256 values of each channel becomes: `(value / 255 − mean) / std`.
    values: [[f32; 256]; 3],
}

impl Preprocessor {
    /// Makes a preprocessor for one image tower.
    #[must_use]
    pub fn new(settings: &Preprocessing) -> Self {
        let values = std::array::from_fn(|channel| {
            let (mean, std) = (settings.mean[channel], settings.std[channel]);
            std::array::from_fn(|value| (value as f32 / 255.0 - mean) / std)
        });
        Self { settings: *settings, values }
    }

    /// Scales and crops a picture to the size of the image tower's input. A picture without pixels is treated as white,
    /// or as the colour of the padding.
    #[must_use]
    pub fn prepare(&self, picture: &RgbImage) -> PreparedImage {
        self.prepare_reduced(picture, picture.dimensions())
    }

    /// Scales and crops a decoded picture like [`Self::prepare`]. A picture that was decoded smaller is laid out like the
    /// whole one; it has to be at least as large as [`Self::enough`] says.
    #[must_use]
    pub fn prepare_decoded(&self, decoded: &Decoded) -> PreparedImage {
        self.prepare_reduced(&decoded.pixels, (decoded.facts.width, decoded.facts.height))
    }

    /// Returns the size of a picture that suffices for [`Self::prepare_decoded`].
    #[must_use]
    pub fn enough(&self) -> Enough {
        let edge = self.settings.resize.size().saturating_mul(MARGIN);
        match self.settings.resize {
            Resize::ShortestEdge { .. } | Resize::Exact { .. } => Enough { shorter: edge, longer: edge },
            Resize::LongestEdgePad { .. } => Enough { shorter: 0, longer: edge },
        }
    }

    fn prepare_reduced(&self, picture: &RgbImage, whole: (u32, u32)) -> PreparedImage {
        let Preprocessing { width, height, resize: mode, crop, interpolation, .. } = self.settings;
        let background = if let Resize::LongestEdgePad { fill, .. } = mode { fill } else { [255; 3] };
        let mut prepared = RgbImage::from_pixel(width, height, image::Rgb(background));
        if picture.is_empty() {
            return PreparedImage(prepared);
        }
        let Layout { scaled, canvas, offset } = Layout::new(whole, mode);
        // The crop of a padded picture may lie partly outside the picture.
        let cropped = |canvas: u32, edge: u32| match crop {
            Crop::Center => centered(canvas, edge),
            Crop::CenterFloor => (i64::from(canvas) - i64::from(edge)).div_euclid(2),
            Crop::None => 0,
        };
        let across = overlap(cropped(canvas.0, width) - i64::from(offset.0), width, scaled.0);
        let down = overlap(cropped(canvas.1, height) - i64::from(offset.1), height, scaled.1);
        if let (Some(across), Some(down)) = (across, down) {
            let region = Region { x: across.from, y: down.from, width: across.length, height: down.length };
            let part = resize(picture, scaled, region, interpolation);
            if part.dimensions() == (width, height) {
                prepared = part;
            } else {
                imageops::replace(&mut prepared, &part, across.to.into(), down.to.into());
            }
        }
        PreparedImage(prepared)
    }

    /// Appends the float32 `[3, height, width]` tensor of a prepared image to `tensor`.
    pub fn append_tensor(&self, prepared: &PreparedImage, tensor: &mut Vec<f32>) {
        let (pixels, _) = prepared.as_bytes().as_chunks::<3>();
        for (channel, values) in self.values.iter().enumerate() {
            tensor.extend(pixels.iter().map(|pixel| values[usize::from(pixel[channel])]));
        }
    }

    /// Tells whether an image was prepared to the size that this preprocessor gives.
    #[must_use]
    pub fn fits(&self, prepared: &PreparedImage) -> bool {
        (prepared.width(), prepared.height()) == (self.settings.width, self.settings.height)
    }
}

/// The place of a scaled picture in its padding. Sizes are (width, height), in pixels.
#[derive(Debug, PartialEq, Eq)]
struct Layout {
    /// The size of the scaled picture.
    scaled: (u32, u32),
    /// The size of the scaled picture with its padding.
    canvas: (u32, u32),
    /// The upper left corner of the scaled picture on the canvas.
    offset: (u32, u32),
}

impl Layout {
    fn new((width, height): (u32, u32), mode: Resize) -> Self {
        let (short, long) = (width.min(height), width.max(height));
        let oriented = |short, long| if width <= height { (short, long) } else { (long, short) };
        let size = mode.size();
        match mode {
            Resize::Exact { .. } => Self { scaled: (size, size), canvas: (size, size), offset: (0, 0) },
            Resize::ShortestEdge { .. } => {
                // The longer edge is rounded down, as in torchvision's `int(size * long / short)`.
                let scaled = oriented(size, ratio(size, long, short) as u32);
                Self { scaled, canvas: scaled, offset: (0, 0) }
            }
            Resize::LongestEdgePad { .. } => {
                let (width, height) = oriented((ratio(size, short, long).round_ties_even() as u32).max(1), size);
                // An odd pixel of padding is added on the right or below.
                let offset = ((size - width) / 2, (size - height) / 2);
                Self { scaled: (width, height), canvas: (size, size), offset }
            }
        }
    }
}

/// Returns `size × numerator / denominator`; the product is exact.
fn ratio(size: u32, numerator: u32, denominator: u32) -> f64 {
    (u64::from(size) * u64::from(numerator)) as f64 / f64::from(denominator)
}

/// Returns the first pixel of a crop of `edge` pixels from the middle. Halves are rounded to even, as torchvision's
/// `round` does.
fn centered(canvas: u32, edge: u32) -> i64 {
    ((f64::from(canvas) - f64::from(edge)) / 2.0).round_ties_even() as i64
}

/// The part of a window that shows the picture, in one dimension.
struct Overlap {
    /// The first pixel of the picture that is shown.
    from: u32,
    /// The pixel of the window that shows this first pixel.
    to: u32,
    /// The number of pixels that are shown.
    length: u32,
}

/// Returns the part of a window that shows the picture; `None` when no pixel is shown. The window has `window` pixels
/// and begins at pixel `begin` of the picture, which has `picture` pixels.
fn overlap(begin: i64, window: u32, picture: u32) -> Option<Overlap> {
    let from = begin.clamp(0, picture.into());
    let end = (begin + i64::from(window)).clamp(0, picture.into());
    let part = |x: i64| u32::try_from(x).ok();
    let length = part(end - from).filter(|length| *length > 0)?;
    Some(Overlap { from: part(from)?, to: part(from - begin)?, length })
}

#[cfg(test)]
mod tests;
