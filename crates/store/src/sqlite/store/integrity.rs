//! The embedded store as a store that compares what it holds with what was written.

use time::OffsetDateTime;

use super::SqliteStore;
use crate::disk::free_bytes;
use crate::sqlite::content::{Lost, read_verified};
use crate::sqlite::diagnosis::SampledEmbedding;
use crate::sqlite::index_cache::{VectorCache, agrees};
use crate::sqlite::mark::{LOST_COMMITS, fact, set_fact};
use crate::sqlite::statements::ids;
use crate::sqlite::values::{date, micros};
use crate::sqlite::{check, chunks, compact, damage, document, images, originals};
use crate::text::Document;
use crate::{
    CheckPart, CheckStep, Content, ContentPart, DamageReason, DamagedImage, Fault, ImageId, ImageStore as _,
    IntegrityStore, ModelId, ScrubState, Sha256, StoreCondition, StoreError, Verified,
};

impl SqliteStore {
    /// Reads an original and compares it with its hash.
    ///
    /// # Errors
    /// [`StoreError::ImageDamaged`] when it has another hash, or cannot be read; [`StoreError::OriginalMissing`] when it lies
    /// in a file that is not there or has changed.
    pub(super) fn verified_content(&self, image_id: ImageId) -> Result<Option<Content>, StoreError> {
        match read_verified(&self.homes, || self.shared.read(|db| images::content(db, image_id))) {
            Ok(content) => Ok(content),
            Err(Lost::Damaged(reason, found)) => Err(self.note_damage(image_id, reason, &found)),
            Err(Lost::Away(reason)) => {
                log::debug!("the original of image {image_id} is out of reach: {reason}");
                Err(StoreError::OriginalMissing(image_id))
            }
            Err(Lost::Failed(error)) => Err(error),
        }
    }

    /// Remembers and logs that an original is damaged, and returns the error that says so.
    pub(super) fn note_damage(&self, image_id: ImageId, reason: DamageReason, found: &str) -> StoreError {
        match self.shared.write(|db| damage::note(db, image_id, reason), |_| ()) {
            Ok(true) => log::error!("the original of image {image_id} is damaged and is not used: {found}"),
            Ok(false) => log::debug!("the original of image {image_id} is still damaged: {found}"),
            Err(error) => log::error!(
                "the original of image {image_id} is damaged and is not used: {found}. That could not be noted: {error}"
            ),
        }
        reason.error(image_id)
    }

    /// Keeps what a verified original tells: the hashes of its chunks, and that it is not damaged.
    fn note_whole(&self, image_id: ImageId, bytes: &[u8]) -> Result<(), StoreError> {
        let hashes = chunks::hashes_of(bytes);
        let (kept, damaged) =
            self.shared.read(|db| Ok((chunks::are_kept(db, image_id, &hashes)?, damage::is_noted(db, image_id)?)))?;
        if kept && !damaged {
            return Ok(());
        }
        self.shared.write(
            |db| {
                chunks::put(db, image_id, &hashes)?;
                damage::clear(db, image_id)?;
                Ok(())
            },
            |()| (),
        )
    }

    fn check_pictures(&self, after: Option<i64>, limit: usize) -> Result<CheckStep, StoreError> {
        let batch = self.shared.read(|db| check::images_after(db, after, limit))?;
        let mut faults = Vec::new();
        for image_id in &batch {
            if self.verify_image(*image_id)? == Verified::Damaged {
                let reason = self.shared.read(|db| damage::reason(db, *image_id))?;
                faults.push(check::lost_original(*image_id, reason.unwrap_or(DamageReason::Bytes)));
            }
        }
        let next = if batch.len() < limit { None } else { batch.last().copied() };
        Ok(CheckStep { checked: batch.len() as u64, faults, next })
    }

    fn check_embeddings(&self, after: Option<i64>, limit: usize, repair: bool) -> Result<CheckStep, StoreError> {
        let batch = self.shared.read(|db| check::embeddings_after(db, after, limit))?;
        let mut step = CheckStep { checked: batch.len() as u64, ..CheckStep::default() };
        if batch.len() == limit {
            step.next = batch.last().map(|embedding| embedding.embedding_id);
        }
        for embedding in batch {
            let Err(reason) = &embedding.vector else { continue };
            let (image_id, model_id) = (embedding.image_id, embedding.model_id);
            let mut fault = check::embedding_fault(&embedding, reason);
            if repair {
                self.delete_embedding(embedding.embedding_id, model_id, image_id)?;
                fault.repaired = true;
            }
            step.faults.push(fault);
        }
        Ok(step)
    }

    fn delete_embedding(&self, embedding_id: i64, model_id: ModelId, image_id: ImageId) -> Result<(), StoreError> {
        self.shared.write(
            |db| check::delete_embedding(db, embedding_id),
            |()| {
                if let Ok(cache) = self.shared.cache(model_id) {
                    cache.apply_delete(image_id);
                }
            },
        )
    }

    /// Compares vectors of the indexes with their rows, and at the end the images of each index with those of its rows.
    fn check_index(&self, after: Option<i64>, limit: usize, repair: bool) -> Result<CheckStep, StoreError> {
        let batch = self.shared.read(|db| check::embeddings_after(db, after, limit))?;
        let mut step = CheckStep { checked: batch.len() as u64, ..CheckStep::default() };
        if batch.len() == limit {
            step.next = batch.last().map(|embedding| embedding.embedding_id);
        }
        let mut stale: Vec<i64> = Vec::new();
        for embedding in &batch {
            let Ok(vector) = &embedding.vector else { continue };
            let Some(index) = self.shared.cache(embedding.model_id).ok().and_then(|cache| cache.index()) else {
                continue;
            };
            if agrees(&index, embedding.image_id, vector) || !self.is_current(embedding)? {
                continue;
            }
            let found = format!(
                "the index of model {} holds no such vector of image {}",
                embedding.model_id, embedding.image_id
            );
            step.faults.push(check::fault(CheckPart::Index, Some(embedding.image_id), found));
            stale.push(embedding.model_id);
        }
        if step.next.is_none() {
            for cache in self.shared.caches() {
                if let Some(found) = self.foreign_images(&cache)? {
                    step.faults.push(check::fault(CheckPart::Index, None, found));
                    stale.push(cache.model_id);
                }
            }
        }
        if repair && !stale.is_empty() {
            for cache in self.shared.caches().iter().filter(|cache| stale.contains(&cache.model_id)) {
                self.shared.rebuild_index(cache);
            }
            step.faults.iter_mut().for_each(|fault| fault.repaired = true);
        }
        Ok(step)
    }

    /// Returns whether an embedding that was read is still there. One that was replaced meanwhile says nothing about an
    /// index.
    fn is_current(&self, embedding: &check::CheckedEmbedding) -> Result<bool, StoreError> {
        let sql = "SELECT embedding_id FROM image_embeddings WHERE embedding_id = ?";
        // The writer has applied every change that it has committed.
        let writer = self.shared.writer();
        let there = !ids(&writer, sql, [embedding.embedding_id])?.is_empty();
        let index = self.shared.cache(embedding.model_id)?.index();
        let applied = match (&embedding.vector, index) {
            (Ok(vector), Some(index)) => agrees(&index, embedding.image_id, vector),
            _ => true,
        };
        Ok(there && !applied)
    }

    /// Says how many images an index lacks or has beyond its rows; `None` when it has exactly those.
    fn foreign_images(&self, cache: &VectorCache) -> Result<Option<String>, StoreError> {
        let writer = self.shared.writer();
        let Some(index) = cache.index() else { return Ok(None) };
        let sql = "SELECT image_id FROM image_embeddings WHERE model_id = ?";
        let rows: mitsuke_index::IdSet = ids(&writer, sql, [cache.model_id])?.into_iter().collect();
        drop(writer);
        let beyond = index.ids().iter().filter(|id| !rows.contains(*id)).count();
        Ok((beyond > 0)
            .then(|| format!("the index of model {} holds {beyond} images without embedding", cache.model_id)))
    }

    fn check_orphans(&self, after: Option<i64>, repair: bool) -> Result<CheckStep, StoreError> {
        match check::prefix_after(after) {
            None => self.check_orphaned_rows(repair),
            Some(prefix) => self.check_unused_files(prefix, repair),
        }
    }

    /// Looks for files of the folder of originals that belong to no image. A file is removed like that of a deleted image.
    fn check_unused_files(&self, prefix: u8, repair: bool) -> Result<CheckStep, StoreError> {
        let (checked, unused) = self.shared.read(|db| check::unused_files(db, &self.homes, prefix))?;
        let mut step = CheckStep { checked, faults: Vec::new(), next: check::place_behind(Some(prefix), true) };
        step.faults.extend(unused.iter().map(check::unused_file));
        if !repair || unused.is_empty() {
            return Ok(step);
        }
        if let Some(owner) = self.homes.folder()?.other_owner() {
            log::warn!(
                "the folder of originals may also be that of {owner}, whose files are not removed. Give this store a folder of \
                 its own (MITSUKE_ORIGINALS_DIR)"
            );
            return Ok(step);
        }
        self.shared.write(|db| unused.iter().try_for_each(|sha256| originals::note_removal(db, sha256)), |()| ())?;
        self.remove_files(usize::MAX)?;
        let left = self.shared.read(|db| originals::removals(db, usize::MAX))?;
        for (fault, sha256) in step.faults.iter_mut().zip(&unused) {
            fault.repaired = !left.contains(sha256);
        }
        Ok(step)
    }

    fn check_orphaned_rows(&self, repair: bool) -> Result<CheckStep, StoreError> {
        // Files of deleted images are no fault.
        self.remove_files(usize::MAX)?;
        let mut step = self.shared.read(|db| check::orphans(db))?;
        // The scrub or a person lacks nothing that an image without original could be repaired with.
        let repairable = |fault: &Fault| fault.image_id.is_none();
        if repair && step.faults.iter().any(repairable) {
            self.shared.write(check::repair_orphans, |()| ())?;
            step.faults.iter_mut().filter(|fault| repairable(fault)).for_each(|fault| fault.repaired = true);
        }
        step.next = check::place_behind(None, check::has_folder(&self.homes));
        Ok(step)
    }

    fn check_texts(&self, after: Option<i64>, limit: usize, repair: bool) -> Result<CheckStep, StoreError> {
        let (mut step, stale) = self.shared.read(|db| check::texts(db, after, limit))?;
        if repair && !stale.is_empty() {
            self.shared.write(
                |db| stale.iter().try_for_each(|image| document::index(db, image.image_id, &Document::of(image))),
                |()| (),
            )?;
            step.faults.iter_mut().for_each(|fault| fault.repaired = true);
        }
        Ok(step)
    }
}

impl SqliteStore {
    /// Deletes a stored embedding that a check has found to be wrong, so that a backfill makes it again.
    ///
    /// # Errors
    /// The errors of the database.
    pub fn delete_sampled(&self, sampled: &SampledEmbedding) -> Result<(), StoreError> {
        self.delete_embedding(sampled.embedding_id, sampled.model_id, sampled.image_id)
    }

    /// Writes the whole database anew without the space of deleted rows, which leaves it in the background from then on.
    /// Takes as much room on the disk as what the database holds twice.
    ///
    /// # Errors
    /// [`StoreError::DiskFull`], before anything is written where the system tells the room; the other errors of the database. It then is as it was.
    pub fn compact(&self) -> Result<(), StoreError> {
        let writer = self.shared.writer();
        self.shared.readers.close_idle();
        let directory = self.shared.database.parent().unwrap_or(std::path::Path::new("."));
        compact::whole(directory, &writer, free_bytes(directory))
    }

    /// Makes the indexes of the database and its full-text index again, and returns what is wrong with its pages
    /// afterwards.
    ///
    /// # Errors
    /// The errors of the database, which may be too damaged for that.
    pub fn repair_pages(&self) -> Result<Vec<String>, StoreError> {
        let mut writer = self.shared.writer();
        writer.execute_batch("REINDEX; UPDATE store_facts SET value = 0 WHERE name = 'segmentation_version';")?;
        document::reindex_if_outdated(&mut writer)?;
        check::whole_file(&writer)
    }
}

impl IntegrityStore for SqliteStore {
    fn content_part(&self, image_id: ImageId, first: u64, last: u64) -> Result<Option<ContentPart>, StoreError> {
        match self.shared.read(|db| chunks::read(db, image_id, first, last)) {
            Ok(chunks::Reading::Unknown) => return Ok(None),
            Ok(chunks::Reading::Part(part)) => return Ok(Some(part)),
            Ok(chunks::Reading::File(part)) => {
                let read = self.homes.read(part.located.home, &part.located.key(), part.range());
                if let Ok(Some(part)) = read.map(|bytes| bytes.and_then(|bytes| part.part(bytes))) {
                    return Ok(Some(part));
                }
            }
            // The whole original decides.
            Ok(chunks::Reading::Untold) | Err(StoreError::Damaged(_)) => {}
            Err(error) => return Err(error),
        }
        let Some(content) = self.content(image_id)? else { return Ok(None) };
        if let Err(error) = self.note_whole(image_id, &content.bytes) {
            log::debug!("the hashes of image {image_id} are not kept: {error}");
        }
        Ok(Some(ContentPart::of(content, first, last)))
    }

    fn verify_image(&self, image_id: ImageId) -> Result<Verified, StoreError> {
        match read_verified(&self.homes, || self.shared.read(|db| images::content(db, image_id))) {
            Ok(Some(content)) => {
                self.note_whole(image_id, &content.bytes)?;
                Ok(Verified::Whole)
            }
            Ok(None) => {
                let known = self.shared.read(|db| Ok(images::image(db, image_id)?.is_some()))?;
                if !known {
                    return Ok(Verified::Unknown);
                }
                self.note_damage(image_id, DamageReason::Bytes, "it has no original");
                Ok(Verified::Damaged)
            }
            Err(Lost::Damaged(reason, found)) => {
                self.note_damage(image_id, reason, &found);
                Ok(Verified::Damaged)
            }
            Err(Lost::Away(reason)) => {
                log::debug!("the original of image {image_id} is out of reach: {reason}");
                Ok(Verified::Away)
            }
            Err(Lost::Failed(error)) => Err(error),
        }
    }

    fn damaged_images(&self, after: Option<ImageId>, limit: usize) -> Result<Vec<DamagedImage>, StoreError> {
        self.shared.read(|db| damage::list(db, after, limit))
    }

    fn repair_content(&self, image_id: ImageId, bytes: &[u8]) -> Result<bool, StoreError> {
        let sha256 = Sha256::of(bytes);
        let repaired = self.shared.write(|db| damage::repair(db, image_id, &sha256, bytes, &self.homes), |_| ())?;
        if repaired {
            log::info!("the original of image {image_id} has been written anew");
        }
        Ok(repaired)
    }

    fn check_part(
        &self,
        part: CheckPart,
        after: Option<i64>,
        limit: usize,
        repair: bool,
    ) -> Result<CheckStep, StoreError> {
        match part {
            CheckPart::Pages => self.shared.read(|db| check::pages(db, after)),
            CheckPart::Pictures => self.check_pictures(after, limit),
            CheckPart::Embeddings => self.check_embeddings(after, limit, repair),
            CheckPart::Index => self.check_index(after, limit, repair),
            CheckPart::Orphans => self.check_orphans(after, repair),
            CheckPart::Texts => self.check_texts(after, limit, repair),
        }
    }

    fn scrub_state(&self) -> Result<Option<ScrubState>, StoreError> {
        self.shared.read(|db| {
            let finished = fact(db, "scrub_finished")?.unwrap_or_default();
            Ok(Some(ScrubState {
                after: fact(db, "scrub_after")?.unwrap_or_default(),
                finished_at: if finished == 0 { None } else { Some(date(finished)?) },
            }))
        })
    }

    fn put_scrub_state(&self, after: ImageId, finished_at: Option<OffsetDateTime>) -> Result<(), StoreError> {
        self.shared.write(
            |db| {
                set_fact(db, "scrub_after", after)?;
                finished_at.map_or(Ok(()), |at| set_fact(db, "scrub_finished", micros(at)))
            },
            |()| (),
        )
    }

    fn condition(&self) -> Result<StoreCondition, StoreError> {
        self.shared.read(|db| {
            Ok(StoreCondition {
                damaged_images: damage::count_all(db)?,
                lost_commits: fact(db, LOST_COMMITS)?.unwrap_or_default().unsigned_abs(),
                free_pages: db.query_row("PRAGMA freelist_count", [], |row| row.get::<_, i64>(0))?.unsigned_abs(),
            })
        })
    }

    fn acknowledge_loss(&self) -> Result<(), StoreError> {
        self.shared.write(|db| set_fact(db, LOST_COMMITS, 0), |()| ())
    }
}
