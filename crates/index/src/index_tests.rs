//! Tests of the index as its callers see it. The reference is a comparison with all exact vectors.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use proptest::prelude::*;

use super::*;
use crate::IdSet;
use crate::random::SplitMix64;

/// The rows that the index caches.
type Rows = BTreeMap<i64, UnitVector>;

fn gaussian(random: &mut SplitMix64) -> f32 {
    let uniform = |r: &mut SplitMix64| ((r.next_u64() >> 11) as f64 + 0.5) / (1_u64 << 53) as f64;
    let (u, v) = (uniform(random), uniform(random));
    ((-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()) as f32
}

fn random_vector(random: &mut SplitMix64, dimension: usize) -> UnitVector {
    UnitVector::normalize((0..dimension).map(|_| gaussian(random)).collect()).unwrap()
}

/// Moves a vector towards another, and scales it to length 1 again.
fn moved(from: &UnitVector, by: f32, towards: &UnitVector) -> UnitVector {
    let components = from.as_slice().iter().zip(towards.as_slice());
    UnitVector::normalize(components.map(|(a, b)| a + by * b).collect()).unwrap()
}

/// Makes vectors around a few centres.
fn clustered(random: &mut SplitMix64, dimension: usize, count: i64) -> Rows {
    let centres: Vec<_> = (0..12).map(|_| random_vector(random, dimension)).collect();
    (0..count)
        .map(|id| {
            let noise = random_vector(random, dimension);
            let centre = &centres[random.below(centres.len())];
            (id, moved(centre, 0.7, &noise))
        })
        .collect()
}

fn index_of(rows: &Rows, dimension: usize, params: IndexParams) -> VectorIndex {
    let index = VectorIndex::new(dimension, params);
    for (id, vector) in rows {
        index.insert(*id, vector);
    }
    index
}

fn brute_force(rows: &Rows, query: &UnitVector, k: usize, allow: impl Fn(i64) -> bool) -> Vec<(i64, f32)> {
    let allowed = rows.iter().filter(|(id, _)| allow(**id));
    let mut all: Vec<_> = allowed.map(|(id, v)| (*id, query.similarity(v))).collect();
    all.sort_by(|a, b| b.1.total_cmp(&a.1).then(b.0.cmp(&a.0)));
    all.truncate(k);
    all
}

/// Searches with the exact vectors of `rows`. Returns the hits and the number of vectors read.
fn search(
    index: &VectorIndex,
    rows: &Rows,
    query: &UnitVector,
    k: usize,
    only: Option<&IdSet>,
) -> (Vec<(i64, f32)>, usize) {
    let mut read = 0;
    let found = index.search::<Infallible>(query, k, false, Filter { only, except: &[] }, &mut |ids| {
        read += ids.len();
        Ok(ids.iter().map(|id| rows.get(id).cloned()).collect())
    });
    (found.unwrap(), read)
}

/// Settings with lists from the first vector on. Every search scans all of them.
const EXACT_LISTS: IndexParams = IndexParams {
    exact_below: 1,
    lists_factor: 1.0,
    sample_per_list: 16,
    training_rounds: 4,
    retrain_growth: 4.0,
    miss_target: 0.0,
    rescore_limit: usize::MAX,
};

/// Settings with lists from the first vector on. A search scans only a few of them.
const NEAR_LISTS: IndexParams = IndexParams { miss_target: 0.003, ..EXACT_LISTS };

#[test]
fn the_answer_is_exact_for_every_k() {
    let mut random = SplitMix64::new(1);
    for dimension in [1, 2, 3, 8, 100, 256] {
        let rows = clustered(&mut random, dimension, 1500);
        let index = index_of(&rows, dimension, IndexParams::default());
        for k in [1, 2, 16, 100, 1499, 1500, 1501, usize::MAX] {
            let query = random_vector(&mut random, dimension);
            assert_eq!(search(&index, &rows, &query, k, None).0, brute_force(&rows, &query, k, |_| true));
        }
        let query = random_vector(&mut random, dimension);
        assert!(search(&index, &rows, &query, 0, None).0.is_empty());
    }
}

#[test]
fn an_exact_search_of_inverted_lists_misses_nothing() {
    const CARELESS: IndexParams = IndexParams { miss_target: 0.9, rescore_limit: 0, ..EXACT_LISTS };
    let mut random = SplitMix64::new(20);
    let rows = clustered(&mut random, 64, 3000);
    let index = index_of(&rows, 64, CARELESS);
    index.train();
    assert!(!index.is_exact());
    let mut missed = 0;
    for k in [1, 16, 200] {
        let query = random_vector(&mut random, 64);
        let right = brute_force(&rows, &query, k, |_| true);
        missed += usize::from(search(&index, &rows, &query, k, None).0 != right);
        let found = index
            .search::<Infallible>(&query, k, true, Filter::default(), &mut |ids| {
                Ok(ids.iter().map(|id| rows.get(id).cloned()).collect())
            })
            .unwrap();
        assert_eq!(found, right);
    }
    assert!(missed > 0, "these parameters do miss something otherwise");
}

#[test]
fn few_vectors_are_read_back() {
    let mut random = SplitMix64::new(2);
    let rows = clustered(&mut random, 256, 5000);
    let index = index_of(&rows, 256, IndexParams::default());
    let query = random_vector(&mut random, 256);
    let (_, read) = search(&index, &rows, &query, 16, None);
    assert!(read <= 200, "{read}");
}

#[test]
fn copies_are_listed_newest_first_and_hide_nothing() {
    let mut random = SplitMix64::new(3);
    let (copy, dimension) = (random_vector(&mut random, 64), 64);
    let mut rows: Rows = (0..6000).map(|id| (id, copy.clone())).collect();
    // These vectors are so close to the copies that codes cannot tell which is nearer to the query.
    for id in 6000..6010 {
        let noise = random_vector(&mut random, dimension);
        rows.insert(id, moved(&copy, 0.001, &noise));
    }
    for params in [IndexParams::default(), EXACT_LISTS, NEAR_LISTS] {
        let index = index_of(&rows, dimension, params);
        index.train();
        for k in [1, 16, 1000] {
            let (found, read) = search(&index, &rows, &copy, k, None);
            assert_eq!(found, brute_force(&rows, &copy, k, |_| true));
            assert!(read <= 2 * k + 64, "{read}");
            let query = random_vector(&mut random, dimension);
            assert_eq!(search(&index, &rows, &query, k, None).0, brute_force(&rows, &query, k, |_| true));
        }
    }
}

#[test]
fn copies_that_are_gone_make_room_for_others() {
    let mut random = SplitMix64::new(4);
    let copy = random_vector(&mut random, 32);
    let mut rows: Rows = (0..500).map(|id| (id, copy.clone())).collect();
    rows.extend((500..600).map(|id| (id, random_vector(&mut random, 32))));
    let index = index_of(&rows, 32, IndexParams::default());
    rows.retain(|id, _| *id < 3 || *id >= 500);
    assert_eq!(search(&index, &rows, &copy, 16, None).0, brute_force(&rows, &copy, 16, |_| true));
}

#[test]
fn the_remaining_vectors_are_found_when_nearly_all_are_gone() {
    let mut random = SplitMix64::new(13);
    let mut rows = clustered(&mut random, 16, 7000);
    for params in [IndexParams::default(), NEAR_LISTS, IndexParams { rescore_limit: 0, ..NEAR_LISTS }] {
        let index = index_of(&rows, 16, params);
        index.train();
        rows.retain(|id, _| id % 500 == 0);
        let query = random_vector(&mut random, 16);
        assert_eq!(search(&index, &rows, &query, 16, None).0, brute_force(&rows, &query, 16, |_| true));
        rows = clustered(&mut random, 16, 7000);
    }
}

#[test]
fn a_scan_of_all_lists_is_exact() {
    let mut random = SplitMix64::new(5);
    let rows = clustered(&mut random, 96, 3000);
    let index = index_of(&rows, 96, EXACT_LISTS);
    assert!(index.needs_training() && index.train() && !index.needs_training() && !index.train());
    for k in [1, 16, 500, 3000] {
        let query = random_vector(&mut random, 96);
        assert_eq!(search(&index, &rows, &query, k, None).0, brute_force(&rows, &query, k, |_| true));
    }
}

#[test]
fn a_scan_of_near_lists_finds_nearly_all() {
    let mut random = SplitMix64::new(6);
    let rows = clustered(&mut random, 64, 20_000);
    let index = index_of(&rows, 64, NEAR_LISTS);
    assert!(index.train());
    let (mut hits, mut wanted) = (0, 0);
    for _ in 0..50 {
        let query = random_vector(&mut random, 64);
        let truth = brute_force(&rows, &query, 16, |_| true);
        let found = search(&index, &rows, &query, 16, None).0;
        hits += truth.iter().filter(|hit| found.contains(hit)).count();
        wanted += truth.len();
    }
    assert!(hits * 100 >= wanted * 98, "{hits} of {wanted}");
}

#[test]
fn a_filter_never_makes_the_answer_short() {
    let mut random = SplitMix64::new(7);
    let rows = clustered(&mut random, 32, 8000);
    let index = index_of(&rows, 32, NEAR_LISTS);
    assert!(index.train());
    for (step, expected) in [(400, 16), (1000, 8), (5000, 2), (9000, 1)] {
        let allow = move |id: i64| id % step == 0;
        let query = random_vector(&mut random, 32);
        let only = rows.keys().copied().filter(|id| allow(*id)).collect();
        let found = search(&index, &rows, &query, 16, Some(&only)).0;
        assert_eq!(found.len(), expected);
        assert!(found.iter().all(|(id, _)| allow(*id)));
    }
    let none = search(&index, &rows, &random_vector(&mut random, 32), 16, Some(&IdSet::default()));
    assert_eq!(none, (Vec::new(), 0));
}

#[test]
fn a_filtered_scan_of_near_lists_finds_nearly_all() {
    let mut random = SplitMix64::new(14);
    let rows = clustered(&mut random, 64, 30_000);
    let index = index_of(&rows, 64, NEAR_LISTS);
    assert!(index.train());
    // The filters let through many, few and very few vectors.
    for step in [2, 10, 100] {
        let only: IdSet = rows.keys().copied().filter(|id| id % step == 0).collect();
        let (mut hits, mut wanted) = (0, 0);
        for _ in 0..30 {
            let query = random_vector(&mut random, 64);
            let truth = brute_force(&rows, &query, 16, |id| id % step == 0);
            let found = search(&index, &rows, &query, 16, Some(&only)).0;
            assert!(found.len() == 16 && found.iter().all(|(id, _)| only.contains(*id)));
            hits += truth.iter().filter(|hit| found.contains(hit)).count();
            wanted += truth.len();
        }
        assert!(hits * 100 >= wanted * 98, "1 in {step}: {hits} of {wanted}");
    }
}

#[test]
fn a_ranking_begins_like_a_search_and_goes_on_by_codes() {
    let mut random = SplitMix64::new(31);
    let rows = clustered(&mut random, 64, 6000);
    let index = index_of(&rows, 64, EXACT_LISTS);
    index.train();
    let only: IdSet = rows.keys().copied().filter(|id| id % 3 == 0).collect();
    let gone: Vec<i64> = rows.keys().copied().filter(|id| id % 50 == 0).collect();
    for only in [None, Some(&only)] {
        let query = random_vector(&mut random, 64);
        let filter = Filter { only, except: &[] };
        let mut reads = 0;
        let ranking = index.ranking::<Infallible>(&query, 1000, 50, filter, &mut |ids| {
            reads += ids.len();
            Ok(ids.iter().map(|id| rows.get(id).filter(|_| !gone.contains(id)).cloned()).collect())
        });
        let ranking = ranking.unwrap();
        assert!(reads < 700, "{reads} vectors read");
        let allowed = |id| !gone.contains(&id) && only.is_none_or(|only| only.contains(id));
        let first: Vec<_> = ranking.iter().filter_map(|(id, similarity)| Some((*id, (*similarity)?))).collect();
        assert_eq!(first, brute_force(&rows, &query, 50, allowed));
        assert!(ranking[50..].iter().all(|(_, similarity)| similarity.is_none()));
        let ids: std::collections::HashSet<i64> = ranking.iter().map(|(id, _)| *id).collect();
        assert_eq!((ids.len(), ranking.len()), (1000, 1000));
        let similarities: Vec<f32> = ranking.iter().map(|(id, _)| query.similarity(&rows[id])).collect();
        let mut least = f32::INFINITY;
        for similarity in similarities {
            assert!(similarity < least + 0.02, "{similarity} follows {least}");
            least = least.min(similarity);
        }
        let nearest = brute_force(&rows, &query, 1000, |id| only.is_none_or(|only| only.contains(id)));
        let shared = nearest.iter().filter(|(id, _)| ids.contains(id)).count();
        assert!(shared >= 970, "{shared} of the 1000 nearest");
    }
    let filter = Filter::default();
    let all = index.ranking::<Infallible>(&random_vector(&mut random, 64), 5, 9, filter, &mut |ids| {
        Ok(ids.iter().map(|id| rows.get(id).cloned()).collect())
    });
    assert!(all.unwrap().iter().all(|(_, similarity)| similarity.is_some()));
}

#[test]
fn excepted_ids_make_room_for_others() {
    let mut random = SplitMix64::new(15);
    let rows = clustered(&mut random, 32, 3000);
    let index = index_of(&rows, 32, EXACT_LISTS);
    let only: IdSet = rows.keys().copied().filter(|id| id % 3 == 0).collect();
    for _ in 0..2 {
        let query = random_vector(&mut random, 32);
        let nearest: Vec<i64> = brute_force(&rows, &query, 20, |_| true).into_iter().map(|hit| hit.0).collect();
        for only in [None, Some(&only)] {
            let filter = Filter { only, except: &nearest };
            let found = index.search::<Infallible>(&query, 8, false, filter, &mut |ids| {
                Ok(ids.iter().map(|id| rows.get(id).cloned()).collect())
            });
            let allowed = |id| !nearest.contains(&id) && only.is_none_or(|only| only.contains(id));
            assert_eq!(found.unwrap(), brute_force(&rows, &query, 8, allowed));
        }
        index.train();
    }
}

#[test]
fn an_error_of_the_reader_ends_the_search() {
    let mut random = SplitMix64::new(8);
    let index = index_of(&clustered(&mut random, 8, 10), 8, IndexParams::default());
    let query = random_vector(&mut random, 8);
    assert_eq!(index.search(&query, 3, false, Filter::default(), &mut |_| Err("disk")), Err("disk"));
}

#[test]
fn a_reader_that_returns_too_few_or_unfit_vectors_loses_only_those() {
    let mut random = SplitMix64::new(9);
    let index = index_of(&clustered(&mut random, 8, 10), 8, IndexParams::default());
    let query = random_vector(&mut random, 8);
    let other = random_vector(&mut random, 9);
    let found =
        index.search::<Infallible>(&query, 10, false, Filter::default(), &mut |_| Ok(vec![Some(other.clone())]));
    assert_eq!(found, Ok(Vec::new()));
}

#[test]
fn another_dimension_is_not_indexed_and_finds_nothing() {
    let mut random = SplitMix64::new(10);
    let rows = clustered(&mut random, 8, 10);
    let index = index_of(&rows, 8, IndexParams::default());
    let stranger = random_vector(&mut random, 9);
    index.insert(99, &stranger);
    assert!(!index.contains(99) && index.contains(9) && index.len() == 10);
    assert!(search(&index, &rows, &stranger, 3, None).0.is_empty());
}

#[test]
fn training_is_due_again_after_growth() {
    let mut random = SplitMix64::new(11);
    let rows = clustered(&mut random, 16, 400);
    let index = index_of(&rows, 16, IndexParams { exact_below: 100, ..EXACT_LISTS });
    assert!(index.train());
    for id in 400..1599 {
        index.insert(id, &random_vector(&mut random, 16));
    }
    assert!(!index.needs_training());
    index.insert(1599, &random_vector(&mut random, 16));
    assert!(index.needs_training() && index.train());
    assert_eq!(index.len(), 1600);
}

#[test]
fn searches_changes_and_training_run_side_by_side() {
    let mut random = SplitMix64::new(12);
    let rows = clustered(&mut random, 32, 6000);
    let first: Rows = rows.range(..2000).map(|(id, v)| (*id, v.clone())).collect();
    let index = index_of(&first, 32, EXACT_LISTS);
    let (inserted, done) = (AtomicI64::new(2000), AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for (id, vector) in rows.range(2000..) {
                index.insert(*id, vector);
                // Some vectors are replaced, and some are removed and put back, while lists are trained.
                index.insert(*id - 1500, &rows[&(*id - 1500)]);
                if id % 3 == 0 {
                    assert!(index.remove(*id) && !index.remove(*id));
                    index.insert(*id, vector);
                }
                inserted.store(*id + 1, Ordering::SeqCst);
            }
            done.store(true, Ordering::SeqCst);
        });
        scope.spawn(|| {
            while !done.load(Ordering::SeqCst) {
                index.train();
                std::thread::yield_now();
            }
        });
        for seed in 0..2 {
            let (index, rows, inserted, done) = (&index, &rows, &inserted, &done);
            scope.spawn(move || {
                let mut random = SplitMix64::new(seed);
                while !done.load(Ordering::SeqCst) {
                    // A search finds every vector that was inserted before it starts.
                    let id = random.below(inserted.load(Ordering::SeqCst) as usize) as i64;
                    let found = search(index, rows, &rows[&id], 1, None).0;
                    assert_eq!(found.first().map(|hit| hit.0), Some(id));
                }
            });
        }
    });
    assert_eq!(index.len(), rows.len());
    for k in [16, 6000] {
        let query = random_vector(&mut random, 32);
        assert_eq!(search(&index, &rows, &query, k, None).0, brute_force(&rows, &query, k, |_| true));
    }
}

/// One change of an index.
#[derive(Debug, Clone)]
enum Change {
    Insert(i64, u64),
    Remove(i64),
    Train,
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        6 => (0_i64..60, 0_u64..40).prop_map(|(id, seed)| Change::Insert(id, seed)),
        3 => (0_i64..60).prop_map(Change::Remove),
        1 => Just(Change::Train),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Checks that after any changes, and after a snapshot, every search equals a comparison with all exact vectors.
    /// Seeds repeat, so that there are copies.
    #[test]
    fn equals_brute_force(
        dimension in 1_usize..40,
        changes in prop::collection::vec(change(), 0..300),
        k in 1_usize..80,
        modulus in 1_i64..5,
        query in any::<u64>(),
    ) {
        let index = VectorIndex::new(dimension, EXACT_LISTS);
        let mut rows = Rows::new();
        for change in changes {
            match change {
                Change::Insert(id, seed) => {
                    let vector = random_vector(&mut SplitMix64::new(seed), dimension);
                    index.insert(id, &vector);
                    rows.insert(id, vector);
                }
                Change::Remove(id) => prop_assert_eq!(index.remove(id), rows.remove(&id).is_some()),
                Change::Train => _ = index.train(),
            }
            prop_assert_eq!(index.len(), rows.len());
        }
        let query = random_vector(&mut SplitMix64::new(query), dimension);
        let allow = |id: i64| id % modulus == 0;
        let only: IdSet = (0..60).filter(|id| allow(*id)).collect();
        let expected = brute_force(&rows, &query, k, allow);
        prop_assert_eq!(&search(&index, &rows, &query, k, Some(&only)).0, &expected);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("index");
        let stamp = SnapshotStamp { epoch: [3; 16], model_id: 1, last_change: 2, count: 3 };
        index.save(&path, stamp).unwrap();
        let (loaded, found) = VectorIndex::load(&path, dimension, EXACT_LISTS).unwrap();
        prop_assert_eq!((found, loaded.len()), (stamp, rows.len()));
        prop_assert_eq!(&search(&loaded, &rows, &query, k, Some(&only)).0, &expected);
        // The loaded index can be changed.
        for id in 0..60 {
            prop_assert_eq!(loaded.remove(id), rows.contains_key(&id));
        }
    }
}
