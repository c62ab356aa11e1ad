//! The words of the images in memory: posting lists that are read from the full-text index when a search first needs them.
//!
//! FTS5 keeps the words durable and hands out the list of a word in order. Its own ranking counts the matches of every
//! phrase anew for each search and reads a row for each match, which takes a tenth of a second for a common word.

use std::path::Path;
use std::time::Duration;

use mitsuke_index::IdSet;
use mitsuke_postings::{Lists, Occurrence, Source};
use rusqlite::Connection;
use rusqlite::types::ValueRef;

use super::connection::open_reader;
use super::document::COLUMNS;
use super::expression::{condition, expression};
use super::values::count;
use crate::text::keyword_query;
use crate::{ImageId, KeywordHit, KeywordHits, KeywordSearch, StoreError, Total};

/// The weights of the columns of IMAGE_TEXTS. Words that a person wrote about the image say more than the settings around
/// a prompt.
const WEIGHTS: [f64; COLUMNS.len()] = [4.0, 4.0, 3.0, 1.0, 2.0, 2.0];

/// The bytes that the lists may take. Those of 200,000 images with prompts of 25 tags take about 40 MB.
const MAX_BYTES: usize = 128 << 20;

/// The smallest number of images of a word whose list is read before a search asks for it. The list of a rarer word is
/// read in a few milliseconds.
const COMMON: usize = 2_000;

/// The words of all images.
pub(super) struct Words {
    lists: Lists<FullTextIndex>,
}

impl Words {
    /// Opens the words of a database, with a connection of their own. Nothing is read yet.
    pub(super) fn open(database: &Path, busy_timeout: Duration) -> Result<Self, StoreError> {
        Ok(Self { lists: Lists::new(FullTextIndex::open(database, busy_timeout)?, &WEIGHTS, MAX_BYTES) })
    }

    /// Ranks the images that hold the terms of a search and are in `allowed`, and returns a page of them.
    ///
    /// # Errors
    /// [`StoreError::BadKeywords`]; the errors of the database.
    pub(super) fn search(
        &self,
        search: &KeywordSearch<'_>,
        allowed: Option<&IdSet>,
    ) -> Result<KeywordHits, StoreError> {
        let Some(query) = keyword_query(search.terms, search.least)? else {
            return Ok(KeywordHits { total: Total::exactly(0), ..KeywordHits::default() });
        };
        let page = search.page;
        let passes = |id: ImageId| allowed.is_none_or(|allowed| allowed.contains(id)) && !search.exclude.contains(&id);
        let everything = allowed.is_none() && search.exclude.is_empty();
        let allow: Option<&dyn Fn(ImageId) -> bool> = if everything { None } else { Some(&passes) };
        let ranked = self.lists.search(&condition(&query), allow, page.offset.saturating_add(page.limit))?;
        let hits = ranked.hits.into_iter().skip(page.offset).map(|(image_id, score)| KeywordHit { image_id, score });
        Ok(KeywordHits { hits: hits.collect(), total: Total::exactly(ranked.total) })
    }

    /// Returns the images that hold all of some terms; none when no term holds anything that is indexed.
    ///
    /// # Errors
    /// [`StoreError::BadKeywords`]; the errors of the database.
    pub(super) fn holding(&self, terms: &[String]) -> Result<IdSet, StoreError> {
        let mut holding = IdSet::default();
        if let Some(query) = keyword_query(terms, usize::MAX)? {
            self.lists.each_match(&condition(&query), &mut |id| holding.insert(id))?;
        }
        Ok(holding)
    }

    /// Puts the words of an image, which are committed, in place of any older ones. `columns` are those of IMAGE_TEXTS.
    /// The caller still holds the writer.
    pub(super) fn put(&self, image_id: ImageId, columns: &[String; COLUMNS.len()]) {
        let occurrences =
            (0_u8..).zip(columns).flat_map(|(column, tokens)| {
                (0_u32..)
                    .zip(tokens.split(' ').filter(|token| !token.is_empty()))
                    .map(move |(offset, token)| Occurrence { token, column, offset })
            });
        self.lists.put(image_id, occurrences);
    }

    /// Removes the words of an image whose deletion is committed. The caller still holds the writer.
    pub(super) fn remove(&self, image_id: ImageId) {
        self.lists.remove(image_id);
    }

    /// Drops everything that is in memory, so that it is read anew.
    pub(super) fn clear(&self) {
        self.lists.clear();
    }

    /// Counts the images that hold a term, up to `most`, from the index itself: that many rows are less than a list.
    ///
    /// # Errors
    /// The errors of the database.
    pub(super) fn count(connection: &Connection, term: &str, most: usize) -> Result<usize, StoreError> {
        let Some(expression) = expression(&[term.to_owned()], 1)? else { return Ok(0) };
        let found: i64 = connection
            .prepare_cached("SELECT count(*) FROM (SELECT 1 FROM image_texts WHERE image_texts MATCH ? LIMIT ?)")?
            .query_row(rusqlite::params![expression, count(most)], |row| row.get(0))?;
        Ok(usize::try_from(found).unwrap_or(usize::MAX))
    }

    /// Reads the lists of common words, the commonest first, until half of the memory is taken or `stop` returns true.
    ///
    /// # Errors
    /// The errors of the database.
    pub(super) fn prepare(&self, connection: &Connection, stop: impl Fn() -> bool) -> Result<(), StoreError> {
        for word in common_words(connection)? {
            if stop() || self.lists.bytes() > MAX_BYTES / 2 {
                break;
            }
            self.lists.prepare(&word)?;
        }
        Ok(())
    }
}

/// Returns the words that many images hold, the commonest first.
fn common_words(connection: &Connection) -> Result<Vec<String>, StoreError> {
    connection.execute_batch(
        "PRAGMA query_only = OFF;
         CREATE VIRTUAL TABLE IF NOT EXISTS temp.words USING fts5vocab (main, image_texts, row);
         PRAGMA query_only = ON;",
    )?;
    let mut words = connection.prepare("SELECT term FROM temp.words WHERE doc >= ? ORDER BY doc DESC")?;
    Ok(words.query_map([count(COMMON)], |row| row.get(0))?.collect::<Result<_, _>>()?)
}

/// The full-text index as the source of the lists. Each call reads the newest committed state.
struct FullTextIndex {
    connection: Connection,
}

impl FullTextIndex {
    fn open(database: &Path, busy_timeout: Duration) -> Result<Self, StoreError> {
        let connection = open_reader(database, busy_timeout)?;
        // The table is temporary, because the schema of the database need not know about this connection.
        connection.execute_batch(
            "PRAGMA query_only = OFF;
             CREATE VIRTUAL TABLE temp.occurrences USING fts5vocab (main, image_texts, instance);
             PRAGMA query_only = ON;",
        )?;
        Ok(Self { connection })
    }
}

impl Source for FullTextIndex {
    type Error = StoreError;

    fn documents(&mut self, each: &mut dyn FnMut(i64, u32)) -> Result<(), StoreError> {
        let mut statement = self.connection.prepare_cached("SELECT id, sz FROM image_texts_docsize ORDER BY id")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let sizes = row.get_ref(1)?;
            each(row.get(0)?, sizes.as_blob().map_or(0, tokens_of));
        }
        Ok(())
    }

    fn occurrences(
        &mut self,
        token: &str,
        is_prefix: bool,
        each: &mut dyn FnMut(i64, u8, u32),
    ) -> Result<(), StoreError> {
        let sql = if is_prefix {
            "SELECT doc, col, offset FROM temp.occurrences WHERE term >= ?1 AND term <= ?1 || char(0x10ffff)"
        } else {
            "SELECT doc, col, offset FROM temp.occurrences WHERE term = ?1"
        };
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut rows = statement.query([token])?;
        while let Some(row) = rows.next()? {
            let ValueRef::Text(name) = row.get_ref(1)? else { continue };
            let column = (0_u8..).zip(COLUMNS).find(|(_, column)| column.as_bytes() == name);
            if let Some((column, _)) = column {
                each(row.get(0)?, column, row.get(2)?);
            }
        }
        Ok(())
    }
}

/// Returns the number of tokens of a document from the record of its size: a variable-length integer for each column, as
/// the SQLite file format describes them (seven bits a byte, the most significant first).
fn tokens_of(sizes: &[u8]) -> u32 {
    let (mut sum, mut size) = (0_u32, 0_u32);
    for byte in sizes {
        size = size << 7 | u32::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            sum = sum.saturating_add(size);
            size = 0;
        }
    }
    sum
}

#[cfg(test)]
#[path = "words_tests.rs"]
mod tests;
