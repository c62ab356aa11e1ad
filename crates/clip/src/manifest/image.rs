//! The image tower of a manifest, and the steps from a picture to the input of the tower.

use serde::Deserialize;

use super::fields::Fields;
use super::variant::Variant;
use crate::error::ClipError;

/// The largest height or width of an encoder's input, in pixels.
const MAX_EDGE: u32 = 4_096;

/// The image tower: float32 `[batch, 3, height, width]` → float32 `[batch, vector_dimension]`.
#[derive(Debug, Clone, PartialEq)]
pub struct ImageTower {
    /// The variant that every folder has.
    pub full: Variant,
    /// The other variants, in the order of the manifest.
    pub variants: Vec<Variant>,
    /// The name of the input, for readers of the manifest.
    pub input_name: String,
    /// The steps from pixels to the tensor.
    pub preprocessing: Preprocessing,
}

/// The steps from an RGB picture to the input tensor.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Preprocessing {
    /// The height of the tensor in pixels.
    pub height: u32,
    /// The width of the tensor in pixels.
    pub width: u32,
    /// The scaling.
    pub resize: Resize,
    /// The part of the scaled picture that is used.
    pub crop: Crop,
    /// The filter of the scaling.
    pub interpolation: Interpolation,
    /// The number subtracted from each channel (red, green, blue) after scaling to 0–1.
    pub mean: [f32; 3],
    /// The divisor of each channel, applied after the subtraction.
    pub std: [f32; 3],
}

/// The way a picture is scaled. Sizes are in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(tag = "mode", rename_all = "snake_case", deny_unknown_fields)]
pub enum Resize {
    /// The shorter edge becomes `size`, and the aspect ratio stays.
    ShortestEdge {
        /// The length of the shorter edge.
        size: u32,
    },
    /// The picture becomes `size` × `size`, whatever its aspect ratio.
    Exact {
        /// The length of both edges.
        size: u32,
    },
    /// The longer edge becomes `size`, and the rest of the square is filled.
    LongestEdgePad {
        /// The length of the longer edge, and of both edges after padding.
        size: u32,
        /// Red, green and blue of the filled rest; white when the manifest states no colour.
        #[serde(default = "white")]
        fill: [u8; 3],
    },
}

fn white() -> [u8; 3] {
    [255; 3]
}

impl Resize {
    /// Returns the size of the mode, in pixels.
    #[must_use]
    pub fn size(self) -> u32 {
        match self {
            Self::ShortestEdge { size } | Self::Exact { size } | Self::LongestEdgePad { size, .. } => size,
        }
    }
}

/// The part of the scaled picture that is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Crop {
    /// The middle of the picture, height × width. Halves of a pixel are rounded to even, as torchvision does.
    Center,
    /// The middle of the picture, height × width. Halves of a pixel are rounded down, as Hugging Face's processors do.
    CenterFloor,
    /// The whole picture, because scaling already gives the right size.
    None,
}

/// The filter of the scaling, always antialiased.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Interpolation {
    /// Cubic convolution with a = −0.5 (R. Keys, "Cubic convolution interpolation for digital image processing", 1981).
    Bicubic,
    /// Triangle.
    Bilinear,
    /// Windowed sinc with three lobes.
    Lanczos,
}

impl ImageTower {
    /// Parses the object `image` of a manifest.
    pub(super) fn parse(mut fields: Fields) -> Result<Self, ClipError> {
        let mut size = fields.object("size")?;
        let (height, width) = (edge(&mut size, "height")?, edge(&mut size, "width")?);
        size.finish()?;
        let preprocessing = Preprocessing {
            height,
            width,
            resize: fields.take("resize")?,
            crop: fields.take("crop")?,
            interpolation: fields.take("interpolation")?,
            mean: fields.take("mean")?,
            std: fields.take("std")?,
        };
        check(&fields, &preprocessing)?;
        let full = Variant::take_full(&mut fields)?;
        let variants = Variant::take_others(&mut fields, &full)?;
        let tower = Self { full, variants, input_name: fields.name("input_name")?, preprocessing };
        fields.finish()?;
        Ok(tower)
    }
}

fn edge(fields: &mut Fields, field: &str) -> Result<u32, ClipError> {
    let edge = fields.take(field)?;
    fields
        .check(field, (1..=MAX_EDGE).contains(&edge), || format!("it is {edge}, and must be from 1 to {MAX_EDGE}"))?;
    Ok(edge)
}

/// Checks that the scaled picture holds the crop, or has the tensor's size where nothing is cropped, and that the
/// numbers are usable.
fn check(fields: &Fields, p: &Preprocessing) -> Result<(), ClipError> {
    let size = p.resize.size();
    let larger = p.height.max(p.width);
    fields.check("resize", (1..=MAX_EDGE).contains(&size), || {
        format!("its size is {size}, and must be from 1 to {MAX_EDGE}")
    })?;
    match p.crop {
        Crop::Center | Crop::CenterFloor => fields.check("resize", size >= larger, || {
            format!("its size {size} is smaller than the crop's longer edge {larger}")
        })?,
        Crop::None => {
            let square = !matches!(p.resize, Resize::ShortestEdge { .. });
            fields.check("crop", square && size == p.height && size == p.width, || {
                format!("`none` needs a resize that always gives {} × {}", p.width, p.height)
            })?;
        }
    }
    fields.check("mean", p.mean.iter().all(|x| x.is_finite()), || "every number must be finite".to_owned())?;
    fields.check("std", p.std.iter().all(|x| x.is_finite() && *x > 0.0), || {
        "every number must be finite and above 0".to_owned()
    })
}
