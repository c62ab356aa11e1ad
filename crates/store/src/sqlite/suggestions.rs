//! Suggestions: tags, words of prompts and file names that begin with a text.

use std::collections::BTreeMap;

use rusqlite::{Connection, params};

use super::facet_counts;
use super::memory::Memory;
use super::values::{count as number, unsigned};
use crate::plain::folded_prefix;
use crate::text::natural_key;
use crate::{Facet, FacetValue, Filter, ImageId, StoreError, Suggestion, SuggestionKind};

/// The largest number of images whose names are read and sorted. Where more names begin alike, the first ones are found
/// by walking through all names in their order.
const MAX_SORTED: usize = 5_000;

/// Suggests texts of some kinds.
pub(super) fn suggestions(
    memory: &Memory,
    connection: &Connection,
    prefix: &str,
    kinds: &[SuggestionKind],
    limit: usize,
) -> Result<Vec<Suggestion>, StoreError> {
    let mut suggestions = Vec::new();
    for kind in kinds {
        let Some(prefix) = folded_prefix(*kind, prefix) else { continue };
        suggestions.extend(match kind {
            SuggestionKind::Tag if prefix.is_empty() => commonest_tags(memory, connection, limit)?,
            SuggestionKind::Tag => tags(connection, &prefix, limit)?,
            SuggestionKind::Word => words(connection, &prefix, limit)?,
            SuggestionKind::FileName => names(connection, &prefix, limit)?,
        });
    }
    Ok(suggestions)
}

/// Returns the end of the range of texts that begin with `prefix`. No text holds the last code point.
fn end(prefix: &str) -> String {
    format!("{prefix}\u{10ffff}")
}

/// Returns the commonest tags of all images. The facts in memory count them faster than the rows.
fn commonest_tags(memory: &Memory, connection: &Connection, limit: usize) -> Result<Vec<Suggestion>, StoreError> {
    let counts = facet_counts::facets(memory, connection, &Filter::default(), &[Facet::Tag], limit)?;
    let values = counts.into_iter().flat_map(|counts| counts.values);
    let suggestion =
        |value: FacetValue| Suggestion { kind: SuggestionKind::Tag, text: value.value, count: value.count };
    Ok(values.map(suggestion).collect())
}

fn tags(connection: &Connection, prefix: &str, limit: usize) -> Result<Vec<Suggestion>, StoreError> {
    let mut groups = connection.prepare_cached(
        "SELECT t.tag, g.images FROM (
             SELECT folded, count(*) AS images, min(image_id) AS image_id FROM image_tags
             WHERE folded >= ? AND folded < ? GROUP BY folded ORDER BY images DESC, folded LIMIT ?
         ) g JOIN image_tags t ON t.image_id = g.image_id AND t.folded = g.folded
         ORDER BY g.images DESC, g.folded",
    )?;
    let groups = groups.query_map(params![prefix, end(prefix), number(limit)], |row| {
        Ok(Suggestion { kind: SuggestionKind::Tag, text: row.get(0)?, count: unsigned(row, 1)? })
    })?;
    Ok(groups.collect::<Result<_, _>>()?)
}

fn words(connection: &Connection, prefix: &str, limit: usize) -> Result<Vec<Suggestion>, StoreError> {
    let mut words = connection.prepare_cached(
        "SELECT word, images FROM prompt_words WHERE word >= ? AND word < ? ORDER BY images DESC, word LIMIT ?",
    )?;
    let words = words.query_map(params![prefix, end(prefix), number(limit)], |row| {
        Ok(Suggestion { kind: SuggestionKind::Word, text: row.get(0)?, count: unsigned(row, 1)? })
    })?;
    Ok(words.collect::<Result<_, _>>()?)
}

/// A file name in its folded form.
#[derive(Debug)]
struct Name {
    key: Vec<u8>,
    image_id: ImageId,
    folded: String,
}

/// The names of one key: the number of images that have each, and the first of them.
type Names = BTreeMap<String, (u64, ImageId)>;

fn names(connection: &Connection, prefix: &str, limit: usize) -> Result<Vec<Suggestion>, StoreError> {
    if limit == 0 {
        return Ok(Vec::new());
    }
    let mut range = connection.prepare_cached(
        "SELECT file_name_folded, image_id FROM images INDEXED BY images_by_file_name
         WHERE file_name_folded >= ? AND file_name_folded < ? LIMIT ?",
    )?;
    let range = range.query_map(params![prefix, end(prefix), number(MAX_SORTED + 1)], |row| {
        let folded: String = row.get(0)?;
        Ok(Name { key: natural_key(&folded), image_id: row.get(1)?, folded })
    })?;
    let mut range: Vec<Name> = range.collect::<Result<_, _>>()?;
    let found = if range.len() <= MAX_SORTED {
        range.sort_by(|a, b| a.key.cmp(&b.key));
        first_names(range.into_iter().map(Ok), prefix, limit)?
    } else {
        // Every name that begins with the prefix has a key that begins with that of the prefix without the number at its
        // end, which may go on.
        let start = natural_key(prefix.trim_end_matches(|c: char| c.is_ascii_digit()));
        let mut walk = connection.prepare_cached(
            "SELECT file_name_key, image_id, file_name_folded FROM images INDEXED BY images_by_name
             WHERE file_name_key >= ? ORDER BY file_name_key, image_id",
        )?;
        let walk =
            walk.query_map([start], |row| Ok(Name { key: row.get(0)?, image_id: row.get(1)?, folded: row.get(2)? }))?;
        first_names(walk, prefix, limit)?
    };
    found.into_iter().map(|(count, image_id)| spelled(connection, count, image_id)).collect()
}

/// Returns the first `limit` names of those that begin with `prefix`, which come in the order of their keys: the number of
/// images that have each, and the first of them.
fn first_names(
    names: impl Iterator<Item = rusqlite::Result<Name>>,
    prefix: &str,
    limit: usize,
) -> Result<Vec<(u64, ImageId)>, StoreError> {
    let mut found: Vec<(u64, ImageId)> = Vec::new();
    let (mut key, mut of_key) = (Vec::new(), Names::new());
    for name in names {
        let name = name?;
        if name.key != key {
            found.extend(std::mem::take(&mut of_key).into_values());
            if found.len() >= limit {
                break;
            }
            key = name.key;
        }
        if name.folded.starts_with(prefix) {
            let (count, first) = of_key.entry(name.folded).or_insert((0, name.image_id));
            *count += 1;
            *first = name.image_id.min(*first);
        }
    }
    found.extend(of_key.into_values());
    found.truncate(limit);
    Ok(found)
}

fn spelled(connection: &Connection, count: u64, image_id: ImageId) -> Result<Suggestion, StoreError> {
    let mut name = connection.prepare_cached("SELECT file_name FROM images WHERE image_id = ?")?;
    Ok(Suggestion { kind: SuggestionKind::FileName, text: name.query_row([image_id], |row| row.get(0))?, count })
}
