//! The store of the tests that need only one: the embedded one.

use std::path::Path;

/// Settings that select the store: none for the embedded one.
pub fn settings(_data_dir: &Path) -> Vec<(&'static str, String)> {
    Vec::new()
}
