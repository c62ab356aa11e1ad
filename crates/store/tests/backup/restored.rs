//! A restored store is the store that was backed up.

use std::sync::atomic::{AtomicBool, Ordering};

use mitsuke_store::{ImagePatch, ModelId, ThumbnailStore as _};
use proptest::prelude::*;

use super::*;

/// A step of the life of a store.
#[derive(Debug, Clone)]
enum Step {
    Insert { text: u8, embedded: bool },
    Patch(prop::sample::Index, Option<String>),
    Delete(prop::sample::Index),
    Fail(prop::sample::Index),
    Embed(prop::sample::Index, u16),
    BackUp,
}

fn step() -> impl Strategy<Value = Step> {
    use prop::sample::Index;
    prop_oneof![
        4 => (any::<u8>(), any::<bool>()).prop_map(|(text, embedded)| Step::Insert { text, embedded }),
        2 => (any::<Index>(), prop::option::of("[ -~猫ネコ]{0,12}")).prop_map(|(at, text)| Step::Patch(at, text)),
        2 => any::<Index>().prop_map(Step::Delete),
        1 => any::<Index>().prop_map(Step::Fail),
        1 => (any::<Index>(), 0_u16..360).prop_map(|(at, degrees)| Step::Embed(at, degrees)),
        1 => Just(Step::BackUp),
    ]
}

fn apply(kept: &Kept, model_id: ModelId, number: usize, step: &Step) {
    let store = &kept.store;
    let ids = sorted(newest_ids(store));
    match step {
        Step::Insert { text, embedded } => {
            let mut new = picture(&format!("ネコ{number}")).caption(&format!("猫 cat {text}")).tagged(&["a", "b"]);
            new = new.prompt(r#"{"sampler": "Euler"}"#).generation(r#"{"prompt": "a cat", "sampler": "Euler"}"#);
            if *embedded {
                new.embeddings.push((model_id, angle(f32::from(*text))));
            }
            let image_id = new.insert(store);
            store.put_thumbnail(image_id, 64, b"thumbnail").unwrap();
        }
        Step::Patch(at, text) => {
            let patch = ImagePatch { caption: Some(text.clone()), ..ImagePatch::default() };
            assert!(ids.is_empty() || store.update_image(*at.get(&ids), &patch).unwrap().is_some());
        }
        Step::Delete(at) => assert!(ids.is_empty() || store.delete_image(*at.get(&ids)).unwrap()),
        Step::Fail(at) => {
            if !ids.is_empty() {
                store.put_embedding_failure(model_id, *at.get(&ids), "no").unwrap();
            }
        }
        Step::Embed(at, degrees) => {
            let vector = angle(f32::from(*degrees));
            assert!(ids.is_empty() || store.put_embedding(model_id, *at.get(&ids), &vector).unwrap());
        }
        Step::BackUp => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 60, ..ProptestConfig::default() })]

    #[test]
    fn every_copy_restores_the_store_as_it_was_then(
        steps in prop::collection::vec(step(), 1..24),
        home in prop::sample::select(vec![Home::Database, Home::Folder]),
    ) {
        let kept = Kept::with_home(home);
        let model_id = model(&kept.store, "a").model_id;
        let mut copies = Vec::new();
        for (number, step) in steps.iter().chain([&Step::BackUp]).enumerate() {
            apply(&kept, model_id, number, step);
            if matches!(step, Step::BackUp) {
                let expected = contents(&kept.store);
                copies.push((kept.back_up().0, expected));
            }
        }
        for (manifest, expected) in copies {
            let into = tempfile::tempdir().unwrap();
            kept.restore(Some(&manifest.name), into.path(), false).unwrap();
            let store = open(into.path());
            prop_assert_eq!(contents(&store), expected);
            // Ids are not used again, as if the store had never been away.
            let newest = newest_ids(&store).into_iter().max().unwrap_or_default();
            prop_assert!(picture("new").insert(&store) > newest);
        }
    }
}

#[test]
fn a_copy_is_one_moment_of_a_store_that_is_written_to() {
    [Home::Database, Home::Folder].into_iter().for_each(one_moment);
}

fn one_moment(home: Home) {
    let kept = Kept::with_home(home);
    let (stop, model) = (AtomicBool::new(false), model(&kept.store, "a"));
    let names = std::thread::scope(|scope| {
        scope.spawn(|| {
            for number in 0.. {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                let vector = angle(number as f32);
                picture(&format!("p{number}")).embedded(&model, vector).insert(&kept.store);
                if number % 3 == 2 {
                    let ids = newest_ids(&kept.store);
                    kept.store.delete_image(ids[ids.len() / 2]).unwrap();
                }
            }
        });
        let names: Vec<Manifest> = (0..5).map(|_| kept.back_up().0).collect();
        stop.store(true, Ordering::Relaxed);
        names
    });
    for manifest in names {
        let into = tempfile::tempdir().unwrap();
        kept.restore(Some(&manifest.name), into.path(), false).unwrap();
        let store = open(into.path());
        let ids = newest_ids(&store);
        assert_eq!((ids.len() as u64, manifest.damaged.len()), (manifest.images, 0));
        assert_eq!(covered(&store, &model), (manifest.images, manifest.images));
        assert!(ids.iter().all(|image_id| store.content(*image_id).unwrap().is_some()));
    }
}

#[test]
fn what_lay_there_is_moved_and_nothing_of_it_is_used() {
    let kept = Kept::new();
    let model = model(&kept.store, "a");
    for n in 0..30_u8 {
        picture(&format!("old{n}")).embedded(&model, angle(f32::from(n))).insert(&kept.store);
    }
    let expected = contents(&kept.store);
    kept.back_up();
    for n in 0..30_u8 {
        picture(&format!("new{n}")).embedded(&model, angle(f32::from(n) + 180.0)).insert(&kept.store);
    }
    let Kept { store, data, backup } = kept;
    drop(store);
    let restored = restore_from(backup.path(), None, data.path(), false).unwrap();
    let replaced = restored.replaced.unwrap();
    assert!(replaced.join("mitsuke.db").exists() && replaced.join("vectors").is_dir());
    assert!(!data.path().join("vectors").exists());
    let store = open(data.path());
    assert_eq!(contents(&store), expected);
    for n in 0..35_u8 {
        picture(&format!("later{n}")).embedded(&model, angle(f32::from(n) + 90.0)).insert(&store);
    }
    assert_eq!(nearest_ids(&store, &model, &angle(90.0), 1).len(), 1);
    // The old store is whole where it is.
    drop(store);
    assert_eq!(newest_ids(&open(&replaced)).len(), 60);
}

#[test]
fn a_damaged_backup_restores_nothing_unless_it_is_allowed() {
    let kept = Kept::new();
    let [a, b] = ["aaa", "bbb"].map(|name| picture(name).insert(&kept.store));
    kept.back_up();
    std::fs::write(kept.picture(b"aaa"), b"aab").unwrap();
    let into = tempfile::tempdir().unwrap();
    let before = picture("before").insert(&open(into.path()));
    let refused = kept.restore(None, into.path(), false).unwrap_err();
    assert!(matches!(&refused, BackupError::Damaged(text) if text.contains("--allow-damaged")), "{refused}");
    assert!(open(into.path()).content(before).unwrap().is_some());
    assert!(!into.path().join("mitsuke.db.restoring").exists());

    let restored = kept.restore(None, into.path(), true).unwrap();
    assert_eq!(restored.damaged, [a]);
    let store = open(into.path());
    assert_eq!(store.content(b).unwrap().unwrap().bytes, b"bbb");
    assert!(store.image(a).unwrap().is_some());
}

#[test]
fn a_copy_whose_rows_have_changed_restores_nothing() {
    let kept = Kept::new();
    picture("one").insert(&kept.store);
    let (manifest, _) = kept.back_up();
    let database = kept.backup.path().join("copies").join(&manifest.name).join("mitsuke.db");
    let mut bytes = fs::read(&database).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(&database, bytes).unwrap();
    let into = tempfile::tempdir().unwrap();
    let refused = kept.restore(None, into.path(), true).unwrap_err();
    assert!(matches!(refused, BackupError::Damaged(_)), "{refused}");
    assert!(!into.path().join("mitsuke.db").exists());
}

#[test]
fn a_server_that_runs_keeps_its_store() {
    let kept = Kept::new();
    kept.back_up();
    let refused = kept.restore(None, kept.data.path(), false).unwrap_err();
    assert!(matches!(refused, BackupError::Store(StoreError::Locked(_))), "{refused}");
}

#[test]
fn a_restore_that_was_cut_off_is_told_and_gone_on_with() {
    let kept = Kept::new();
    picture("one").insert(&kept.store);
    kept.back_up();
    let into = tempfile::tempdir().unwrap();
    let old = open(into.path());
    picture("old").insert(&old);
    drop(old);
    // The state after a cut between the move of the database and that of the rest.
    let replaced = into.path().join("before-restore-2026-01-02T03-04-05Z");
    fs::create_dir(&replaced).unwrap();
    fs::write(into.path().join("mitsuke.restoring"), replaced.file_name().unwrap().as_encoded_bytes()).unwrap();
    fs::rename(into.path().join("mitsuke.db"), replaced.join("mitsuke.db")).unwrap();
    let refused = SqliteStore::open(into.path(), SqliteOptions::default()).err().unwrap();
    assert!(matches!(&refused, StoreError::Damaged(text) if text.contains("mitsuke restore")), "{refused}");

    let restored = kept.restore(None, into.path(), false).unwrap();
    assert_eq!(restored.replaced.as_deref(), Some(replaced.as_path()));
    assert!(replaced.join("vectors").is_dir());
    assert!(!into.path().join("mitsuke.restoring").exists());
    assert_eq!(newest_ids(&open(into.path())).len(), 1);
    assert_eq!(newest_ids(&open(&replaced)).len(), 1);
}

#[test]
fn a_restore_that_was_cut_off_before_it_moved_anything_left_the_old_store() {
    let directory = tempfile::tempdir().unwrap();
    picture("old").insert(&open(directory.path()));
    for left in ["mitsuke.restoring", "mitsuke.db.restoring"] {
        fs::write(directory.path().join(left), b"before-restore-x").unwrap();
    }
    assert_eq!(newest_ids(&open(directory.path())).len(), 1);
    assert!(!directory.path().join("mitsuke.db.restoring").exists());
}
