//! Several stores, as in several processes, share a database, and each sees the changes of the others.

use std::sync::Barrier;
use std::thread;
use std::time::Duration;

use mitsuke_store::oracle::{ForeignFacts, OracleStore};
use mitsuke_store::{
    EmbeddingStore as _, Filter, ImageStore as _, Inserted, ModelStore as _, Page, SearchStore as _, Store as _,
    VectorSearch,
};
use mitsuke_store_testing::fixtures::*;
use oracle_standin::testing::Database;

use crate::store;

#[test]
fn stores_that_open_an_empty_database_at_once_take_turns() {
    let database = Database::temporary();
    let stores: Vec<OracleStore> = (0..4).map(|_| store(&database)).collect();
    let start = Barrier::new(stores.len());
    thread::scope(|scope| {
        for (n, store) in stores.iter().enumerate() {
            let start = &start;
            scope.spawn(move || {
                start.wait();
                store.check().unwrap();
                let model = model(store, "a");
                picture(&n.to_string()).embedded(&model, angle(10.0 * n as f32)).insert(store);
            });
        }
    });
    for store in &stores {
        assert_eq!(store.models().unwrap().len(), 1);
        assert_eq!(store.count_images().unwrap(), 4);
    }
    let versions = database.connect().query_row_as::<i64>("SELECT COUNT(*) FROM mitsuke_schema", &[]).unwrap();
    let highest = database.connect().query_row_as::<i64>("SELECT MAX(version) FROM mitsuke_schema", &[]).unwrap();
    assert_eq!(versions, highest, "each migration was noted once");
}

#[test]
fn two_stores_on_one_database_know_the_same() {
    let database = Database::temporary();
    let (a, b) = (store(&database), store(&database));
    let [first, second] = ["a", "b"].map(|name| model(&a, name));
    assert_eq!(b.models().unwrap(), a.models().unwrap());
    let image_id = picture("x").caption("猫").embedded(&first, angle(0.0)).insert(&a);
    assert_eq!(found(&b, &["猫"]), [image_id]);
    assert_eq!(nearest_ids(&b, &first, &angle(0.0), 5), [image_id]);
    assert!(b.set_current_model(second.model_id, false).is_err(), "it covers nothing yet");
    b.put_embedding(second.model_id, image_id, &angle(0.0)).unwrap();
    b.set_current_model(second.model_id, false).unwrap();
    assert_eq!(a.current_model().unwrap().unwrap().model_id, second.model_id);
    assert!(a.claim_backfill(first.model_id, "a", Duration::from_secs(60)).unwrap());
    assert!(!b.claim_backfill(first.model_id, "b", Duration::from_secs(60)).unwrap());

    // One image results from inserting the same bytes through both at once.
    for round in 0..10 {
        let start = Barrier::new(2);
        let answers: Vec<Inserted> = thread::scope(|scope| {
            let threads = [&a, &b].map(|store| {
                let (start, first) = (&start, &first);
                scope.spawn(move || {
                    start.wait();
                    picture(&round.to_string()).embedded(first, angle(1.0)).try_insert(store).unwrap()
                })
            });
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let created = answers.iter().filter(|answer| matches!(answer, Inserted::Created(_))).count();
        assert_eq!(created, 1, "{answers:?}");
    }
    assert_eq!((a.count_images().unwrap(), b.count_images().unwrap()), (11, 11));
}

#[test]
fn switching_and_deleting_through_two_stores_never_stops_for_good() {
    let database = Database::temporary();
    let (a, b) = (store(&database), store(&database));
    let models = ["a", "b"].map(|name| model(&a, name));
    thread::scope(|scope| {
        for store in [&a, &b] {
            let models = &models;
            scope.spawn(move || {
                for n in 0..15 {
                    let name = format!("{n} {:p}", store);
                    let both = picture(&name).embedded(&models[0], angle(1.0)).embedded(&models[1], angle(2.0));
                    let image_id = both.insert(store);
                    store.set_current_model(models[n % 2].model_id, true).unwrap();
                    store.put_embedding(models[0].model_id, image_id, &angle(3.0)).unwrap();
                    if n % 3 == 0 {
                        assert!(store.delete_image(image_id).unwrap());
                    }
                }
            });
        }
    });
    assert_eq!(a.count_images().unwrap(), 20);
    assert_eq!(a.models().unwrap().iter().filter(|model| model.is_current).count(), 1);
    for model in &models {
        assert_eq!(b.coverage(model.model_id).unwrap().embedded, 20);
    }
}

/// A backfill embeds an image while somebody changes it: the copy of the facts is that of the later of both.
#[test]
fn an_embedding_holds_the_facts_of_a_change_that_was_made_meanwhile() {
    let database = Database::temporary();
    let (a, b) = (store(&database), store(&database));
    let model = model(&a, "a");
    let image_id = picture("x").insert(&a);
    let other = database.connect();
    for sql in [
        "UPDATE images SET file_name = file_name WHERE image_id = 1",
        "INSERT INTO image_descriptions (image_id, description) VALUES (1, 'c')",
    ] {
        other.execute(sql, &[]).unwrap();
    }
    let put = thread::scope(|scope| {
        let put = scope.spawn(|| b.put_embedding(model.model_id, image_id, &angle(0.0)).unwrap());
        // The embedding waits for the end of the change, however long that takes.
        thread::sleep(Duration::from_millis(300));
        assert!(a.embedding(model.model_id, image_id).unwrap().is_none());
        other.commit().unwrap();
        put.join().unwrap()
    });
    assert!(put);
    let page = Page { filter: Filter { has_caption: Some(true), ..Filter::default() }, ..Page::first(5) };
    let search = VectorSearch { model_id: model.model_id, query: &angle(0.0), exclude: &[], page: &page };
    assert_eq!(a.search_vector(&search).unwrap().len(), 1);
}

/// A row of another program is embedded before anybody has read it and completed its facts.
#[test]
fn a_row_that_is_completed_later_is_found_by_its_facts() {
    let database = Database::temporary();
    let store = OracleStore::new(crate::settings(&database), |bytes, _| ForeignFacts {
        file_type: Some("image/gif"),
        width: u32::try_from(bytes.len()).unwrap(),
        height: 7,
        generation: None,
    });
    let model = model(&store, "a");
    let other = database.connect();
    other.execute("INSERT INTO images (image_data, file_name) VALUES (HEXTORAW('0506'), 'Foreign.gif')", &[]).unwrap();
    other.commit().unwrap();
    assert!(store.put_embedding(model.model_id, 1, &angle(0.0)).unwrap());
    let filter = Filter { file_types: vec!["image/gif".into()], min_width: Some(2), ..Filter::default() };
    let page = Page { filter, ..Page::first(5) };
    let search = VectorSearch { model_id: model.model_id, query: &angle(0.0), exclude: &[], page: &page };
    assert!(store.search_vector(&search).unwrap().is_empty());
    assert_eq!(store.image(1).unwrap().unwrap().width, 2);
    assert_eq!(store.search_vector(&search).unwrap().len(), 1);
}
