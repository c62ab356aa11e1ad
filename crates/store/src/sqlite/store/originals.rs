//! The homes of originals of the embedded store.

use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::{REMOVALS, SqliteStore};
use crate::originals::{Home, HomeCounts, LinkedFile, LinkedImage, MoveStep, OriginalsStore};
use crate::sqlite::content::{Lost, read_verified};
use crate::sqlite::directory::DATABASE;
use crate::sqlite::moves::{self, Outcome, Verified};
use crate::sqlite::originals::{self, Place};
use crate::sqlite::statements::count_images;
use crate::sqlite::task::Task;
use crate::sqlite::{damage, images};
use crate::{Content, DamageReason, ImageId, ImageStore as _, NewImage, OriginalHome as _, StoreError};

impl SqliteStore {
    /// Puts the bytes of a new image into the folder of originals, if they belong there, before the transaction that names
    /// them. Bytes of a known image are not written.
    ///
    /// # Errors
    /// The errors of the folder.
    pub(super) fn put_file(&self, image: &NewImage<'_>) -> Result<(), StoreError> {
        let Place::Folder(folder) = originals::place_of(image, &self.homes)? else { return Ok(()) };
        let known =
            self.shared.read(|db| Ok(!crate::sqlite::images::ids_by_sha256(db, &[image.sha256])?.is_empty()))?;
        if known {
            return Ok(());
        }
        let bytes = image.bytes.len() as u64;
        if let Some(room) = folder.room().filter(|room| room.free < bytes) {
            return Err(StoreError::DiskFull(format!(
                "{} bytes are free in the folder of originals, and {bytes} are wanted",
                room.free
            )));
        }
        Ok(folder.put(&image.sha256, image.bytes)?)
    }

    /// Removes at most `limit` files of deleted images from the folder of originals.
    ///
    /// # Errors
    /// The errors of the database. A folder that is not there keeps its files for a later call, and so does a backup that is
    /// being made.
    pub(super) fn remove_files(&self, limit: usize) -> Result<(), StoreError> {
        if self.backups.load(Ordering::Acquire) > 0 {
            return Ok(());
        }
        let removals = self.shared.read(|db| originals::removals(db, limit))?;
        if removals.is_empty() {
            return Ok(());
        }
        let folder = match self.homes.folder() {
            Ok(folder) => folder,
            Err(error) => {
                log::debug!("{} files of deleted images are removed later: {error}", removals.len());
                return Ok(());
            }
        };
        if let Some(owner) = folder.other_owner() {
            log::debug!("files of deleted images stay in the folder of originals, which {owner} uses as well");
            return Ok(());
        }
        for sha256 in removals {
            match self.shared.write(|db| originals::remove(db, folder, &sha256), |()| ()) {
                Err(StoreError::Unavailable(reason)) => {
                    log::debug!("files of deleted images are removed later: {reason}");
                    return Ok(());
                }
                removed => removed?,
            }
        }
        Ok(())
    }

    /// Removes the files of images that have just been deleted. What cannot be removed now is removed later.
    pub(super) fn remove_files_now(&self) {
        if let Err(error) = self.remove_files(REMOVALS) {
            log::debug!("files of deleted images are removed later: {error}");
        }
    }

    /// Takes the folder of originals over from a data directory that has been moved here. A folder that another data directory
    /// uses as well, because one is a copy of the other, keeps all files.
    fn look_at_owner(&self) {
        let Ok(folder) = self.homes.folder() else { return };
        let Some(owner) = folder.other_owner() else { return };
        let directory = self.shared.database.parent().unwrap_or(Path::new("."));
        let whole = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let is_own = whole(folder.root()).starts_with(whole(directory));
        if !is_own && Path::new(&owner).join(DATABASE).is_file() {
            log::warn!(
                "the folder of originals {} is also that of {owner}. No file in it is removed. Give one of both stores a folder \
                 of its own (MITSUKE_ORIGINALS_DIR)",
                folder.root().display()
            );
        } else if folder.claim(true).is_ok()
            && let Err(error) = folder.take_over()
        {
            log::warn!("the folder of originals still names {owner} as its owner: {error}");
        }
    }

    /// Removes what a process that ended early has left in the folder of originals.
    pub(super) fn clear_folder(&self) {
        self.look_at_owner();
        if let Ok(folder) = self.homes.folder() {
            folder.clear_incoming(Duration::ZERO);
        }
        self.remove_files_now();
    }
}

impl SqliteStore {
    /// Reads and verifies an original that is to be moved; `None` when it stays where it is.
    ///
    /// # Errors
    /// The errors of the database, and those of a folder that does not answer.
    fn read_to_move(&self, image_id: ImageId, to: Home) -> Result<Option<Verified>, StoreError> {
        let read = read_verified(&self.homes, || self.shared.read(|db| images::content(db, image_id)));
        let Content { bytes, sha256, .. } = match read {
            Ok(Some(content)) => content,
            Ok(None) | Err(Lost::Away(_)) => return Ok(None),
            Err(Lost::Damaged(reason, found)) => {
                self.note_damage(image_id, reason, &found);
                return Ok(None);
            }
            Err(Lost::Failed(error)) => return Err(error),
        };
        let size = bytes.len() as u64;
        if to != Home::Folder {
            return Ok(Some(Verified { image_id, sha256, size, bytes }));
        }
        self.homes.folder()?.put(&sha256, &bytes)?;
        Ok(Some(Verified { image_id, sha256, size, bytes: Vec::new() }))
    }

    /// Gives a batch of verified originals its new place.
    fn place_batch(
        &self,
        batch: &mut Vec<Verified>,
        from: Home,
        to: Home,
        step: &mut MoveStep,
    ) -> Result<(), StoreError> {
        if batch.is_empty() {
            return Ok(());
        }
        let place = if to == Home::Folder { Place::Folder(self.homes.folder()?) } else { Place::Database };
        if to == Home::Database {
            self.check_fits(batch.iter().map(|original| original.bytes.len()).sum())?;
        }
        let moved = self.deleting(|| {
            self.shared.write(
                |db| {
                    self.room.note_unwiped(db)?;
                    moves::store(db, batch, from, &place)
                },
                |_| (),
            )
        })?;
        for (original, outcome) in batch.drain(..).zip(moved) {
            match outcome {
                Outcome::Moved => {
                    step.moved += 1;
                    step.bytes += original.size;
                }
                Outcome::Left => step.skipped.push(original.image_id),
                Outcome::Gone => {}
            }
        }
        if from == Home::Database {
            self.shared.wipe.note();
            self.shared.compact.note();
            self.shared.send(Task::Deleted);
        }
        self.remove_files_now();
        Ok(())
    }
}

impl OriginalsStore for SqliteStore {
    fn move_originals(
        &self,
        from: Home,
        to: Home,
        after: Option<ImageId>,
        limit: usize,
    ) -> Result<MoveStep, StoreError> {
        if from == to || to == Home::InPlace {
            return Ok(MoveStep::default());
        }
        if to == Home::Folder {
            let folder = self.homes.folder()?;
            folder.claim(self.shared.read(|db| originals::any_in_folder(db))?)?;
        }
        let ids = self.shared.read(|db| moves::images_in(db, from, after, limit))?;
        let mut step = MoveStep { next: ids.last().copied().filter(|_| ids.len() == limit), ..MoveStep::default() };
        let mut batch: Vec<Verified> = Vec::new();
        let mut bytes = 0;
        for image_id in ids {
            let Some(original) = self.read_to_move(image_id, to)? else {
                // An image that has been deleted meanwhile is nothing to tell about.
                if self.image(image_id)?.is_some() {
                    step.skipped.push(image_id);
                }
                continue;
            };
            bytes += original.bytes.len();
            batch.push(original);
            if batch.len() >= moves::BATCH || bytes >= moves::BATCH_BYTES {
                self.place_batch(&mut batch, from, to, &mut step)?;
                bytes = 0;
            }
        }
        self.place_batch(&mut batch, from, to, &mut step)?;
        Ok(step)
    }

    fn count_homes(&self) -> Result<HomeCounts, StoreError> {
        self.shared.read(|db| originals::count_homes(db, count_images(db)?))
    }

    fn linked_files(&self, after: Option<ImageId>, limit: usize) -> Result<Vec<LinkedImage>, StoreError> {
        self.shared.read(|db| originals::linked(db, after, limit))
    }

    fn relink(&self, image_id: ImageId, file: &LinkedFile<'_>) -> Result<bool, StoreError> {
        self.shared.write(
            |db| {
                let relinked = originals::relink(db, image_id, file)?;
                if relinked {
                    damage::clear(db, image_id)?;
                }
                Ok(relinked)
            },
            |_| (),
        )
    }

    fn images_at_path(&self, path: &str) -> Result<Vec<ImageId>, StoreError> {
        self.shared.read(|db| originals::at_path(db, path))
    }

    fn note_link(&self, image_id: ImageId, reason: Option<DamageReason>) -> Result<bool, StoreError> {
        self.shared.write(
            |db| match reason {
                Some(reason) => damage::note(db, image_id, reason),
                None => damage::clear(db, image_id),
            },
            |_| (),
        )
    }
}
