//! The settings of backups and of the room on the disk.

use std::path::PathBuf;

use crate::config::parsers::{bytes_or_auto, choice, whole};

/// The settings of backups and of the room on the disk.
#[derive(Debug, Clone, PartialEq, Eq, clap::Args)]
#[command(next_help_heading = "Backup")]
pub struct BackupSettings {
    /// Folder that the server backs the embedded store up to: at regular times, and when POST /backups asks for it. It
    /// should lie on another disk than MITSUKE_DATA_DIR.
    #[arg(env = "MITSUKE_BACKUP_DIR", value_name = "FOLDER")]
    pub backup_dir: Option<PathBuf>,

    /// Hours between two backups of the server, which need MITSUKE_BACKUP_DIR; 0 makes none by itself.
    #[arg(env = "MITSUKE_BACKUP_EVERY_H", value_name = "HOURS", default_value_t = 0, value_parser = whole(0_u64, 8_760))]
    pub backup_every_h: u64,

    /// Copies in MITSUKE_BACKUP_DIR that are kept; older ones are removed after a new one.
    #[arg(env = "MITSUKE_BACKUP_KEEP", value_name = "N", default_value_t = 7, value_parser = whole(1_usize, 10_000))]
    pub backup_keep: usize,

    /// Copies the database file of the embedded store before a new version of the program upgrades its schema. The copy
    /// mitsuke.db.schema-N stays in MITSUKE_DATA_DIR until you delete it or the next upgrade replaces it.
    #[arg(
        env = "MITSUKE_UPGRADE_COPY",
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_value = "true",
        default_missing_value = "true",
        value_parser = choice::<bool>(&["true", "false"]),
        action = clap::ArgAction::Set
    )]
    pub upgrade_copy: bool,

    /// Free bytes on the disk of the embedded store below which uploads are refused; auto takes a fiftieth of the disk, at
    /// least 16 MiB and at most 1 GiB. Images can be deleted all the same, for which half of it or less is set aside; with 0
    /// nothing is.
    #[arg(
        env = "MITSUKE_MIN_FREE_BYTES",
        value_name = "BYTES",
        default_value = "auto",
        value_parser = bytes_or_auto(0_u64, 1 << 50, None, Some)
    )]
    pub min_free_bytes: std::option::Option<u64>,
}
