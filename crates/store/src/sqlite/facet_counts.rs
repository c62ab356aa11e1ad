//! Facets: the values of a fact among the images that pass a filter, counted.

use rusqlite::{Connection, OptionalExtension as _};

use super::condition::Condition;
use super::lists;
use super::values::{count as number, unsigned};
use crate::{Facet, FacetCounts, FacetValue, Filter, ImageId, StoreError, folder_of};

/// Counts the values of facets among the images that pass a filter.
pub(super) fn facets(
    connection: &Connection,
    filter: &Filter,
    facets: &[Facet],
    limit: usize,
) -> Result<Vec<FacetCounts>, StoreError> {
    facets.iter().map(|facet| counts(connection, filter, *facet, limit)).collect()
}

/// A value in its compared form, the number of images that have it, and the first of them.
struct Group {
    value: String,
    count: u64,
    first: ImageId,
}

fn counts(connection: &Connection, filter: &Filter, facet: Facet, limit: usize) -> Result<FacetCounts, StoreError> {
    let (table, condition) = Condition::for_scan(connection, filter)?;
    let passing = format!("FROM {table} WHERE 1 {}", condition.sql());
    let source = Source::of(facet);
    let groups = source.groups(&passing, filter.is_empty());
    let mut groups: Vec<Group> = connection
        .prepare_cached(&format!("{groups} ORDER BY images DESC, value LIMIT ?"))?
        .query_map(condition.parameters([], [number(limit.saturating_add(1))]), |row| {
            Ok(Group { value: row.get(0)?, count: unsigned(row, 1)?, first: row.get(2)? })
        })?
        .collect::<Result<_, _>>()?;
    let more = groups.len() > limit;
    groups.truncate(limit);
    let with: u64 = connection
        .prepare_cached(&source.with_a_value(&passing))?
        .query_row(condition.parameters([], []), |row| unsigned(row, 0))?;
    let without = lists::count(connection, filter)?.count.saturating_sub(with);
    let values = groups.into_iter().map(|group| spelled(connection, facet, group)).collect::<Result<_, _>>()?;
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
fn spelled(connection: &Connection, facet: Facet, group: Group) -> Result<FacetValue, StoreError> {
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
            connection.prepare_cached(sql)?.query_row((group.first, &group.value), |row| row.get(0)).optional()?
        }
        (Some(sql), _) => connection.prepare_cached(sql)?.query_row([group.first], |row| row.get(0)).optional()?,
    };
    let spelling = spelling.map(|text| if facet == Facet::Folder { folder_of(&text) } else { text });
    Ok(FacetValue { value: spelling.unwrap_or(group.value), count: group.count })
}
