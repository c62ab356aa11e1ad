//! Full-text search.

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension as _};

use super::condition::Condition;
use super::expression::expression;
use super::statements::ids;
use super::values::{count, unsigned};
use crate::{KeywordHit, KeywordSearch, StoreError, Total};

/// The rank, by BM25 with the weights of caption, tags, prompt, raw, file_name and single_characters. Words that a person
/// wrote about the image say more than the settings around a prompt.
const RANK: &str = "bm25(image_texts, 4.0, 4.0, 3.0, 1.0, 2.0, 2.0)";

/// Finds the images that hold every term, best first. Ranking costs time for every match, so the search ranks only the
/// newest `max_ranked` matches of a very common term. All other matches follow, newest first, so that no page is short.
pub(super) fn search(
    connection: &Connection,
    search: &KeywordSearch<'_>,
    max_ranked: usize,
) -> Result<Vec<KeywordHit>, StoreError> {
    let Some(expression) = expression(search.terms, search.least)?.map(Value::Text) else { return Ok(Vec::new()) };
    let page = search.page;
    let (from, condition) = matching(search)?;
    let matching = format!("{from} WHERE image_texts MATCH ? {}", condition.sql());

    let last_ranked: Option<i64> = connection
        .prepare_cached(&format!(
            "SELECT image_texts.rowid {matching} ORDER BY image_texts.rowid DESC LIMIT 1 OFFSET ?"
        ))?
        .query_row(condition.parameters([expression.clone()], [count(max_ranked)]), |row| row.get(0))
        .optional()?;
    let unranked_up_to = last_ranked.unwrap_or(0);

    let mut hits = connection
        .prepare_cached(&format!(
            "SELECT image_texts.rowid, -{RANK} AS score {matching} AND image_texts.rowid > ?
             ORDER BY score DESC, image_texts.rowid DESC LIMIT ? OFFSET ?"
        ))?
        .query_map(
            condition.parameters([expression.clone()], [unranked_up_to.into(), count(page.limit), count(page.offset)]),
            |row| Ok(KeywordHit { image_id: row.get(0)?, score: row.get(1)? }),
        )?
        .collect::<Result<Vec<_>, _>>()?;

    if last_ranked.is_some() && hits.len() < page.limit {
        let skip = page.offset.saturating_sub(max_ranked);
        let sql = format!(
            "SELECT image_texts.rowid {matching} AND image_texts.rowid <= ? ORDER BY image_texts.rowid DESC LIMIT ? OFFSET ?"
        );
        let rest = [unranked_up_to.into(), count(page.limit - hits.len()), count(skip)];
        let unranked = ids(connection, &sql, condition.parameters([expression], rest))?;
        hits.extend(unranked.into_iter().map(|image_id| KeywordHit { image_id, score: 0.0 }));
    }
    Ok(hits)
}

/// Counts the images that a search finds.
pub(super) fn total(connection: &Connection, search: &KeywordSearch<'_>) -> Result<Total, StoreError> {
    let Some(expression) = expression(search.terms, search.least)?.map(Value::Text) else {
        return Ok(Total::exactly(0));
    };
    let (from, condition) = matching(search)?;
    let sql = format!("SELECT count(*) {from} WHERE image_texts MATCH ? {}", condition.sql());
    let count =
        connection.prepare_cached(&sql)?.query_row(condition.parameters([expression], []), |row| unsigned(row, 0))?;
    Ok(Total::exactly(count))
}

/// Returns the tables and the condition of a search.
fn matching(search: &KeywordSearch<'_>) -> Result<(&'static str, Condition), StoreError> {
    let condition = Condition::new(&search.page.filter)?.excluding("image_texts.rowid", search.exclude)?;
    let from = if search.page.filter.is_empty() {
        "FROM image_texts"
    } else {
        // CROSS JOIN fixes the order: first the matches, then their rows of IMAGES.
        "FROM image_texts CROSS JOIN images i ON i.image_id = image_texts.rowid"
    };
    Ok((from, condition))
}

/// Counts the images that hold a term, up to `most`.
pub(super) fn count_matches(connection: &Connection, term: &str, most: usize) -> Result<usize, StoreError> {
    let Some(expression) = expression(&[term.to_owned()], 1)? else { return Ok(0) };
    let found: i64 = connection
        .prepare_cached("SELECT count(*) FROM (SELECT 1 FROM image_texts WHERE image_texts MATCH ? LIMIT ?)")?
        .query_row(rusqlite::params![expression, count(most)], |row| row.get(0))?;
    Ok(usize::try_from(found).unwrap_or(usize::MAX))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::sqlite::{document, migrate};
    use crate::text::Document;
    use crate::{ImageId, Page};

    fn indexed(captions: &[String]) -> Connection {
        let mut db = Connection::open_in_memory().unwrap();
        migrate::migrate(&mut db).unwrap();
        for (id, caption) in (1..).zip(captions) {
            document::index(&db, id, &Document { caption: Some(caption), ..Document::default() }).unwrap();
        }
        db
    }

    fn found(db: &Connection, term: &str, max_ranked: usize) -> Vec<ImageId> {
        let terms = [term.to_owned()];
        let keywords = KeywordSearch { terms: &terms, least: 1, exclude: &[], page: &Page::first(1000) };
        let mut found: Vec<_> = search(db, &keywords, max_ranked).unwrap().iter().map(|hit| hit.image_id).collect();
        found.sort_unstable();
        found
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        /// Few distinct characters make many terms match; the others interrupt a run.
        #[test]
        fn unspaced_text_is_found_where_a_substring_search_finds_it_and_in_quotes_nowhere_else(
            captions in proptest::collection::vec("[猫犬青いイガーァ々國国한ก。、 aB1]{0,12}", 1..12),
            term in "[猫犬青いイガーァ々國国한ก]{1,4}",
            max_ranked in 0..4_usize,
        ) {
            let db = indexed(&captions);
            let expected: Vec<ImageId> =
                (1..).zip(&captions).filter(|(_, caption)| caption.contains(&term)).map(|(id, _)| id).collect();
            prop_assert_eq!(&found(&db, &format!("\"{term}\""), max_ranked), &expected);
            let in_any_spelling = found(&db, &term, max_ranked);
            prop_assert!(expected.iter().all(|id| in_any_spelling.contains(id)), "{:?}", in_any_spelling);
        }

        #[test]
        fn no_text_and_no_term_causes_an_error(text in any::<String>(), term in any::<String>()) {
            let db = indexed(&[text]);
            found(&db, &term, 10);
        }

        #[test]
        fn every_text_is_found_by_itself(text in "[a-z猫いー]{1,8}([ 、.!][A-Z青車]{1,5}){0,3}") {
            let db = indexed(std::slice::from_ref(&text));
            prop_assert_eq!(found(&db, &text, 10), [1]);
        }
    }
}
