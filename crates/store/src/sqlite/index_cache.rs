//! The vector index of one model, as a cache of its rows in IMAGE_EMBEDDINGS.
//!
//! Every embedding row has a change number (`embedding_id`) that only grows, so all changes since a moment are a range
//! of rows. Deleted rows leave no trace in that range; a comparison of counts finds them.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use mitsuke_index::{IndexParams, SnapshotError, SnapshotStamp, UnitVector, VectorIndex};
use rusqlite::Connection;

use super::values::unsigned;
use super::{embeddings, models};
use crate::{ImageId, ModelId, StoreError};

/// The number of rows that an index reads at a time when it catches up.
const BATCH: usize = 512;

/// The vector index of a model, and the changes that it contains.
pub(super) struct VectorCache {
    pub(super) model_id: ModelId,
    pub(super) dimension: usize,
    params: IndexParams,
    snapshot: PathBuf,
    /// The published index; `None` while it is being built, when searches read the rows. Only the thread that holds the
    /// writer changes it.
    published: RwLock<Option<Arc<VectorIndex>>>,
    /// The number up to which the index contains every change.
    applied: AtomicU64,
    /// The number of changes that the snapshot on disk lacks.
    unsaved: AtomicU64,
    /// Whether the worker has a task to maintain this index that it has not started.
    pub(super) maintenance_pending: AtomicBool,
}

/// An index under construction, which is not published yet.
pub(super) struct IndexBuild {
    pub(super) index: VectorIndex,
    /// The number up to which the index contains every change.
    pub(super) applied: u64,
    /// The number of rows that could not be read as vectors.
    damaged: usize,
}

impl VectorCache {
    /// Makes a cache without an index. `identity` tells the database apart from others, in the name of the snapshot
    /// file.
    pub(super) fn new(
        directory: &Path,
        identity: &str,
        model_id: ModelId,
        dimension: usize,
        params: IndexParams,
    ) -> Self {
        Self {
            model_id,
            dimension,
            params,
            snapshot: directory.join(format!("model-{model_id}-{identity}.idx")),
            published: RwLock::new(None),
            applied: AtomicU64::new(0),
            unsaved: AtomicU64::new(0),
            maintenance_pending: AtomicBool::new(false),
        }
    }

    /// Returns the published index; `None` while it is being built.
    pub(super) fn index(&self) -> Option<Arc<VectorIndex>> {
        self.published.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Starts with an empty index.
    pub(super) fn empty_build(&self) -> IndexBuild {
        IndexBuild { index: VectorIndex::new(self.dimension, self.params), applied: 0, damaged: 0 }
    }

    /// Starts with the index of the snapshot file if it belongs to these rows, else with an empty index.
    pub(super) fn build_from_snapshot(&self, connection: &Connection) -> Result<IndexBuild, StoreError> {
        match VectorIndex::load(&self.snapshot, self.dimension, self.params) {
            Ok((_, stamp)) if stamp.model_id != self.model_id || stamp.last_change > last_change(connection)? => {
                log::warn!("{} does not belong to this database and is ignored", self.snapshot.display());
            }
            Ok((index, stamp)) => return Ok(IndexBuild { index, applied: stamp.last_change, damaged: 0 }),
            Err(SnapshotError::Io(error)) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => {
                log::warn!("{} cannot be used, the index is built again: {error}", self.snapshot.display());
            }
        }
        Ok(self.empty_build())
    }

    /// Publishes a finished index, whose snapshot on disk contains the changes up to `saved_up_to`. The caller holds
    /// the writer, so that no change comes in between.
    pub(super) fn publish(&self, build: IndexBuild, saved_up_to: u64) {
        self.applied.store(build.applied, Ordering::Release);
        self.unsaved.store(build.applied.saturating_sub(saved_up_to), Ordering::Release);
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

    /// Writes the snapshot if anything has changed. A failure is only logged, because it costs nothing but time at the
    /// next start.
    pub(super) fn save(&self) {
        let Some(index) = self.index() else { return };
        let unsaved = self.unsaved.load(Ordering::Acquire);
        if unsaved == 0 {
            return;
        }
        // The number is read before the index. A change that comes meanwhile is in the file, or above the number, or
        // both.
        let last_change = self.applied.load(Ordering::Acquire);
        let stamp = SnapshotStamp { model_id: self.model_id, last_change, count: index.len() as u64 };
        match index.save(&self.snapshot, stamp) {
            Ok(()) => _ = self.unsaved.fetch_sub(unsaved, Ordering::AcqRel),
            Err(error) => log::warn!("{} could not be written: {error}", self.snapshot.display()),
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
                    build.damaged += 1;
                }
                Err(error) => return Err(error),
            }
            build.applied = unsigned(row, 0)?;
            count += 1;
        }
        Ok(count == BATCH)
    }

    /// Removes deleted images from an index under construction that contains all changes. Returns whether it then
    /// agrees with the rows.
    pub(super) fn reconcile(&self, connection: &Connection, build: &IndexBuild) -> Result<bool, StoreError> {
        let embedded = models::coverage(connection, self.model_id)?.embedded;
        let agrees = || build.index.len() as u64 + build.damaged as u64 == embedded;
        if agrees() {
            return Ok(true);
        }
        // Ids count up and are never used again, so deleted images are the gaps between the ids of the rows.
        let mut statement =
            connection.prepare_cached("SELECT image_id FROM image_embeddings WHERE model_id = ? ORDER BY image_id")?;
        let mut rows = statement.query([self.model_id])?;
        let mut next = 1;
        while let Some(row) = rows.next()? {
            let image_id: ImageId = row.get(0)?;
            (next..image_id).for_each(|deleted| _ = build.index.remove(deleted));
            next = image_id + 1;
        }
        let last: ImageId = last_number(connection, "images")?;
        (next..=last).for_each(|deleted| _ = build.index.remove(deleted));
        Ok(agrees())
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
