//! The log of an import of a plain folder: that of `mitsuke upload`, with the store in the place of the server.

use std::collections::HashSet;
use std::path::Path;

use mitsuke_client::upload::scan::SourceFile;
use mitsuke_client::upload::upload_log::{Entry, LogError, PreviousRuns, UploadLog};
use mitsuke_store::{ImageStore, MAX_HASHES, Sha256, StoreError};

use super::error::ImportError;

/// The log, and what earlier runs have written into it.
pub struct Journal {
    log: Option<UploadLog>,
    previous: PreviousRuns,
    /// The name of the store in the entries.
    store: String,
}

impl Journal {
    /// Opens the log; without a path, nothing is remembered. `store` is the name of the store in the entries.
    ///
    /// # Errors
    /// When the file is no log, another command writes it, or it cannot be read and written.
    pub fn open(path: Option<&Path>, store: &str) -> Result<Self, ImportError> {
        let opened = path.map(|path| UploadLog::open(path, store)).transpose().map_err(|error| {
            ImportError::Log(match error {
                LogError::Io { .. } => error.to_string(),
                LogError::Locked(path) => format!(
                    "another command is writing the log {}. Wait for it, or name another with --log",
                    path.display()
                ),
                LogError::Foreign(path) => format!(
                    "{} is not a log of `mitsuke import` and was left unchanged. Name another with --log",
                    path.display()
                ),
            })
        })?;
        let (log, previous) = opened.unzip();
        Ok(Self { log, previous: previous.unwrap_or_default(), store: store.to_owned() })
    }

    /// Forgets the finished files whose image the store does not have any more.
    ///
    /// # Errors
    /// The errors of the store.
    pub fn forget_missing<'a>(
        &mut self,
        files: impl IntoIterator<Item = &'a SourceFile>,
        store: &(impl ImageStore + ?Sized),
    ) -> Result<(), StoreError> {
        let finished: HashSet<String> = files
            .into_iter()
            .filter_map(|file| self.previous.finished(file).and_then(|entry| entry.sha256.clone()))
            .collect();
        let hashes: Vec<Sha256> = finished.iter().filter_map(|hash| Sha256::parse(hash)).collect();
        let mut missing = finished;
        for part in hashes.chunks(MAX_HASHES) {
            for (found, _) in store.images_by_sha256(part)? {
                missing.remove(&found.to_string());
            }
        }
        self.previous.forget(&missing);
        Ok(())
    }

    /// Returns whether an earlier run has finished a file that has not changed since.
    pub fn is_finished(&self, file: &SourceFile) -> bool {
        self.previous.finished(file).is_some()
    }

    /// Adds an entry, whose `server` becomes the name of the store.
    pub fn add(&self, mut entry: Entry) {
        entry.server.clone_from(&self.store);
        if let Some(log) = &self.log
            && !self.previous.has_skipped(&entry)
        {
            log.add(&entry);
        }
    }

    /// Waits until the log is on disk.
    ///
    /// # Errors
    /// When it could not be written.
    pub fn close(self) -> Result<(), ImportError> {
        let closed = self.log.map_or(Ok(()), UploadLog::close);
        closed.map_err(|error| {
            ImportError::Log(format!("the log is not complete: {error}. The next run reads the files again"))
        })
    }
}
