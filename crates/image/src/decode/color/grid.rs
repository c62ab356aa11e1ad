//! The conversion to sRGB through a table over all samples, for profiles whose own tables are too slow for each pixel.

use moxcms::{CmsError, ColorProfile, TransformExecutor};

use super::black_point::{compensated, luminance};
use super::device::Device;
use super::interpolation::{Cell, interpolated};
use crate::decode::hdr::encoded;

/// sRGB at the nodes of a regular grid over the samples of a device.
pub struct Grid {
    inputs: usize,
    points: usize,
    has_alpha: bool,
    /// Three numbers from 0 to 1, and one that fills the vector.
    nodes: Vec<[f32; 4]>,
    /// The place of each sample of 8 bits, for each input.
    cells: Vec<[Cell; 256]>,
}

impl Grid {
    /// Samples the conversion of a profile at as many nodes as LittleCMS does (`_cmsReasonableGridpointsByColorspace` in
    /// `cmspcs.c`), so that what lies between them comes out alike. `None` when the profile is not usable.
    pub fn new(profile: &ColorProfile, inputs: usize, has_alpha: bool) -> Option<Self> {
        let points: usize = if inputs == 4 { 17 } else { 33 };
        let device = Device::new(profile, profile.lut_a_to_b_perceptual.as_ref())?;
        let black = luminance(profile);
        let to_linear = ColorProfile::new_srgb().rgb_to_xyz_matrix().inverse().v.map(|row| row.map(|n| n as f32));
        let nodes = (0..points.pow(inputs as u32)).map(|node| {
            let mut samples = [0.0; 4];
            let mut rest = node;
            for sample in samples[..inputs].iter_mut().rev() {
                *sample = (rest % points) as f32 / (points - 1) as f32;
                rest /= points;
            }
            let [x, y, z] = device.xyz(samples);
            let [r, g, b] = to_linear.map(|row| row[0] * x + row[1] * y + row[2] * z);
            let [r, g, b] = [r, g, b].map(|light| encoded(compensated(light, black).max(0.0)));
            [r, g, b, 0.0]
        });
        let mut grid = Self { inputs, points, has_alpha, nodes: nodes.collect(), cells: Vec::new() };
        let cells = |input| std::array::from_fn(|sample| Cell::new(sample as f32 / 255.0, points, grid.stride(input)));
        grid.cells = (0..inputs).map(cells).collect();
        Some(grid)
    }

    /// Returns the number of nodes from one sample of an input to the next; the last input changes fastest.
    fn stride(&self, input: usize) -> usize {
        self.points.pow((self.inputs - 1 - input) as u32)
    }

    /// Converts pixels of `INPUTS` samples and `ALPHA` more, which stay as they are. `cell` returns the place of a sample
    /// of an input.
    fn convert<T: Copy + PartialEq + Default, const INPUTS: usize, const ALPHA: usize>(
        &self,
        from: &[T],
        to: &mut [T],
        cell: impl Fn(usize, T) -> Cell,
        sample: impl Fn(f32) -> T,
    ) {
        let color = |samples: [T; INPUTS]| {
            let cells: [Cell; INPUTS] = std::array::from_fn(|i| cell(i, samples[i]));
            let [r, g, b, _] = interpolated(&cells, &|i| self.nodes[i]);
            [sample(r), sample(g), sample(b)]
        };
        // Neighbours are often alike.
        let mut last = ([T::default(); INPUTS], color([T::default(); INPUTS]));
        for (from, to) in from.chunks_exact(INPUTS + ALPHA).zip(to.chunks_exact_mut(3 + ALPHA)) {
            let Some((samples, alpha)) = from.split_first_chunk::<INPUTS>() else { continue };
            if *samples != last.0 {
                last = (*samples, color(*samples));
            }
            to[..3].copy_from_slice(&last.1);
            to[3..].copy_from_slice(alpha);
        }
    }

    fn dispatch<T: Copy + PartialEq + Default>(
        &self,
        from: &[T],
        to: &mut [T],
        cell: impl Fn(usize, T) -> Cell,
        sample: impl Fn(f32) -> T,
    ) -> Result<(), CmsError> {
        match (self.inputs, self.has_alpha) {
            (4, false) => self.convert::<T, 4, 0>(from, to, cell, sample),
            (3, false) => self.convert::<T, 3, 0>(from, to, cell, sample),
            (3, true) => self.convert::<T, 3, 1>(from, to, cell, sample),
            (1, false) => self.convert::<T, 1, 0>(from, to, cell, sample),
            _ => return Err(CmsError::InvalidLayout),
        }
        Ok(())
    }
}

impl TransformExecutor<u8> for Grid {
    fn transform(&self, from: &[u8], to: &mut [u8]) -> Result<(), CmsError> {
        let cell = |input: usize, sample| self.cells[input][usize::from(sample)];
        self.dispatch(from, to, cell, |light| (light * 255.0 + 0.5) as u8)
    }
}

impl TransformExecutor<u16> for Grid {
    fn transform(&self, from: &[u16], to: &mut [u16]) -> Result<(), CmsError> {
        let cell = |input, sample| Cell::new(f32::from(sample) / 65_535.0, self.points, self.stride(input));
        self.dispatch(from, to, cell, |light| (light * 65_535.0 + 0.5) as u16)
    }
}
