//! Lists in every order, and totals.

use mitsuke_store::{
    Filter, ImageId, ImageStore as _, KeywordSearch, Page, Sort, SortCursor, SortKey, Store, Total, random_key,
};
use time::macros::datetime;

use crate::collections::{Numbers, fill, random_filter};
use crate::fixtures::*;
use crate::reference::Reference;

/// Every order by a value that is there in every store from the start.
const KEYS: [SortKey; 4] = [SortKey::Uploaded, SortKey::Name, SortKey::Bytes, SortKey::Random { seed: 7 }];

fn sorts(keys: &[SortKey]) -> Vec<Sort> {
    keys.iter().flat_map(|key| [false, true].map(|descending| Sort { key: *key, descending })).collect()
}

/// Lists all images in pages of `limit`.
fn in_pages(store: &dyn Store, filter: &Filter, sort: Sort, limit: usize) -> Vec<ImageId> {
    let mut ids = Vec::new();
    let mut after: Option<SortCursor> = None;
    loop {
        let page = store.list(filter, sort, after.as_ref(), limit).unwrap();
        let Some(last) = page.last() else { return ids };
        assert!(page.len() <= limit, "{} images in a page of {limit}", page.len());
        after = Some(last.at.clone());
        ids.extend(page.iter().map(|listed| listed.image.image_id));
    }
}

/// Asserts that lists by cursor and by offset have the defined order.
#[track_caller]
fn lists_agree(store: &dyn Store, filter: &Filter, sort: Sort) {
    let expected = in_order(&Reference(store), filter, sort);
    for limit in [3, 100] {
        assert_eq!(in_pages(store, filter, sort, limit), expected, "{sort:?} {filter:?}");
        shapes_agree(store, filter, sort, limit);
    }
    for (offset, limit) in [(0, 3), (5, 4), (11, 100), (1_000, 1)] {
        let page = Page { offset, filter: filter.clone(), ..Page::first(limit) };
        let listed: Vec<_> = store.list_page(&page, sort).unwrap().iter().map(|image| image.image_id).collect();
        let part: Vec<_> = expected.iter().copied().skip(offset).take(limit).collect();
        assert_eq!(listed, part, "{sort:?} {filter:?} from {offset}");
    }
}

/// Asserts that shapes are those of the list, on the first page and on the page after it.
#[track_caller]
fn shapes_agree(store: &dyn Store, filter: &Filter, sort: Sort, limit: usize) {
    let first = Reference(store).shapes(filter, sort, None, limit).unwrap();
    assert_eq!(store.shapes(filter, sort, None, limit).unwrap(), first, "{sort:?} {filter:?}");
    let Some(last) = first.last() else { return };
    let second = Reference(store).shapes(filter, sort, Some(&last.at), limit).unwrap();
    assert_eq!(
        store.shapes(filter, sort, Some(&last.at), limit).unwrap(),
        second,
        "{sort:?} {filter:?} after {last:?}"
    );
}

fn in_order(reference: &Reference<'_>, filter: &Filter, sort: Sort) -> Vec<ImageId> {
    let listed = reference.list(filter, sort, None, 1_000).unwrap();
    listed.iter().map(|listed| listed.image.image_id).collect()
}

fn ids(store: &dyn Store, sort: Sort) -> Vec<ImageId> {
    in_pages(store, &Filter::default(), sort, 100)
}

pub fn lists_in_every_order(store: &dyn Store) {
    let [a, b, c] = [
        picture("a").named("b10.png").at(1).insert(store),
        picture("bbb").named("b9.png").at(2).insert(store),
        picture("cc").named("A.png").at(1).insert(store),
    ];
    let by = |key, descending| ids(store, Sort { key, descending });
    assert_eq!(by(SortKey::Uploaded, true), [b, c, a]);
    assert_eq!(by(SortKey::Uploaded, false), [a, c, b]);
    assert_eq!(by(SortKey::Bytes, true), [b, c, a]);
    assert_eq!(by(SortKey::Bytes, false), [a, c, b]);
    assert_eq!(by(SortKey::Name, false), [c, b, a]);
    assert_eq!(by(SortKey::Name, true), [a, b, c]);
    let listed = store.list(&Filter::default(), Sort::NEWEST, None, 2).unwrap();
    assert_eq!(Some(&listed[0].image), store.image(b).unwrap().as_ref());
    assert!(store.list(&Filter::default(), Sort::NEWEST, None, 0).unwrap().is_empty());
}

pub fn generated_lists_in_every_order(store: &dyn Store) {
    fill(store, 40, 3);
    let tagged = Filter { any_tags: strings(&["cat", "海"]), ..Filter::default() };
    let wide = Filter { min_width: Some(200), ..Filter::default() };
    for sort in sorts(&KEYS) {
        for filter in [&Filter::default(), &tagged, &wide] {
            lists_agree(store, filter, sort);
        }
    }
}

pub fn cursors_of_every_order_survive_inserts_and_deletes(store: &dyn Store) {
    fill(store, 30, 4);
    for sort in sorts(&KEYS) {
        let before = ids(store, sort);
        let page = store.list(&Filter::default(), sort, None, 10).unwrap();
        let cursor = page.last().unwrap().at.clone();
        // The last image of the page is deleted, and other images come.
        store.delete_image(cursor.image_id).unwrap();
        let mut numbers = Numbers::new(before.iter().sum::<i64>().unsigned_abs());
        for n in 0..5 {
            let name = format!("{sort:?} {n}");
            let mut new = crate::collections::random_picture(n, &mut numbers);
            new.bytes = name.into_bytes();
            new.insert(store);
        }
        let rest = store.list(&Filter::default(), sort, Some(&cursor), 100).unwrap();
        let rest: Vec<_> = rest.iter().map(|listed| listed.image.image_id).collect();
        let known: Vec<_> = rest.iter().copied().filter(|id| before.contains(id)).collect();
        assert_eq!(known, before[10..], "{sort:?}");
        let all = ids(store, sort);
        assert_eq!(rest, all[all.len() - rest.len()..], "{sort:?}");
    }
}

pub fn natural_order_of_names(store: &dyn Store) {
    let names =
        ["img10.png", "img9.png", "IMG１.png", "img.png", "いぬ2", "イヌ10", "a", "img01.png", "2024-1-10", "2024-1-9"];
    let ids_by_name: Vec<_> = names.iter().map(|name| (picture(name).named(name).insert(store), *name)).collect();
    let sort = Sort { key: SortKey::Name, descending: false };
    let sorted: Vec<_> =
        ids(store, sort).iter().map(|id| ids_by_name.iter().find(|(known, _)| known == id).unwrap().1).collect();
    let expected =
        ["2024-1-9", "2024-1-10", "a", "img.png", "IMG１.png", "img01.png", "img9.png", "img10.png", "いぬ2", "イヌ10"];
    assert_eq!(sorted, expected);
}

pub fn random_order_is_the_seeds(store: &dyn Store) {
    let all = fill(store, 40, 5);
    let by = |seed| ids(store, Sort { key: SortKey::Random { seed }, descending: false });
    for seed in [0, 1, u64::MAX] {
        let mut expected = all.clone();
        expected.sort_by_key(|id| (random_key(seed, *id), *id));
        assert_eq!(by(seed), expected, "{seed}");
    }
    assert_ne!(by(0), by(1));
}

pub fn lists_by_the_time_of_taking_end_with_the_undated(store: &dyn Store) {
    let at = |name: &str, local| picture(name).taken(local).insert(store);
    let old = at("old", datetime!(1969-12-31 23:59:59.5));
    let undated = picture("undated").at(99).insert(store);
    let new = at("new", datetime!(2024-05-01 12:00));
    let later = picture("later").insert(store);
    let same = at("same", datetime!(2024-05-01 12:00));
    let by = |descending| ids(store, Sort { key: SortKey::Taken, descending });
    assert_eq!(by(true), [same, new, old, later, undated]);
    assert_eq!(by(false), [old, new, same, later, undated]);
    fill(store, 40, 6);
    let wide = Filter { min_width: Some(200), ..Filter::default() };
    let dated = Filter { has_taken: Some(true), ..Filter::default() };
    for sort in sorts(&[SortKey::Taken]) {
        for filter in [&Filter::default(), &wide, &dated] {
            lists_agree(store, filter, sort);
        }
    }
}

pub fn totals_are_exact_up_to_the_bound(store: &dyn Store) {
    assert_eq!(store.count(&Filter::default()).unwrap(), Total::exactly(0));
    fill(store, 40, 8);
    let total = |filter: &Filter| store.count(filter).unwrap();
    assert_eq!(total(&Filter::default()), Total::exactly(40));
    for filter in
        [Filter { min_width: Some(200), ..Filter::default() }, Filter { tags: strings(&["cat"]), ..Filter::default() }]
    {
        let count = store.newest(&filter, None, 100).unwrap().len();
        assert!((1..40).contains(&count));
        assert_eq!(total(&filter), Total::exactly(count as u64));
        assert_eq!(store.image_ids(&filter, None, 100).unwrap().len(), count);
        // A search states the number of its matches, whatever its page.
        let terms = strings(&["png"]);
        for (offset, limit) in [(0, 100), (0, 1), (1, 2), (0, 0), (count, 5), (500, 5)] {
            let page = Page { offset, filter: filter.clone(), ..Page::first(limit) };
            let found = KeywordSearch { terms: &terms, least: usize::MAX, exclude: &[], page: &page };
            assert_eq!(store.search_keyword(&found).unwrap().total, Total::exactly(count as u64), "{offset} {limit}");
        }
    }
    let nothing = strings(&["!"]);
    let page = Page::first(5);
    let search = KeywordSearch { terms: &nothing, least: usize::MAX, exclude: &[], page: &page };
    assert_eq!(store.search_keyword(&search).unwrap().total, Total::exactly(0));
}

pub fn ids_come_in_pages_of_ascending_order(store: &dyn Store) {
    let all = fill(store, 30, 9);
    let mut numbers = Numbers::new(10);
    let mut filters: Vec<_> = (0..10).map(|_| random_filter(&mut numbers)).collect();
    filters.push(Filter::default());
    assert_eq!(store.image_ids(&Filter::default(), None, 100).unwrap(), all);
    for filter in filters {
        let expected = store.image_ids(&filter, None, 100).unwrap();
        let (mut ids, mut after) = (Vec::new(), None);
        loop {
            let page = store.image_ids(&filter, after, 4).unwrap();
            let Some(last) = page.last() else { break };
            after = Some(*last);
            ids.extend(page);
        }
        assert_eq!(ids, expected, "{filter:?}");
        assert!(ids.is_sorted());
    }
}
