//! The embedded store keeps the contract, and its own promises beyond it.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use mitsuke_index::{IndexParams, UnitVector};
use mitsuke_store::sqlite::{SqliteOptions, SqliteStore};
use mitsuke_store::{
    EmbeddingStore as _, Facet, FacetStore as _, Filter, ImageId, ImageStore as _, Model, ModelStore as _,
    OriginalsOptions, Page, SearchStore as _, Sort, SortKey, Store, StoreError, SuggestionKind, VectorSearch,
};
use mitsuke_store_testing::contract_tests;
use mitsuke_store_testing::fixtures::*;
use mitsuke_store_testing::integrity::Damage;
use mitsuke_store_testing::originals::WithHomes;
use mitsuke_store_testing::reference::Reference;

fn open() -> TestStore {
    let directory = tempfile::tempdir().unwrap();
    TestStore::new(open_at(directory.path()), directory)
}

contract_tests!(open);
contract_tests!(@facts open);
contract_tests!(@integrity open_with_damage);
contract_tests!(@originals open_with_homes);

/// Opens a store with a folder of originals and a folder of files that stay where they lie.
fn open_with_homes() -> WithHomes {
    let directory = tempfile::tempdir().unwrap();
    let root = fs::canonicalize(directory.path()).unwrap();
    let (folder, linked) = (root.join("originals"), root.join("linked"));
    fs::create_dir(&linked).unwrap();
    let originals = OriginalsOptions {
        folder: Some(folder.clone()),
        link_folders: vec![linked.clone()],
        ..OriginalsOptions::default()
    };
    let options = SqliteOptions { originals, ..SqliteOptions::default() };
    let store = SqliteStore::open(&root.join("data"), options).unwrap();
    WithHomes { store: TestStore::new(store, directory), folder, linked }
}

/// Opens a store, and a second connection to its database that changes bytes behind it.
fn open_with_damage() -> (TestStore, Damage) {
    let directory = tempfile::tempdir().unwrap();
    let database = directory.path().join("mitsuke.db");
    let damage = move |image_id| {
        let sql = "UPDATE image_contents SET image_data = CAST('x' || image_data AS BLOB) WHERE image_id = ?";
        rusqlite::Connection::open(&database).unwrap().execute(sql, [image_id]).unwrap();
    };
    (TestStore::new(open_at(directory.path()), directory), Box::new(damage))
}

/// The contract once more with every limit so small that the other path is taken: inverted lists, snapshots and
/// training in the background, facts that are read in the background.
mod with_small_limits {
    use super::*;

    fn open() -> TestStore {
        let directory = tempfile::tempdir().unwrap();
        let options = SqliteOptions {
            index: IndexParams { exact_below: 16, miss_target: 0.0, ..IndexParams::default() },
            max_readers: 1,
            busy_timeout: Duration::from_secs(60),
            snapshot_every: 3,
            catch_up_at_open: 0,
            ..SqliteOptions::default()
        };
        TestStore::new(SqliteStore::open(directory.path(), options).unwrap(), directory)
    }

    contract_tests!(open);
    contract_tests!(@facts open);
}

/// The contract once more with the originals in a folder of files.
mod with_folder {
    use mitsuke_store::{Home, Sha256};

    use super::*;

    fn open_in(directory: &Path) -> SqliteStore {
        let originals = OriginalsOptions {
            home: Home::Folder,
            folder: Some(directory.join("originals")),
            ..OriginalsOptions::default()
        };
        SqliteStore::open(directory, SqliteOptions { originals, ..SqliteOptions::default() }).unwrap()
    }

    fn open() -> TestStore {
        let directory = tempfile::tempdir().unwrap();
        TestStore::new(open_in(directory.path()), directory)
    }

    contract_tests!(open);
    contract_tests!(@facts open);
    contract_tests!(@integrity open_with_damage);

    /// Opens a store, and a function that overwrites the file of an image.
    fn open_with_damage() -> (TestStore, Damage) {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().to_owned();
        let damage = move |image_id| {
            let database = rusqlite::Connection::open(root.join("mitsuke.db")).unwrap();
            let sql = "SELECT i.sha256 FROM images i JOIN image_files f ON f.image_id = i.image_id
                       WHERE i.image_id = ? AND f.home = 1";
            let hash = Sha256(database.query_row(sql, [image_id], |row| row.get(0)).unwrap()).to_string();
            let path = root.join("originals").join(&hash[..2]).join(&hash[2..4]).join(&hash);
            let mut bytes = fs::read(&path).unwrap();
            bytes[0] ^= 1;
            fs::write(path, bytes).unwrap();
        };
        (TestStore::new(open_in(directory.path()), directory), Box::new(damage))
    }
}

fn open_at(directory: &Path) -> SqliteStore {
    SqliteStore::open(directory, SqliteOptions::default()).unwrap()
}

/// Leaves all catching up to the background.
fn open_in_background(directory: &Path) -> SqliteStore {
    SqliteStore::open(directory, SqliteOptions { catch_up_at_open: 0, ..SqliteOptions::default() }).unwrap()
}

fn wait_until_ready(store: &SqliteStore) {
    let started = Instant::now();
    while !store.indexes_ready() {
        assert!(started.elapsed() < Duration::from_secs(60), "the index is never ready");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Inserts the images `numbers`, with the vectors of [`scattered`].
fn fill(store: &dyn Store, model: &Model, numbers: std::ops::Range<usize>) -> Vec<ImageId> {
    let vectors = scattered(numbers.end, 5);
    numbers
        .map(|n| picture(&n.to_string()).caption("眠る猫").embedded(model, vectors[n].clone()).insert(store))
        .collect()
}

/// Asserts that the nearest images of a few queries are those that comparing all embeddings gives.
#[track_caller]
fn answers_are_exact(store: &dyn Store, model: &Model) {
    let ids = newest_ids(store);
    for query in scattered(5, 99) {
        let mut expected: Vec<(ImageId, f32)> = ids
            .iter()
            .filter_map(|id| Some((*id, query.similarity(&store.embedding(model.model_id, *id).unwrap()?))))
            .collect();
        expected.sort_by(|a, b| b.1.total_cmp(&a.1).then(b.0.cmp(&a.0)));
        let expected: Vec<ImageId> = expected.into_iter().take(30).map(|(id, _)| id).collect();
        assert_eq!(nearest_ids(store, model, &query, 30), expected);
    }
}

fn snapshot(directory: &Path) -> PathBuf {
    let mut files = fs::read_dir(directory.join("vectors")).unwrap().map(|entry| entry.unwrap().path());
    let file = files.next().expect("a snapshot");
    assert_eq!(files.next(), None, "nothing is left over");
    file
}

#[test]
fn everything_is_there_after_reopening() {
    let directory = tempfile::tempdir().unwrap();
    let store = open_at(directory.path());
    let [a, b] = ["a", "b"].map(|name| model(&store, name));
    let ids = fill(&store, &a, 0..40);
    store.put_embedding(b.model_id, ids[0], &angle(0.0)).unwrap();
    store.set_current_model(b.model_id, true).unwrap();
    store.delete_image(ids[7]).unwrap();
    let images = store.newest(&Filter::default(), None, 100).unwrap();
    let models = store.models().unwrap();
    store.close().unwrap();
    drop(store);

    let store = open_at(directory.path());
    assert!(store.indexes_ready());
    assert_eq!(store.newest(&Filter::default(), None, 100).unwrap(), images);
    assert_eq!(store.models().unwrap(), models);
    assert_eq!(found(&store, &["猫"]).len(), 39);
    assert_eq!(nearest_ids(&store, &b, &angle(0.0), 10), [ids[0]]);
    answers_are_exact(&store, &a);
}

#[test]
fn what_no_snapshot_knows_of_is_found_after_reopening() {
    let directory = tempfile::tempdir().unwrap();
    let store = open_at(directory.path());
    let model = model(&store, "a");
    let ids = fill(&store, &model, 0..40);
    store.close().unwrap();
    drop(store);
    let old = fs::read(snapshot(directory.path())).unwrap();

    let store = open_at(directory.path());
    fill(&store, &model, 40..60);
    store.put_embedding(model.model_id, ids[1], &scattered(1, 7)[0]).unwrap();
    store.delete_image(ids[2]).unwrap();
    store.delete_image(ids[39]).unwrap();
    store.close().unwrap();
    drop(store);
    // The old snapshot is there as if the process had died before it wrote the second one.
    fs::write(snapshot(directory.path()), old).unwrap();

    let store = open_at(directory.path());
    assert!(store.indexes_ready());
    answers_are_exact(&store, &model);
    drop(store);
    let store = open_in_background(directory.path());
    wait_until_ready(&store);
    answers_are_exact(&store, &model);
}

#[test]
fn a_missing_or_damaged_snapshot_is_made_again() {
    let directory = tempfile::tempdir().unwrap();
    let store = open_at(directory.path());
    let model = model(&store, "a");
    fill(&store, &model, 0..40);
    store.close().unwrap();
    drop(store);
    let whole = fs::read(snapshot(directory.path())).unwrap();

    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 1;
    for damage in [Some(&flipped[..]), Some(&whole[..whole.len() / 2]), Some(b"nonsense"), Some(b""), None] {
        let path = snapshot(directory.path());
        match damage {
            Some(bytes) => fs::write(&path, bytes).unwrap(),
            None => fs::remove_file(&path).unwrap(),
        }
        let store = open_at(directory.path());
        answers_are_exact(&store, &model);
        store.close().unwrap();
        assert_eq!(fs::read(&path).unwrap().len(), whole.len());
    }
}

#[test]
fn another_databases_snapshot_is_not_taken() {
    let directories = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    for (directory, seed) in directories.iter().zip([0, 100]) {
        let store = open_at(directory.path());
        let model = model(&store, "a");
        fill(&store, &model, seed..seed + 20);
        store.close().unwrap();
    }
    // A file name never occurs twice; even so, a database that was started anew may find the stale file of another.
    let other = snapshot(directories[1].path());
    let own = snapshot(directories[0].path());
    assert_ne!(other.file_name(), own.file_name());
    fs::remove_file(&own).unwrap();
    fs::copy(&other, own.with_file_name(other.file_name().unwrap())).unwrap();
    let store = open_at(directories[0].path());
    let model = store.current_model().unwrap().unwrap();
    answers_are_exact(&store, &model);
}

#[test]
fn rows_answer_while_the_index_is_built_and_changes_meanwhile_are_in_it() {
    let directory = tempfile::tempdir().unwrap();
    let store = open_at(directory.path());
    let model = model(&store, "a");
    let ids = fill(&store, &model, 0..600);
    drop(store);
    fs::remove_file(snapshot(directory.path())).unwrap();

    let store = open_in_background(directory.path());
    answers_are_exact(&store, &model);
    store.delete_image(ids[3]).unwrap();
    store.put_embedding(model.model_id, ids[4], &angle(45.0)).unwrap();
    let late = picture("late").caption("猫").embedded(&model, angle(12.0)).insert(&store);
    assert_eq!(nearest_ids(&store, &model, &angle(12.0), 1), [late]);
    wait_until_ready(&store);
    assert_eq!(nearest_ids(&store, &model, &angle(12.0), 1), [late]);
    answers_are_exact(&store, &model);
}

#[test]
fn filters_are_exact_with_and_without_an_index() {
    let directory = tempfile::tempdir().unwrap();
    let store = open_at(directory.path());
    let model = model(&store, "a");
    let vectors = scattered(500, 8);
    for (n, vector) in vectors.iter().enumerate() {
        let width = (n % 100) as u32;
        let picture = picture(&n.to_string()).sized(width, 10);
        // Every tenth image has no embedding. Such images must not count towards a full page.
        if n % 10 == 9 {
            picture.insert(&store)
        } else {
            picture.embedded(&model, vector.clone()).insert(&store)
        };
    }
    let search = |store: &SqliteStore, min_width: u32, query: &UnitVector, limit: usize| -> Vec<ImageId> {
        let filter = Filter { min_width: Some(min_width), ..Filter::default() };
        let page = Page { filter, ..Page::first(limit) };
        let search = VectorSearch { model_id: model.model_id, query, exclude: &[], page: &page };
        store.search_vector(&search).unwrap().iter().map(|hit| hit.image_id).collect()
    };
    let compare = |store: &SqliteStore| {
        for min_width in [0, 1, 50, 90, 99, 100] {
            let query = &scattered(1, u64::from(min_width))[0];
            let filter = Filter { min_width: Some(min_width), ..Filter::default() };
            let passing: Vec<_> = store.newest(&filter, None, 1000).unwrap().iter().map(|i| i.image_id).collect();
            let mut expected: Vec<(ImageId, f32)> = passing
                .iter()
                .filter_map(|id| Some((*id, query.similarity(&store.embedding(model.model_id, *id).unwrap()?))))
                .collect();
            expected.sort_by(|a, b| b.1.total_cmp(&a.1).then(b.0.cmp(&a.0)));
            let expected: Vec<_> = expected.into_iter().map(|(id, _)| id).collect();
            for limit in [1, 40, 1000] {
                assert_eq!(search(store, min_width, query, limit), expected[..limit.min(expected.len())]);
            }
        }
    };
    compare(&store);
    drop(store);
    compare(&open_at(directory.path()));
}

#[test]
fn a_directory_belongs_to_one_store_at_a_time() {
    let directory = tempfile::tempdir().unwrap();
    let store = open_at(directory.path());
    let second = SqliteStore::open(directory.path(), SqliteOptions::default()).err();
    assert!(matches!(&second, Some(StoreError::Locked(path)) if path == directory.path()), "{second:?}");
    assert_eq!(store.count_images().unwrap(), 0);
    store.close().unwrap();
    open_at(directory.path()).check().unwrap();
}

#[test]
fn a_closed_store_answers_that_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let store = open_at(directory.path());
    store.close().unwrap();
    store.close().unwrap();
    assert!(matches!(store.check(), Err(StoreError::Unavailable(_))));
    assert!(matches!(picture("cat").try_insert(&store), Err(StoreError::Unavailable(_))));
}

#[test]
fn a_newer_schema_and_foreign_files_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    drop(open_at(directory.path()));
    let path = directory.path().join("mitsuke.db");
    let database = rusqlite::Connection::open(&path).unwrap();
    database.pragma_update(None, "user_version", 1000).unwrap();
    drop(database);
    let refused = SqliteStore::open(directory.path(), SqliteOptions::default()).err();
    assert!(matches!(refused, Some(StoreError::NewerSchema { found: 1000, .. })), "{refused:?}");

    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("mitsuke.db"), "not a database, but long enough to look at".repeat(100)).unwrap();
    let refused = SqliteStore::open(directory.path(), SqliteOptions::default()).err();
    assert!(matches!(refused, Some(StoreError::Damaged(_))), "{refused:?}");

    let file = directory.path().join("mitsuke.db").join("below a file");
    let refused = SqliteStore::open(&file, SqliteOptions::default()).err();
    assert!(matches!(refused, Some(StoreError::Unavailable(_))), "{refused:?}");
}

#[test]
fn a_damaged_embedding_is_left_out_and_no_more() {
    let directory = tempfile::tempdir().unwrap();
    let store = open_at(directory.path());
    let model = model(&store, "a");
    let ids = fill(&store, &model, 0..20);
    drop(store);
    let database = rusqlite::Connection::open(directory.path().join("mitsuke.db")).unwrap();
    database.execute("UPDATE image_embeddings SET embedding = x'00' WHERE image_id = ?", [ids[3]]).unwrap();
    drop(database);
    for catch_up_at_open in [0, 1000] {
        fs::remove_file(snapshot(directory.path())).unwrap();
        let options = SqliteOptions { catch_up_at_open, ..SqliteOptions::default() };
        let store = SqliteStore::open(directory.path(), options).unwrap();
        assert_eq!(nearest(&store, &model, &angle(0.0), 100).len(), 19);
        wait_until_ready(&store);
        assert_eq!(nearest(&store, &model, &angle(0.0), 100).len(), 19);
    }
}

#[test]
fn a_directory_of_the_first_version_gets_the_facts_of_its_images() {
    let recorded = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data_directories/0.1");
    let mut directories = 0;
    for entry in fs::read_dir(recorded).unwrap() {
        let recorded = entry.unwrap().path();
        if !recorded.is_dir() {
            continue;
        }
        directories += 1;
        let directory = tempfile::tempdir().unwrap();
        for file in ["mitsuke.db", "mitsuke.db-wal"].iter().filter(|file| recorded.join(file).exists()) {
            fs::copy(recorded.join(file), directory.path().join(file)).unwrap();
        }
        let store = open_at(directory.path());
        let all = Filter::default();
        let reference = Reference(&store);
        assert_eq!(store.count(&all).unwrap(), reference.count(&all).unwrap());
        assert_eq!(store.facets(&all, &Facet::ALL, 100).unwrap(), reference.facets(&all, &Facet::ALL, 100).unwrap());
        let suggested = store.suggestions("", &SuggestionKind::ALL, 1_000).unwrap();
        assert!(suggested.iter().any(|suggestion| suggestion.kind == SuggestionKind::FileName));
        assert_eq!(suggested, reference.suggestions("", &SuggestionKind::ALL, 1_000).unwrap());
        for key in [SortKey::Name, SortKey::Bytes, SortKey::Taken] {
            let sort = Sort { key, descending: false };
            let page = Page::first(1_000);
            assert_eq!(store.list_page(&page, sort).unwrap(), reference.list_page(&page, sort).unwrap());
        }
    }
    assert!(directories > 0);
}
