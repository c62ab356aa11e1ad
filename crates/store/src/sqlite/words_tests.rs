use std::collections::BTreeMap;

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::Page;
use crate::sqlite::connection::open_writer;
use crate::sqlite::{document, migrate};
use crate::text::Document;

/// A database with its words in memory.
struct Indexed {
    _directory: TempDir,
    db: Connection,
    words: Words,
}

impl Indexed {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("mitsuke.db");
        let mut db = open_writer(&path, Duration::from_secs(5)).unwrap();
        db.execute_batch("PRAGMA synchronous = OFF").unwrap();
        migrate::migrate(&mut db).unwrap();
        let words = Words::open(&path, Duration::from_secs(5)).unwrap();
        Self { _directory: directory, db, words }
    }

    fn of_captions(captions: &[String]) -> Self {
        let indexed = Self::new();
        for (id, caption) in (1..).zip(captions) {
            indexed.put(id, &Document { caption: Some(caption), ..Document::default() });
        }
        indexed
    }

    fn put(&self, image_id: ImageId, document: &Document<'_>) {
        document::index(&self.db, image_id, document).unwrap();
        self.words.put(image_id, &document::columns(document));
    }

    fn remove(&self, image_id: ImageId) {
        document::remove(&self.db, image_id).unwrap();
        self.words.remove(image_id);
    }

    fn search(&self, terms: &[String], least: usize, allowed: Option<&IdSet>) -> KeywordHits {
        let search = KeywordSearch { terms, least, exclude: &[], page: &Page::first(1_000) };
        self.words.search(&search, allowed).unwrap()
    }

    fn found(&self, term: &str) -> Vec<ImageId> {
        let hits = self.search(&[term.to_owned()], 1, None).hits;
        let mut found: Vec<_> = hits.iter().map(|hit| hit.image_id).collect();
        found.sort_unstable();
        found
    }
}

/// Ranks images by FTS5.
fn by_fts5(db: &Connection, terms: &[String], least: usize) -> Vec<(ImageId, f64)> {
    let Some(expression) = expression(terms, least).unwrap() else { return Vec::new() };
    let mut statement = db
        .prepare_cached(
            "SELECT rowid, -bm25(image_texts, 4.0, 4.0, 3.0, 1.0, 2.0, 2.0) FROM image_texts
             WHERE image_texts MATCH ? ORDER BY rowid",
        )
        .unwrap();
    let rows = statement.query_map([expression], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    rows.collect::<Result<_, _>>().unwrap()
}

/// Ranks images by a full-text index that is made of them alone. An index from which documents were deleted still counts
/// them in the mean of the lengths.
fn by_new_index(
    db: &Connection,
    images: &BTreeMap<ImageId, Texts>,
    terms: &[String],
    least: usize,
) -> Vec<(ImageId, f64)> {
    db.execute_batch("INSERT INTO image_texts (image_texts) VALUES ('delete-all')").unwrap();
    for (image_id, texts) in images {
        document::index(db, *image_id, &document_of(texts)).unwrap();
    }
    by_fts5(db, terms, least)
}

fn document_of((caption, tag, file_name): &Texts) -> Document<'_> {
    Document { caption: Some(caption), tags: std::slice::from_ref(tag), file_name, ..Document::default() }
}

/// The texts of an image: caption, tag and file name.
type Texts = (String, String, String);

fn texts() -> impl Strategy<Value = Texts> {
    ("[猫犬ねネ ab、]{0,9}", "[猫ネab ]{0,3}", "[ab猫.]{0,4}")
}

fn step() -> impl Strategy<Value = (ImageId, Option<Texts>, Vec<String>, usize)> {
    let term = prop_oneof!["[猫犬ねネab]{1,3}", "[ab猫ネ]( [ab猫ネ]){1,2}"];
    let terms = proptest::collection::vec(term, 0..3);
    (1..7_i64, proptest::option::weighted(0.8, texts()), terms, prop_oneof![Just(1), Just(usize::MAX)])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn lists_rank_as_fts5_does(
        steps in proptest::collection::vec(step(), 1..12),
        allowed in proptest::collection::btree_set(1..7_i64, 0..7),
    ) {
        let indexed = Indexed::new();
        let mut images = BTreeMap::new();
        let mut other = Connection::open_in_memory().unwrap();
        migrate::migrate(&mut other).unwrap();
        let allowed: IdSet = allowed.into_iter().collect();
        for (image_id, texts, terms, least) in steps {
            match texts {
                Some(texts) => {
                    indexed.put(image_id, &document_of(&texts));
                    images.insert(image_id, texts);
                }
                None => {
                    indexed.remove(image_id);
                    images.remove(&image_id);
                }
            }
            let expected = by_new_index(&other, &images, &terms, least);
            let found = indexed.search(&terms, least, None);
            prop_assert_eq!(found.total, Total::exactly(expected.len() as u64));
            let sorted = found.hits.is_sorted_by(|a, b| a.score > b.score || (a.score == b.score && a.image_id > b.image_id));
            prop_assert!(sorted, "{:?}", found);
            let mut by_id = found.hits.clone();
            by_id.sort_by_key(|hit| hit.image_id);
            for (hit, (image_id, score)) in by_id.iter().zip(expected) {
                prop_assert_eq!(hit.image_id, image_id);
                prop_assert!((hit.score - score).abs() <= 1e-9 * score.abs(), "{} {score}", hit.score);
            }
            let mut filtered = found.hits;
            filtered.retain(|hit| allowed.contains(hit.image_id));
            let found = indexed.search(&terms, least, Some(&allowed));
            prop_assert_eq!(found.total, Total::exactly(filtered.len() as u64));
            prop_assert_eq!(found.hits, filtered);
        }
    }

    /// Phrases in quotes exclude images, and long queries ask for some of their terms; FTS5 counts some phrases of images
    /// that match otherwise, so that scores may differ.
    #[test]
    fn lists_find_what_fts5_finds(
        texts in proptest::collection::vec(texts(), 1..8),
        terms in proptest::collection::vec(prop_oneof!["[猫犬ねネab]{1,2}", "\"[猫ねネab]{1,2}\""], 1..5),
        least in 1..4_usize,
    ) {
        let indexed = Indexed::new();
        for (image_id, texts) in (1..).zip(&texts) {
            indexed.put(image_id, &document_of(texts));
        }
        let expected: Vec<ImageId> = by_fts5(&indexed.db, &terms, least).into_iter().map(|(image_id, _)| image_id).collect();
        let mut found: Vec<_> = indexed.search(&terms, least, None).hits.iter().map(|hit| hit.image_id).collect();
        found.sort_unstable();
        prop_assert_eq!(found, expected);
        let holding: Vec<_> = indexed.words.holding(&terms).unwrap().iter().collect();
        let all: Vec<_> = by_fts5(&indexed.db, &terms, usize::MAX).into_iter().map(|(image_id, _)| image_id).collect();
        prop_assert_eq!(holding, all);
    }

    /// Few distinct characters make many terms match; the others interrupt a run.
    #[test]
    fn unspaced_text_is_found_where_a_substring_search_finds_it_and_in_quotes_nowhere_else(
        captions in proptest::collection::vec("[猫犬青いイガーァ々國国한ก。、 aB1]{0,12}", 1..12),
        term in "[猫犬青いイガーァ々國国한ก]{1,4}",
    ) {
        let indexed = Indexed::of_captions(&captions);
        let expected: Vec<ImageId> =
            (1..).zip(&captions).filter(|(_, caption)| caption.contains(&term)).map(|(id, _)| id).collect();
        prop_assert_eq!(&indexed.found(&format!("\"{term}\"")), &expected);
        let in_any_spelling = indexed.found(&term);
        prop_assert!(expected.iter().all(|id| in_any_spelling.contains(id)), "{:?}", in_any_spelling);
    }

    #[test]
    fn no_text_and_no_term_causes_an_error(text in any::<String>(), term in any::<String>()) {
        let indexed = Indexed::of_captions(&[text]);
        indexed.found(&term);
        Words::count(&indexed.db, &term, 10).unwrap();
    }

    #[test]
    fn every_text_is_found_by_itself(text in "[a-z猫いー]{1,8}([ 、.!][A-Z青車]{1,5}){0,3}") {
        let indexed = Indexed::of_captions(std::slice::from_ref(&text));
        prop_assert_eq!(indexed.found(&text), [1]);
    }
}

#[test]
fn the_lists_of_common_words_are_read_beforehand() {
    let indexed = Indexed::new();
    let transaction = indexed.db.unchecked_transaction().unwrap();
    for image_id in 1..=2_500 {
        let caption = if image_id % 2 == 0 { "common" } else { "common rare" };
        let document = Document { caption: Some(caption), ..Document::default() };
        document::index(&transaction, image_id, &document).unwrap();
    }
    transaction.commit().unwrap();
    assert_eq!(common_words(&indexed.db).unwrap(), ["common"]);
    indexed.words.prepare(&indexed.db, || false).unwrap();
    let read = indexed.words.lists.bytes();
    assert_eq!(indexed.found("common").len(), 1_000);
    assert!(read > 0 && indexed.words.lists.bytes() == read);
}

#[test]
fn the_size_of_a_document_is_read_from_its_record() {
    assert_eq!(tokens_of(&[]), 0);
    assert_eq!(tokens_of(&[0, 3, 0x81, 0x00, 0x7f, 0, 0x82, 0x05]), 3 + 128 + 127 + 261);
}
