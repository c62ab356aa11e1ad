//! Pictures that are made of other pictures: grids and overlays.

use super::canvas::Canvas;
use crate::container::isobmff::{ItemId, Reader};
use crate::decode::refusal::Refusal;

/// The way in which a picture is made of others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Derivation {
    /// The picture is another one, with transformations of its own.
    Identity,
    /// Its parts stand side by side.
    Grid { columns: usize, size: (u32, u32) },
    /// Its parts are drawn over each other, each at its place.
    Overlay { size: (u32, u32), places: Vec<(i64, i64)> },
}

impl Derivation {
    /// Reads how an item of this type is made of `parts` other pictures; `None` for a description that cannot be read.
    pub fn read(kind: &[u8; 4], data: &[u8], parts: usize) -> Option<Self> {
        let mut reader = Reader::new(data);
        let [_version, flags] = if kind == b"iden" { [0, 0] } else { reader.array()? };
        // Lengths have 32 bits with this flag, and 16 without.
        let field = if flags & 1 == 1 { 4 } else { 2 };
        let length = |reader: &mut Reader<'_>| u32::try_from(reader.uint(field)?).ok();
        Some(match kind {
            b"iden" if parts == 1 => Self::Identity,
            b"grid" => {
                let (rows, columns) = (usize::from(reader.u8()?) + 1, usize::from(reader.u8()?) + 1);
                let size = (length(&mut reader)?, length(&mut reader)?);
                (rows * columns == parts).then_some(Self::Grid { columns, size })?
            }
            b"iovl" => {
                // The colour of the background is ignored: transparent or white, as far as writers go.
                reader.bytes(8)?;
                let size = (length(&mut reader)?, length(&mut reader)?);
                let mut offset = || {
                    let offset = reader.uint(field)?;
                    Some(if field == 4 { i64::from(offset as i32) } else { i64::from(offset as i16) })
                };
                let places = (0..parts).map(|_| Some((offset()?, offset()?))).collect::<Option<_>>()?;
                Self::Overlay { size, places }
            }
            _ => return None,
        })
    }

    /// Returns the size of the picture before its transformations; `None` for that of its part.
    pub const fn size(&self) -> Option<(u32, u32)> {
        match self {
            Self::Identity => None,
            Self::Grid { size, .. } | Self::Overlay { size, .. } => Some(*size),
        }
    }

    /// Makes the picture of its parts, which `decode` gives one after the other.
    ///
    /// # Errors
    /// The errors of `decode`; [`Refusal::Corrupt`] for a grid that its parts do not fill.
    pub fn compose<const N: usize>(
        &self,
        parts: &[ItemId],
        mut decode: impl FnMut(ItemId) -> Result<Canvas<N>, Refusal>,
    ) -> Result<Canvas<N>, Refusal> {
        let (&first, others) = parts.split_first().ok_or_else(|| Refusal::corrupt("a picture made of nothing"))?;
        let size = |(width, height): (u32, u32)| (width as usize, height as usize);
        let first = decode(first)?;
        match self {
            Self::Identity => Ok(first),
            Self::Grid { columns, size: whole } => {
                let (width, height) = (first.width, first.height);
                let mut canvas = Canvas::filled(size(*whole), [255; N]);
                if width * columns < canvas.width || height * (parts.len() / columns) < canvas.height {
                    return Err(Refusal::corrupt("the parts do not fill the grid"));
                }
                canvas.draw(&first, (0, 0));
                drop(first);
                for (n, &part) in (1..).zip(others) {
                    let part = decode(part)?;
                    if (part.width, part.height) != (width, height) {
                        return Err(Refusal::corrupt("the parts of the grid differ in size"));
                    }
                    canvas.draw(&part, ((n % columns * width) as i64, (n / columns * height) as i64));
                }
                Ok(canvas)
            }
            Self::Overlay { size: whole, places } => {
                let mut canvas = Canvas::filled(size(*whole), [255; N]);
                let mut places = places.iter();
                let mut draw = |part: &Canvas<N>| places.next().map(|&place| canvas.draw(part, place));
                draw(&first);
                drop(first);
                for &part in others {
                    draw(&decode(part)?);
                }
                Ok(canvas)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Decodes a part to four pixels of its number.
    #[expect(clippy::unnecessary_wraps, reason = "the signature is that of a decoder")]
    fn part(id: ItemId) -> Result<Canvas<1>, Refusal> {
        Ok(Canvas::filled((2, 2), [id as u8]))
    }

    #[test]
    fn a_grid_is_filled_row_by_row_and_cut() {
        let grid = Derivation::read(b"grid", &[0, 0, 1, 1, 0, 3, 0, 4], 4).unwrap();
        assert_eq!(grid, Derivation::Grid { columns: 2, size: (3, 4) });
        let canvas = grid.compose(&[1, 2, 3, 4], part).unwrap();
        assert_eq!(canvas.samples, [1, 1, 2, 1, 1, 2, 3, 3, 4, 3, 3, 4]);
        let wide = Derivation::read(b"grid", &[0, 1, 0, 0, 0, 0, 0, 2, 0, 0, 0, 1], 1).unwrap();
        assert_eq!(wide.compose(&[7], part).unwrap().samples, [7, 7]);
    }

    #[test]
    fn an_overlay_draws_later_parts_over_earlier_ones() {
        let data = [&[0, 0][..], &[0; 8], &[0, 3, 0, 2], &[0, 0, 0, 0], &[0, 1, 255, 255]].concat();
        let overlay = Derivation::read(b"iovl", &data, 2).unwrap();
        assert_eq!(overlay.compose(&[1, 2], part).unwrap().samples, [1, 2, 2, 1, 1, 255]);
    }

    #[test]
    fn contradictions_are_refused() {
        assert_eq!(Derivation::read(b"grid", &[0, 0, 1, 1, 0, 3, 0, 4], 3), None);
        assert_eq!(Derivation::read(b"grid", &[0, 0, 1, 1, 0, 3], 4), None);
        assert_eq!(Derivation::read(b"iden", &[], 2), None);
        let too_large = Derivation::Grid { columns: 1, size: (3, 2) };
        assert!(too_large.compose(&[1], part).is_err());
        assert!(too_large.compose(&[], part).is_err());
    }
}
