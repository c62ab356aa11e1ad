//! Snapshots: an index in a file. Loading a snapshot takes seconds, and building the index takes minutes.
//!
//! All numbers are little-endian. The layout of the file:
//!
//! | part | bytes |
//! |---|---|
//! | header ([`Header`]) | 112, of which the last 32 are the SHA-256 of the first 80 |
//! | rows of each cell | 4 × cells |
//! | lengths, steps and codes of the means, if there are lists | (8 + dimension) × cells |
//! | ids, steps and codes of the rows, cell after cell | (12 + dimension) × rows |
//! | SHA-256 of everything after the header | 32 |
//!
//! The digest of the header is checked before its facts are used. The facts determine the length of the file, which is
//! checked before anything is allocated, so no number of a damaged file ever sizes a buffer.

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::cell::Cell;
use crate::layout::{Layout, Lists};
use crate::locations::Locations;
use crate::workers::{self, Priority};

/// The name of the format and its version. The rotation, the codes and the layout of the file are all part of it.
const MAGIC: [u8; 8] = *b"MTSKIDX2";
const HEADER_BYTES: usize = 112;
const DIGEST_BYTES: usize = 32;
const BUFFER_BYTES: usize = 1 << 20;

/// The stamp of a snapshot, which says what rows the snapshot holds. The caller sets the stamp when saving, and checks
/// it after loading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SnapshotStamp {
    /// The time in the history of the rows at which the snapshot was made. The caller draws it at random and remembers
    /// it beside the rows.
    pub epoch: [u8; 16],
    /// The model that made the vectors.
    pub model_id: i64,
    /// The number of the last change of the rows that the index contains.
    pub last_change: u64,
    /// The number of vectors in the index.
    pub count: u64,
}

impl SnapshotStamp {
    /// Returns the two halves of the epoch.
    fn epoch_words(self) -> [[u8; 8]; 2] {
        let mut halves = [[0; 8]; 2];
        for (half, word) in halves.iter_mut().zip(self.epoch.as_chunks::<8>().0) {
            *half = *word;
        }
        halves
    }
}

/// The reason why a file cannot be loaded as an index.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// The file cannot be opened or read.
    #[error("the index file cannot be read: {0}")]
    Io(#[from] io::Error),
    /// The file has another format, or another version of the format.
    #[error("the file is not an index of this version")]
    Format,
    /// The vectors in the file have another dimension.
    #[error("the index file holds vectors of {found} components, not {expected}")]
    Dimension {
        /// The dimension asked for.
        expected: usize,
        /// The dimension of the file.
        found: u64,
    },
    /// The file is truncated or too long, or a byte of it has changed.
    #[error("the index file is damaged")]
    Damaged,
}

/// The facts that determine a file's length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Header {
    stamp: SnapshotStamp,
    dimension: u64,
    rows: u64,
    cells: u64,
    /// The number of vectors at the time of the training; 0 when there are no lists.
    trained_on: u64,
}

impl Header {
    /// Writes 80 bytes of facts and their digest.
    fn to_bytes(self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        let numbers = [
            self.stamp.model_id.cast_unsigned(),
            self.stamp.last_change,
            self.stamp.count,
            self.dimension,
            self.rows,
            self.cells,
            self.trained_on,
        ];
        let (facts, digest) = bytes.split_at_mut(HEADER_BYTES - DIGEST_BYTES);
        let [first, second] = self.stamp.epoch_words();
        let words = [MAGIC, first, second].into_iter().chain(numbers.map(u64::to_le_bytes));
        for (place, word) in facts.chunks_exact_mut(8).zip(words) {
            place.copy_from_slice(&word);
        }
        digest.copy_from_slice(&Sha256::digest(&*facts));
        bytes
    }

    fn from_bytes(bytes: &[u8; HEADER_BYTES]) -> Result<Self, SnapshotError> {
        let mut words = bytes.as_chunks::<8>().0.iter().copied();
        if words.next() != Some(MAGIC) {
            return Err(SnapshotError::Format);
        }
        let mut epoch = [0; 16];
        for (place, word) in epoch.chunks_exact_mut(8).zip(&mut words) {
            place.copy_from_slice(&word);
        }
        let mut number = || words.next().map_or(0, u64::from_le_bytes);
        let stamp = SnapshotStamp { epoch, model_id: number().cast_signed(), last_change: number(), count: number() };
        let header = Self { stamp, dimension: number(), rows: number(), cells: number(), trained_on: number() };
        // The same facts always give the same bytes, digest included.
        if header.to_bytes() == *bytes { Ok(header) } else { Err(SnapshotError::Damaged) }
    }

    /// Computes the length of the file; `None` for facts that no file can have.
    fn file_bytes(self) -> Option<u64> {
        let list = if self.trained_on == 0 { 4 } else { self.dimension.checked_add(12)? };
        let lists = self.cells.checked_mul(list)?;
        let rows = self.rows.checked_mul(self.dimension.checked_add(12)?)?;
        lists.checked_add(rows)?.checked_add((HEADER_BYTES + DIGEST_BYTES) as u64)
    }
}

/// Writes `layout` to `path`; see [`crate::VectorIndex::save`].
pub(crate) fn save(layout: &Layout, dimension: usize, path: &Path, stamp: SnapshotStamp) -> io::Result<()> {
    let partial = partial_path(path);
    let written = write(layout, dimension, &partial, stamp).and_then(|()| fs::rename(&partial, path));
    if written.is_err() {
        // The caller learns the first error. A file that cannot be removed is overwritten by the next snapshot.
        _ = fs::remove_file(&partial);
        return written;
    }
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // A renamed file survives a power cut only when its folder is synced too.
    File::open(folder)?.sync_all()
}

/// Returns the path that a file is written to before it is renamed. It is in the same folder, so that renaming is
/// atomic.
fn partial_path(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(".partial");
    path.with_file_name(name)
}

/// Creates a file that only its owner can read, as far as the system knows owners.
fn create(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn write(layout: &Layout, dimension: usize, path: &Path, stamp: SnapshotStamp) -> io::Result<()> {
    let header = Header {
        stamp,
        dimension: dimension as u64,
        rows: layout.rows as u64,
        cells: layout.cells.len() as u64,
        trained_on: layout.lists.as_ref().map_or(0, |lists| lists.trained_on as u64),
    };
    let mut file = BufWriter::with_capacity(BUFFER_BYTES, create(path)?);
    file.write_all(&header.to_bytes())?;
    let mut body = Hashing { inner: file, digest: Sha256::new() };
    for cell in &layout.cells {
        body.write_all(&(cell.len() as u32).to_le_bytes())?;
    }
    if let Some(lists) = &layout.lists {
        write_floats(&mut body, &lists.lengths)?;
        write_floats(&mut body, lists.directions.scales())?;
        write_codes(&mut body, lists.directions.codes())?;
    }
    for cell in &layout.cells {
        let ids: Vec<u8> = cell.ids().iter().flat_map(|id| id.to_le_bytes()).collect();
        body.write_all(&ids)?;
        write_floats(&mut body, cell.scales())?;
        write_codes(&mut body, cell.codes())?;
    }
    let Hashing { inner: mut file, digest } = body;
    file.write_all(&digest.finalize())?;
    file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()
}

fn write_floats(to: &mut impl Write, floats: &[f32]) -> io::Result<()> {
    to.write_all(&floats.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>())
}

fn write_codes(to: &mut impl Write, codes: &[i8]) -> io::Result<()> {
    for part in codes.chunks(BUFFER_BYTES) {
        to.write_all(&part.iter().map(|code| code.cast_unsigned()).collect::<Vec<u8>>())?;
    }
    Ok(())
}

/// Reads the stamp of a file, and nothing behind its header.
///
/// # Errors
/// [`SnapshotError`] when the file cannot be read, has another format, or its header is damaged.
pub fn read_stamp(path: &Path) -> Result<SnapshotStamp, SnapshotError> {
    let mut header = [0; HEADER_BYTES];
    File::open(path)?.read_exact(&mut header).map_err(truncated)?;
    Header::from_bytes(&header).map(|header| header.stamp)
}

/// Reads a file that [`save`] wrote; see [`crate::VectorIndex::load`].
pub(crate) fn load(path: &Path, dimension: usize) -> Result<(Layout, SnapshotStamp), SnapshotError> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    let mut bytes = [0; HEADER_BYTES];
    file.read_exact(&mut bytes).map_err(truncated)?;
    let header = Header::from_bytes(&bytes)?;
    if header.file_bytes() != Some(length) {
        return Err(SnapshotError::Damaged);
    }
    if header.dimension != dimension as u64 || dimension == 0 {
        return Err(SnapshotError::Dimension { expected: dimension, found: header.dimension });
    }
    let mut body = Hashing { inner: BufReader::with_capacity(BUFFER_BYTES, file), digest: Sha256::new() };
    let mut layout = read_layout(&mut body, header, dimension)?;
    let Hashing { inner: mut file, digest } = body;
    let mut expected = [0; DIGEST_BYTES];
    file.read_exact(&mut expected).map_err(truncated)?;
    if digest.finalize()[..] != expected {
        return Err(SnapshotError::Damaged);
    }
    layout.locations = Locations::of_cells(&layout.cells).ok_or(SnapshotError::Damaged)?;
    if let Some(lists) = &layout.lists {
        let lists = Arc::clone(lists);
        layout.cells = workers::map(layout.cells.into_iter().enumerate(), Priority::Usual, |(list, cell)| {
            Arc::new(Arc::unwrap_or_clone(cell).with_signs(lists.mean(list)))
        });
    }
    Ok((layout, header.stamp))
}

/// Reads the part between header and digest. The file has the length that the header gives, so its numbers of rows and
/// cells are safe to allocate.
fn read_layout(body: &mut impl Read, header: Header, dimension: usize) -> Result<Layout, SnapshotError> {
    let size = |n: u64| usize::try_from(n).map_err(|_| SnapshotError::Damaged);
    let (rows, cells) = (size(header.rows)?, size(header.cells)?);
    let sizes: Vec<usize> = read_words(body, cells, |word| u32::from_le_bytes(word) as usize)?;
    if sizes.iter().try_fold(0_usize, |sum, n| sum.checked_add(*n)) != Some(rows) {
        return Err(SnapshotError::Damaged);
    }
    let lists = if header.trained_on == 0 {
        None
    } else {
        let lengths = read_words(body, cells, f32::from_le_bytes)?;
        let scales = read_words(body, cells, f32::from_le_bytes)?;
        let codes = read_codes(body, cells * dimension)?;
        let directions = Cell::from_parts((0..cells as i64).collect(), scales, codes, dimension);
        Some(Arc::new(Lists {
            directions: directions.ok_or(SnapshotError::Damaged)?,
            lengths,
            trained_on: size(header.trained_on)?,
        }))
    };
    let cells = Vec::with_capacity(cells);
    let mut layout = Layout { cells, locations: Locations::default(), lists, rows, largest_scale: 0.0 };
    for size in sizes {
        let ids = read_words(body, size, i64::from_le_bytes)?;
        let scales: Vec<f32> = read_words(body, size, f32::from_le_bytes)?;
        layout.largest_scale = scales.iter().fold(layout.largest_scale, |m, s| m.max(*s));
        let codes = read_codes(body, size * dimension)?;
        let cell = Cell::from_parts(ids, scales, codes, dimension);
        layout.cells.push(Arc::new(cell.ok_or(SnapshotError::Damaged)?));
    }
    Ok(layout)
}

fn read_words<const N: usize, T>(
    from: &mut impl Read,
    count: usize,
    word: impl Fn([u8; N]) -> T,
) -> Result<Vec<T>, SnapshotError> {
    let bytes = read_bytes(from, count * N)?;
    Ok(bytes.as_chunks::<N>().0.iter().map(|bytes| word(*bytes)).collect())
}

fn read_codes(from: &mut impl Read, count: usize) -> Result<Vec<i8>, SnapshotError> {
    // This conversion allocates nothing: u8 and i8 have one layout, and the standard library collects in place.
    Ok(read_bytes(from, count)?.into_iter().map(u8::cast_signed).collect())
}

fn read_bytes(from: &mut impl Read, count: usize) -> Result<Vec<u8>, SnapshotError> {
    let mut bytes = vec![0; count];
    from.read_exact(&mut bytes).map_err(truncated)?;
    Ok(bytes)
}

/// Turns the end of a file that is too short into [`SnapshotError::Damaged`]; any other error comes from the disk.
fn truncated(error: io::Error) -> SnapshotError {
    if error.kind() == io::ErrorKind::UnexpectedEof { SnapshotError::Damaged } else { error.into() }
}

/// A reader or writer that computes the SHA-256 of all bytes that pass.
struct Hashing<T> {
    inner: T,
    digest: Sha256,
}

impl<T: Write> Write for Hashing<T> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.digest.update(bytes.get(..written).unwrap_or(bytes));
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl<T: Read> Read for Hashing<T> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(bytes)?;
        self.digest.update(bytes.get(..read).unwrap_or_default());
        Ok(read)
    }
}

#[cfg(test)]
#[path = "snapshot_tests.rs"]
mod tests;
