//! The query line: a line that is written is read as the same line, and no text escapes into a statement of a store.

use mitsuke_engine::search::line;
use mitsuke_store::sqlite::{SqliteOptions, SqliteStore};
use mitsuke_store::{Filter, KeywordSearch, Page, Store, StoreError, like_pattern, natural_key, terms};
use mitsuke_store_testing::fixtures::{TestStore, picture};

/// The number of hits that a search asks for.
const HITS: usize = 5;

/// Reads a text as a query line and searches a small store for it.
///
/// # Panics
/// When the line is not read as it is written, or the store does not understand what comes of it.
pub fn query_line(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let read = line::parse(&text);
    assert_eq!(line::parse(&read.to_string()), read, "{read}");
    for name in ["tag", "camera", "in"] {
        if let Some(written) = line::field_text(name, &text) {
            assert_eq!(line::parse(&written).items.len(), 1, "{written}");
        }
    }
    drop((like_pattern(&text), natural_key(&text)));
    let mut filter = Filter::default();
    read.narrow(&mut filter);
    STORE.with(|store| {
        let store = &**store;
        search(store, &read.terms(), &filter);
        // The whole line as words: what a search does that knows no fields.
        search(store, &terms(&text), &Filter { file_name_pattern: Some(text.clone().into_owned()), ..filter.clone() });
    });
}

thread_local! {
    static STORE: TestStore = {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let store = SqliteStore::open(folder.path(), SqliteOptions::default()).expect("an empty store");
        for (name, caption) in [("cat", "a \"black cat\" -on- a sofa"), ("海", "夕焼けの海 tag:x"), ("100%", "NEAR(a, b) OR c*")] {
            picture(name).caption(caption).tagged(&[name, "black cat"]).insert(&store);
        }
        TestStore::new(store, folder)
    };
}

fn search(store: &dyn Store, terms: &[String], filter: &Filter) {
    let page = Page { limit: HITS, filter: filter.clone(), ..Page::default() };
    match store.narrowed(terms) {
        Ok(narrowed) => drop(narrowed),
        Err(error) => understood(&error),
    }
    match store.search_keyword(&KeywordSearch { terms, least: terms.len(), exclude: &[], page: &page }) {
        Ok(found) => assert!(found.hits.len() <= HITS),
        Err(error) => understood(&error),
    }
}

/// Checks that a store has refused a search in words for its caller, and not because its own statement was wrong.
fn understood(error: &StoreError) {
    assert!(matches!(error, StoreError::BadKeywords(_)), "{error}");
}
