//! Interpolation in the colour tables of ICC profiles, with LittleCMS's choice of method (`cmsintrp.c`): tetrahedral
//! for three inputs; with more, linear between two such results along the first input.

/// The place of one input in a table of fewer than 2³² nodes: the node below it and the part of the way to the node above.
#[derive(Debug, Clone, Copy)]
pub struct Cell {
    base: u32,
    step: u32,
    fraction: f32,
}

impl Cell {
    /// Finds the place of `value`, from 0 to 1, among `points` nodes that lie `stride` apart in the table.
    #[inline]
    pub fn new(value: f32, points: usize, stride: usize) -> Self {
        if points < 2 {
            return Self { base: 0, step: 0, fraction: 0.0 };
        }
        // The absolute value of −0 is 0, whose bits sort before those of other fractions.
        let position = value.clamp(0.0, 1.0).abs() * (points - 1) as f32;
        let below = (position as usize).min(points - 2);
        Self { base: (below * stride) as u32, step: stride as u32, fraction: position - below as f32 }
    }
}

/// Returns the interpolated value at `cells`, one for each of one, three or four inputs. `node` reads a node of the table.
#[inline(always)]
pub fn interpolated<const N: usize>(cells: &[Cell], node: &impl Fn(usize) -> [f32; N]) -> [f32; N] {
    let at = |corner: u32| node(corner as usize);
    match *cells {
        [x] => mixed(at(x.base), at(x.base + x.step), x.fraction),
        [x, y, z] => tetrahedral(x.base + y.base + z.base, &descending(x, y, z), node),
        [first, x, y, z] => {
            let (corner, axes) = (first.base + x.base + y.base + z.base, descending(x, y, z));
            let above = tetrahedral(corner + first.step, &axes, node);
            mixed(tetrahedral(corner, &axes, node), above, first.fraction)
        }
        _ => node(0),
    }
}

#[inline(always)]
fn mixed<const N: usize>(below: [f32; N], above: [f32; N], fraction: f32) -> [f32; N] {
    std::array::from_fn(|i| below[i] + (above[i] - below[i]) * fraction)
}

/// Sorts three cells by fraction, the largest first. Bits of fractions that are not negative sort as the fractions do, and
/// whole numbers are sorted without branches, which a processor cannot predict here.
#[inline(always)]
fn descending(x: Cell, y: Cell, z: Cell) -> [(usize, f32); 3] {
    let key = |cell: Cell| (u64::from(cell.fraction.to_bits()) << 32) | u64::from(cell.step);
    let (x, y, z) = (key(x), key(y), key(z));
    let (x, y) = (x.max(y), x.min(y));
    let (y, z) = (y.max(z), y.min(z));
    let (x, y) = (x.max(y), x.min(y));
    [x, y, z].map(|key| (key as u32 as usize, f32::from_bits((key >> 32) as u32)))
}

/// Walks from the lowest corner of a cube to the highest, along the axis of the largest fraction first. The four corners
/// passed are those of the tetrahedron that holds the value.
#[inline(always)]
fn tetrahedral<const N: usize>(corner: u32, axes: &[(usize, f32); 3], node: &impl Fn(usize) -> [f32; N]) -> [f32; N] {
    let mut corner = corner as usize;
    let mut low = node(corner);
    let mut sum = low;
    for (step, fraction) in axes {
        corner += step;
        let high = node(corner);
        sum = std::array::from_fn(|i| sum[i] + (high[i] - low[i]) * fraction);
        low = high;
    }
    sum
}
