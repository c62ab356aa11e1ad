//! The vector index of one model, as a cache of its rows in IMAGE_EMBEDDINGS.
//!
//! Rows are the truth. Every embedding row has a change number (`embedding_id`) that only grows, so "what has
//! changed since" is a range of rows. Deleted rows leave no trace there; they are found by comparing counts.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use rusqlite::Connection;

use super::{embeddings, images, models};
use crate::{ImageId, ModelId, StoreError};
use mitsuke_index::UnitVector;
use mitsuke_index::{IndexParams, SnapshotError, SnapshotStamp, VectorIndex};

/// Rows read at a time when an index catches up.
const BATCH: usize = 512;

/// A model's index and how far it has come.
pub(super) struct VectorCache {
    pub(super) model_id: ModelId,
    pub(super) dimension: usize,
    params: IndexParams,
    snapshot: PathBuf,
    /// `None` while the index is being built; searches then read the rows. Changed only by whoever holds the writer.
    ready: RwLock<Option<Arc<VectorIndex>>>,
    /// The index holds every change up to this number.
    applied: AtomicU64,
    /// Changes that the snapshot on disk does not have.
    unsaved: AtomicU64,
    /// Background work on this index has been asked for and not been done yet.
    pub(super) work_pending: AtomicBool,
}

/// An index on its way to what the rows say.
pub(super) struct Draft {
    pub(super) index: VectorIndex,
    /// Holds every change up to this number.
    pub(super) applied: u64,
    /// Rows that could not be read as vectors.
    damaged: usize,
}

impl VectorCache {
    /// A cache without an index yet.
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
            ready: RwLock::new(None),
            applied: AtomicU64::new(0),
            unsaved: AtomicU64::new(0),
            work_pending: AtomicBool::new(false),
        }
    }

    /// The index, unless it is being built.
    pub(super) fn index(&self) -> Option<Arc<VectorIndex>> {
        self.ready.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// An index that holds nothing.
    pub(super) fn empty_draft(&self) -> Draft {
        Draft { index: VectorIndex::new(self.dimension, self.params), applied: 0, damaged: 0 }
    }

    /// The index of the snapshot file, if there is one that belongs to these rows; else an empty one.
    pub(super) fn stored_draft(&self, connection: &Connection) -> Result<Draft, StoreError> {
        match VectorIndex::load(&self.snapshot, self.dimension, self.params) {
            Ok((_, stamp)) if stamp.model_id != self.model_id || stamp.generation > last_change(connection)? => {
                log::warn!("{} is not from this database and is left aside", self.snapshot.display());
            }
            Ok((index, stamp)) => return Ok(Draft { index, applied: stamp.generation, damaged: 0 }),
            Err(SnapshotError::Io(error)) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => {
                log::warn!("{} cannot be used, the index is built again: {error}", self.snapshot.display());
            }
        }
        Ok(self.empty_draft())
    }

    /// Puts a finished index in place. The caller holds the writer, so no change slips in between.
    pub(super) fn publish(&self, draft: Draft, saved_up_to: u64) {
        self.applied.store(draft.applied, Ordering::Release);
        self.unsaved.store(draft.applied.saturating_sub(saved_up_to), Ordering::Release);
        *self.ready.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(draft.index));
    }

    /// Takes the index away; searches read rows until another is published. The caller holds the writer.
    pub(super) fn withdraw(&self) {
        *self.ready.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Takes over an embedding whose row has been committed. The caller still holds the writer, so changes come in
    /// the order of their numbers.
    pub(super) fn inserted(&self, image_id: ImageId, vector: &UnitVector, change: i64) {
        // While an index is being built there is nothing to do: the builder reads the row.
        if let Some(index) = self.index() {
            index.insert(image_id, vector);
            self.applied.fetch_max(change.unsigned_abs(), Ordering::AcqRel);
            self.unsaved.fetch_add(1, Ordering::AcqRel);
        }
    }

    /// Takes over that an image has been deleted. The caller still holds the writer.
    pub(super) fn removed(&self, image_id: ImageId) {
        if let Some(index) = self.index()
            && index.remove(image_id)
        {
            self.unsaved.fetch_add(1, Ordering::AcqRel);
        }
    }

    /// Takes over that all embeddings of the model have been or are being deleted. The caller still holds the writer.
    pub(super) fn emptied(&self, last_change: u64) {
        // While an index is being built there is nothing to do: the builder compares what it has with the rows.
        if self.index().is_some() {
            self.publish(Draft { applied: last_change, ..self.empty_draft() }, 0);
        }
    }

    /// Whether enough has changed that the snapshot should be written anew. A large index waits for more changes: its
    /// file is large too.
    pub(super) fn wants_saving(&self, every: u64) -> bool {
        let len = self.index().map_or(0, |index| index.len() as u64);
        self.unsaved.load(Ordering::Acquire) >= every.max(len / 20).max(1)
    }

    /// Whether lists are to be trained.
    pub(super) fn wants_maintenance(&self) -> bool {
        self.index().is_some_and(|index| index.needs_maintenance())
    }

    /// Writes the snapshot if anything has changed. A failure costs time at the next start and nothing else, so it is
    /// only logged.
    pub(super) fn save(&self) {
        let Some(index) = self.index() else { return };
        let unsaved = self.unsaved.load(Ordering::Acquire);
        if unsaved == 0 {
            return;
        }
        // Read before the index is: what comes in meanwhile is in the file or above its number, or both.
        let generation = self.applied.load(Ordering::Acquire);
        let stamp = SnapshotStamp { model_id: self.model_id, generation, count: index.len() as u64 };
        match index.save(&self.snapshot, stamp) {
            Ok(()) => _ = self.unsaved.fetch_sub(unsaved, Ordering::AcqRel),
            Err(error) => log::warn!("{} could not be written: {error}", self.snapshot.display()),
        }
    }

    /// Takes over the next rows; whether there may be more.
    pub(super) fn catch_up(&self, connection: &Connection, draft: &mut Draft) -> Result<bool, StoreError> {
        // NOT INDEXED: walk the change numbers, not the images of the model.
        let mut statement = connection.prepare_cached(
            "SELECT embedding_id, image_id, embedding FROM image_embeddings NOT INDEXED
             WHERE embedding_id > ? AND model_id = ? ORDER BY embedding_id LIMIT ?",
        )?;
        let applied = i64::try_from(draft.applied).unwrap_or(i64::MAX);
        let mut rows = statement.query([applied, self.model_id, BATCH as i64])?;
        let mut count = 0;
        while let Some(row) = rows.next()? {
            let image_id: ImageId = row.get(1)?;
            match embeddings::vector(row, 2) {
                Ok(vector) if vector.dimension() == self.dimension => draft.index.insert(image_id, &vector),
                Ok(_) | Err(StoreError::Damaged(_)) => {
                    log::error!("the embedding of image {image_id} is damaged and is left out");
                    draft.damaged += 1;
                }
                Err(error) => return Err(error),
            }
            draft.applied = images::unsigned(row, 0)?;
            count += 1;
        }
        Ok(count == BATCH)
    }

    /// Takes deleted images out of an index that holds all changes; whether it then agrees with the rows.
    pub(super) fn reconcile(&self, connection: &Connection, draft: &Draft) -> Result<bool, StoreError> {
        let embedded = models::coverage(connection, self.model_id)?.embedded;
        let agrees = || draft.index.len() as u64 + draft.damaged as u64 == embedded;
        if agrees() {
            return Ok(true);
        }
        // Ids count up without ever being used again, so deleted images are the gaps between those that are there.
        let mut statement =
            connection.prepare_cached("SELECT image_id FROM image_embeddings WHERE model_id = ? ORDER BY image_id")?;
        let mut rows = statement.query([self.model_id])?;
        let mut next = 1;
        while let Some(row) = rows.next()? {
            let image_id: ImageId = row.get(0)?;
            (next..image_id).for_each(|gone| _ = draft.index.remove(gone));
            next = image_id + 1;
        }
        let last: ImageId = last_number(connection, "images")?;
        (next..=last).for_each(|gone| _ = draft.index.remove(gone));
        Ok(agrees())
    }
}

/// The highest change number ever given.
pub(super) fn last_change(connection: &Connection) -> Result<u64, StoreError> {
    Ok(last_number(connection, "image_embeddings")?.unsigned_abs())
}

/// The highest AUTOINCREMENT number a table ever gave.
fn last_number(connection: &Connection, table: &str) -> Result<i64, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = ?")?;
    Ok(statement.query_row([table], |row| row.get(0))?)
}
