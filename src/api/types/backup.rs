//! The JSON shapes of backups.

use std::path::Path;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::serde::rfc3339;
use utoipa::ToSchema;

use mitsuke_engine::backup::{BackupsStatus, EndedBackup, RunningBackup};
use mitsuke_store::Manifest;

/// A backup to make.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(example = json!({"verify": true}))]
pub struct BackupRequest {
    /// The folder on the server's machine, as an absolute path, in place of MITSUKE_BACKUP_DIR. Only `mitsuke backup` on the
    /// same machine may name one.
    #[schema(example = "/mnt/backup/mitsuke")]
    pub directory: Option<String>,
    /// Reads every original of the backup again and compares it with its hash; otherwise only its size is compared.
    #[schema(example = false)]
    pub verify: bool,
    /// The number of copies to keep, in place of MITSUKE_BACKUP_KEEP. A folder that the request names keeps all unless this
    /// is given.
    #[schema(example = 7, minimum = 1)]
    pub keep: Option<usize>,
}

/// A copy of the store in the backup.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = BackupCopy)]
pub struct CopyBody {
    /// The name, for `mitsuke restore --copy`.
    #[schema(example = "2026-01-02T03-04-05Z")]
    pub name: String,
    /// The time that the copy shows the store at.
    #[serde(with = "rfc3339")]
    #[schema(example = "2026-01-02T03:04:05Z")]
    pub made_at: OffsetDateTime,
    /// The number of images.
    #[schema(example = 2000)]
    pub images: u64,
    /// The bytes of all originals.
    #[schema(example = 5_000_000_000_u64)]
    pub pictures_bytes: u64,
    /// The version of the program that made the copy.
    #[schema(example = json!(env!("CARGO_PKG_VERSION")))]
    pub program: String,
    /// The images whose original was damaged in the store and is in no earlier copy either.
    #[schema(example = json!([]))]
    pub damaged_images: Vec<i64>,
}

impl From<Manifest> for CopyBody {
    fn from(manifest: Manifest) -> Self {
        Self {
            name: manifest.name,
            made_at: manifest.made_at,
            images: manifest.images,
            pictures_bytes: manifest.pictures_bytes,
            program: manifest.program,
            damaged_images: manifest.damaged,
        }
    }
}

/// A backup that is being made.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = RunningBackup)]
pub struct RunningBackupBody {
    /// The folder.
    #[schema(example = "/mnt/backup/mitsuke")]
    pub directory: String,
    /// The time of the start.
    #[serde(with = "rfc3339")]
    #[schema(example = "2026-01-02T03:04:05Z")]
    pub started_at: OffsetDateTime,
    /// `pictures`, `rows`, `verifying` or `pruning`; null before the first of them.
    #[schema(example = "pictures")]
    pub step: Option<String>,
    /// Images of the step that are done.
    #[schema(example = 1200)]
    pub done: u64,
    /// Images of the step.
    #[schema(example = 2000)]
    pub total: u64,
    /// Bytes of originals that have been written. The backup has the others already.
    #[schema(example = 3_000_000_000_u64)]
    pub written_bytes: u64,
}

impl From<RunningBackup> for RunningBackupBody {
    fn from(RunningBackup { directory, started_at, progress }: RunningBackup) -> Self {
        Self {
            directory: shown(&directory),
            started_at,
            step: progress.map(|progress| progress.step.name().to_owned()),
            done: progress.map_or(0, |progress| progress.done),
            total: progress.map_or(0, |progress| progress.total),
            written_bytes: progress.map_or(0, |progress| progress.written),
        }
    }
}

/// The last backup that ended since the server started.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = EndedBackup)]
pub struct EndedBackupBody {
    /// The folder.
    #[schema(example = "/mnt/backup/mitsuke")]
    pub directory: String,
    /// The time of the start.
    #[serde(with = "rfc3339")]
    #[schema(example = "2026-01-02T03:04:05Z")]
    pub started_at: OffsetDateTime,
    /// The time of the end.
    #[serde(with = "rfc3339")]
    #[schema(example = "2026-01-02T03:05:05Z")]
    pub ended_at: OffsetDateTime,
    /// The copy; null when the backup failed.
    pub copy: Option<CopyBody>,
    /// The reason of the failure; null when there is a copy.
    #[schema(example = "the disk is full: writing /mnt/backup/mitsuke")]
    pub reason: Option<String>,
    /// Bytes of originals that were written. The backup had the others already.
    #[schema(example = 3_000_000_000_u64)]
    pub written_bytes: u64,
}

impl From<EndedBackup> for EndedBackupBody {
    fn from(ended: EndedBackup) -> Self {
        let (copy, reason) = match ended.outcome {
            Ok(manifest) => (Some(manifest.into()), None),
            Err(reason) => (None, Some(reason)),
        };
        Self {
            directory: shown(&ended.directory),
            started_at: ended.started_at,
            ended_at: ended.ended_at,
            copy,
            reason,
            written_bytes: ended.written,
        }
    }
}

/// The backups of the server.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = Backups)]
pub struct BackupsBody {
    /// The folder of MITSUKE_BACKUP_DIR; null when none is set.
    #[schema(example = "/mnt/backup/mitsuke")]
    pub directory: Option<String>,
    /// The backup that is being made; null when none is.
    pub running: Option<RunningBackupBody>,
    /// The last backup that ended since the server started; null when there was none.
    pub last: Option<EndedBackupBody>,
    /// The copies in the folder of MITSUKE_BACKUP_DIR, oldest first.
    pub copies: Vec<CopyBody>,
}

impl BackupsBody {
    /// Describes the backups of a process, with the copies in its folder.
    #[must_use]
    pub fn new(directory: Option<&Path>, status: BackupsStatus, copies: Vec<Manifest>) -> Self {
        Self {
            directory: directory.map(shown),
            running: status.running.map(Into::into),
            last: status.last.map(Into::into),
            copies: copies.into_iter().map(Into::into).collect(),
        }
    }
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}
