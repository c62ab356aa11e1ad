//! The statements of a keyword search: one for the best by score, and a second one where a tie is open.

use mitsuke_store::{ImageId, KeywordSearch, Page, Store as _};
use mitsuke_store_testing::fixtures::*;
use oracle_standin::testing::Database;

use crate::store;

/// Returns the ids of a page, and the statements that found them.
fn page(
    database: &Database,
    store: &dyn mitsuke_store::Store,
    offset: usize,
    limit: usize,
) -> (Vec<ImageId>, Vec<String>) {
    let terms = ["cat".to_owned()];
    let page = Page { offset, ..Page::first(limit) };
    database.start_log();
    let hits =
        store.search_keyword(&KeywordSearch { terms: &terms, least: usize::MAX, exclude: &[], page: &page }).unwrap();
    (hits.hits.into_iter().map(|hit| hit.image_id).collect(), database.logged("SCORE(1)"))
}

#[test]
fn ties_at_the_end_of_a_page_take_a_second_statement() {
    let database = Database::temporary();
    let store = store(&database);
    store.check().unwrap();
    let once: Vec<ImageId> = (0..30).map(|n| picture(&n.to_string()).caption("a cat").insert(&store)).collect();
    let twice = picture("twice").caption("cat, cat").insert(&store);
    let newest = |range: std::ops::Range<usize>| once.iter().rev().copied().skip(range.start).take(range.len());

    // The best alone and the whole list leave no tie open.
    for (limit, expected) in [(1, vec![twice]), (50, std::iter::once(twice).chain(newest(0..30)).collect())] {
        let (ids, sent) = page(&database, &store, 0, limit);
        assert_eq!((ids, sent.len()), (expected, 1), "{sent:#?}");
        assert!(sent[0].contains("FIRST_ROWS(") && sent[0].ends_with("WHERE ROWNUM <= :BEST"), "{sent:?}");
    }
    // Thirty images have the score of the last one of these pages.
    for (offset, limit, expected) in [(0, 5, newest(0..4)), (5, 5, newest(4..9)), (9, 16, newest(8..24))] {
        let (ids, sent) = page(&database, &store, offset, limit);
        let expected: Vec<_> = (offset == 0).then_some(twice).into_iter().chain(expected).collect();
        assert_eq!((ids, sent.len()), (expected, 2), "{sent:#?}");
        assert!(sent[1].ends_with("ORDER BY RELEVANCE DESC, I.IMAGE_ID DESC FETCH FIRST :BEST ROWS ONLY"), "{sent:?}");
    }
}

/// A page far down is cut from the sorted list inside of the database, so that the rows before it are not sent.
#[test]
fn a_page_far_down_is_one_statement() {
    let database = Database::temporary();
    let store = store(&database);
    store.check().unwrap();
    let mut all: Vec<ImageId> = (0..40).map(|n| picture(&n.to_string()).caption("a cat").insert(&store)).collect();
    all.reverse();
    let (ids, sent) = page(&database, &store, 0, 5_000);
    assert_eq!((ids, sent.len()), (all, 1));
    let (ids, sent) = page(&database, &store, 2_000, 10);
    assert!(ids.is_empty() && sent.len() == 1 && sent[0].contains("OFFSET :SKIP ROWS"), "{sent:?}");
}
