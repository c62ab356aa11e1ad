//! Findings about what is stored: whether it is what was written.

use crate::config::Settings;
use crate::stores::StoreChoice;
use mitsuke_store::Finding;
use mitsuke_store::sqlite::diagnose_database;

/// Returns the findings about what is stored: whether it is what was written.
pub(super) fn findings(settings: &Settings) -> Vec<Finding> {
    match StoreChoice::new(settings) {
        StoreChoice::Embedded { data_dir, .. } => diagnose_database(&data_dir),
        // The database has tools of its own for its pages, and every picture is compared with its hash when it is read.
        StoreChoice::Oracle { .. } => Vec::new(),
    }
}
