//! Originals that have changed on disk are told and not given out.

use super::*;

/// Stores a picture of three chunks and a bit, closes the store, and returns the directory, the image and its bytes.
fn stored() -> (tempfile::TempDir, ImageId, Vec<u8>) {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let bytes: Vec<u8> = (0..3 * CHUNK_BYTES + 1000).map(|at| (at * 31 % 251) as u8).collect();
    let image_id = picture("large").bytes(&bytes).insert(&store);
    store.close().unwrap();
    (folder, image_id, bytes)
}

#[test]
fn a_flipped_bit_is_told_by_the_whole_and_by_its_chunk() {
    let (folder, image_id, bytes) = stored();
    let at = CHUNK_BYTES + 7;
    rot(folder.path(), image_id, at);
    let store = open(folder.path());
    assert!(matches!(store.content(image_id), Err(StoreError::ImageDamaged(id)) if id == image_id));
    let chunk = CHUNK_BYTES as u64;
    for (first, last) in [(chunk, chunk + 1), (chunk - 1, chunk), (0, u64::MAX)] {
        let part = store.content_part(image_id, first, last);
        assert!(matches!(part, Err(StoreError::ImageDamaged(_))), "{first}–{last}");
    }
    // The other chunks are as they were uploaded.
    let part = store.content_part(image_id, 2 * chunk + 5, 2 * chunk + 9).unwrap().unwrap();
    assert_eq!(part.bytes, bytes[2 * CHUNK_BYTES + 5..=2 * CHUNK_BYTES + 9]);
    assert_eq!(part.total, bytes.len() as u64);
    let damaged = store.damaged_images(None, 10).unwrap();
    assert_eq!(damaged.iter().map(|damaged| damaged.image_id).collect::<Vec<_>>(), [image_id]);
    assert_eq!(store.condition().unwrap().damaged_images, 1);
    assert_eq!(store.verify_image(image_id).unwrap(), Verified::Damaged);
    assert_eq!(store.verify_image(image_id + 1).unwrap(), Verified::Unknown);
}

#[test]
fn every_range_of_a_sound_picture_is_what_was_uploaded() {
    let (folder, image_id, bytes) = stored();
    let store = open(folder.path());
    let edges =
        [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES - 1, bytes.len() - 1, bytes.len() + 9];
    for first in edges {
        for last in edges.into_iter().filter(|last| *last >= first) {
            let part = store.content_part(image_id, first as u64, last as u64).unwrap().unwrap();
            assert_eq!(part.bytes, bytes[first.min(bytes.len())..(last + 1).min(bytes.len())], "{first}–{last}");
        }
    }
    assert!(store.content_part(image_id + 1, 0, 9).unwrap().is_none());
}

#[test]
fn lost_or_damaged_hashes_of_chunks_are_made_again() {
    let (folder, image_id, bytes) = stored();
    let whole: Vec<u8> = sql(folder.path()).query_row("SELECT hashes FROM image_chunks", [], |row| row.get(0)).unwrap();
    for damage in [
        "DELETE FROM image_chunks",
        "UPDATE image_chunks SET hashes = zeroblob(128)",
        "UPDATE image_chunks SET hashes = zeroblob(32)",
    ] {
        sql(folder.path()).execute(damage, []).unwrap();
        let store = open(folder.path());
        assert_eq!(store.content_part(image_id, 3, 5).unwrap().unwrap().bytes, bytes[3..=5], "{damage}");
        assert!(store.damaged_images(None, 10).unwrap().is_empty());
        store.close().unwrap();
        let again: Vec<u8> =
            sql(folder.path()).query_row("SELECT hashes FROM image_chunks", [], |row| row.get(0)).unwrap();
        assert_eq!(again, whole, "{damage}");
    }
}

#[test]
fn a_changed_hash_is_damage_too() {
    let (folder, image_id, _) = stored();
    sql(folder.path()).execute("UPDATE images SET sha256 = zeroblob(32)", []).unwrap();
    let store = open(folder.path());
    assert!(matches!(store.content(image_id), Err(StoreError::ImageDamaged(_))));
}

#[test]
fn the_next_upload_of_the_same_file_repairs_it() {
    let (folder, image_id, bytes) = stored();
    rot(folder.path(), image_id, 5);
    let store = open(folder.path());
    assert!(store.content(image_id).is_err());
    assert!(!store.repair_content(image_id, b"another file").unwrap());
    assert!(store.content(image_id).is_err());
    picture("large").bytes(&bytes).try_insert(&store).unwrap();
    assert_eq!(store.content(image_id).unwrap().unwrap().bytes, bytes);
    assert!(store.damaged_images(None, 10).unwrap().is_empty());
}

#[test]
fn a_damaged_thumbnail_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let image_id = picture("a").insert(&store);
    store.put_thumbnail(image_id, 512, b"a thumbnail").unwrap();
    assert_eq!(store.thumbnail(image_id, 512).unwrap().as_deref(), Some(&b"a thumbnail"[..]));
    drop(store);
    sql(folder.path()).execute("UPDATE image_thumbnails SET jpeg = x'00'", []).unwrap();
    let store = open(folder.path());
    assert_eq!(store.thumbnail(image_id, 512).unwrap(), None);
    store.put_thumbnail(image_id, 512, b"another").unwrap();
    assert_eq!(store.thumbnail(image_id, 512).unwrap().as_deref(), Some(&b"another"[..]));
}
