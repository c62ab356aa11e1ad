//! Findings about backups and the room on the disk.

use crate::config::Settings;
use mitsuke_store::Finding;

/// Returns the findings about backups and the room on the disk.
pub(super) fn findings(_settings: &Settings) -> Vec<Finding> {
    Vec::new()
}
