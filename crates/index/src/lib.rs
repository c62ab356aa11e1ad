//! The vector index: the nearest of up to some millions of unit vectors, in memory.
//!
//! It is a cache of vectors whose truth lies elsewhere (rows of a database): it keeps an int8 code of
//! each, finds candidates by their codes, and asks its caller for the exact vectors of those few.
//!
//! * **Exact search.** Every code is scanned. How wrong a code's similarity can be is known
//!   ([`codes`]), so candidates are collected and read back until no other vector can be among the `k`
//!   nearest: the answer is that of comparing all exact vectors, ties and copies included.
//! * **Inverted lists**, from [`IndexParams::exact_below`] vectors on. [`VectorIndex::maintain`] groups the
//!   vectors by k-means ([`kmeans`]); a search scans the lists near the query and decides by its
//!   own statistics when it has seen enough ([`widen`]). It never gives a short answer: as long as fewer
//!   than `k` are found, it goes on to the last list.
//!
//! Searches read an unchanging layout of shared, copy-on-write cells ([`layout`]) and never wait for insertions
//! or training, nor hold a lock while they run.

mod codes;
mod kmeans;
mod layout;
mod params;
mod random;
mod rescore;
mod rotation;
mod scan;
mod snapshot;
#[cfg(test)]
mod tests;
mod vector;
mod widen;

use std::collections::HashSet;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, TryLockError};

use codes::{Code, Margin};
use layout::{Layout, Locations};
pub use params::IndexParams;
pub use rescore::ReadVectors;
use rescore::{Known, Rescoring};
use rotation::Rotation;
pub use snapshot::{SnapshotError, SnapshotStamp};
pub use vector::{NotAUnitVector, UnitVector};

/// So few changes are taken over from the live layout to a newly trained one in one go.
const CATCH_UP: usize = 1024;

/// How often training gives way to insertions that come faster than it can take them over.
const CATCH_UP_ROUNDS: usize = 16;

/// An index of unit vectors by id. All methods take `&self` and may run in parallel.
#[derive(Debug)]
pub struct VectorIndex {
    dimension: usize,
    params: IndexParams,
    rotation: Rotation,
    /// What searches read. Locked only to clone or to change the pointer's target.
    layout: RwLock<Arc<Layout>>,
    /// What changes the layout. Taken before `layout`, never after it.
    writer: Mutex<Writer>,
    /// Held by the one training at work.
    training: Mutex<()>,
    /// Held by the one snapshot being written.
    saving: Mutex<()>,
}

#[derive(Debug, Default)]
struct Writer {
    locations: Locations,
    /// Ids inserted or removed since a training at work took its copy; `None` when there is none.
    journal: Option<HashSet<i64>>,
}

impl Writer {
    /// Remembers that `id` changes, for a training at work.
    fn note(&mut self, id: i64) {
        if let Some(journal) = &mut self.journal {
            journal.insert(id);
        }
    }
}

impl VectorIndex {
    /// An empty index for vectors of `dimension` components.
    #[must_use]
    pub fn new(dimension: usize, params: IndexParams) -> Self {
        Self::with_layout(dimension, params, Layout::default(), Locations::default())
    }

    fn with_layout(dimension: usize, params: IndexParams, layout: Layout, locations: Locations) -> Self {
        Self {
            dimension,
            params,
            rotation: Rotation::new(dimension),
            layout: RwLock::new(Arc::new(layout)),
            writer: Mutex::new(Writer { locations, journal: None }),
            training: Mutex::new(()),
            saving: Mutex::new(()),
        }
    }

    /// Adds a vector, or replaces the one of the same id. A vector of another dimension is refused
    /// and logged: it would not be comparable.
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
        writer.note(id);
        // Found before the layout is locked, so that searches need not wait for it; the lists
        // cannot change meanwhile.
        let list = self.current().list_for(&code);
        self.change(|layout| layout.insert(&mut writer.locations, id, list, &code));
    }

    /// Removes a vector; whether there was one.
    pub fn remove(&self, id: i64) -> bool {
        let mut writer = lock(&self.writer);
        writer.note(id);
        self.change(|layout| layout.remove(&mut writer.locations, id))
    }

    /// Changes the layout. The caller holds the writer.
    fn change<T>(&self, change: impl FnOnce(&mut Layout) -> T) -> T {
        let mut layout = self.layout.write().unwrap_or_else(PoisonError::into_inner);
        change(Arc::make_mut(&mut layout))
    }

    /// The number of vectors.
    #[must_use]
    pub fn len(&self) -> usize {
        self.current().rows
    }

    /// Whether there are no vectors.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether `id` is in the index.
    #[must_use]
    pub fn contains(&self, id: i64) -> bool {
        lock(&self.writer).locations.get(id).is_some()
    }

    /// The `k` vectors with the greatest inner product with `query`, as (id, similarity −1 to 1), best
    /// first, of equals the greater id first. Fewer than `k` only when there are no more.
    ///
    /// `allow` restricts the answer to some ids. `rescore` reads the exact vectors of ids, in their order,
    /// `None` for one that is gone; it is called a few times, and no lock is held meanwhile.
    /// `exact` asks for the nearest of all vectors, whatever that costs; otherwise inverted lists may miss a few.
    /// A query of another dimension finds nothing, and that is logged.
    ///
    /// # Errors
    /// What `rescore` fails with.
    pub fn search<E>(
        &self,
        query: &UnitVector,
        k: usize,
        exact: bool,
        allow: Option<&(dyn Fn(i64) -> bool + Sync)>,
        rescore: ReadVectors<'_, E>,
    ) -> Result<Vec<(i64, f32)>, E> {
        if query.dimension() != self.dimension {
            log::error!("a query of {} components met an index of {}", query.dimension(), self.dimension);
            return Ok(Vec::new());
        }
        let layout = self.current();
        let k = k.min(layout.rows);
        if k == 0 {
            return Ok(Vec::new());
        }
        let code = Code::quantize(&self.rotation.apply(query.as_slice()));
        let margin = Margin::new(code.scale, self.dimension);
        let limit = if exact { usize::MAX } else { k.saturating_mul(4).saturating_add(self.params.rescore_limit) };
        let exact = exact || layout.rows < self.params.exact_below;
        let rescoring = Rescoring { layout: &layout, query, margin, k, limit };
        let mut known = Known::new();
        let mut wanted = k;
        loop {
            let request = scan::Request {
                query: &code,
                margin,
                k: wanted,
                // What was found to be gone must not take the place of another vector.
                allow: &|id| !matches!(known.get(&id), Some(None)) && allow.is_none_or(|allow| allow(id)),
                miss_target: if exact { 0.0 } else { self.params.miss_target },
            };
            let candidates = scan::candidates(&layout, &request);
            if rescoring.run(candidates, &mut known, rescore)? || wanted == layout.rows {
                break;
            }
            // Some candidates were gone. Those that take their place may be gone too, so each scan asks for more
            // than the one before; the last possible one takes in everything.
            wanted = wanted.saturating_mul(2).min(layout.rows);
        }
        Ok(rescore::best(&known, k))
    }

    /// Whether searches find all nearest vectors, and not only nearly all: there are few, or no inverted lists.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        let layout = self.current();
        self.params.miss_target <= 0.0 || layout.rows < self.params.exact_below || layout.lists.is_none()
    }

    /// Whether [`Self::maintain`] has something to do: there are enough vectors for inverted lists,
    /// and none yet, or the index has outgrown those it has.
    #[must_use]
    pub fn needs_maintenance(&self) -> bool {
        let layout = self.current();
        let due = layout
            .lists
            .as_ref()
            .map_or(self.params.exact_below, |lists| (lists.trained_on as f32 * self.params.retrain_growth) as usize);
        layout.rows > 0 && layout.rows >= due.max(self.params.exact_below)
    }

    /// Trains inverted lists if that is due; whether it did. It takes seconds (minutes for millions) of one
    /// core and memory for a second copy of the codes, so it belongs on a background thread. Searches,
    /// insertions and removals go on meanwhile. A second call during a training returns at once.
    pub fn maintain(&self) -> bool {
        let _one_at_a_time = match self.training.try_lock() {
            Ok(guard) => guard,
            Err(TryLockError::Poisoned(error)) => error.into_inner(),
            Err(TryLockError::WouldBlock) => return false,
        };
        if !self.needs_maintenance() {
            return false;
        }
        let base = {
            let mut writer = lock(&self.writer);
            writer.journal = Some(HashSet::new());
            self.current()
        };
        let trained = kmeans::train(&base, self.dimension, &self.params);
        drop(base);
        let trained = trained.and_then(|layout| Locations::of(&layout).map(|locations| (layout, locations)));
        let Some((layout, locations)) = trained else {
            lock(&self.writer).journal = None;
            return false;
        };
        self.switch_to(layout, locations);
        true
    }

    /// Brings a newly trained layout up to date and puts it in place of the live one.
    fn switch_to(&self, mut layout: Layout, mut locations: Locations) {
        for round in 1.. {
            let mut writer = lock(&self.writer);
            let live = self.current();
            let journal = writer.journal.replace(HashSet::new()).unwrap_or_default();
            let changed: Vec<_> = journal.into_iter().map(|id| (id, writer.locations.get(id))).collect();
            // Many changes are taken over while insertions go on, the last few while they wait.
            let waiting = if changed.len() <= CATCH_UP || round >= CATCH_UP_ROUNDS { Some(writer) } else { None };
            for (id, place) in changed {
                match place.and_then(|place| live.code(place)) {
                    Some(code) => {
                        let list = layout.list_for(&code);
                        layout.insert(&mut locations, id, list, &code);
                    }
                    None => _ = layout.remove(&mut locations, id),
                }
            }
            drop(live);
            if let Some(mut writer) = waiting {
                writer.journal = None;
                let old_locations = std::mem::replace(&mut writer.locations, locations);
                let mut current = self.layout.write().unwrap_or_else(PoisonError::into_inner);
                let old_layout = std::mem::replace(&mut *current, Arc::new(layout));
                // Freeing a large index takes a while; nobody needs to wait for that.
                drop((current, writer));
                drop((old_layout, old_locations));
                return;
            }
        }
    }

    /// Writes the index to a file: aside first, synced, then renamed, so that the file at `path` is
    /// always whole. Insertions and searches go on; what is inserted meanwhile is not in the file. `stamp` is
    /// the caller's, kept for [`Self::load`].
    ///
    /// # Errors
    /// When the file cannot be written. The file at `path` is then what it was.
    pub fn save(&self, path: &Path, stamp: SnapshotStamp) -> io::Result<()> {
        let _one_at_a_time = lock(&self.saving);
        snapshot::save(&self.current(), self.dimension, path, stamp)
    }

    /// Reads an index that [`Self::save`] wrote.
    ///
    /// # Errors
    /// When the file cannot be read, is of another format or dimension, or is damaged in any way. It is
    /// then to be built again from the rows it is a cache of.
    pub fn load(path: &Path, dimension: usize, params: IndexParams) -> Result<(Self, SnapshotStamp), SnapshotError> {
        let (layout, locations, stamp) = snapshot::load(path, dimension)?;
        Ok((Self::with_layout(dimension, params, layout, locations), stamp))
    }

    /// What a search works with from now on, whatever is inserted meanwhile.
    fn current(&self) -> Arc<Layout> {
        Arc::clone(&self.layout.read().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Locks, also after another thread has panicked: what the locks protect is whole between any two
/// statements that could.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
