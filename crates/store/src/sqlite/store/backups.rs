//! The embedded store as one that can be backed up and that knows the room on its disk.

use std::path::Path;

use super::SqliteStore;
use crate::sqlite::backup::{self, Source};
use crate::{
    BackupError, BackupOptions, BackupProgress, BackupStore, ImageStore as _, Manifest, RoomState, StoreError,
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
        let source = Source { database: &self.shared.database, content: &content };
        backup::back_up(&source, to, options, tell, stop)
    }

    fn copies(&self, backup: &Path) -> Result<Vec<Manifest>, BackupError> {
        backup::copies(backup)
    }

    fn room(&self) -> Option<RoomState> {
        self.room.state()
    }
}

impl SqliteStore {
    /// Deletes rows even on a full disk: gives the reserve back, and if that is not enough, leaves the deleted bytes in the
    /// database for now, which then notes that they are to be wiped.
    pub(super) fn deleting<T>(&self, delete: impl Fn() -> Result<T, StoreError>) -> Result<T, StoreError> {
        match delete() {
            Err(StoreError::DiskFull(reason)) => log::warn!("something is deleted although the disk is full: {reason}"),
            answer => return answer,
        }
        self.room.release_reserve();
        self.fold_log();
        match delete() {
            Err(StoreError::DiskFull(_)) => {}
            answer => return answer,
        }
        let Some(wiping) = self.set_wiping("FAST") else { return delete() };
        self.room.set_keeping_bytes(true);
        let answer = delete();
        self.room.set_keeping_bytes(false);
        self.set_wiping(&wiping);
        answer
    }

    /// Folds the write-ahead log into the database, so that it takes little room. Failing costs nothing.
    fn fold_log(&self) {
        if let Err(error) = self.shared.writer().execute_batch("PRAGMA wal_checkpoint(TRUNCATE)") {
            log::debug!("the write-ahead log could not be folded into the database: {error}");
        }
    }

    /// Sets whether SQLite writes zeros over what is deleted; returns the setting before, and `None` if it is unknown.
    fn set_wiping(&self, setting: &str) -> Option<String> {
        let writer = self.shared.writer();
        let before: i64 = writer.query_row("PRAGMA secure_delete", [], |row| row.get(0)).ok()?;
        writer.query_row(&format!("PRAGMA secure_delete = {setting}"), [], |_| Ok(())).ok()?;
        Some(["OFF", "ON", "FAST"].get(usize::try_from(before).ok()?)?.to_string())
    }
}
