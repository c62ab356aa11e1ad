//! The vector index of one model, as a cache of its rows in IMAGE_EMBEDDINGS.
//!
//! Every embedding row has a change number (`embedding_id`) that only grows, so all changes since a moment are a range
//! of rows. Deleted rows leave no trace in that range; a comparison of the ids of the index with those of the rows finds
//! them. A snapshot is taken only if its epoch and its last change belong to the history of these rows ([`epochs`]).

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use mitsuke_index::{IdSet, IndexParams, SnapshotError, SnapshotStamp, UnitVector, VectorIndex, read_stamp};
use rusqlite::Connection;

use super::embeddings;
use super::epochs::{self, Epoch};
use super::statements::ids;
use super::values::unsigned;
use crate::{ImageId, ModelId, StoreError};

/// The number of rows that an index reads at a time when it catches up.
const BATCH: usize = 512;

/// The number of vectors of a snapshot that are compared with their rows.
const SAMPLES: usize = 256;

/// The least inner product of a vector with its own code. Rounding costs some thousandths, and vectors of two pictures that
/// differ are further apart.
const AGREEMENT: f32 = 0.95;

/// The vector index of a model, and the changes that it contains.
pub(super) struct VectorCache {
    pub(super) model_id: ModelId,
    pub(super) dimension: usize,
    params: IndexParams,
    snapshot: PathBuf,
    /// The running epoch.
    epoch: Epoch,
    /// The published index; `None` while it is being built, when searches read the rows. Only the thread that holds the
    /// writer changes it.
    published: RwLock<Option<Arc<VectorIndex>>>,
    /// The number up to which the index contains every change.
    applied: AtomicU64,
    /// The number of changes that the snapshot on disk lacks.
    unsaved: AtomicU64,
    /// Whether the snapshot on disk holds vectors of deleted images.
    unsaved_deletions: AtomicBool,
    /// Whether the worker has a task to maintain this index that it has not started.
    pub(super) maintenance_pending: AtomicBool,
}

/// An index under construction, which is not published yet.
pub(super) struct IndexBuild {
    pub(super) index: VectorIndex,
    /// The number up to which the index contains every change.
    pub(super) applied: u64,
    /// Whether the index came from a snapshot.
    from_snapshot: bool,
    /// The number of vectors of deleted images that were removed from the snapshot.
    removed: u64,
}

impl VectorCache {
    /// Makes a cache without an index. `identity` tells the database apart from others, in the name of the snapshot
    /// file.
    pub(super) fn new(
        directory: &Path,
        identity: &str,
        epoch: Epoch,
        model_id: ModelId,
        dimension: usize,
        params: IndexParams,
    ) -> Self {
        Self {
            model_id,
            dimension,
            params,
            snapshot: directory.join(format!("model-{model_id}-{identity}.idx")),
            epoch,
            published: RwLock::new(None),
            applied: AtomicU64::new(0),
            unsaved: AtomicU64::new(0),
            unsaved_deletions: AtomicBool::new(false),
            maintenance_pending: AtomicBool::new(false),
        }
    }

    /// Returns the published index; `None` while it is being built.
    pub(super) fn index(&self) -> Option<Arc<VectorIndex>> {
        self.published.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Starts with an empty index.
    pub(super) fn empty_build(&self) -> IndexBuild {
        IndexBuild {
            index: VectorIndex::new(self.dimension, self.params),
            applied: 0,
            from_snapshot: false,
            removed: 0,
        }
    }

    /// Starts with the index of the snapshot file if it belongs to these rows, else with an empty index. A snapshot of
    /// other rows is removed.
    pub(super) fn build_from_snapshot(&self, connection: &Connection) -> Result<IndexBuild, StoreError> {
        let reason = match VectorIndex::load(&self.snapshot, self.dimension, self.params) {
            Ok((index, stamp)) => match self.foreign(connection, &stamp)? {
                None => return Ok(IndexBuild { index, applied: stamp.last_change, from_snapshot: true, removed: 0 }),
                Some(reason) => format!("its {} vectors are not those of this database: {reason}", stamp.count),
            },
            Err(SnapshotError::Io(error)) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(self.empty_build());
            }
            Err(error) => error.to_string(),
        };
        log::warn!(
            "the snapshot {} of the vector index of model {} is removed, and the index is built again: {reason}",
            self.snapshot.display(),
            self.model_id
        );
        self.remove_snapshot();
        Ok(self.empty_build())
    }

    /// Returns why a snapshot was made of other rows; `None` for one of this history.
    fn foreign(&self, connection: &Connection, stamp: &SnapshotStamp) -> Result<Option<&'static str>, StoreError> {
        Ok(match epochs::end_of(connection, &stamp.epoch)? {
            _ if stamp.model_id != self.model_id => Some("it belongs to another model"),
            None => Some("it was made by a run that this database knows nothing of, as after restoring an older copy"),
            Some(end) if stamp.last_change > end => Some("it holds changes that this database never had"),
            Some(_) => None,
        })
    }

    /// Removes the snapshot. A file that cannot be removed is refused by the next start again.
    pub(super) fn remove_snapshot(&self) {
        _ = std::fs::remove_file(&self.snapshot);
    }

    /// Publishes a finished index, whose snapshot on disk contains the changes up to `saved_up_to`. The caller holds
    /// the writer, so that no change comes in between.
    pub(super) fn publish(&self, build: IndexBuild, saved_up_to: u64) {
        self.applied.store(build.applied, Ordering::Release);
        self.unsaved.store(build.applied.saturating_sub(saved_up_to) + build.removed, Ordering::Release);
        self.unsaved_deletions.store(build.removed > 0, Ordering::Release);
        *self.published.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(build.index));
    }

    /// Removes the published index. Searches read rows until the next one is published. The caller holds the writer.
    pub(super) fn withdraw(&self) {
        *self.published.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Applies an embedding whose row has been committed. The caller still holds the writer, so that changes come in
    /// the order of their numbers.
    pub(super) fn apply_insert(&self, image_id: ImageId, vector: &UnitVector, change: i64) {
        // An index that is being built reads the row itself.
        if let Some(index) = self.index() {
            index.insert(image_id, vector);
            self.applied.fetch_max(change.unsigned_abs(), Ordering::AcqRel);
            self.unsaved.fetch_add(1, Ordering::AcqRel);
        }
    }

    /// Applies the deletion of an image. The caller still holds the writer.
    pub(super) fn apply_delete(&self, image_id: ImageId) {
        if let Some(index) = self.index()
            && index.remove(image_id)
        {
            self.unsaved.fetch_add(1, Ordering::AcqRel);
            self.unsaved_deletions.store(true, Ordering::Release);
        }
    }

    /// Applies that all embeddings of the model have been or are being deleted. The caller still holds the writer.
    pub(super) fn apply_delete_all(&self, last_change: u64) {
        // An index that is being built is compared with the rows before it is published.
        if self.index().is_some() {
            self.publish(IndexBuild { applied: last_change, ..self.empty_build() }, 0);
        }
    }

    /// Returns whether so much has changed that the snapshot is to be written anew: `every` changes, or more for a
    /// large index, since its file is large too.
    pub(super) fn needs_saving(&self, every: u64) -> bool {
        let len = self.index().map_or(0, |index| index.len() as u64);
        self.unsaved.load(Ordering::Acquire) >= every.max(len / 20).max(1)
    }

    /// Returns whether the index is to be trained.
    pub(super) fn needs_training(&self) -> bool {
        self.index().is_some_and(|index| index.needs_training())
    }

    /// Writes the snapshot if anything has changed. `hold` locks the writer, unless the caller holds it. A failure is only
    /// logged, because it costs nothing but time at the next start.
    pub(super) fn save<G>(&self, hold: impl FnOnce() -> G) {
        let writer = hold();
        let Some(index) = self.index() else { return };
        let unsaved = self.unsaved.load(Ordering::Acquire);
        if unsaved == 0 {
            return;
        }
        // No change comes while the writer is held, so the file contains exactly the changes up to the number.
        let frozen = index.frozen();
        let last_change = self.applied.load(Ordering::Acquire);
        let deletions = self.unsaved_deletions.swap(false, Ordering::AcqRel);
        drop(writer);
        let stamp =
            SnapshotStamp { epoch: self.epoch, model_id: self.model_id, last_change, count: frozen.len() as u64 };
        match frozen.save(&self.snapshot, stamp) {
            Ok(()) => _ = self.unsaved.fetch_sub(unsaved, Ordering::AcqRel),
            Err(error) => {
                self.unsaved_deletions.fetch_or(deletions, Ordering::AcqRel);
                log::warn!("{} could not be written: {error}", self.snapshot.display());
            }
        }
    }

    /// Writes the snapshot of an index of at most `most` vectors if the one on disk holds vectors of deleted images.
    pub(super) fn save_deletions<G>(&self, most: usize, hold: impl FnOnce() -> G) {
        if self.unsaved_deletions.load(Ordering::Acquire) && self.index().is_some_and(|index| index.len() <= most) {
            self.save(hold);
        }
    }

    /// Applies the next rows to an index under construction. Returns whether there may be more.
    pub(super) fn catch_up(&self, connection: &Connection, build: &mut IndexBuild) -> Result<bool, StoreError> {
        // NOT INDEXED makes the statement walk the change numbers, and not the images of the model.
        let mut statement = connection.prepare_cached(
            "SELECT embedding_id, image_id, embedding FROM image_embeddings NOT INDEXED
             WHERE embedding_id > ? AND model_id = ? ORDER BY embedding_id LIMIT ?",
        )?;
        let applied = i64::try_from(build.applied).unwrap_or(i64::MAX);
        let mut rows = statement.query([applied, self.model_id, BATCH as i64])?;
        let mut count = 0;
        while let Some(row) = rows.next()? {
            let image_id: ImageId = row.get(1)?;
            match embeddings::vector(row, 2) {
                Ok(vector) if vector.dimension() == self.dimension => build.index.insert(image_id, &vector),
                Ok(_) | Err(StoreError::Damaged(_)) => {
                    log::error!("the embedding of image {image_id} is damaged and was skipped");
                }
                Err(error) => return Err(error),
            }
            build.applied = unsigned(row, 0)?;
            count += 1;
        }
        Ok(count == BATCH)
    }

    /// Removes deleted images from an index under construction that contains all changes. Returns whether it then
    /// agrees with the rows: it has the same images, and a sample of its vectors is that of the rows.
    pub(super) fn reconcile(&self, connection: &Connection, build: &mut IndexBuild) -> Result<bool, StoreError> {
        // The statement reads an index of the table alone.
        let sql = "SELECT image_id FROM image_embeddings WHERE model_id = ? ORDER BY image_id";
        let rows: IdSet = ids(connection, sql, [self.model_id])?.into_iter().collect();
        let known = build.index.ids();
        for deleted in known.iter().filter(|id| !rows.contains(*id)) {
            build.removed += u64::from(build.index.remove(deleted));
        }
        for missing in rows.iter().filter(|id| !known.contains(*id)) {
            // An index holds no damaged embeddings, and all others.
            if self.vector(connection, missing)?.is_some() {
                return Ok(false);
            }
        }
        Ok(!build.from_snapshot || self.samples_agree(connection, &build.index, &rows)?)
    }

    /// Compares some vectors of an index with their rows.
    fn samples_agree(&self, connection: &Connection, index: &VectorIndex, rows: &IdSet) -> Result<bool, StoreError> {
        let step = (rows.len() / SAMPLES).max(1);
        let first = usize::from(self.epoch[0]) % step;
        for image_id in rows.iter().skip(first).step_by(step) {
            let Some(vector) = self.vector(connection, image_id)? else { continue };
            if !agrees(index, image_id, &vector) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Reads the embedding of an image; `None` when there is none, or it is damaged.
    fn vector(&self, connection: &Connection, image_id: ImageId) -> Result<Option<UnitVector>, StoreError> {
        match embeddings::embedding(connection, self.model_id, image_id) {
            Ok(vector) => Ok(vector.filter(|vector| vector.dimension() == self.dimension)),
            Err(StoreError::Damaged(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// Returns whether an index holds this vector under this id.
pub(super) fn agrees(index: &VectorIndex, image_id: ImageId, vector: &UnitVector) -> bool {
    index.similarity(image_id, vector).is_some_and(|similarity| similarity >= AGREEMENT)
}

/// Removes the snapshots in a folder that no cache of `caches` would read, and the parts of interrupted ones.
pub(super) fn remove_left_overs(folder: &Path, caches: &[Arc<VectorCache>]) {
    for path in std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()) {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let ours = name.starts_with("model-") && (name.ends_with(".idx") || name.ends_with(".idx.partial"));
        if !ours || caches.iter().any(|cache| cache.snapshot == path) {
            continue;
        }
        if name.ends_with(".idx") {
            let held = read_stamp(&path).map_or_else(
                |error| error.to_string(),
                |stamp| format!("it holds {} vectors of model {}", stamp.count, stamp.model_id),
            );
            log::warn!("{} belongs to another database and is removed: {held}", path.display());
        }
        _ = std::fs::remove_file(&path);
    }
}

/// Returns the highest change number that any embedding has had.
pub(super) fn last_change(connection: &Connection) -> Result<u64, StoreError> {
    Ok(last_number(connection, "image_embeddings")?.unsigned_abs())
}

/// Returns the highest number that AUTOINCREMENT has given in a table.
fn last_number(connection: &Connection, table: &str) -> Result<i64, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = ?")?;
    Ok(statement.query_row([table], |row| row.get(0))?)
}
