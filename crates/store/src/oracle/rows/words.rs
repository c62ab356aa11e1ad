//! Rows of PROMPT_WORDS and PROMPT_WORD_CHANGES: the words of readable prompts, counted by image.

use std::collections::{BTreeMap, BTreeSet};

use super::json_rows::{self, Send};
use crate::StoreError;
use crate::oracle::connection::error::OracleError;
use crate::oracle::connection::locks;
use crate::oracle::connection::pool::Pool;
use crate::oracle::connection::session::{self, Session};
use crate::oracle::connection::value::{Binds, Value};
use crate::text::prompt_words;
use mitsuke_image::Generation;

/// The number of changes from which on they are added up. Fewer cost a suggestion little.
const WORTH_ADDING_UP: usize = 1_000;

/// The number of changes that one transaction adds up.
const BATCH: usize = 10_000;

/// Returns the words of a readable prompt.
pub(crate) fn words_of(generation: Option<&Generation>) -> BTreeSet<String> {
    prompt_words(generation.and_then(|parts| parts.prompt.as_deref()).unwrap_or_default())
}

/// Counts an image that has the words `after` and had the words `before`.
pub(crate) fn change(
    session: &Session<'_>,
    before: &BTreeSet<String>,
    after: &BTreeSet<String>,
) -> Result<(), OracleError> {
    let more = after.difference(before).map(|word| (word.as_str(), 1));
    let less = before.difference(after).map(|word| (word.as_str(), -1));
    let changes: Vec<(&str, i64)> = more.chain(less).collect();
    add(&|sql, binds| session.execute(sql, binds), &changes)
}

/// Counts new images that have these words.
pub(crate) fn add_all(
    session: &Session<'_>,
    images: impl Iterator<Item = BTreeSet<String>>,
) -> Result<(), OracleError> {
    let mut counts: BTreeMap<String, i64> = BTreeMap::new();
    for word in images.flatten() {
        *counts.entry(word).or_default() += 1;
    }
    let changes: Vec<(&str, i64)> = counts.iter().map(|(word, count)| (word.as_str(), *count)).collect();
    add(&|sql, binds| session.execute(sql, binds), &changes)
}

/// Notes changes of the numbers of images that have some words.
pub(crate) fn add(send: Send<'_>, changes: &[(&str, i64)]) -> Result<(), OracleError> {
    json_rows::insert(
        send,
        "INSERT INTO prompt_word_changes (word, delta) SELECT j.word, j.delta FROM JSON_TABLE(:items, '$[*]' COLUMNS (\
         word VARCHAR2(64 CHAR) PATH '$[0]', delta NUMBER PATH '$[1]')) j",
        &Binds::none(),
        changes,
    )
}

/// Adds the changes up when there are many, unless another process does.
pub(crate) fn add_up(pool: &Pool) -> Result<(), StoreError> {
    add_up_from(pool, WORTH_ADDING_UP)
}

fn add_up_from(pool: &Pool, least: usize) -> Result<(), StoreError> {
    let count = "SELECT COUNT(*) FROM (SELECT c.change_id FROM prompt_word_changes c FETCH FIRST :enough ROWS ONLY) n";
    let binds = Binds::none().with("enough", Value::count(least));
    let found: Option<usize> = session::read(pool, |session| session.row(count, &binds, |row| Ok(row.get(0)?)))?;
    if found.unwrap_or_default() < least {
        return Ok(());
    }
    while session::write(pool, add_up_some)? {}
    Ok(())
}

/// Adds up the first changes, and returns whether there may be more.
///
/// Ids of changes do not follow the order of commits, so a change with a low id may appear between two statements. The first
/// statement therefore marks the changes that it sees, and the others are about the marked ones alone.
fn add_up_some(session: &Session<'_>) -> Result<bool, OracleError> {
    if !locks::try_lock_in(session, locks::WORDS)? {
        return Ok(false);
    }
    let last = "SELECT MAX(n.change_id) FROM (SELECT c.change_id FROM prompt_word_changes c ORDER BY c.change_id \
                FETCH FIRST :take ROWS ONLY) n";
    let take = Binds::none().with("take", Value::count(BATCH));
    let last: Option<Option<i64>> = session.row(last, &take, |row| Ok(row.get(0)?))?;
    let Some(last) = last.flatten() else { return Ok(false) };
    let upto = Binds::none().with("upto", last);
    session.execute("UPDATE prompt_word_changes SET claimed = 1 WHERE change_id <= :upto", &upto)?;
    session.execute(
        "MERGE INTO prompt_words p USING (SELECT c.word, SUM(c.delta) AS delta FROM prompt_word_changes c \
         WHERE c.change_id <= :upto AND c.claimed = 1 GROUP BY c.word) d ON (p.word = d.word) \
         WHEN MATCHED THEN UPDATE SET p.images = p.images + d.delta \
         WHEN NOT MATCHED THEN INSERT (word, images) VALUES (d.word, d.delta)",
        &upto,
    )?;
    session.execute("DELETE FROM prompt_word_changes WHERE change_id <= :upto AND claimed = 1", &upto)?;
    session.execute("DELETE FROM prompt_words WHERE images = 0", &Binds::none())?;
    Ok(true)
}
