//! Tests of whole models: the demo model against the Python reference, and exported models against their originals.

mod exported;
mod golden;

use std::path::{Path, PathBuf};

/// Returns a path below the folder of this crate's test data.
fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(name)
}

/// Returns a path below the root of the repository, for data that other tests use too.
fn repository(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(name)
}
