//! The settings of backups and of the room on the disk.

/// The settings of backups and of the room on the disk.
#[derive(Debug, Clone, PartialEq, Eq, clap::Args)]
#[command(next_help_heading = "Backup")]
pub struct BackupSettings {}
