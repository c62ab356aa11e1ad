//! Files on disk are compared with what was written: snapshots, originals, the log, the directory.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use mitsuke_store::sqlite::{ReadOnlyCheck, SqliteOptions, SqliteStore};
use mitsuke_store::{
    CHUNK_BYTES, CheckPart, EmbeddingStore as _, ImageId, ImageStore as _, IntegrityStore as _, Model, ModelStore as _,
    OriginalsOptions, Store as _, StoreError, ThumbnailStore as _, Verified,
};
use mitsuke_store_testing::fixtures::*;

#[path = "sqlite_integrity/directory.rs"]
mod directory;
#[path = "sqlite_integrity/left_overs.rs"]
mod left_overs;
#[path = "sqlite_integrity/lost_commits.rs"]
mod lost_commits;
#[path = "sqlite_integrity/repair.rs"]
mod repair;
#[path = "sqlite_integrity/rot.rs"]
mod rot;
#[path = "sqlite_integrity/stale_snapshots.rs"]
mod stale_snapshots;

fn open(directory: &Path) -> SqliteStore {
    SqliteStore::open(directory, SqliteOptions::default()).unwrap()
}

fn wait_until_ready(store: &SqliteStore) {
    let started = Instant::now();
    while !store.indexes_ready() {
        assert!(started.elapsed() < Duration::from_secs(60), "the index is never ready");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Inserts pictures named by `prefix` and a number, with the vectors of [`scattered`] of `seed`.
fn fill(store: &SqliteStore, model: &Model, prefix: &str, count: usize, seed: u64) -> Vec<ImageId> {
    let vectors = scattered(count, seed);
    (0..count).map(|n| picture(&format!("{prefix}-{n}")).embedded(model, vectors[n].clone()).insert(store)).collect()
}

/// Asserts that each image is the nearest one to its own embedding.
#[track_caller]
fn each_finds_itself(store: &SqliteStore, model: &Model) {
    let ids = newest_ids(store);
    let lost: Vec<_> = ids
        .iter()
        .filter(|id| {
            let Some(vector) = store.embedding(model.model_id, **id).unwrap() else { return false };
            !nearest_ids(store, model, &vector, 5).contains(*id)
        })
        .collect();
    assert!(lost.is_empty(), "{} of {} images are not among the five nearest to themselves", lost.len(), ids.len());
}

/// Copies all files of a directory, as a kill would leave them.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Copies the database and its log.
fn copy_database(from: &Path, to: &Path) {
    for name in ["mitsuke.db", "mitsuke.db-wal"] {
        _ = fs::remove_file(to.join(name));
        if from.join(name).exists() {
            fs::copy(from.join(name), to.join(name)).unwrap();
        }
    }
    _ = fs::remove_file(to.join("mitsuke.db-shm"));
}

fn snapshots(directory: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(directory.join("vectors")).unwrap().map(|entry| entry.unwrap().path());
    files.collect()
}

fn sql(directory: &Path) -> rusqlite::Connection {
    rusqlite::Connection::open(directory.join("mitsuke.db")).unwrap()
}

/// Flips one bit of the original of an image in the closed database.
fn rot(directory: &Path, image_id: ImageId, at: usize) {
    let db = sql(directory);
    let mut bytes: Vec<u8> =
        db.query_row("SELECT image_data FROM image_contents WHERE image_id = ?", [image_id], |row| row.get(0)).unwrap();
    bytes[at] ^= 1;
    db.execute("UPDATE image_contents SET image_data = ? WHERE image_id = ?", rusqlite::params![bytes, image_id])
        .unwrap();
}
