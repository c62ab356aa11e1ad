//! Facets: the values of a fact among the images that pass a filter, counted.

use super::by_bytes;
use super::filter::Condition;
use crate::oracle::connection::error::OracleError;
use crate::oracle::connection::session::Session;
use crate::oracle::connection::value::Value;
use crate::oracle::rows::tags::ValueTable;
use crate::{Facet, FacetCounts, FacetValue, Filter, folder_of};

/// Counts the values of facets among the images that pass a filter.
pub(crate) fn facets(
    session: &Session<'_>,
    filter: &Filter,
    facets: &[Facet],
    limit: usize,
) -> Result<Vec<FacetCounts>, OracleError> {
    let mut counts = Vec::with_capacity(facets.len());
    for (facet, without) in facets.iter().zip(without(session, filter, facets)?) {
        let mut values = values(session, filter, *facet, limit)?;
        let more = values.len() > limit;
        values.truncate(limit);
        counts.push(FacetCounts { facet: *facet, values, more, without });
    }
    Ok(counts)
}

/// The place of the values of a facet.
enum Source {
    /// An expression of a row `i` of IMAGES, which is NULL without a value, and the expression of its spelling in a row `s`
    /// of IMAGES; `None` where the value is the spelling.
    Column(&'static str, Option<&'static str>),
    /// A table with a row for each value of an image, and its column of spellings.
    Table(ValueTable, &'static str),
}

impl Source {
    fn of(facet: Facet) -> Self {
        match facet {
            // The columns are in lower case, and GENERATION keeps the spelling.
            Facet::Checkpoint => Self::Column("i.generation_model", Some("JSON_VALUE(s.generation, '$.model')")),
            Facet::Sampler => Self::Column("i.generation_sampler", Some("JSON_VALUE(s.generation, '$.sampler')")),
            Facet::FileType => Self::Column("i.file_type", None),
            // The calendar of the session may be another one.
            Facet::Month => Self::Column("TO_CHAR(i.taken_local, 'YYYY-MM', 'NLS_CALENDAR=GREGORIAN')", None),
            Facet::Camera => Self::Column("i.camera_folded", Some("s.camera")),
            Facet::Folder => Self::Column("i.folder_folded", Some("s.source_path")),
            Facet::Tag => Self::Table(ValueTable::Tags, "tag"),
            Facet::Lora => Self::Table(ValueTable::Loras, "name"),
        }
    }

    /// Returns an expression of a row `i` of IMAGES that is NULL where the image has no value.
    fn presence(&self) -> String {
        match self {
            Self::Column(value, _) => (*value).to_owned(),
            Self::Table(table, _) => {
                format!("CASE WHEN EXISTS (SELECT 1 FROM {} t WHERE t.image_id = i.image_id) THEN 1 END", table.name())
            }
        }
    }

    /// Returns the statement of the groups: the folded value, the number of images that have it, and the first of them.
    fn groups(&self, condition: &str) -> String {
        match self {
            Self::Column(value, _) => format!(
                "SELECT {value} AS folded, COUNT(*) AS images, MIN(i.image_id) AS first_id FROM images i \
                 WHERE {value} IS NOT NULL{condition} GROUP BY {value}"
            ),
            Self::Table(table, _) => {
                let images = if condition.is_empty() { "" } else { " JOIN images i ON i.image_id = t.image_id" };
                format!(
                    "SELECT t.folded, COUNT(*) AS images, MIN(t.image_id) AS first_id FROM {} t{images} \
                     WHERE 1 = 1{condition} GROUP BY t.folded",
                    table.name()
                )
            }
        }
    }

    /// Returns the spelling of a group `g`, and the join that it needs.
    fn spelling(&self) -> (String, String) {
        match self {
            Self::Column(_, None) => ("g.folded".to_owned(), String::new()),
            Self::Column(_, Some(spelling)) => {
                (format!("NVL({spelling}, g.folded)"), " JOIN images s ON s.image_id = g.first_id".to_owned())
            }
            Self::Table(table, column) => (
                format!("s.{column}"),
                format!(" JOIN {} s ON s.image_id = g.first_id AND s.folded = g.folded", table.name()),
            ),
        }
    }
}

/// Returns the most frequent values of a facet, and one more where there is one.
fn values(session: &Session<'_>, filter: &Filter, facet: Facet, limit: usize) -> Result<Vec<FacetValue>, OracleError> {
    let condition = Condition::new(filter)?;
    let source = Source::of(facet);
    let (spelling, join) = source.spelling();
    let sql = format!(
        "SELECT {spelling}, g.images FROM (SELECT v.folded, v.images, v.first_id FROM ({}) v \
         ORDER BY v.images DESC, {} FETCH FIRST :take ROWS ONLY) g{join} ORDER BY g.images DESC, {}",
        source.groups(&condition.sql),
        by_bytes("v.folded"),
        by_bytes("g.folded")
    );
    let take = limit.saturating_add(1);
    session.rows(&sql, &condition.binds.with("take", Value::count(take)), take, |row| {
        let text: String = row.get(0)?;
        let value = if facet == Facet::Folder { folder_of(&text) } else { text };
        Ok(FacetValue { value, count: row.get(1)? })
    })
}

/// Counts the images without a value of each facet.
fn without(session: &Session<'_>, filter: &Filter, facets: &[Facet]) -> Result<Vec<u64>, OracleError> {
    let condition = Condition::new(filter)?;
    let columns = |column: &dyn Fn(usize, &Facet) -> String| {
        facets.iter().enumerate().map(|(n, facet)| column(n, facet)).collect::<Vec<_>>().join(", ")
    };
    // One pass over the images serves all facets. Without a facet there is nothing to count.
    if facets.is_empty() {
        return Ok(Vec::new());
    }
    let sql = format!(
        "SELECT {} FROM (SELECT {} FROM images i WHERE 1 = 1{}) v",
        columns(&|n, _| format!("COUNT(*) - COUNT(v.fact{n})")),
        columns(&|n, facet| format!("{} AS fact{n}", Source::of(*facet).presence())),
        condition.sql
    );
    let counts = session.row(&sql, &condition.binds, |row| {
        (0..facets.len()).map(|n| Ok(row.get::<_, u64>(n)?)).collect::<Result<Vec<_>, OracleError>>()
    })?;
    Ok(counts.unwrap_or_default())
}
