//! The check finds what is wrong with the rows, and repairs what can be made again.

use super::*;

/// Runs all parts of a check, and returns the faults as `part: found`.
fn check(store: &SqliteStore, repair: bool) -> Vec<mitsuke_store::Fault> {
    let mut faults = Vec::new();
    for part in CheckPart::ALL {
        let mut after = None;
        loop {
            let step = store.check_part(part, after, 7, repair).unwrap();
            faults.extend(step.faults);
            let Some(next) = step.next else { break };
            assert!(Some(next) > after, "{part:?} goes on");
            after = Some(next);
        }
    }
    faults
}

/// Runs all parts of a check without the store.
fn check_beside(directory: &Path) -> Vec<mitsuke_store::Fault> {
    let check = ReadOnlyCheck::open(directory, &OriginalsOptions::default()).unwrap();
    let mut faults = Vec::new();
    for part in CheckPart::ALL {
        let mut after = None;
        loop {
            let step = check.check_part(part, after, 7).unwrap();
            faults.extend(step.faults);
            let Some(next) = step.next else { break };
            after = Some(next);
        }
    }
    faults
}

#[test]
fn a_wrong_number_of_images_is_found_and_corrected_by_the_next_start() {
    let (folder, _) = damaged("UPDATE store_facts SET value = 7 WHERE name = 'image_count'");
    assert!(matches!(&check_beside(folder.path())[..], [fault] if fault.part == CheckPart::Orphans));
    let store = open(folder.path());
    assert_eq!(store.count_images().unwrap(), 20);
    assert_eq!(check(&store, false), []);
    // A check beside the open store finds the same.
    assert_eq!(check_beside(folder.path()), []);
}

fn damaged(damage: &str) -> (tempfile::TempDir, Model) {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let model = model(&store, "a");
    fill(&store, &model, "a", 20, 1);
    assert_eq!(check(&store, false), []);
    store.close().unwrap();
    drop(store);
    let db = sql(folder.path());
    db.execute_batch(&format!("PRAGMA foreign_keys = OFF; {damage}")).unwrap();
    (folder, model)
}

#[test]
fn what_can_be_made_again_is_repaired() {
    for (damage, part) in [
        ("INSERT INTO image_chunks (image_id, hashes) VALUES (999, zeroblob(32))", CheckPart::Orphans),
        ("INSERT INTO image_texts (rowid, caption) VALUES (999, 'ghost')", CheckPart::Orphans),
        ("UPDATE embedding_models SET embedded = 7", CheckPart::Orphans),
        ("DELETE FROM image_texts WHERE rowid = 3", CheckPart::Texts),
        ("UPDATE images SET file_name = 'renamed beside the program.png' WHERE image_id = 3", CheckPart::Texts),
        ("UPDATE image_embeddings SET embedding = x'0000' WHERE image_id = 3", CheckPart::Embeddings),
    ] {
        let (folder, _) = damaged(damage);
        let beside = check_beside(folder.path());
        assert!(!beside.is_empty() && beside.iter().all(|fault| fault.part == part), "{damage}: {beside:?}");
        let store = open(folder.path());
        wait_until_ready(&store);
        let found = check(&store, false);
        assert!(
            !found.is_empty() && found.iter().all(|fault| fault.part == part && !fault.repaired),
            "{damage}: {found:?}"
        );
        let repaired = check(&store, true);
        assert!(!repaired.is_empty() && repaired.iter().all(|fault| fault.repaired), "{damage}: {repaired:?}");
        wait_until_ready(&store);
        assert_eq!(check(&store, true), [], "{damage}");
    }
}

#[test]
fn a_vector_that_the_index_does_not_hold_is_found_and_the_index_is_made_again() {
    let (folder, model) = damaged("");
    let store = open(folder.path());
    let other = scattered(1, 77)[0].to_le_bytes();
    // A row changes behind the back of the open store.
    sql(folder.path()).execute("UPDATE image_embeddings SET embedding = ? WHERE image_id = 3", [other]).unwrap();
    let found = check(&store, false);
    assert!(matches!(&found[..], [fault] if fault.part == CheckPart::Index && fault.image_id == Some(3)), "{found:?}");
    assert!(check(&store, true)[0].repaired);
    wait_until_ready(&store);
    assert_eq!(check(&store, false), []);
    each_finds_itself(&store, &model);
}

#[test]
fn damaged_pictures_are_listed_and_repaired_from_their_bytes() {
    let (folder, _) = damaged("");
    rot(folder.path(), 5, 0);
    sql(folder.path()).execute("DELETE FROM image_contents WHERE image_id = 6", []).unwrap();
    let store = open(folder.path());
    let mut damaged: Vec<_> =
        check(&store, true).iter().map(|fault| (fault.part, fault.image_id, fault.repaired)).collect();
    damaged.sort_by_key(|(part, image_id, _)| (part.name(), *image_id));
    assert_eq!(
        damaged,
        [
            (CheckPart::Orphans, Some(6), false),
            (CheckPart::Pictures, Some(5), false),
            (CheckPart::Pictures, Some(6), false),
        ]
    );
    let ids: Vec<_> = store.damaged_images(None, 10).unwrap().iter().map(|damaged| damaged.image_id).collect();
    assert_eq!(ids, [5, 6]);
    for (image_id, name) in [(5, "a-4"), (6, "a-5")] {
        assert!(store.repair_content(image_id, name.as_bytes()).unwrap(), "{image_id}");
    }
    assert_eq!(check(&store, false), []);
}

#[test]
fn damaged_pages_are_found() {
    let (folder, _) = damaged("");
    let path = folder.path().join("mitsuke.db");
    let root: u32 = sql(folder.path())
        .query_row("SELECT rootpage FROM sqlite_schema WHERE name = 'image_embeddings_by_image'", [], |row| row.get(0))
        .unwrap();
    drop(sql(folder.path()));
    let size: u32 = sql(folder.path()).query_row("PRAGMA page_size", [], |row| row.get(0)).unwrap();
    let mut bytes = fs::read(&path).unwrap();
    let at = ((root - 1) * size) as usize;
    bytes[at + 8..at + 200].fill(0xff);
    fs::write(&path, bytes).unwrap();
    let pages = mitsuke_store::sqlite::check_pages(folder.path()).unwrap();
    assert!(!pages.is_empty());
}
