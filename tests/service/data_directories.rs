//! Copies of the recorded data directories of earlier versions. See tests/data_directories/README.md.

use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;

/// Makes a writable copy of a recorded data directory, with both test models in its `models` folder, and
/// returns it with the answers of the version that made it.
pub fn recorded(version: &str, name: &str) -> (TempDir, PathBuf, Value) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let recorded = root.join("tests/data_directories").join(version);
    let copy = tempfile::tempdir().unwrap();
    for entry in walkdir::WalkDir::new(recorded.join(name)) {
        let entry = entry.unwrap();
        let to = copy.path().join(entry.path().strip_prefix(recorded.join(name)).unwrap());
        if entry.file_type().is_dir() {
            std::fs::create_dir_all(to).unwrap();
        } else {
            std::fs::copy(entry.path(), to).unwrap();
        }
    }
    let models = copy.path().join("models");
    std::fs::create_dir(&models).unwrap();
    for (from, name) in [("tests/models/tiny", "tiny"), ("tests/other_models/wide", "wide")] {
        std::os::unix::fs::symlink(root.join(from), models.join(name)).unwrap();
    }
    let answers = std::fs::read(recorded.join(format!("{name}.json"))).unwrap();
    (copy, models, serde_json::from_slice(&answers).unwrap())
}
