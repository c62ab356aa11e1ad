//! The embedded store as one that can be backed up and that knows the room on its disk.

use std::path::Path;
use std::sync::atomic::Ordering;

use super::SqliteStore;
use crate::sqlite::backup::{self, Source};
use crate::{
    BackupError, BackupOptions, BackupProgress, BackupStore, Home, ImageStore as _, Manifest, OriginalKey, RoomState,
    Sha256, StoreError,
};

impl BackupStore for SqliteStore {
    fn back_up(
        &self,
        to: &Path,
        options: BackupOptions,
        tell: &mut dyn FnMut(BackupProgress),
        stop: &dyn Fn() -> bool,
    ) -> Result<Manifest, BackupError> {
        // Reading once tells a closed store.
        self.shared.read(|_| Ok(()))?;
        let content = |image_id| Ok(self.content(image_id)?.map(|content| content.bytes));
        let file = |sha256: &Sha256, bytes: u64| {
            let key = OriginalKey { sha256, bytes, path: None };
            Ok(self.homes.read(Home::Folder, &key, 0..bytes.saturating_add(1))?)
        };
        let source = Source { database: &self.shared.database, content: &content, file: &file };
        self.backups.fetch_add(1, Ordering::AcqRel);
        let made = backup::back_up(&source, to, options, tell, stop);
        self.backups.fetch_sub(1, Ordering::AcqRel);
        self.remove_files_now();
        made
    }

    fn copies(&self, backup: &Path) -> Result<Vec<Manifest>, BackupError> {
        backup::copies(backup)
    }

    fn room(&self) -> Option<RoomState> {
        let rooms = self.room.state().into_iter().chain(self.homes.room());
        rooms.min_by_key(|room| i128::from(room.free) - i128::from(room.wanted))
    }
}

impl SqliteStore {
    /// Deletes rows even on a full disk: gives the reserve back, and if that is not enough, leaves the deleted bytes in the
    /// database for now, which then notes that they are to be wiped. The snapshots of the vector indexes, which can be made
    /// again, give way last.
    pub(super) fn deleting<T>(&self, delete: impl Fn() -> Result<T, StoreError>) -> Result<T, StoreError> {
        // A log that cannot be folded grows with each deletion, so each takes as little of it as it can.
        if !self.room.is_log_stuck() || self.fold_log() {
            match delete() {
                Err(StoreError::DiskFull(reason)) => {
                    log::warn!("something is deleted although the disk is full: {reason}");
                }
                answer => return answer,
            }
            self.room.release_reserve();
            if self.fold_log() {
                match delete() {
                    Err(StoreError::DiskFull(_)) => {}
                    answer => return answer,
                }
            }
        }
        match self.delete_and_keep_bytes(&delete) {
            Err(StoreError::DiskFull(_)) => {}
            answer => return answer,
        }
        self.room.release_reserve();
        self.shared.caches().iter().for_each(|cache| cache.remove_snapshot());
        self.fold_log();
        self.delete_and_keep_bytes(&delete)
    }

    /// Deletes rows and leaves their bytes in free pages, which takes little room.
    fn delete_and_keep_bytes<T>(&self, delete: impl Fn() -> Result<T, StoreError>) -> Result<T, StoreError> {
        let _alone = self.room.begin_keeping_bytes();
        let answer = self.set_wiping("FAST").and_then(|()| delete());
        self.set_wiping("ON")?;
        answer
    }

    /// Checks whether an original of `bytes` fits on the disk, and folds the write-ahead log first if it has to.
    pub(super) fn check_fits(&self, bytes: usize) -> Result<(), StoreError> {
        if self.room.check_fits(bytes, self.log_bytes()).is_ok() {
            return Ok(());
        }
        self.fold_log();
        self.room.check_fits(bytes, self.log_bytes())
    }

    /// Returns the size of the write-ahead log; 0 when there is none.
    fn log_bytes(&self) -> u64 {
        let mut path = self.shared.database.clone().into_os_string();
        path.push("-wal");
        std::fs::metadata(path).map_or(0, |metadata| metadata.len())
    }

    /// Folds the write-ahead log into the database, so that it takes little room. Returns whether that was done.
    fn fold_log(&self) -> bool {
        let folded = self.shared.writer().query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0));
        let folded = folded.map_err(StoreError::from);
        if let Err(error) = &folded {
            log::debug!("the write-ahead log could not be folded into the database: {error}");
        }
        self.room.set_log_stuck(matches!(folded, Err(StoreError::DiskFull(_))));
        folded.is_ok_and(|busy| busy == 0)
    }

    /// Sets how SQLite writes zeros over what is deleted: ON always, FAST where that takes no room.
    fn set_wiping(&self, setting: &str) -> Result<(), StoreError> {
        let writer = self.shared.writer();
        Ok(writer.query_row(&format!("PRAGMA secure_delete = {setting}"), [], |_| Ok(()))?)
    }
}
