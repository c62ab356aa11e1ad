//! Keeping thumbnails.

use mitsuke_store::Store;

use crate::fixtures::*;

pub fn a_thumbnail_is_kept_by_its_size(store: &dyn Store) {
    let cat = picture("cat").insert(store);
    assert_eq!(store.thumbnail(cat, 256).unwrap(), None);
    assert!(store.put_thumbnail(cat, 256, b"\xFF\xD8small").unwrap());
    assert!(store.put_thumbnail(cat, 512, &[7; 60_000]).unwrap());
    assert_eq!(store.thumbnail(cat, 256).unwrap().as_deref(), Some(b"\xFF\xD8small".as_slice()));
    assert_eq!(store.thumbnail(cat, 512).unwrap(), Some(vec![7; 60_000]));
    assert_eq!(store.thumbnail(cat, 1024).unwrap(), None);
}

pub fn a_thumbnail_takes_the_place_of_one_of_the_same_size(store: &dyn Store) {
    let (cat, dog) = (picture("cat").insert(store), picture("dog").insert(store));
    store.put_thumbnail(cat, 256, b"first").unwrap();
    store.put_thumbnail(dog, 256, b"dog").unwrap();
    assert!(store.put_thumbnail(cat, 256, b"second").unwrap());
    assert_eq!(store.thumbnail(cat, 256).unwrap().as_deref(), Some(b"second".as_slice()));
    assert_eq!(store.thumbnail(dog, 256).unwrap().as_deref(), Some(b"dog".as_slice()));
}

pub fn thumbnails_go_with_their_image(store: &dyn Store) {
    let image_id = picture("cat").insert(store);
    store.put_thumbnail(image_id, 256, b"small").unwrap();
    assert!(store.delete_image(image_id).unwrap());
    assert_eq!(store.thumbnail(image_id, 256).unwrap(), None);
    assert!(!store.put_thumbnail(image_id, 256, b"late").unwrap(), "a thumbnail that is made too late is dropped");
    assert_eq!(store.thumbnail(image_id, 256).unwrap(), None);
}
