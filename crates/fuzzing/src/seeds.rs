//! Seeds: the valid and hostile inputs that a fuzzer begins with. They are files of the tests of other crates, the
//! files of `fuzz/corpus`, and inputs that code makes.

use std::io;
use std::path::{Path, PathBuf};

use crate::snapshot;

/// The largest seed in bytes. Changes of larger inputs seldom meet a place that matters.
const MAX_BYTES: u64 = 8 << 10;

/// Returns the seeds of a target, each with a name: the path in the repository, or the number of one that code makes.
///
/// # Errors
/// When a folder of seeds cannot be read.
pub fn of(target: &str) -> io::Result<Vec<(String, Vec<u8>)>> {
    let mut seeds = Vec::new();
    for folder in folders(target) {
        for path in files(&folder)? {
            seeds.push((path.display().to_string(), std::fs::read(root().join(&path))?));
        }
    }
    if target == "snapshot" {
        let made = snapshot::seeds().into_iter().enumerate();
        seeds.extend(made.map(|(number, bytes)| (format!("snapshot {number}"), bytes)));
    }
    Ok(seeds)
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Returns the folders of a target's seeds, below the repository.
fn folders(target: &str) -> Vec<PathBuf> {
    let others: &[&str] = match target {
        "decode" | "texts" => &["crates/image/tests/fixtures", "crates/clip/tests/golden", "fuzz/corpus/pictures"],
        "model_json" => &["tests/models/tiny"],
        _ => &[],
    };
    [format!("fuzz/corpus/{target}")].iter().map(PathBuf::from).chain(others.iter().map(PathBuf::from)).collect()
}

/// Returns the small files of a folder in the order of their names; none when there is no such folder.
fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match std::fs::read_dir(root().join(folder)) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut files = Vec::new();
    for entry in entries {
        let entry = entry?;
        let facts = entry.metadata()?;
        if facts.is_file() && facts.len() <= MAX_BYTES {
            files.push(folder.join(entry.file_name()));
        }
    }
    files.sort();
    Ok(files)
}
