//! Registering models, coverage, switching.

use std::time::Duration;

use mitsuke_index::UnitVector;
use mitsuke_store::{Coverage, NewModel, Page, Store, StoreError, VectorSearch};

use crate::fixtures::*;

pub fn the_first_model_becomes_current(store: &dyn Store) {
    assert_eq!(store.current_model().unwrap(), None);
    assert!(store.models().unwrap().is_empty());
    let a = model(store, "a");
    assert!(a.is_current && a.maintained);
    assert_eq!((a.model_name.as_str(), a.model_version.as_str(), a.vector_dimension), ("a", "1", DIMENSION));
    let b = model(store, "b");
    assert!(!b.is_current && !b.maintained);
    assert_eq!(store.current_model().unwrap(), Some(a.clone()));
    assert_eq!(store.models().unwrap(), [a, b]);
}

pub fn registering_again_finds_the_same_model(store: &dyn Store) {
    let a = model(store, "a");
    model(store, "b");
    assert_eq!(model(store, "a"), a);
    let mut newer = NewModel { model_name: "a".into(), model_version: "2".into(), vector_dimension: 4 };
    let second = store.register_model(&newer).unwrap();
    assert_ne!(second.model_id, a.model_id);
    newer.model_version = "3".into();
    assert_ne!(store.register_model(&newer).unwrap().model_id, second.model_id);
    assert_eq!(store.models().unwrap().len(), 4);
    // Registering changes nothing after a switch either.
    store.set_current_model(second.model_id, false).unwrap();
    assert!(!model(store, "a").is_current);
}

pub fn a_known_model_keeps_its_dimension(store: &dyn Store) {
    let a = model(store, "a");
    let other = NewModel { model_name: "a".into(), model_version: "1".into(), vector_dimension: DIMENSION + 1 };
    let refused = store.register_model(&other);
    assert!(
        matches!(refused, Err(StoreError::ModelDimension { model_id, expected: DIMENSION, found })
            if model_id == a.model_id && found == DIMENSION + 1),
        "{refused:?}"
    );
    assert_eq!(store.models().unwrap(), [a]);
}

pub fn coverage_counts_what_is_there(store: &dyn Store) {
    let [a, b] = ["a", "b"].map(|name| model(store, name));
    let first = picture("1").embedded(&a, angle(0.0)).insert(store);
    picture("2").embedded(&a, angle(1.0)).embedded(&b, angle(1.0)).insert(store);
    picture("3").insert(store);
    let counts = || [&a, &b].map(|model| covered(store, model));
    assert_eq!(counts(), [(2, 3), (1, 3)]);
    // Replacing an embedding adds none.
    assert!(store.put_embedding(a.model_id, first, &angle(5.0)).unwrap());
    assert_eq!(counts(), [(2, 3), (1, 3)]);
    assert!(store.put_embedding(b.model_id, first, &angle(5.0)).unwrap());
    assert_eq!(counts(), [(2, 3), (2, 3)]);
    assert!(store.delete_image(first).unwrap());
    assert_eq!(counts(), [(1, 2), (1, 2)]);
    let coverage = store.coverage(a.model_id).unwrap();
    assert_eq!(coverage, Coverage { embedded: 1, failed: 0, total: 2 });
    assert!(coverage.missing() == 1 && !coverage.is_complete());
}

pub fn a_switch_asks_for_complete_coverage(store: &dyn Store) {
    let [a, b] = ["a", "b"].map(|name| model(store, name));
    let first = picture("1").embedded(&a, angle(0.0)).insert(store);
    picture("2").embedded(&a, angle(0.0)).embedded(&b, angle(0.0)).insert(store);
    let refused = store.set_current_model(b.model_id, false);
    assert!(
        matches!(refused, Err(StoreError::Coverage { model_id, embedded: 1, total: 2 }) if model_id == b.model_id),
        "{refused:?}"
    );
    assert_eq!(store.current_model().unwrap().unwrap().model_id, a.model_id);
    assert!(store.put_embedding(b.model_id, first, &angle(0.0)).unwrap());
    let switched = store.set_current_model(b.model_id, false).unwrap();
    assert!(switched.is_current && switched.maintained);
    assert_eq!(store.current_model().unwrap(), Some(switched));
}

pub fn a_partial_switch_is_made_when_asked_for(store: &dyn Store) {
    let [a, b] = ["a", "b"].map(|name| model(store, name));
    picture("1").embedded(&a, angle(0.0)).insert(store);
    assert_eq!(store.set_current_model(b.model_id, true).unwrap().model_id, b.model_id);
    assert_eq!(store.current_model().unwrap().unwrap().model_id, b.model_id);
}

pub fn switching_back_and_forth_keeps_one_current(store: &dyn Store) {
    let models = ["a", "b", "c"].map(|name| model(store, name));
    for model in models.iter().chain(models.iter().rev()) {
        // Every model covers all of no images.
        store.set_current_model(model.model_id, false).unwrap();
        store.set_current_model(model.model_id, false).unwrap();
        let current: Vec<_> =
            store.models().unwrap().into_iter().filter(|m| m.is_current).map(|m| m.model_id).collect();
        assert_eq!(current, [model.model_id]);
    }
}

pub fn an_embedding_is_put_replaced_and_read(store: &dyn Store) {
    let model = model(store, "a");
    let image_id = picture("cat").insert(store);
    assert_eq!(store.embedding(model.model_id, image_id).unwrap(), None);
    for degrees in [10.0, 50.0] {
        assert!(store.put_embedding(model.model_id, image_id, &angle(degrees)).unwrap());
        let kept = store.embedding(model.model_id, image_id).unwrap().unwrap();
        assert!(kept.similarity(&angle(degrees)) > 0.999_99);
    }
    let short = UnitVector::normalize(vec![1.0; 3]).unwrap();
    let refused = store.put_embedding(model.model_id, image_id, &short);
    assert!(matches!(refused, Err(StoreError::ModelDimension { found: 3, .. })), "{refused:?}");
}

pub fn unknown_models_are_errors(store: &dyn Store) {
    model(store, "a");
    let image_id = picture("cat").insert(store);
    let unknown = 4711;
    let (query, page) = (angle(0.0), Page::first(1));
    let search = VectorSearch { model_id: unknown, query: &query, exclude: &[], page: &page };
    let errors = [
        store.set_current_model(unknown, true).err(),
        store.search_vector(&search).err(),
        store.coverage(unknown).err(),
        store.set_maintained(unknown, true).err(),
        store.delete_embeddings(unknown).err(),
        store.claim_backfill(unknown, "a", Duration::from_secs(1)).err(),
        store.release_backfill(unknown, "a").err(),
        store.embedding(unknown, image_id).err(),
        store.embeddings(unknown, None, 1).err(),
        store.put_embedding(unknown, image_id, &query).err(),
        store.put_embedding_failure(unknown, image_id, "x").err(),
        store.embedding_failures(unknown, None, 1).err(),
        store.images_without_embedding(unknown, None, false, 1).err(),
    ];
    for error in errors {
        assert!(matches!(error, Some(StoreError::UnknownModel(4711))), "{error:?}");
    }
}
