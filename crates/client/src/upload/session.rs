//! The state that all stages of an upload share, and the records of each file.

use std::cell::{Cell, RefCell};

use mitsuke_image::OtherContent;

use super::options::UploadOptions;
use super::progress::Progress;
use super::scan::SourceFile;
use super::stop::StopSignal;
use super::summary::{Summary, advice};
use super::upload_log::{Entry, PreviousRuns, Status, UploadLog};
use crate::client::Client;

/// A running upload. All stages work on one thread.
pub struct Session<'a> {
    pub options: &'a UploadOptions,
    pub client: &'a Client,
    pub stop: &'a StopSignal,
    pub progress: &'a Progress,
    pub log: Option<&'a UploadLog>,
    pub previous: &'a PreviousRuns,
    /// Gets every file that is stored, skipped or failed, with its entry.
    pub on_entry: &'a dyn Fn(&SourceFile, &Entry),
    pub summary: RefCell<Summary>,
    /// The number of finished files, whether they were stored, skipped or failed.
    pub finished: Cell<u64>,
}

impl Session<'_> {
    /// Counts one more finished file.
    pub fn finish_file(&self) {
        self.finished.set(self.finished.get() + 1);
        self.progress.step();
    }

    /// Reports, logs and counts a file that failed. `sha256` is `None` when the file could not be read.
    pub fn fail_file(&self, file: &SourceFile, sha256: Option<&str>, code: &str, detail: &str) {
        self.write_log(file, sha256, Status::Failed, |entry| {
            (entry.code, entry.detail) = (Some(code.to_owned()), Some(detail.to_owned()));
        });
        self.progress.message(&format!("failed: {}: {detail} ({code})", file.path.display()));
        self.summary.borrow_mut().fail(code, &file.path, detail);
        self.finish_file();
    }

    /// Logs and counts a file that is no picture.
    pub fn skip_file(&self, file: &SourceFile, found: OtherContent) {
        let detail = advice(found).map_or_else(|| found.to_string(), |advice| format!("{found}; {advice}"));
        self.write_log(file, None, Status::Skipped, |entry| {
            (entry.code, entry.detail) = (Some(found.code().to_owned()), Some(detail));
        });
        self.summary.borrow_mut().skip(found, &file.path);
        self.finish_file();
    }

    /// Reports and counts a caption that cannot be used; its picture is uploaded without it.
    pub fn leave_caption_out(&self, reason: &str) {
        self.progress.message(&format!("uploaded without its caption: {reason}"));
        self.summary.borrow_mut().captions_unusable += 1;
    }

    /// Adds an entry for a file to the log; `complete` sets the fields that depend on the status.
    pub fn write_log(
        &self,
        file: &SourceFile,
        sha256: Option<&str>,
        status: Status,
        complete: impl FnOnce(&mut Entry),
    ) {
        let mut entry = Entry {
            path: file.log_path().into_owned(),
            sha256: sha256.map(str::to_owned),
            status,
            image_id: None,
            code: None,
            detail: None,
            bytes: file.bytes,
            modified_ns: file.modified_ns,
            caption: None,
            server: self.options.server.to_string(),
        };
        complete(&mut entry);
        (self.on_entry)(file, &entry);
        if let Some(log) = self.log
            && !self.previous.has_skipped(&entry)
        {
            log.add(&entry);
        }
    }
}
