//! A disk that is nearly full refuses uploads and nothing else, and one that is full lets images be deleted.

use mitsuke_store::{ChangeOutcome, ImageChange, ImagePatch};

use super::*;

fn open_with(directory: &Path, options: SqliteOptions) -> SqliteStore {
    SqliteStore::open(directory, options).unwrap()
}

#[test]
fn a_low_disk_refuses_uploads_and_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    let model = model(&store, "a");
    let ids: Vec<i64> = (0..5).map(|n| picture(&n.to_string()).insert(&store)).collect();
    drop(store);
    let low = SqliteOptions { min_free_bytes: Some(u64::MAX), ..SqliteOptions::default() };
    let store = open_with(directory.path(), low);
    let room = store.room().unwrap();
    assert!(room.is_low() && room.free > 0);
    let refused = picture("more").try_insert(&store);
    assert!(matches!(&refused, Err(StoreError::DiskFull(_))), "{refused:?}");
    assert!(matches!(store.has_room(), Err(StoreError::DiskFull(_))));
    let patch = ImagePatch { caption: Some(Some("猫".into())), ..ImagePatch::default() };
    assert!(store.update_image(ids[0], &patch).unwrap().is_some());
    assert_eq!(found(&store, &["猫"]), [ids[0]]);
    assert!(store.put_embedding(model.model_id, ids[0], &angle(1.0)).unwrap());
    assert!(store.delete_image(ids[1]).unwrap());
    let outcomes = store.change_images(&ids[2..4], &ImageChange::Delete).unwrap();
    assert!(outcomes.iter().all(|(_, outcome)| matches!(outcome, ChangeOutcome::Deleted)), "{outcomes:?}");
    assert_eq!(sorted(newest_ids(&store)), [ids[0], ids[4]]);
}

#[test]
fn a_disk_with_room_takes_uploads() {
    let directory = tempfile::tempdir().unwrap();
    let store = open_with(directory.path(), SqliteOptions { min_free_bytes: Some(0), ..SqliteOptions::default() });
    assert!(!store.room().unwrap().is_low());
    store.has_room().unwrap();
    picture("one").insert(&store);
}

/// Fills a store until nothing goes in any more, and returns the images.
fn fill_up(store: &SqliteStore) -> Vec<i64> {
    let mut ids = Vec::new();
    for n in 0_u32.. {
        let mut new = picture(&n.to_string()).caption("眠る猫 a sleeping cat");
        new.bytes = n.to_le_bytes().repeat(5_000);
        match new.try_insert(store) {
            Ok(mitsuke_store::Inserted::Created(image_id)) => ids.push(image_id),
            Err(StoreError::DiskFull(_)) => break,
            other => panic!("{other:?}"),
        }
    }
    // Something small may still go in after something large does not.
    while let Ok(mitsuke_store::Inserted::Created(image_id)) = picture(&format!("small{}", ids.len())).try_insert(store)
    {
        ids.push(image_id);
    }
    ids
}

#[test]
fn images_are_deleted_from_a_store_that_takes_no_more() {
    let directory = tempfile::tempdir().unwrap();
    let store = open_with(directory.path(), SqliteOptions { max_pages: Some(400), ..SqliteOptions::default() });
    let ids = fill_up(&store);
    assert!(ids.len() > 20);
    assert!(store.delete_image(ids[3]).unwrap());
    let outcomes = store.change_images(&ids[5..10], &ImageChange::Delete).unwrap();
    assert!(outcomes.iter().all(|(_, outcome)| matches!(outcome, ChangeOutcome::Deleted)), "{outcomes:?}");
    assert_eq!(newest_ids(&store).len(), ids.len() - 6);
    assert_eq!(found(&store, &["猫"]).len() as u64, store.count_images().unwrap() - small(&store));
    // There is room again.
    picture("after").insert(&store);
}

/// Returns the number of images without a caption.
fn small(store: &SqliteStore) -> u64 {
    let images = store.images(&newest_ids(store)).unwrap();
    images.iter().filter(|image| image.caption.is_none()).count() as u64
}

#[test]
fn uploads_leave_the_reserve_to_deletions() {
    let directory = tempfile::tempdir().unwrap();
    let reserve = directory.path().join("mitsuke.reserve");
    let options = SqliteOptions {
        min_free_bytes: Some(4 << 20),
        reserve_bytes: 1 << 20,
        max_pages: Some(400),
        ..SqliteOptions::default()
    };
    let store = open_with(directory.path(), options);
    let ids = fill_up(&store);
    assert_eq!(fs::metadata(&reserve).unwrap().len(), 1 << 20);
    for image_id in ids {
        assert!(store.delete_image(image_id).unwrap());
    }
}
