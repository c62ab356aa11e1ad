//! Many callers at once.

use std::collections::HashSet;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use mitsuke_store::{ImageId, Inserted, ModelId, Store};

use crate::fixtures::*;

const THREADS: usize = 8;

pub fn the_same_bytes_at_once_become_one_image(store: &dyn Store) {
    let model = model(store, "a");
    for round in 0..10 {
        let start = Barrier::new(THREADS);
        let answers: Vec<Inserted> = thread::scope(|scope| {
            let threads: Vec<_> = (0..THREADS)
                .map(|n| {
                    let picture =
                        picture(&round.to_string()).caption(&format!("by {n}")).embedded(&model, angle(n as f32));
                    let start = &start;
                    scope.spawn(move || {
                        start.wait();
                        picture.try_insert(store).unwrap()
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let created = answers.iter().filter(|answer| matches!(answer, Inserted::Created(_))).count();
        assert_eq!(created, 1, "{answers:?}");
        let ids: HashSet<ImageId> = answers.iter().map(|(Inserted::Created(id) | Inserted::Known(id))| *id).collect();
        assert_eq!(ids.len(), 1, "{answers:?}");
    }
    assert_eq!(store.count_images().unwrap(), 10);
    assert_eq!(nearest(store, &model, &angle(0.0), 100).len(), 10);
}

pub fn many_writers_and_readers_lose_nothing(store: &dyn Store) {
    const EACH: usize = 40;
    let model = model(store, "a");
    let vectors = scattered(THREADS * EACH, 3);
    let writing = AtomicBool::new(true);
    thread::scope(|scope| {
        let readers: Vec<_> = (0..4)
            .map(|n| {
                let (writing, model) = (&writing, &model);
                let query = &vectors[n];
                scope.spawn(move || {
                    while writing.load(Ordering::Relaxed) {
                        // Every hit exists, with its text, in order and once.
                        let hits = nearest(store, model, query, 20);
                        assert!(hits.is_sorted_by(|a, b| a.distance <= b.distance));
                        let ids: Vec<_> = hits.iter().map(|hit| hit.image_id).collect();
                        let images = store.images(&ids).unwrap();
                        assert_eq!(images.len(), ids.len());
                        assert!(images.iter().all(|image| image.caption.is_some()));
                        let found = found(store, &["猫"]);
                        assert_eq!(store.images(&found).unwrap().len(), found.len());
                        assert!(store.coverage(model.model_id).unwrap().is_complete());
                    }
                })
            })
            .collect();
        let writers: Vec<_> = (0..THREADS)
            .map(|writer| {
                let (vectors, model) = (&vectors, &model);
                scope.spawn(move || {
                    for n in 0..EACH {
                        let number = writer * EACH + n;
                        let picture = picture(&number.to_string()).caption("眠る猫");
                        let image_id = picture.embedded(model, vectors[number].clone()).insert(store);
                        // An image that has been answered as stored is found by the very next search.
                        let hits = nearest(store, model, &vectors[number], 1);
                        assert_eq!(hits[0].image_id, image_id);
                    }
                })
            })
            .collect();
        writers.into_iter().for_each(|writer| writer.join().unwrap());
        writing.store(false, Ordering::Relaxed);
        readers.into_iter().for_each(|reader| reader.join().unwrap());
    });
    assert_eq!(store.count_images().unwrap(), (THREADS * EACH) as u64);
    assert_eq!(found(store, &["眠る猫"]).len(), THREADS * EACH);
    assert_eq!(nearest(store, &model, &vectors[0], 1000).len(), THREADS * EACH);
}

pub fn a_model_that_two_register_at_once_is_one(store: &dyn Store) {
    for round in 0..5 {
        let start = Barrier::new(THREADS);
        let ids: HashSet<ModelId> = thread::scope(|scope| {
            let threads: Vec<_> = (0..THREADS)
                .map(|_| {
                    let start = &start;
                    scope.spawn(move || {
                        start.wait();
                        model(store, &round.to_string()).model_id
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(ids.len(), 1);
    }
    let models = store.models().unwrap();
    assert_eq!((models.len(), models.iter().filter(|model| model.is_current).count()), (5, 1));
}

pub fn of_many_that_claim_a_backfill_one_gets_it(store: &dyn Store) {
    let model = model(store, "a");
    let start = Barrier::new(THREADS);
    let claimed: usize = thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|n| {
                let (start, model) = (&start, &model);
                scope.spawn(move || {
                    start.wait();
                    store.claim_backfill(model.model_id, &format!("process {n}"), Duration::from_secs(600)).unwrap()
                })
            })
            .collect();
        threads.into_iter().map(|thread| usize::from(thread.join().unwrap())).sum()
    });
    assert_eq!(claimed, 1);
}
