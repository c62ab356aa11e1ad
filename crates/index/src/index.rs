//! The vector index; see the documentation of this crate.

use std::collections::HashSet;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, TryLockError};

use crate::codes::{Code, Margin};
use crate::layout::Layout;
use crate::request::Request;
use crate::rescore::{self, Rescoring, Similarities};
use crate::rotation::Rotation;
use crate::scan::Candidate;
use crate::signs::QuerySigns;
use crate::{
    Filter, IdSet, IndexParams, ReadVectors, SnapshotError, SnapshotStamp, UnitVector, kmeans, scan, snapshot,
};

/// The largest number of changes that a newly trained layout takes over while insertions wait.
const MAX_BLOCKING_CHANGES: usize = 1024;

/// The number of rounds after which a newly trained layout takes over any number of changes while insertions wait,
/// because changes arrive faster than the layout can take them over.
const MAX_CATCH_UP_ROUNDS: usize = 16;

/// An index of unit vectors by id. All methods take `&self` and may run in parallel.
#[derive(Debug)]
pub struct VectorIndex {
    dimension: usize,
    params: IndexParams,
    rotation: Rotation,
    /// The layout that searches read. It is locked only to clone or to replace the pointer.
    layout: RwLock<Arc<Layout>>,
    /// The lock of changes, with the ids inserted or removed since the training under way took its copy; `None` when
    /// no training is under way. It is locked before `layout`, never after it.
    writer: Mutex<Journal>,
    /// The lock that is held during a training.
    training: Mutex<()>,
    /// The lock that is held while a snapshot is written.
    saving: Mutex<()>,
}

type Journal = Option<HashSet<i64>>;

/// Records for a training under way that `id` changes.
fn record(journal: &mut Journal, id: i64) {
    if let Some(journal) = journal {
        journal.insert(id);
    }
}

impl VectorIndex {
    /// Makes an empty index for vectors of `dimension` components.
    #[must_use]
    pub fn new(dimension: usize, params: IndexParams) -> Self {
        Self::with_layout(dimension, params, Layout::default())
    }

    fn with_layout(dimension: usize, params: IndexParams, layout: Layout) -> Self {
        Self {
            dimension,
            params,
            rotation: Rotation::new(dimension),
            layout: RwLock::new(Arc::new(layout)),
            writer: Mutex::new(None),
            training: Mutex::new(()),
            saving: Mutex::new(()),
        }
    }

    /// Adds a vector, or replaces the vector of the same id. A vector of another dimension is logged and not added,
    /// since it cannot be compared.
    pub fn insert(&self, id: i64, vector: &UnitVector) {
        if vector.dimension() != self.dimension {
            log::error!(
                "vector {id} has {} components and was not indexed: the index has {}",
                vector.dimension(),
                self.dimension
            );
            return;
        }
        let code = Code::quantize(&self.rotation.apply(vector.as_slice()));
        let mut writer = lock(&self.writer);
        record(&mut writer, id);
        // The list is found before the layout is locked, so that searches need not wait. The lists cannot change
        // meanwhile.
        let list = self.current().list_for(&code);
        self.change(|layout| layout.insert(id, list, &code));
    }

    /// Removes a vector, and returns whether there was one.
    pub fn remove(&self, id: i64) -> bool {
        let mut writer = lock(&self.writer);
        record(&mut writer, id);
        self.change(|layout| layout.remove(id))
    }

    /// Changes the layout. The caller holds the writer.
    fn change<T>(&self, change: impl FnOnce(&mut Layout) -> T) -> T {
        let mut layout = self.layout.write().unwrap_or_else(PoisonError::into_inner);
        change(Arc::make_mut(&mut layout))
    }

    /// Returns the number of vectors.
    #[must_use]
    pub fn len(&self) -> usize {
        self.current().rows
    }

    /// Returns whether there are no vectors.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns whether `id` is in the index.
    #[cfg(test)]
    fn contains(&self, id: i64) -> bool {
        self.current().locations.get(id).is_some()
    }

    /// Returns the ids of the vectors. A negative id is left out.
    #[must_use]
    pub fn ids(&self) -> IdSet {
        self.current().cells.iter().flat_map(|cell| cell.ids().iter().copied()).collect()
    }

    /// Returns the inner product of `vector` with the code of the vector with this id: near 1 when that is the same
    /// vector. `None` when there is no such id, or the dimensions differ.
    #[must_use]
    pub fn similarity(&self, id: i64, vector: &UnitVector) -> Option<f32> {
        if vector.dimension() != self.dimension {
            return None;
        }
        let layout = self.current();
        let code = layout.code(layout.locations.get(id)?)?;
        let rotated = self.rotation.apply(vector.as_slice());
        let steps: f32 = code.codes.iter().zip(&rotated).map(|(step, component)| f32::from(*step) * component).sum();
        Some(steps * code.scale)
    }

    /// Returns the `k` vectors with the greatest inner product with `query`, as pairs of id and similarity (−1 to 1):
    /// best first, ties by descending id. The answer has fewer than `k` pairs only when no more vectors may be found.
    ///
    /// `filter` restricts the answer to some ids. `read` reads the exact vectors of ids; the search calls it a few
    /// times, and holds no lock meanwhile. If `exact` is true, the search finds the nearest of all vectors, whatever
    /// that costs; otherwise a search over inverted lists may miss a few. A query of another dimension is logged and
    /// finds nothing.
    ///
    /// # Errors
    /// The errors of `read`.
    pub fn search<E>(
        &self,
        query: &UnitVector,
        k: usize,
        exact: bool,
        filter: Filter<'_>,
        read: ReadVectors<'_, E>,
    ) -> Result<Vec<(i64, f32)>, E> {
        let (_, known) = self.scan(query, k, k, exact, filter, read)?;
        Ok(rescore::best(&known, k))
    }

    /// Returns the ids of the `k` vectors with the greatest inner product with `query`: best first. The `exact` best come
    /// with their similarities, as [`Self::search`] finds them. The others follow in the order of their codes, whose inner
    /// products differ a little from the exact ones, and their vectors are not read. A ranking by many vectors
    /// of which few are shown takes a part of the time of a search. The arguments are those of [`Self::search`].
    ///
    /// # Errors
    /// The errors of `read`.
    pub fn ranking<E>(
        &self,
        query: &UnitVector,
        k: usize,
        exact: usize,
        filter: Filter<'_>,
        read: ReadVectors<'_, E>,
    ) -> Result<Vec<(i64, Option<f32>)>, E> {
        let exact = exact.min(k);
        let (candidates, known) = self.scan(query, k, exact, false, filter, read)?;
        Ok(rescore::ranked(&candidates, &known, exact, k))
    }

    /// Scans codes for the `k` nearest vectors, and reads vectors until the `rescored` nearest of them are known. Returns
    /// all candidates, greatest estimate first, and the similarities of those that were read.
    fn scan<E>(
        &self,
        query: &UnitVector,
        k: usize,
        rescored: usize,
        exact: bool,
        filter: Filter<'_>,
        read: ReadVectors<'_, E>,
    ) -> Result<(Vec<Candidate>, Similarities), E> {
        if query.dimension() != self.dimension {
            log::error!("a query of {} components met an index of {}", query.dimension(), self.dimension);
            return Ok((Vec::new(), Similarities::new()));
        }
        let layout = self.current();
        let (k, rescored) = (k.min(layout.rows), rescored.min(layout.rows));
        if k == 0 {
            return Ok((Vec::new(), Similarities::new()));
        }
        let rotated = self.rotation.apply(query.as_slice());
        let (code, signs) = (Code::quantize(&rotated), QuerySigns::new(&rotated));
        let margin = Margin::new(code.scale, self.dimension);
        let limit =
            if exact { usize::MAX } else { rescored.saturating_mul(4).saturating_add(self.params.rescore_limit) };
        let exact = exact || layout.rows < self.params.exact_below;
        let rescoring = Rescoring { layout: &layout, query, margin, k: rescored, limit };
        let mut known = Similarities::new();
        let mut wanted = k;
        loop {
            // A vector that is known to be gone must not take the place of another.
            let gone = known.iter().filter(|(_, similarity)| similarity.is_none()).map(|(id, _)| *id);
            let request = Request {
                query: &code,
                signs: &signs,
                margin,
                k: wanted,
                only: filter.only,
                except: filter.except.iter().copied().chain(gone).collect(),
                miss_target: if exact { 0.0 } else { self.params.miss_target },
            };
            let candidates = scan::candidates(&layout, &request);
            if rescoring.run(&candidates, &mut known, read)? || wanted == layout.rows {
                return Ok((candidates, known));
            }
            // Some candidates were gone. The candidates that take their place may be gone too, so each scan asks for
            // more vectors than the scan before, up to all vectors.
            wanted = wanted.saturating_mul(2).min(layout.rows);
        }
    }

    /// Returns whether every search finds all nearest vectors, because the settings accept no misses, or the index has
    /// few vectors or no inverted lists.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        let layout = self.current();
        self.params.miss_target <= 0.0 || layout.rows < self.params.exact_below || layout.lists.is_none()
    }

    /// Returns whether [`Self::train`] is due: there are enough vectors for inverted lists, and either no lists yet, or
    /// so many more vectors than at the last training that the lists no longer fit.
    #[must_use]
    pub fn needs_training(&self) -> bool {
        let layout = self.current();
        let due = layout
            .lists
            .as_ref()
            .map_or(self.params.exact_below, |lists| (lists.trained_on as f32 * self.params.retrain_growth) as usize);
        layout.rows > 0 && layout.rows >= due.max(self.params.exact_below)
    }

    /// Trains inverted lists if a training is due, and returns whether the lists were trained. A training takes a second
    /// for every some ten thousand vectors, and memory for a second copy of the codes, so it belongs on a background
    /// thread. It works on all cores, on threads that give way to all others. Searches, insertions and removals go on
    /// meanwhile. A second call during a training returns at once.
    pub fn train(&self) -> bool {
        let _one_at_a_time = match self.training.try_lock() {
            Ok(guard) => guard,
            Err(TryLockError::Poisoned(error)) => error.into_inner(),
            Err(TryLockError::WouldBlock) => return false,
        };
        if !self.needs_training() {
            return false;
        }
        let base = {
            let mut writer = lock(&self.writer);
            *writer = Some(HashSet::new());
            self.current()
        };
        let trained = kmeans::train(&base, self.dimension, &self.params);
        drop(base);
        let Some(layout) = trained else {
            *lock(&self.writer) = None;
            return false;
        };
        self.replace_layout(layout);
        true
    }

    /// Brings a newly trained layout up to date, and puts it in place of the current one.
    fn replace_layout(&self, mut layout: Layout) {
        for round in 1.. {
            let mut writer = lock(&self.writer);
            let live = self.current();
            let changed = writer.replace(HashSet::new()).unwrap_or_default();
            // Insertions go on while many changes are taken over, and wait while the last few changes are taken over.
            let blocking =
                if changed.len() <= MAX_BLOCKING_CHANGES || round >= MAX_CATCH_UP_ROUNDS { Some(writer) } else { None };
            for id in changed {
                match live.locations.get(id).and_then(|location| live.code(location)) {
                    Some(code) => {
                        let list = layout.list_for(&code);
                        layout.insert(id, list, &code);
                    }
                    None => _ = layout.remove(id),
                }
            }
            drop(live);
            if let Some(mut writer) = blocking {
                *writer = None;
                let mut current = self.layout.write().unwrap_or_else(PoisonError::into_inner);
                let old_layout = std::mem::replace(&mut *current, Arc::new(layout));
                // Freeing a large index takes a while, so it happens after the locks are released.
                drop((current, writer));
                drop(old_layout);
                return;
            }
        }
    }

    /// Writes the index to a partial file, syncs it and renames it, so that the file at `path` is always whole.
    /// Insertions and searches go on; vectors that are inserted meanwhile are not in the file. [`Self::load`] returns
    /// `stamp`.
    ///
    /// # Errors
    /// The error of the file system when the file cannot be written. The file at `path` then stays as it was.
    pub fn save(&self, path: &Path, stamp: SnapshotStamp) -> io::Result<()> {
        self.frozen().save(path, stamp)
    }

    /// Returns the index of this moment, to be saved. A caller that changes the index no sooner than it has read the
    /// number of the last change gives the file a stamp that is exact.
    #[must_use]
    pub fn frozen(&self) -> Frozen<'_> {
        Frozen { layout: self.current(), index: self }
    }

    /// Reads an index that [`Self::save`] wrote.
    ///
    /// # Errors
    /// [`SnapshotError`] when the file cannot be read, has another format or dimension, or is damaged in any way. The
    /// caller then builds the index again from its rows.
    pub fn load(path: &Path, dimension: usize, params: IndexParams) -> Result<(Self, SnapshotStamp), SnapshotError> {
        let (layout, stamp) = snapshot::load(path, dimension)?;
        Ok((Self::with_layout(dimension, params, layout), stamp))
    }

    /// Returns the layout of this moment, which later insertions do not change.
    fn current(&self) -> Arc<Layout> {
        Arc::clone(&self.layout.read().unwrap_or_else(PoisonError::into_inner))
    }
}

/// An index of one moment, which later insertions and removals do not change.
#[derive(Debug)]
pub struct Frozen<'a> {
    layout: Arc<Layout>,
    index: &'a VectorIndex,
}

impl Frozen<'_> {
    /// Returns the number of vectors.
    #[must_use]
    pub fn len(&self) -> usize {
        self.layout.rows
    }

    /// Returns whether there are no vectors.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Writes the index like [`VectorIndex::save`].
    ///
    /// # Errors
    /// Those of [`VectorIndex::save`].
    pub fn save(&self, path: &Path, stamp: SnapshotStamp) -> io::Result<()> {
        let _one_at_a_time = lock(&self.index.saving);
        snapshot::save(&self.layout, self.index.dimension, path, stamp)
    }
}

/// Locks a mutex, also after another thread has panicked: no statement that can panic leaves its data half changed.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
#[path = "index_tests.rs"]
mod tests;
