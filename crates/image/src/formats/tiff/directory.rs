//! The directories of a TIFF file: for each page, entries of a tag and its values.
//!
//! Source of the format: TIFF Revision 6.0 (Adobe, 1992), section 2, and the BigTIFF design, which widens counts and
//! offsets to 64 bits.

/// The largest number of directories that are read in search of a page.
const MAX_DIRECTORIES: usize = 64;

/// A TIFF or BigTIFF file, borrowed.
#[derive(Debug, Clone, Copy)]
pub struct Tiff<'a> {
    bytes: &'a [u8],
    big_endian: bool,
    is_big: bool,
}

/// A directory of a file.
#[derive(Debug)]
pub struct Directory<'a> {
    tiff: Tiff<'a>,
    entries: Vec<(u16, Values<'a>)>,
    next: u64,
}

/// The values of an entry.
#[derive(Debug, Clone, Copy)]
pub struct Values<'a> {
    data: &'a [u8],
    /// The number of the type, as the file states it.
    code: u16,
    kind: Kind,
    big_endian: bool,
}

/// The type of the values of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Whole numbers of this many bytes; the sign of signed types is not looked at.
    Whole(usize),
    /// Two whole numbers of four bytes, a fraction.
    Fraction,
    /// A float of four bytes.
    Float,
    /// A float of eight bytes.
    Double,
}

impl<'a> Tiff<'a> {
    /// Reads the header; `None` when it is not that of a TIFF or BigTIFF file.
    pub fn open(bytes: &'a [u8]) -> Option<Self> {
        let (big_endian, is_big) = match bytes {
            [b'I', b'I', 42, 0, ..] => (false, false),
            [b'M', b'M', 0, 42, ..] => (true, false),
            [b'I', b'I', 43, 0, 8, 0, ..] => (false, true),
            [b'M', b'M', 0, 43, 0, 8, ..] => (true, true),
            _ => return None,
        };
        Some(Self { bytes, big_endian, is_big })
    }

    /// Returns whether the file is a BigTIFF.
    pub const fn is_big(self) -> bool {
        self.is_big
    }

    /// Returns the chain of directories, one for each page in the usual case.
    pub fn directories(self) -> impl Iterator<Item = Directory<'a>> {
        let at = if self.is_big { self.number(8, 8) } else { self.number(4, 4) };
        let first = at.and_then(|at| self.directory(at));
        std::iter::successors(first, move |last| self.directory(last.next)).take(MAX_DIRECTORIES)
    }

    /// Returns the directory at this offset; `None` when there is none.
    fn directory(self, at: u64) -> Option<Directory<'a>> {
        let at = usize::try_from(at).ok().filter(|at| *at != 0)?;
        let (count_size, entry_size, offset_size) = if self.is_big { (8, 20, 8) } else { (2, 12, 4) };
        let count = usize::try_from(self.number(at, count_size)?).ok()?;
        let first = at.checked_add(count_size)?;
        // A directory that is cut off lacks tags whose absence would mean something else.
        let end = count.checked_mul(entry_size).and_then(|size| first.checked_add(size))?;
        self.bytes.get(first..end)?;
        let entries = (0..count).filter_map(|i| self.entry(first + i * entry_size)).collect();
        let next = self.number(end, offset_size).unwrap_or(0);
        Some(Directory { tiff: self, entries, next })
    }

    /// Reads an entry; `None` for an entry whose type is unknown. An entry whose values lie outside the file has none.
    fn entry(self, at: usize) -> Option<(u16, Values<'a>)> {
        let tag = u16::try_from(self.number(at, 2)?).ok()?;
        let code = u16::try_from(self.number(at + 2, 2)?).ok()?;
        let width = if self.is_big { 8 } else { 4 };
        let count = self.number(at + 4, width)?;
        let inline = at + 4 + width;
        let offset = self.number(inline, width)?;
        let kind = match code {
            1 | 2 | 6 | 7 => Kind::Whole(1),
            3 | 8 => Kind::Whole(2),
            4 | 9 | 13 => Kind::Whole(4),
            16..=18 => Kind::Whole(8),
            5 | 10 => Kind::Fraction,
            11 => Kind::Float,
            12 => Kind::Double,
            _ => return None,
        };
        let size = usize::try_from(count).ok().and_then(|count| count.checked_mul(kind.size()));
        let start = match size {
            Some(size) if size <= width => Some(inline),
            _ => usize::try_from(offset).ok(),
        };
        let data = start.zip(size).and_then(|(start, size)| self.bytes.get(start..start.checked_add(size)?));
        Some((tag, Values { data: data.unwrap_or_default(), code, kind, big_endian: self.big_endian }))
    }

    /// Reads a whole number of `size` bytes.
    fn number(self, at: usize, size: usize) -> Option<u64> {
        Some(whole(self.bytes.get(at..at.checked_add(size)?)?, self.big_endian))
    }
}

impl<'a> Directory<'a> {
    /// Returns the values of a tag.
    pub fn values(&self, tag: u16) -> Option<Values<'a>> {
        self.entries.iter().find(|(found, _)| *found == tag).map(|(_, values)| *values)
    }

    /// Returns the first of these tags that the directory has without values, because they lie outside the file.
    pub fn first_without_values(&self, tags: &[u16]) -> Option<u16> {
        let without = |tag: &&u16| self.values(**tag).is_some_and(|values| values.len() == 0);
        tags.iter().find(without).copied()
    }

    /// Returns the tag and the values of each entry.
    pub fn entries(&self) -> impl Iterator<Item = (u16, Values<'a>)> {
        self.entries.iter().copied()
    }

    /// Returns the first value of a tag as a whole number.
    pub fn number(&self, tag: u16) -> Option<u64> {
        self.values(tag)?.get(0)
    }

    /// Returns the directories that a tag points to.
    pub fn pointed_to_by(&self, tag: u16) -> impl Iterator<Item = Directory<'a>> {
        let tiff = self.tiff;
        let values = self.values(tag);
        let count = values.map_or(0, |values| values.len().min(MAX_DIRECTORIES));
        (0..count).filter_map(move |i| tiff.directory(values?.get(i)?))
    }

    /// Returns whether numbers of several bytes begin with the highest byte.
    pub const fn is_big_endian(&self) -> bool {
        self.tiff.big_endian
    }
}

impl<'a> Values<'a> {
    /// Returns the number of values.
    pub fn len(&self) -> usize {
        self.data.len() / self.kind.size()
    }

    /// Returns the `i`th value, if it exists and is a whole number.
    pub fn get(&self, i: usize) -> Option<u64> {
        match self.kind {
            Kind::Whole(size) => Some(whole(self.data.get(i * size..(i + 1) * size)?, self.big_endian)),
            _ => None,
        }
    }

    /// Returns the `i`th value, if it exists, as a float.
    pub fn float(&self, i: usize) -> Option<f64> {
        let size = self.kind.size();
        let data = self.data.get(i * size..(i + 1) * size)?;
        let number = |data: &[u8]| whole(data, self.big_endian);
        Some(match self.kind {
            Kind::Whole(_) => number(data) as f64,
            Kind::Fraction => number(&data[..4]) as f64 / number(&data[4..]) as f64,
            Kind::Float => f64::from(f32::from_bits(u32::try_from(number(data)).ok()?)),
            Kind::Double => f64::from_bits(number(data)),
        })
    }

    /// Returns the number of the type of the values (TIFF 6.0, section 2).
    pub const fn kind(&self) -> u16 {
        self.code
    }

    /// Returns the values as they stand in the file.
    pub const fn as_bytes(&self) -> &'a [u8] {
        self.data
    }
}

impl Kind {
    /// Returns the number of bytes of a value.
    const fn size(self) -> usize {
        match self {
            Self::Whole(size) => size,
            Self::Float => 4,
            Self::Fraction | Self::Double => 8,
        }
    }
}

/// Returns the whole number that these bytes, eight at most, stand for.
fn whole(bytes: &[u8], big_endian: bool) -> u64 {
    let add = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
    if big_endian { bytes.iter().fold(0, add) } else { bytes.iter().rev().fold(0, add) }
}
