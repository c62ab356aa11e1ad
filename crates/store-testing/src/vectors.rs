//! Finding the nearest images.

use mitsuke_index::UnitVector;
use mitsuke_store::{Filter, ImageId, Page, Store, StoreError, VectorSearch};

use crate::fixtures::*;

pub fn the_nearest_come_first_with_their_distance(store: &dyn Store) {
    let model = model(store, "a");
    let degrees = [80.0, 10.0, 170.0, 30.0, 90.0];
    let ids: Vec<_> =
        degrees.iter().map(|d| picture(&d.to_string()).embedded(&model, angle(*d)).insert(store)).collect();
    let hits = nearest(store, &model, &angle(0.0), 10);
    assert_eq!(hits.iter().map(|hit| hit.image_id).collect::<Vec<_>>(), [ids[1], ids[3], ids[0], ids[4], ids[2]]);
    for (hit, degrees) in hits.iter().zip([10.0_f32, 30.0, 80.0, 90.0, 170.0]) {
        assert!((hit.distance + degrees.to_radians().cos()).abs() < 1e-5, "{hit:?} at {degrees}°");
    }
    assert_eq!(nearest(store, &model, &angle(0.0), 2), hits[..2]);
    assert!(nearest(store, &model, &angle(0.0), 0).is_empty());
}

pub fn the_newest_of_equals_comes_first(store: &dyn Store) {
    let model = model(store, "a");
    let ids: Vec<_> = (0..150).map(|n| picture(&n.to_string()).embedded(&model, angle(20.0)).insert(store)).collect();
    let nearer = picture("nearer").embedded(&model, angle(10.0)).insert(store);
    let expected: Vec<_> = std::iter::once(nearer).chain(ids.into_iter().rev()).collect();
    for limit in [1, 5, 100, 1000] {
        let hits = nearest_ids(store, &model, &angle(0.0), limit);
        assert_eq!(hits, expected[..limit.min(expected.len())]);
    }
}

pub fn an_excluded_image_is_left_out_and_replaced(store: &dyn Store) {
    let model = model(store, "a");
    let ids: Vec<_> =
        (0..5_u8).map(|n| picture(&n.to_string()).embedded(&model, angle(f32::from(n))).insert(store)).collect();
    let query = angle(0.0);
    let page = |exclude: &[ImageId], offset| -> Vec<_> {
        let page = Page { offset, ..Page::first(2) };
        let search = VectorSearch { model_id: model.model_id, query: &query, exclude, page: &page };
        store.search_vector(&search).unwrap().iter().map(|hit| hit.image_id).collect()
    };
    assert_eq!(page(&ids[..1], 0), [ids[1], ids[2]]);
    assert_eq!(page(&ids[..1], 2), [ids[3], ids[4]]);
    assert_eq!(page(&[999_999, 999_998], 0), [ids[0], ids[1]]);
}

pub fn pages_by_offset_make_the_whole_list(store: &dyn Store) {
    let model = model(store, "a");
    for (n, vector) in scattered(200, 1).into_iter().enumerate() {
        // Every vector occurs twice, so that pages end between ties.
        picture(&format!("{n}a")).embedded(&model, vector.clone()).insert(store);
        picture(&format!("{n}b")).embedded(&model, vector).insert(store);
    }
    let query = &scattered(1, 2)[0];
    let whole = nearest(store, &model, query, 1000);
    assert_eq!(whole.len(), 400);
    assert!(whole.is_sorted_by(|a, b| (a.distance, -a.image_id) <= (b.distance, -b.image_id)));
    let mut pages = Vec::new();
    loop {
        let page = Page { offset: pages.len(), ..Page::first(17) };
        let search = VectorSearch { model_id: model.model_id, query, exclude: &[], page: &page };
        let page = store.search_vector(&search).unwrap();
        if page.is_empty() {
            break;
        }
        pages.extend(page);
    }
    assert_eq!(pages, whole);
    let page = Page { offset: usize::MAX, ..Page::first(usize::MAX) };
    let beyond = VectorSearch { model_id: model.model_id, query, exclude: &[], page: &page };
    assert!(store.search_vector(&beyond).unwrap().is_empty());
}

pub fn only_the_named_models_embeddings_are_compared(store: &dyn Store) {
    let [a, b] = ["a", "b"].map(|name| model(store, name));
    let near_in_a = picture("1").embedded(&a, angle(0.0)).embedded(&b, angle(90.0)).insert(store);
    let near_in_b = picture("2").embedded(&a, angle(90.0)).embedded(&b, angle(0.0)).insert(store);
    for _ in 0..2 {
        assert_eq!(nearest_ids(store, &a, &angle(0.0), 10), [near_in_a, near_in_b]);
        assert_eq!(nearest_ids(store, &b, &angle(0.0), 10), [near_in_b, near_in_a]);
        // The search uses the model that it names, and not the current one.
        store.set_current_model(b.model_id, false).unwrap();
    }
}

pub fn images_without_an_embedding_are_left_out(store: &dyn Store) {
    let [a, b] = ["a", "b"].map(|name| model(store, name));
    let both = picture("1").embedded(&a, angle(40.0)).embedded(&b, angle(40.0)).insert(store);
    picture("2").embedded(&b, angle(0.0)).insert(store);
    picture("3").insert(store);
    assert_eq!(nearest_ids(store, &a, &angle(0.0), 10), [both]);
}

pub fn a_replaced_embedding_is_found_by_its_new_vector(store: &dyn Store) {
    let model = model(store, "a");
    let moved = picture("1").embedded(&model, angle(0.0)).insert(store);
    let stays = picture("2").embedded(&model, angle(45.0)).insert(store);
    assert_eq!(nearest_ids(store, &model, &angle(0.0), 10), [moved, stays]);
    assert!(store.put_embedding(model.model_id, moved, &angle(90.0)).unwrap());
    let hits = nearest(store, &model, &angle(0.0), 10);
    assert_eq!(hits.iter().map(|hit| hit.image_id).collect::<Vec<_>>(), [stays, moved]);
    assert!(hits[1].distance.abs() < 1e-5);
    let added = picture("3").insert(store);
    assert!(store.put_embedding(model.model_id, added, &angle(1.0)).unwrap());
    assert_eq!(nearest_ids(store, &model, &angle(0.0), 1), [added]);
}

pub fn a_filter_never_makes_the_answer_short(store: &dyn Store) {
    let model = model(store, "a");
    // The few images that pass are the farthest of all.
    for n in 0..300_u16 {
        picture(&n.to_string()).embedded(&model, angle(f32::from(n) / 10.0)).insert(store);
    }
    let passing: Vec<_> = (0..5_u8)
        .map(|n| {
            let picture = picture(&format!("jpeg {n}")).of_type("image/jpeg");
            picture.embedded(&model, angle(170.0 + f32::from(n))).insert(store)
        })
        .collect();
    let filter = Filter { file_types: vec!["image/jpeg".into()], ..Filter::default() };
    let query = angle(0.0);
    let page = |offset, limit| -> Vec<_> {
        let page = Page { offset, filter: filter.clone(), ..Page::first(limit) };
        let search = VectorSearch { model_id: model.model_id, query: &query, exclude: &[], page: &page };
        store.search_vector(&search).unwrap().iter().map(|hit| hit.image_id).collect()
    };
    assert_eq!(page(0, 5), passing);
    assert_eq!(page(0, 100), passing);
    assert_eq!(page(3, 5), passing[3..]);
    assert!(page(5, 5).is_empty());
}

pub fn a_filter_and_an_exclusion_work_together(store: &dyn Store) {
    let model = model(store, "a");
    let ids: Vec<_> = (0..6_u8)
        .map(|n| {
            let file_type = if n % 2 == 0 { "image/png" } else { "image/webp" };
            picture(&n.to_string()).of_type(file_type).embedded(&model, angle(f32::from(n))).insert(store)
        })
        .collect();
    let filter = Filter { file_types: vec!["image/png".into()], ..Filter::default() };
    let query = angle(0.0);
    let page = Page { filter, ..Page::first(10) };
    let search = VectorSearch { model_id: model.model_id, query: &query, exclude: &ids[..1], page: &page };
    let hits: Vec<_> = store.search_vector(&search).unwrap().iter().map(|hit| hit.image_id).collect();
    assert_eq!(hits, [ids[2], ids[4]]);
}

pub fn a_query_that_does_not_fit_is_an_error(store: &dyn Store) {
    let model = model(store, "a");
    picture("1").embedded(&model, angle(0.0)).insert(store);
    let query = UnitVector::normalize(vec![1.0; 3]).unwrap();
    let page = Page::first(1);
    let search = VectorSearch { model_id: model.model_id, query: &query, exclude: &[], page: &page };
    let refused = store.search_vector(&search);
    assert!(matches!(refused, Err(StoreError::ModelDimension { expected: DIMENSION, found: 3, .. })), "{refused:?}");
}

pub fn an_empty_store_finds_nothing(store: &dyn Store) {
    let model = model(store, "a");
    assert!(nearest(store, &model, &angle(0.0), 10).is_empty());
    assert!(found(store, &["猫"]).is_empty());
}

pub fn several_images_can_be_left_out(store: &dyn Store) {
    let model = model(store, "a");
    let ids: Vec<_> =
        (0..100_u8).map(|n| picture(&n.to_string()).embedded(&model, angle(f32::from(n))).insert(store)).collect();
    let query = angle(0.0);
    let left_out: Vec<_> = ids[..30].iter().copied().chain([ids[50], 999_999]).collect();
    let page = |offset, limit| -> Vec<_> {
        let page = Page { offset, ..Page::first(limit) };
        let search = VectorSearch { model_id: model.model_id, query: &query, exclude: &left_out, page: &page };
        store.search_vector(&search).unwrap().iter().map(|hit| hit.image_id).collect()
    };
    let left: Vec<_> = ids.iter().copied().filter(|id| !left_out.contains(id)).collect();
    assert_eq!(page(0, 1000), left);
    assert_eq!(page(0, 16), left[..16]);
    assert_eq!(page(16, 16), left[16..32]);
}

pub fn an_exact_search_finds_the_nearest_of_all(store: &dyn Store) {
    let model = model(store, "a");
    let vectors = scattered(300, 3);
    let ids: Vec<_> = vectors
        .iter()
        .enumerate()
        .map(|(n, v)| picture(&n.to_string()).embedded(&model, v.clone()).insert(store))
        .collect();
    let filter = Filter { file_name_pattern: Some("*".into()), ..Filter::default() };
    for query in scattered(5, 4) {
        let mut right: Vec<_> = ids.iter().zip(&vectors).map(|(id, vector)| (*id, query.similarity(vector))).collect();
        right.sort_by(|a, b| b.1.total_cmp(&a.1));
        for filter in [Filter::default(), filter.clone()] {
            let (model_id, exclude) = (model.model_id, &right[..1].iter().map(|(id, _)| *id).collect::<Vec<_>>());
            let page = Page { offset: 3, limit: 40, filter, exact: true };
            let search = VectorSearch { model_id, query: &query, exclude, page: &page };
            let hits: Vec<_> = store.search_vector(&search).unwrap().iter().map(|hit| hit.image_id).collect();
            assert_eq!(hits, right[4..44].iter().map(|(id, _)| *id).collect::<Vec<_>>());
        }
    }
}
