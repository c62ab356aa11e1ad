//! The progress of backups and restores at a terminal.

use std::sync::atomic::{AtomicU64, Ordering};

use indicatif::{ProgressBar, ProgressStyle};
use mitsuke::api::RunningBackupBody;
use mitsuke_store::BackupProgress;

/// A bar at the terminal; nothing where there is none.
pub struct Bar {
    bar: ProgressBar,
    written: AtomicU64,
}

impl Bar {
    /// Shows a bar without progress.
    pub fn new() -> Self {
        let style = ProgressStyle::with_template("{msg:9} {bar:30} {pos}/{len} {elapsed}");
        let bar = ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Self { bar, written: AtomicU64::new(0) }
    }

    /// Shows the progress.
    pub fn show(&self, progress: BackupProgress) {
        self.written.store(progress.written, Ordering::Relaxed);
        self.set(progress.step.name(), progress.done, progress.total);
    }

    /// Shows the progress as a server describes it.
    pub fn show_body(&self, running: &RunningBackupBody) {
        if let Some(step) = &running.step {
            self.set(step, running.done, running.total);
        }
    }

    fn set(&self, step: &str, done: u64, total: u64) {
        if self.bar.message() != step {
            self.bar.set_message(step.to_owned());
        }
        self.bar.set_length(total);
        self.bar.set_position(done);
    }

    /// Returns the bytes of originals that have been written.
    pub fn written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
