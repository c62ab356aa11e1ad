//! From the samples of a device to XYZ, as the tags of its ICC profile say.

use moxcms::{
    ColorProfile, DataColorSpace, LutDataType, LutMultidimensionalType, LutStore, LutType, LutWarehouse,
    ToneCurveEvaluator, ToneReprCurve,
};

use super::interpolation::{Cell, interpolated};

/// The white of the profile connection space in XYZ.
const D50: [f32; 3] = [0.9642, 1.0, 0.8249];
/// XYZ where a table of 16 bits says 65,535.
const XYZ_AT_FULL: f32 = 1.0 + 32_767.0 / 32_768.0;
/// Lab of tables of the type `lut16Type` ends at 65,280 instead of 65,535.
const LAB_AT_FULL_IN_16_BITS: f32 = 65_535.0 / 65_280.0;

type Curve = Box<dyn ToneCurveEvaluator + Send + Sync>;

/// The conversion from a device to XYZ relative to D50.
pub struct Device<'a> {
    stages: Vec<Stage<'a>>,
    connection: Connection,
}

enum Stage<'a> {
    Curves(Vec<Curve>),
    Table { points: Vec<usize>, nodes: &'a LutStore },
    Matrix { rows: [[f32; 3]; 3], offset: [f32; 3] },
}

/// The meaning of the last stage's numbers, which go from 0 to 1.
enum Connection {
    Xyz { scale: f32 },
    Lab { scale: f32 },
}

impl<'a> Device<'a> {
    /// Reads the conversion of a profile: of `table` if there is one, else of the curves and colorants. `None` when
    /// the profile has neither or its parts do not fit together.
    pub fn new(profile: &'a ColorProfile, table: Option<&'a LutWarehouse>) -> Option<Self> {
        let inputs = match profile.color_space {
            DataColorSpace::Gray => 1,
            DataColorSpace::Rgb => 3,
            DataColorSpace::Cmyk => 4,
            _ => return None,
        };
        let is_lab = profile.pcs == DataColorSpace::Lab;
        match table {
            Some(LutWarehouse::Lut(table)) => Self::of_lut(table, inputs, is_lab),
            Some(LutWarehouse::Multidimensional(table)) => Self::of_mab(table, inputs, is_lab),
            None if inputs == 1 => Self::of_grey(profile, is_lab),
            None if inputs == 3 => Self::of_colorants(profile),
            None => None,
        }
    }

    /// Reads `lut8Type` and `lut16Type`.
    fn of_lut(table: &'a LutDataType, inputs: usize, is_lab: bool) -> Option<Self> {
        if usize::from(table.num_input_channels) != inputs || table.num_output_channels != 3 {
            return None;
        }
        let stages = vec![
            Stage::Curves(curves(&sampled(&table.input_table, table.num_input_table_entries, inputs)?)?),
            Stage::table(vec![usize::from(table.num_clut_grid_points); inputs], &table.clut_table)?,
            Stage::Curves(curves(&sampled(&table.output_table, table.num_output_table_entries, 3)?)?),
        ];
        let is_16_bits = table.lut_type == LutType::Lut16;
        let connection = if is_lab {
            Connection::Lab { scale: if is_16_bits { LAB_AT_FULL_IN_16_BITS } else { 1.0 } }
        } else {
            Connection::Xyz { scale: XYZ_AT_FULL }
        };
        Some(Self { stages, connection })
    }

    /// Reads `lutAToBType`.
    fn of_mab(table: &'a LutMultidimensionalType, inputs: usize, is_lab: bool) -> Option<Self> {
        if usize::from(table.num_input_channels) != inputs || table.num_output_channels != 3 {
            return None;
        }
        let points = table.grid_points.iter().take(inputs).map(|points| usize::from(*points)).collect();
        let mut stages = vec![Stage::Curves(curves(&table.a_curves)?)];
        match &table.clut {
            Some(nodes) => stages.push(Stage::table(points, nodes)?),
            None if inputs != 3 => return None,
            None => {}
        }
        let rows = table.matrix.v.map(|row| row.map(|number| number as f32));
        let offset = table.bias.v.map(|number| number as f32);
        stages.push(Stage::Curves(curves(&table.m_curves)?));
        stages.push(Stage::Matrix { rows, offset });
        stages.push(Stage::Curves(curves(&table.b_curves)?));
        let connection = if is_lab { Connection::Lab { scale: 1.0 } } else { Connection::Xyz { scale: XYZ_AT_FULL } };
        Some(Self { stages, connection })
    }

    /// Reads the curve of a grey profile: luminance, or lightness where the profile connects through Lab.
    fn of_grey(profile: &ColorProfile, is_lab: bool) -> Option<Self> {
        let curve = Stage::Curves(vec![profile.gray_trc.as_ref()?.make_linear_evaluator().ok()?]);
        let (rows, offset, connection) = if is_lab {
            const NEUTRAL: f32 = 128.0 / 255.0;
            ([[1.0, 0.0, 0.0], [0.0; 3], [0.0; 3]], [0.0, NEUTRAL, NEUTRAL], Connection::Lab { scale: 1.0 })
        } else {
            (D50.map(|white| [white, 0.0, 0.0]), [0.0; 3], Connection::Xyz { scale: 1.0 })
        };
        Some(Self { stages: vec![curve, Stage::Matrix { rows, offset }], connection })
    }

    /// Reads the three curves and colorants of an RGB profile.
    fn of_colorants(profile: &ColorProfile) -> Option<Self> {
        let trc = [&profile.red_trc, &profile.green_trc, &profile.blue_trc];
        let curves =
            trc.into_iter().map(|curve| curve.as_ref()?.make_linear_evaluator().ok()).collect::<Option<_>>()?;
        let rows = profile.rgb_to_xyz_matrix().v.map(|row| row.map(|number| number as f32));
        let stages = vec![Stage::Curves(curves), Stage::Matrix { rows, offset: [0.0; 3] }];
        Some(Self { stages, connection: Connection::Xyz { scale: 1.0 } })
    }

    /// Converts samples from 0 to 1, of which a device with fewer than four inputs uses the first.
    pub fn xyz(&self, samples: [f32; 4]) -> [f32; 3] {
        let [x, y, z, _] = self.stages.iter().fold(samples, |values, stage| stage.apply(values));
        match self.connection {
            Connection::Xyz { scale } => [x, y, z].map(|number| number * scale),
            Connection::Lab { scale } => {
                let [l, a, b] = [x, y, z].map(|number| number * scale);
                lab_to_xyz([l * 100.0, a * 255.0 - 128.0, b * 255.0 - 128.0])
            }
        }
    }
}

impl<'a> Stage<'a> {
    /// Makes the stage of a table with three outputs. `None` when it has fewer nodes than `points` say.
    fn table(points: Vec<usize>, nodes: &'a LutStore) -> Option<Self> {
        let count = points.iter().try_fold(3_usize, |count, points| count.checked_mul(*points))?;
        let found = match nodes {
            LutStore::Store8(nodes) => nodes.len(),
            LutStore::Store16(nodes) => nodes.len(),
        };
        (count > 0 && found >= count).then_some(Self::Table { points, nodes })
    }

    fn apply(&self, mut values: [f32; 4]) -> [f32; 4] {
        match self {
            Self::Curves(curves) => {
                for (value, curve) in values.iter_mut().zip(curves) {
                    *value = curve.evaluate_value(*value);
                }
                values
            }
            Self::Table { points, nodes } => {
                let mut cells = [Cell::new(0.0, 1, 1); 4];
                let mut stride = 1;
                for (i, points) in points.iter().enumerate().rev() {
                    cells[i] = Cell::new(values[i], *points, stride);
                    stride *= points;
                }
                let cells = &cells[..points.len()];
                let [x, y, z] = match nodes {
                    LutStore::Store8(nodes) => interpolated(cells, &|i| node(nodes, i)).map(|number| number / 255.0),
                    LutStore::Store16(nodes) => {
                        interpolated(cells, &|i| node(nodes, i)).map(|number| number / 65_535.0)
                    }
                };
                [x, y, z, 0.0]
            }
            Self::Matrix { rows, offset } => {
                let of =
                    |i: usize| rows[i][0] * values[0] + rows[i][1] * values[1] + rows[i][2] * values[2] + offset[i];
                [of(0), of(1), of(2), 0.0]
            }
        }
    }
}

/// Reads a node of three numbers.
fn node<T: Copy + Into<f32>>(nodes: &[T], i: usize) -> [f32; 3] {
    std::array::from_fn(|channel| nodes[3 * i + channel].into())
}

/// Splits the curves of a table, which lie one after another.
fn sampled(store: &LutStore, entries: u16, channels: usize) -> Option<Vec<ToneReprCurve>> {
    let all: Vec<u16> = match store {
        LutStore::Store8(samples) => samples.iter().map(|sample| u16::from(*sample) * 257).collect(),
        LutStore::Store16(samples) => samples.clone(),
    };
    let curves: Vec<_> =
        all.chunks_exact(usize::from(entries).max(2)).take(channels).map(|c| ToneReprCurve::Lut(c.to_vec())).collect();
    (curves.len() == channels).then_some(curves)
}

fn curves(curves: &[ToneReprCurve]) -> Option<Vec<Curve>> {
    curves.iter().map(|curve| curve.make_linear_evaluator().ok()).collect()
}

/// Converts CIE L\*a\*b\* to XYZ, both relative to D50.
fn lab_to_xyz([l, a, b]: [f32; 3]) -> [f32; 3] {
    let y = (l + 16.0) / 116.0;
    let cubed = |f: f32| if f <= 24.0 / 116.0 { (f - 16.0 / 116.0) * 108.0 / 841.0 } else { f * f * f };
    [D50[0] * cubed(y + a / 500.0), D50[1] * cubed(y), D50[2] * cubed(y - b / 200.0)]
}
