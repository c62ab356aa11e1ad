//! Facets: the values of a fact among the images that pass a filter, counted.

use rusqlite::{Connection, OptionalExtension as _};

use super::condition::Condition;
use super::facts::{Counted, CountedFacet};
use super::lists;
use super::memory::Memory;
use super::values::{count as number, unsigned};
use crate::{Facet, FacetCounts, FacetValue, Filter, StoreError, folder_of};

/// Counts the values of facets among the images that pass a filter.
pub(super) fn facets(
    memory: &Memory,
    connection: &Connection,
    filter: &Filter,
    facets: &[Facet],
    limit: usize,
) -> Result<Vec<FacetCounts>, StoreError> {
    let counted = memory.with_allowed(filter, |facts, allowed| facts.facets(allowed, facets, limit))?;
    let counted = match counted {
        Some(counted) => counted,
        // The rows answer until the facts have been read.
        None => {
            let count = |facet: &Facet| counted_by_rows(memory, connection, filter, *facet, limit);
            facets.iter().map(count).collect::<Result<_, _>>()?
        }
    };
    counted.into_iter().map(|counted| spelled(connection, counted)).collect()
}

/// Counts the values of a facet from the rows.
fn counted_by_rows(
    memory: &Memory,
    connection: &Connection,
    filter: &Filter,
    facet: Facet,
    limit: usize,
) -> Result<CountedFacet, StoreError> {
    let (table, condition) = Condition::for_scan(connection, filter)?;
    let passing = format!("FROM {table} WHERE 1 {}", condition.sql());
    let source = Source::of(facet);
    let groups = source.groups(&passing, filter.is_empty());
    let mut values: Vec<Counted> = connection
        .prepare_cached(&format!("{groups} ORDER BY images DESC, value LIMIT ?"))?
        .query_map(condition.parameters([], [number(limit.saturating_add(1))]), |row| {
            Ok(Counted { folded: row.get(0)?, count: unsigned(row, 1)?, first: row.get(2)? })
        })?
        .collect::<Result<_, _>>()?;
    let more = values.len() > limit;
    values.truncate(limit);
    let with: u64 = connection
        .prepare_cached(&source.with_a_value(&passing))?
        .query_row(condition.parameters([], []), |row| unsigned(row, 0))?;
    let without = lists::count(memory, connection, filter)?.count.saturating_sub(with);
    Ok(CountedFacet { facet, values, more, without })
}

/// Spells the values of a facet.
fn spelled(connection: &Connection, counted: CountedFacet) -> Result<FacetCounts, StoreError> {
    let CountedFacet { facet, values, more, without } = counted;
    let values = values.into_iter().map(|value| spelled_value(connection, facet, value)).collect::<Result<_, _>>()?;
    Ok(FacetCounts { facet, values, more, without })
}

/// The place of the values of a facet.
enum Source {
    /// An expression on `images i`, which is NULL without a value.
    Column(&'static str),
    /// A table with a row for each value of an image.
    Table(&'static str),
}

impl Source {
    fn of(facet: Facet) -> Self {
        match facet {
            Facet::Checkpoint => Self::Column("nullif(lower(i.generation_model), '')"),
            Facet::Sampler => Self::Column("nullif(lower(i.generation_sampler), '')"),
            Facet::FileType => Self::Column("nullif(i.file_type, '')"),
            // The remainder has the sign of the time, and a time before 1970 is rounded down too.
            Facet::Month => Self::Column(
                "strftime('%Y-%m', (i.taken_local - (i.taken_local % 1000000 + 1000000) % 1000000) / 1000000, 'unixepoch')",
            ),
            Facet::Camera => Self::Column("nullif(i.camera_folded, '')"),
            Facet::Folder => Self::Column("i.folder_folded"),
            Facet::Tag => Self::Table("image_tags"),
            Facet::Lora => Self::Table("image_loras"),
        }
    }

    /// Returns the statement of the groups, to which an order can be added.
    fn groups(&self, passing: &str, all_pass: bool) -> String {
        match self {
            Self::Column(value) => format!(
                "SELECT {value} AS value, count(*) AS images, min(i.image_id) {passing} AND {value} IS NOT NULL
                 GROUP BY value"
            ),
            Self::Table(table) if all_pass => format!(
                "SELECT folded AS value, count(*) AS images, min(image_id) FROM {table} WHERE 1 GROUP BY folded"
            ),
            Self::Table(table) => format!(
                "SELECT folded AS value, count(*) AS images, min(image_id) FROM {table}
                 WHERE image_id IN (SELECT i.image_id {passing}) GROUP BY folded"
            ),
        }
    }

    /// Returns the statement that counts the images that have a value.
    fn with_a_value(&self, passing: &str) -> String {
        match self {
            Self::Column(value) => format!("SELECT count(*) {passing} AND {value} IS NOT NULL"),
            Self::Table(table) => {
                format!("SELECT count(*) {passing} AND EXISTS (SELECT 1 FROM {table} v WHERE v.image_id = i.image_id)")
            }
        }
    }
}

/// Spells a value as the first image that has it does.
fn spelled_value(connection: &Connection, facet: Facet, counted: Counted) -> Result<FacetValue, StoreError> {
    let column = match facet {
        Facet::Checkpoint => Some("SELECT generation_model FROM images WHERE image_id = ?"),
        Facet::Sampler => Some("SELECT generation_sampler FROM images WHERE image_id = ?"),
        Facet::Camera => Some("SELECT camera FROM images WHERE image_id = ?"),
        Facet::Folder => Some("SELECT source_path FROM images WHERE image_id = ?"),
        Facet::Tag => Some("SELECT tag FROM image_tags WHERE image_id = ? AND folded = ?"),
        Facet::Lora => Some("SELECT name FROM image_loras WHERE image_id = ? AND folded = ?"),
        Facet::FileType | Facet::Month => None,
    };
    let spelling: Option<String> = match (column, facet) {
        (None, _) => None,
        (Some(sql), Facet::Tag | Facet::Lora) => {
            connection.prepare_cached(sql)?.query_row((counted.first, &counted.folded), |row| row.get(0)).optional()?
        }
        (Some(sql), _) => connection.prepare_cached(sql)?.query_row([counted.first], |row| row.get(0)).optional()?,
    };
    let spelling = spelling.map(|text| if facet == Facet::Folder { folder_of(&text) } else { text });
    Ok(FacetValue { value: spelling.unwrap_or(counted.folded), count: counted.count })
}
