//! Originals in a folder of files: what kills leave behind, checks, backups and restores.

mod backup;
mod check;
mod kills;

use std::fs;
use std::path::{Path, PathBuf};

use mitsuke_store::sqlite::{ReadOnlyCheck, SqliteOptions, SqliteStore};
use mitsuke_store::{
    CheckPart, Fault, Home, HomeCounts, ImageId, ImageStore as _, IntegrityStore as _, Occasion, OriginalsOptions,
    OriginalsStore as _, Sha256, Store as _, StoreError,
};
use mitsuke_store_testing::fixtures::*;
use mitsuke_store_testing::originals::make_old;
use rusqlite::Connection;
use tempfile::TempDir;

/// The options of a store whose new originals go into the folder `originals` of its data directory.
fn options(directory: &Path) -> SqliteOptions {
    with_folder(&directory.join("originals"), Home::Folder)
}

fn with_folder(folder: &Path, home: Home) -> SqliteOptions {
    let originals = OriginalsOptions { home, folder: Some(folder.to_owned()), ..OriginalsOptions::default() };
    SqliteOptions { originals, ..SqliteOptions::default() }
}

fn open(directory: &Path) -> SqliteStore {
    SqliteStore::open(directory, options(directory)).unwrap()
}

/// Returns the path of an original in the folder of a data directory.
fn file_of(directory: &Path, bytes: &[u8]) -> PathBuf {
    let name = Sha256::of(bytes).to_string();
    directory.join("originals").join(&name[..2]).join(&name[2..4]).join(name)
}

/// Writes a file into the folder behind the store.
fn put(directory: &Path, bytes: &[u8]) -> PathBuf {
    let path = file_of(directory, bytes);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, bytes).unwrap();
    path
}

fn sql(directory: &Path, sql: &str) {
    Connection::open(directory.join("mitsuke.db")).unwrap().execute_batch(sql).unwrap();
}

/// Notes in the database that the file of an original is to be removed.
fn note_removal(directory: &Path, bytes: &[u8]) {
    sql(directory, &format!("INSERT INTO removed_files (sha256) VALUES (x'{}')", Sha256::of(bytes)));
}

/// Runs all parts of a check, and returns what was found and whether it is repaired.
fn check(store: &SqliteStore, repair: bool) -> Vec<(String, bool)> {
    run_check(|part, after| store.check_part(part, after, 50, repair).unwrap())
}

fn run_check(step: impl Fn(CheckPart, Option<i64>) -> mitsuke_store::CheckStep) -> Vec<(String, bool)> {
    let mut faults: Vec<Fault> = Vec::new();
    for part in CheckPart::ALL {
        let mut after = None;
        loop {
            let done = step(part, after);
            faults.extend(done.faults);
            let Some(next) = done.next else { break };
            assert!(Some(next) > after, "{part:?} goes on");
            after = Some(next);
        }
    }
    faults.into_iter().map(|fault| (fault.found, fault.repaired)).collect()
}

fn check_beside(directory: &Path) -> Vec<(String, bool)> {
    let check = ReadOnlyCheck::open(directory, &options(directory).originals).unwrap();
    run_check(|part, after| check.check_part(part, after, 50).unwrap())
}
