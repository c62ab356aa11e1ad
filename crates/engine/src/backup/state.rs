//! States of the backups of a server.

use std::path::PathBuf;
use std::time::Duration;

use mitsuke_store::{BackupOptions, BackupProgress, Manifest};
use time::OffsetDateTime;

/// The regular backups of a server.
#[derive(Debug, Clone, Default)]
pub struct BackupSchedule {
    /// The folder of the backup; `None` when none is set.
    pub directory: Option<PathBuf>,
    /// The time between two backups; `None` when only callers start them.
    pub every: Option<Duration>,
    /// The number of copies that are kept.
    pub keep: usize,
}

/// A backup that is to be made.
#[derive(Debug, Clone)]
pub struct BackupOrder {
    /// The folder of the backup.
    pub directory: PathBuf,
    /// The choices.
    pub options: BackupOptions,
}

/// A backup that is being made.
#[derive(Debug, Clone)]
pub struct RunningBackup {
    /// The folder of the backup.
    pub directory: PathBuf,
    /// The time at which it started.
    pub started_at: OffsetDateTime,
    /// The progress; `None` before the first step.
    pub progress: Option<BackupProgress>,
}

/// The last backup that ended.
#[derive(Debug, Clone)]
pub struct EndedBackup {
    /// The folder of the backup.
    pub directory: PathBuf,
    /// The time at which it started.
    pub started_at: OffsetDateTime,
    /// The time at which it ended.
    pub ended_at: OffsetDateTime,
    /// The copy, or the reason why there is none, in words for the operator.
    pub outcome: Result<Manifest, String>,
    /// The bytes of originals that were written.
    pub written: u64,
}

/// The backups of this process.
#[derive(Debug, Clone, Default)]
pub struct BackupsStatus {
    /// The backup that is being made.
    pub running: Option<RunningBackup>,
    /// The last one that ended since the start of the process.
    pub last: Option<EndedBackup>,
    /// The number of backups since the start of the process that failed.
    pub failures: u64,
    /// The time at which the newest copy was made: by this process, or in the folder of the schedule.
    pub newest: Option<OffsetDateTime>,
}
