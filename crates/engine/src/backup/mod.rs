//! Backups by a server: when a caller asks for one, and at regular times.

mod backups;
mod state;

pub use backups::{Backups, NotStarted};
pub use state::{BackupOrder, BackupSchedule, BackupsStatus, EndedBackup, RunningBackup};
