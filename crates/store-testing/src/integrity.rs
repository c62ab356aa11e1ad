//! Originals that have changed behind the store are told.

use mitsuke_store::{ImageId, Store, StoreError, Verified};

use crate::fixtures::*;

/// Changes the stored bytes of an image behind the store.
pub type Damage = Box<dyn Fn(ImageId)>;

pub fn a_part_of_an_original_is_a_part_of_its_bytes(store: &dyn Store, _damage: &Damage) {
    let bytes: Vec<u8> = (0..700_000).map(|at| (at * 31 % 251) as u8).collect();
    let image_id = picture("large").bytes(&bytes).insert(store);
    for (first, last) in [(0, 0), (3, 9), (262_143, 262_144), (524_288, 699_999), (0, 699_999), (699_999, u64::MAX)] {
        let part = store.content_part(image_id, first, last).unwrap().unwrap();
        let end = usize::try_from(last).unwrap_or(usize::MAX).min(bytes.len() - 1);
        assert_eq!(part.bytes, bytes[first as usize..=end], "{first}–{last}");
        assert_eq!((part.first, part.total, part.file_type.as_str()), (first, 700_000, "image/png"));
    }
    assert_eq!(store.content_part(image_id, 800_000, 800_001).unwrap().unwrap().bytes, b"");
    assert_eq!(store.content_part(image_id + 1, 0, 9).unwrap(), None);
}

pub fn a_damaged_original_is_told_and_not_given_out(store: &dyn Store, damage: &Damage) {
    let [a, b, c] = ["a", "b", "c"].map(|name| picture(name).insert(store));
    damage(b);
    let is_b = |error: &StoreError| matches!(error, StoreError::ImageDamaged(image_id) if *image_id == b);
    assert!(store.content(b).is_err_and(|error| is_b(&error)));
    assert!(store.content_part(b, 0, 0).is_err_and(|error| is_b(&error)));
    assert_eq!(
        [a, b, c, c + 1].map(|image_id| store.verify_image(image_id).unwrap()),
        [Verified::Whole, Verified::Damaged, Verified::Whole, Verified::Unknown]
    );
    let damaged =
        |after| store.damaged_images(after, 10).unwrap().iter().map(|image| image.image_id).collect::<Vec<_>>();
    assert_eq!((damaged(None), damaged(Some(b))), (vec![b], vec![]));
    assert_eq!(store.condition().unwrap().damaged_images, 1);
    // The facts of the image are as they were.
    assert_eq!(store.image(b).unwrap().unwrap().file_name, "b.png");
    assert!(store.delete_image(b).unwrap());
    assert!(damaged(None).is_empty());
}

pub fn a_damaged_original_is_repaired_by_its_own_bytes_alone(store: &dyn Store, damage: &Damage) {
    let image_id = picture("cat").insert(store);
    store.put_thumbnail(image_id, 256, b"of damaged bytes").unwrap();
    damage(image_id);
    assert!(store.content(image_id).is_err());
    assert!(!store.repair_content(image_id, b"dog").unwrap());
    assert!(!store.repair_content(image_id + 1, b"cat").unwrap());
    assert!(store.content(image_id).is_err());
    assert!(store.repair_content(image_id, b"cat").unwrap());
    assert_eq!(store.content(image_id).unwrap().unwrap().bytes, b"cat");
    assert!(store.damaged_images(None, 10).unwrap().is_empty());
    assert_eq!(store.thumbnail(image_id, 256).unwrap(), None);
}
