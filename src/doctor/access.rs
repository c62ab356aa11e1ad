//! Findings about who may call.

use crate::config::Settings;
use mitsuke_store::Finding;

/// Returns the findings about who may call.
pub(super) fn findings(_settings: &Settings) -> Vec<Finding> {
    Vec::new()
}
