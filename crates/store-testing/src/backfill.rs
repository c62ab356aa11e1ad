//! The calls of a backfill: leases, missing embeddings, failures, listing all embeddings, retiring a model.

use std::time::Duration;

use mitsuke_index::UnitVector;
use mitsuke_store::{Coverage, ImageId, Model, NewModel, Page, Store, StoreError, VectorSearch};

use crate::fixtures::*;

const MINUTE: Duration = Duration::from_secs(60);

/// Collects all pages of a listing, two entries at a time.
fn in_pages<T>(mut page: impl FnMut(Option<ImageId>) -> Vec<T>, id: impl Fn(&T) -> ImageId) -> Vec<T> {
    let mut listed: Vec<T> = Vec::new();
    loop {
        let next = page(listed.last().map(&id));
        assert!(next.len() <= 2);
        if next.is_empty() {
            return listed;
        }
        listed.extend(next);
    }
}

pub fn images_without_an_embedding_are_listed_in_pages(store: &dyn Store) {
    let [a, b] = ["a", "b"].map(|name| model(store, name));
    let mut missing = Vec::new();
    for n in 0..10_u8 {
        let picture = picture(&n.to_string()).embedded(&a, angle(f32::from(n)));
        if n % 3 == 0 {
            picture.embedded(&b, angle(0.0)).insert(store);
        } else {
            missing.push(picture.insert(store));
        }
    }
    let listed = in_pages(|after| store.images_without_embedding(b.model_id, after, false, 2).unwrap(), |id| *id);
    assert_eq!(listed, missing);
    assert!(store.images_without_embedding(a.model_id, None, false, 10).unwrap().is_empty());
    for image_id in listed {
        assert!(store.put_embedding(b.model_id, image_id, &angle(0.0)).unwrap());
    }
    assert!(store.images_without_embedding(b.model_id, None, false, 10).unwrap().is_empty());
}

pub fn embeddings_are_read_in_pages_by_image(store: &dyn Store) {
    let [a, b] = ["a", "b"].map(|name| model(store, name));
    let mut expected = Vec::new();
    for n in 0..7_u8 {
        let picture = picture(&n.to_string()).embedded(&b, angle(90.0));
        if n % 3 == 1 {
            picture.insert(store);
        } else {
            expected.push((picture.embedded(&a, angle(f32::from(n))).insert(store), angle(f32::from(n))));
        }
    }
    // Replacing an embedding does not change its place.
    expected[1].1 = angle(45.0);
    assert!(store.put_embedding(a.model_id, expected[1].0, &angle(45.0)).unwrap());
    let read = in_pages(|after| store.embeddings(a.model_id, after, 2).unwrap(), |(id, _)| *id);
    let ids = |list: &[(ImageId, UnitVector)]| list.iter().map(|(id, _)| *id).collect::<Vec<_>>();
    assert_eq!(ids(&read), ids(&expected));
    assert!(read.iter().zip(&expected).all(|((_, read), (_, put))| read.similarity(put) > 0.999_99));
    assert!(store.embeddings(a.model_id, None, 0).unwrap().is_empty());
    // Images without an embedding and unknown ones are left out of those that are asked for by their ids.
    let asked: Vec<ImageId> = (0..12).rev().collect();
    let of = store.embeddings_of(a.model_id, &asked).unwrap();
    assert_eq!(ids(&of), ids(&expected).into_iter().rev().collect::<Vec<_>>());
    assert!(of.iter().rev().zip(&read).all(|((_, of), (_, read))| of == read));
}

pub fn a_failure_is_recorded_replaced_and_removed_by_an_embedding(store: &dyn Store) {
    let [a, b] = ["a", "b"].map(|name| model(store, name));
    let ids: Vec<_> = (0..5).map(|n| picture(&n.to_string()).embedded(&a, angle(0.0)).insert(store)).collect();
    let coverage = || store.coverage(b.model_id).unwrap();
    for image_id in &ids[1..] {
        assert!(store.put_embedding_failure(b.model_id, *image_id, "first").unwrap());
    }
    assert!(store.put_embedding_failure(b.model_id, ids[2], "it is 壊れた").unwrap());
    assert_eq!(coverage(), Coverage { embedded: 0, failed: 4, total: 5 });
    assert_eq!(coverage().missing(), 1);

    let failures = in_pages(|after| store.embedding_failures(b.model_id, after, 2).unwrap(), |f| f.image_id);
    assert_eq!(failures.iter().map(|f| f.image_id).collect::<Vec<_>>(), ids[1..]);
    assert_eq!(failures[1].reason, "it is 壊れた");
    let age = time::OffsetDateTime::now_utc() - failures[1].failed_at;
    assert!(age.abs() < time::Duration::minutes(10), "{age}");
    assert!(store.embedding_failures(a.model_id, None, 10).unwrap().is_empty());

    assert_eq!(store.images_without_embedding(b.model_id, None, false, 10).unwrap(), ids);
    assert_eq!(store.images_without_embedding(b.model_id, None, true, 10).unwrap(), ids[..1]);
    assert!(store.put_embedding(b.model_id, ids[2], &angle(0.0)).unwrap());
    assert_eq!(coverage(), Coverage { embedded: 1, failed: 3, total: 5 });
    assert!(store.delete_image(ids[3]).unwrap());
    assert_eq!(coverage(), Coverage { embedded: 1, failed: 2, total: 4 });
    // Neither an embedding nor a failure is left.
    assert!(!store.put_embedding_failure(b.model_id, ids[3], "x").unwrap());
    assert!(!store.put_embedding(b.model_id, ids[3], &angle(0.0)).unwrap());
    // An image that has an embedding keeps it.
    assert!(store.put_embedding_failure(b.model_id, ids[2], "x").unwrap());
    assert_eq!(coverage(), Coverage { embedded: 1, failed: 2, total: 4 });
    // A failed image counts as missing for a switch.
    let refused = store.set_current_model(b.model_id, false);
    assert!(matches!(refused, Err(StoreError::Coverage { embedded: 1, total: 4, .. })), "{refused:?}");
}

pub fn one_backfill_runs_at_a_time(store: &dyn Store) {
    let [a, b] = ["a", "b"].map(|name| model(store, name));
    let claim = |model: &Model, owner: &str, lease| store.claim_backfill(model.model_id, owner, lease).unwrap();
    assert!(claim(&a, "host-1", MINUTE));
    assert!(!claim(&a, "host-2", MINUTE));
    assert!(claim(&a, "host-1", MINUTE), "its owner renews it");
    assert!(claim(&b, "host-2", MINUTE), "each model has its own");
    store.release_backfill(a.model_id, "host-2").unwrap();
    assert!(!claim(&a, "host-2", MINUTE), "only its owner gives it back");
    store.release_backfill(a.model_id, "host-1").unwrap();
    assert!(claim(&a, "host-2", Duration::ZERO));
    assert!(claim(&a, "host-3", MINUTE), "a lease that has run out hinders nobody");
    assert!(!claim(&a, "host-2", MINUTE));
    store.release_backfill(b.model_id, "nobody").unwrap();
}

pub fn maintenance_is_switched_on_and_off_but_not_off_for_the_current_model(store: &dyn Store) {
    let [a, b] = ["a", "b"].map(|name| model(store, name));
    let maintained = || store.models().unwrap().iter().map(|m| m.maintained).collect::<Vec<_>>();
    assert_eq!(maintained(), [true, false]);
    for _ in 0..2 {
        assert!(store.set_maintained(b.model_id, true).unwrap().maintained);
    }
    assert_eq!(maintained(), [true, true]);
    assert!(!store.set_maintained(b.model_id, false).unwrap().maintained);
    let refused = store.set_maintained(a.model_id, false);
    assert!(matches!(refused, Err(StoreError::CurrentModel(id)) if id == a.model_id), "{refused:?}");
    assert!(store.set_maintained(a.model_id, true).unwrap().is_current);
    assert_eq!(maintained(), [true, false]);
    // The model that was current stays maintained, so that switching back is as quick.
    store.set_current_model(b.model_id, false).unwrap();
    assert_eq!(maintained(), [true, true]);
    assert!(!store.set_maintained(a.model_id, false).unwrap().maintained);
    // Registering again changes nothing.
    let new = NewModel { model_name: "b".into(), model_version: "1".into(), vector_dimension: DIMENSION };
    assert!(store.register_model(&new).unwrap().maintained);
    assert!(!model(store, "a").maintained);
}

pub fn embeddings_of_an_unmaintained_model_are_stored_all_the_same(store: &dyn Store) {
    let [a, b] = ["a", "b"].map(|name| model(store, name));
    assert!(!b.maintained);
    let image_id = picture("1").embedded(&a, angle(0.0)).embedded(&b, angle(10.0)).insert(store);
    assert!(store.embedding(b.model_id, image_id).unwrap().is_some());
    assert_eq!(covered(store, &b), (1, 1));
}

pub fn a_retired_model_loses_its_embeddings_and_may_come_back(store: &dyn Store) {
    let [a, b] = ["a", "b"].map(|name| model(store, name));
    store.set_maintained(b.model_id, true).unwrap();
    let ids: Vec<_> = (0..40_u8)
        .map(|n| {
            let picture = picture(&n.to_string()).embedded(&a, angle(f32::from(n)));
            picture.embedded(&b, angle(f32::from(n))).insert(store)
        })
        .collect();
    let late = picture("late").embedded(&a, angle(80.0)).insert(store);
    assert!(store.put_embedding_failure(b.model_id, late, "x").unwrap());

    let refused = store.delete_embeddings(a.model_id);
    assert!(matches!(refused, Err(StoreError::CurrentModel(id)) if id == a.model_id), "{refused:?}");
    assert_eq!(covered(store, &a), (41, 41));
    assert_eq!(store.delete_embeddings(b.model_id).unwrap(), 40);
    assert_eq!(store.coverage(b.model_id).unwrap(), Coverage { embedded: 0, failed: 0, total: 41 });
    assert!(!store.models().unwrap()[1].maintained);
    assert!(nearest(store, &b, &angle(0.0), 10).is_empty());
    assert!(store.embeddings(b.model_id, None, 10).unwrap().is_empty());
    assert_eq!(nearest_ids(store, &a, &angle(0.0), 2), ids[..2], "the current model is untouched");
    assert_eq!(store.delete_embeddings(b.model_id).unwrap(), 0);

    for image_id in ids[..3].iter().rev() {
        assert!(store.put_embedding(b.model_id, *image_id, &angle(5.0)).unwrap());
    }
    let query = angle(0.0);
    let page = Page::first(100);
    let search = VectorSearch { model_id: b.model_id, query: &query, exclude: &[], page: &page };
    let hits: Vec<_> = store.search_vector(&search).unwrap().iter().map(|hit| hit.image_id).collect();
    assert_eq!(hits, [ids[2], ids[1], ids[0]]);
}
