//! Nothing of a deleted image is left in any file.

use super::*;

/// Returns the files of a directory that hold one of some texts.
fn holding(directory: &Path, texts: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    let files = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    for path in files.chain(snapshots(directory)).filter(|path| path.is_file()) {
        let bytes = fs::read(&path).unwrap();
        for text in texts {
            if bytes.windows(text.len()).any(|window| window == text.as_bytes()) {
                found.push(format!("{}: {text}", path.file_name().unwrap().to_string_lossy()));
            }
        }
    }
    found
}

#[test]
fn the_texts_and_bytes_of_a_deleted_image_are_in_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let model = model(&store, "a");
    fill(&store, &model, "kept", 20, 1);
    let bytes = [&b"quxmarkerofbytes"[..], &[7; 5000]].concat();
    let secret = picture("quxmarkername")
        .bytes(&bytes)
        .caption("quxmarkercaption and more")
        .prompt("quxmarkerprompt, masterpiece")
        .generation(r#"{"prompt": "quxmarkerprompt, masterpiece"}"#)
        .embedded(&model, scattered(1, 7)[0].clone())
        .insert(&store);
    store.put_thumbnail(secret, 512, b"quxmarkerthumbnail").unwrap();
    fill(&store, &model, "later", 20, 2);
    let markers = ["quxmarkerofbytes", "quxmarkername", "quxmarkercaption", "quxmarkerprompt", "quxmarkerthumbnail"];
    // The log and the database hold all of them before the deletion.
    let before = holding(folder.path(), &markers);
    assert!(markers.iter().all(|marker| before.iter().any(|found| found.contains(marker))), "{before:?}");
    assert!(store.delete_image(secret).unwrap());
    store.close().unwrap();
    drop(store);
    assert_eq!(holding(folder.path(), &markers), Vec::<String>::new());
    // The index of what is kept still works.
    let store = open(folder.path());
    assert_eq!(found(&store, &["kept"]).len(), 20);
}

#[test]
fn a_deletion_is_wiped_while_the_store_is_open() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    fill(&store, &model(&store, "a"), "kept", 20, 1);
    let secret = picture("quxmarkername").caption("quxmarkercaption").insert(&store);
    store.delete_image(secret).unwrap();
    let started = Instant::now();
    while !holding(folder.path(), &["quxmarkername", "quxmarkercaption"]).is_empty() {
        assert!(started.elapsed() < Duration::from_secs(60), "the marker stays");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn bytes_that_a_deletion_on_a_full_disk_left_behind_are_overwritten_once_there_is_room() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let kept = fill(&store, &model(&store, "a"), "kept", 20, 1);
    let bytes = b"quxmarkerofbytes ".repeat(500_000);
    let secret = picture("secret").bytes(&bytes).insert(&store);
    store.close().unwrap();
    drop(store);
    let db = sql(folder.path());
    db.execute_batch("PRAGMA secure_delete = FAST; INSERT INTO store_facts (name, value) VALUES ('unwiped', 1);")
        .unwrap();
    db.execute("DELETE FROM image_contents WHERE image_id = ?", [secret]).unwrap();
    drop(db);
    assert!(!holding(folder.path(), &["quxmarkerofbytes"]).is_empty());
    let store = open(folder.path());
    let started = Instant::now();
    // A reader of the database would keep the log from being emptied.
    while !holding(folder.path(), &["quxmarkerofbytes"]).is_empty() {
        assert!(started.elapsed() < Duration::from_secs(200), "the marker stays");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(kept.iter().all(|image_id| store.verify_image(*image_id).unwrap() == Verified::Whole));
    store.close().unwrap();
    drop(store);
    let db = sql(folder.path());
    let text = |select: &str| db.query_row(select, [], |row| row.get::<_, String>(0)).unwrap();
    assert_eq!(text("SELECT CAST(value AS TEXT) FROM store_facts WHERE name = 'unwiped'"), "0");
    assert_eq!(text("SELECT CAST(count(*) AS TEXT) FROM sqlite_schema WHERE name = 'wiped_pages'"), "0");
    assert_eq!(text("PRAGMA integrity_check"), "ok");
}

fn bytes(directory: &Path) -> u64 {
    fs::metadata(directory.join("mitsuke.db")).unwrap().len()
}

/// Stores ten pictures of a megabyte, and returns their ids.
fn large(store: &SqliteStore) -> Vec<ImageId> {
    (0..10_u8).map(|n| picture(&format!("large-{n}")).bytes(&vec![n; 1 << 20]).insert(store)).collect()
}

#[test]
fn the_file_shrinks_after_deletions() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let ids = large(&store);
    store.close().unwrap();
    drop(store);
    assert!(bytes(folder.path()) > 10 << 20);
    let store = open(folder.path());
    ids.iter().for_each(|id| assert!(store.delete_image(*id).unwrap()));
    let started = Instant::now();
    // 1,024 pages of 4 KiB stay for the next rows.
    while bytes(folder.path()) > 6 << 20 {
        assert!(started.elapsed() < Duration::from_secs(200), "{} bytes", bytes(folder.path()));
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(large(&store).len(), 10);
}

#[test]
fn a_database_of_an_earlier_version_shrinks_after_one_compaction() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let ids = large(&store);
    store.close().unwrap();
    drop(store);
    sql(folder.path()).execute_batch("PRAGMA journal_mode = DELETE; PRAGMA auto_vacuum = NONE; VACUUM;").unwrap();
    let store = open(folder.path());
    ids.iter().for_each(|id| assert!(store.delete_image(*id).unwrap()));
    store.close().unwrap();
    drop(store);
    assert!(bytes(folder.path()) > 10 << 20, "free pages stay in a database of an earlier version");
    assert!(
        mitsuke_store::sqlite::diagnose_database(folder.path())
            .iter()
            .any(|finding| finding.to_string().contains("--compact"))
    );
    let store = open(folder.path());
    store.compact().unwrap();
    let model = model(&store, "a");
    fill(&store, &model, "later", 5, 1);
    store.close().unwrap();
    drop(store);
    assert!(bytes(folder.path()) < 2 << 20, "{} bytes", bytes(folder.path()));
    let mode: i64 = sql(folder.path()).query_row("PRAGMA auto_vacuum", [], |row| row.get(0)).unwrap();
    assert_eq!(mode, 2);
    each_finds_itself(&open(folder.path()), &model);
}
