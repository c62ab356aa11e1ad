//! What EMBEDDING_MODELS and the dictionary say about the vector index of each model, and when there is work to do.

use std::time::Duration;

use oracle::sql_type::Timestamp;
use oracle::{Connection, Row};
use time::OffsetDateTime;

use super::organization::{Graph, IndexKind, Organization};
use super::statistics;
use crate::Occasion;
use crate::oracle::connection::error::{DriverError, OracleError};
use crate::oracle::connection::session::{execute, query};
use crate::oracle::connection::value::{self, Binds, Value};
use crate::oracle::rows::models::VectorTable;

/// Selects one row for each model, in the columns that [`IndexState::read`] reads.
pub(crate) const SELECT_STATES: &str = "SELECT m.model_id, m.vector_dimension, m.is_current, m.index_organization, m.index_partitions, \
     m.index_neighbors, m.index_efconstruction, m.index_quantization, m.index_parallel, m.index_built_rows, \
     m.index_counted_at, m.index_failed_at, m.index_failure, x.status, x.index_subtype, t.num_rows, i.num_rows, \
     SYS_EXTRACT_UTC(SYSTIMESTAMP) FROM embedding_models m \
     LEFT JOIN user_indexes x ON x.index_name = m.vector_table || '_VEC' \
     LEFT JOIN user_tables t ON t.table_name = m.vector_table \
     LEFT JOIN user_tables i ON i.table_name = 'IMAGES' \
     WHERE m.vector_table IS NOT NULL ORDER BY m.model_id";

/// The number of models that a query expects.
pub(crate) const MODELS: usize = 100;

/// The factor by which a table outgrows its index. At four times the rows, a query reads 1.4 times as many rows as with
/// partitions for that number, and the partitions were learned from a quarter of the rows. All rebuilds on the way
/// together cost a third more than the last of them.
pub(crate) const GROWTH: u64 = 4;

/// The time after a failed build before the next one.
const RETRY_AFTER: Duration = Duration::from_secs(60 * 60);

/// The number of index entries that a count is taken to read in a second. It only sets how often a count is worth its
/// cost: a count is repeated when a hundred times its duration has passed.
const COUNTED_PER_SECOND: u64 = 1_000_000;

/// The index of a model, as the dictionary knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Presence {
    /// There is none.
    Missing,
    /// There is one of this kind, and searches may use it.
    Valid(IndexKind),
    /// There is one that the database does not use; the text is its status.
    Unusable(String),
}

/// A build that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) at: OffsetDateTime,
    pub(crate) reason: String,
}

/// The state of a model's index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct IndexState {
    pub(crate) table: VectorTable,
    /// Whether searches use the model.
    pub(crate) is_current: bool,
    pub(crate) organization: Organization,
    pub(crate) presence: Presence,
    /// The number of rows over which the index was built; `None` when an earlier version or somebody else built it.
    pub(crate) built_rows: Option<u64>,
    /// The time of the last count of the rows.
    pub(crate) counted_at: Option<OffsetDateTime>,
    /// The last build, when it failed.
    pub(crate) failure: Option<Failure>,
    /// The number of rows of the table in its statistics.
    pub(crate) table_statistics: Option<u64>,
    /// The number of rows of IMAGES in its statistics.
    pub(crate) image_statistics: Option<u64>,
    /// The time of the database's clock, which all processes share.
    pub(crate) now: OffsetDateTime,
}

impl IndexState {
    /// Reads a row of [`SELECT_STATES`].
    pub(crate) fn read(row: &Row) -> Result<Self, OracleError> {
        let date = |column: usize| -> Result<Option<OffsetDateTime>, OracleError> {
            Ok(row.get::<_, Option<Timestamp>>(column)?.map(|at| value::to_date(&at)).transpose()?)
        };
        let organization = OrganizationRow {
            kind: row.get(3)?,
            partitions: row.get(4)?,
            neighbors: row.get(5)?,
            efconstruction: row.get(6)?,
            quantization: row.get(7)?,
            parallel: row.get(8)?,
        };
        let reason: Option<String> = row.get(12)?;
        let presence = match row.get::<_, Option<String>>(13)? {
            None => Presence::Missing,
            Some(status) if status == "VALID" => Presence::Valid(kind_of_subtype(row.get(14)?)),
            Some(status) => Presence::Unusable(status),
        };
        Ok(Self {
            table: VectorTable::new(row.get(0)?, row.get(1)?),
            is_current: row.get::<_, Option<String>>(2)?.as_deref() == Some("Y"),
            organization: organization.organization(),
            presence,
            built_rows: row.get(9)?,
            counted_at: date(10)?,
            failure: date(11)?.map(|at| Failure { at, reason: reason.unwrap_or_default() }),
            table_statistics: row.get(15)?,
            image_statistics: row.get(16)?,
            now: value::to_date(&row.get::<_, Timestamp>(17)?)?,
        })
    }

    /// Returns the number of rows at which the index is to be built or rebuilt; `None` when no number of rows asks for
    /// that.
    pub(crate) fn index_due_at(&self, index_after: u64) -> Option<u64> {
        if self.failure.as_ref().is_some_and(|failure| self.now - failure.at < RETRY_AFTER) {
            return None;
        }
        let wanted = self.organization.kind();
        match &self.presence {
            _ if wanted == IndexKind::None => None,
            // The database refreshes a graph by itself (AI Vector Search User's Guide, "HNSW Index Architecture:
            // Transaction Support and Persistence").
            Presence::Valid(IndexKind::Hnsw) if wanted == IndexKind::Hnsw => None,
            Presence::Valid(kind) if *kind == wanted => {
                Some(self.built_rows.unwrap_or_default().saturating_mul(GROWTH).max(index_after))
            }
            _ => Some(index_after),
        }
    }

    /// Returns the number of rows at which the statistics of the table or of IMAGES are gathered. IMAGES has at least as
    /// many rows as the table, because each embedding belongs to an image.
    pub(crate) fn statistics_due_at(&self) -> u64 {
        statistics::due_at(self.table_statistics).min(statistics::due_at(self.image_statistics))
    }

    /// Returns the smallest number of rows at which there is anything to do.
    pub(crate) fn due_at(&self, index_after: u64) -> u64 {
        self.statistics_due_at().min(self.index_due_at(index_after).unwrap_or(u64::MAX))
    }

    /// Returns whether the rows may be counted, up to this number of them: always after bulk work, and otherwise as often
    /// as the count is worth its cost.
    pub(crate) fn may_count(&self, most: u64, occasion: Occasion) -> bool {
        let pause = Duration::from_secs(most / COUNTED_PER_SECOND * 100);
        occasion == Occasion::AfterBulkWork || self.counted_at.is_none_or(|at| self.now - at >= pause)
    }
}

/// The columns of EMBEDDING_MODELS that hold an organization.
struct OrganizationRow {
    kind: Option<String>,
    partitions: Option<u32>,
    neighbors: Option<u32>,
    efconstruction: Option<u32>,
    quantization: Option<String>,
    parallel: Option<u32>,
}

impl OrganizationRow {
    /// Returns the organization. A row without a kind belongs to a version that made inverted files only, and a number
    /// that no index can have counts as not chosen.
    fn organization(&self) -> Organization {
        let kind = self.kind.as_deref().and_then(|name| name.parse().ok()).unwrap_or(IndexKind::Ivf);
        let parallel = self.parallel.and_then(|degree| degree.try_into().ok());
        match kind {
            IndexKind::Ivf => {
                Organization::Ivf { partitions: self.partitions.and_then(|n| n.try_into().ok()), parallel }
            }
            IndexKind::Hnsw => {
                let neighbors = self.neighbors.and_then(|n| n.try_into().ok());
                let efconstruction = self.efconstruction.and_then(|n| n.try_into().ok());
                Organization::Hnsw {
                    graph: neighbors
                        .zip(efconstruction)
                        .map(|(neighbors, efconstruction)| Graph { neighbors, efconstruction }),
                    quantization: self.quantization.as_deref().and_then(|name| name.parse().ok()),
                    parallel,
                }
            }
            IndexKind::None => Organization::None,
        }
    }
}

/// Returns the kind of an index from USER_INDEXES.INDEX_SUBTYPE, which is INMEMORY_NEIGHBOR_GRAPH_HNSW or
/// NEIGHBOR_PARTITIONS_IVF (AI Vector Search User's Guide, "Guidelines for Using Vector Indexes").
fn kind_of_subtype(subtype: Option<String>) -> IndexKind {
    if subtype.is_some_and(|subtype| subtype.contains("HNSW")) { IndexKind::Hnsw } else { IndexKind::Ivf }
}

/// Reads the states of all models.
pub(crate) fn read_all(connection: &Connection) -> Result<Vec<IndexState>, OracleError> {
    query(connection, SELECT_STATES, &Binds::none(), MODELS, &mut IndexState::read)
}

/// Returns the statement that reads the highest image id of a table. No table has more rows than that.
pub(crate) fn highest_id_sql(table: &VectorTable) -> String {
    format!("SELECT MAX(e.image_id) FROM {} e", table.name)
}

/// Counts the rows of a table, up to `most` of them.
pub(crate) fn count_up_to(connection: &Connection, table: &VectorTable, most: u64) -> Result<u64, OracleError> {
    let sql = format!("SELECT COUNT(*) FROM (SELECT e.image_id FROM {} e FETCH FIRST :most ROWS ONLY) n", table.name);
    single(connection, &sql, &Binds::none().with("most", number(most)))
}

/// Counts all rows of a table.
pub(crate) fn count(connection: &Connection, table: &VectorTable) -> Result<u64, OracleError> {
    single(connection, &format!("SELECT COUNT(*) FROM {} e", table.name), &Binds::none())
}

fn single(connection: &Connection, sql: &str, binds: &Binds<'_>) -> Result<u64, OracleError> {
    Ok(query(connection, sql, binds, 1, &mut |row| Ok(row.get(0)?))?.pop().unwrap_or_default())
}

fn number(n: u64) -> Value<'static> {
    Value::Number(Some(i64::try_from(n).unwrap_or(i64::MAX)))
}

/// Stores the organization of a model.
pub(crate) fn save_organization(
    connection: &Connection,
    table: &VectorTable,
    organization: Organization,
) -> Result<(), OracleError> {
    let optional = |n: Option<u32>| Value::Number(n.map(i64::from));
    let (mut partitions, mut graph, mut quantization, mut parallel) = (None, None, None, None);
    match organization {
        Organization::Ivf { partitions: chosen, parallel: degree } => (partitions, parallel) = (chosen, degree),
        Organization::Hnsw { graph: shape, quantization: format, parallel: degree } => {
            (graph, quantization, parallel) = (shape, format, degree);
        }
        Organization::None => {}
    }
    update(
        connection,
        "UPDATE embedding_models SET index_organization = :organization, index_partitions = :partitions, \
         index_neighbors = :neighbors, index_efconstruction = :efconstruction, index_quantization = :quantization, \
         index_parallel = :parallel WHERE model_id = :model_id",
        Binds::none()
            .with("organization", organization.kind().name())
            .with("partitions", optional(partitions.map(|n| n.get())))
            .with("neighbors", optional(graph.map(|graph| graph.neighbors.get())))
            .with("efconstruction", optional(graph.map(|graph| graph.efconstruction.get())))
            .with("quantization", Value::Text(quantization.map(|format| format.name().into())))
            .with("parallel", optional(parallel.map(|degree| degree.get()))),
        table,
    )
}

/// Notes over how many rows an index has been built; `None` when there is none any more.
pub(crate) fn note_built(connection: &Connection, table: &VectorTable, rows: Option<u64>) -> Result<(), OracleError> {
    update(
        connection,
        "UPDATE embedding_models SET index_built_rows = :built, index_failed_at = NULL, index_failure = NULL \
         WHERE model_id = :model_id",
        Binds::none().with("built", rows.map_or(Value::Number(None), number)),
        table,
    )
}

/// Notes why an index has not been built.
pub(crate) fn note_failure(connection: &Connection, table: &VectorTable, reason: &str) -> Result<(), OracleError> {
    let reason: String = reason.chars().take(1_000).collect();
    update(
        connection,
        "UPDATE embedding_models SET index_failed_at = SYS_EXTRACT_UTC(SYSTIMESTAMP), index_failure = :reason \
         WHERE model_id = :model_id",
        Binds::none().with("reason", Value::Text(Some(reason.into()))),
        table,
    )
}

/// Notes that the rows have been counted.
pub(crate) fn note_count(connection: &Connection, table: &VectorTable) -> Result<(), OracleError> {
    update(
        connection,
        "UPDATE embedding_models SET index_counted_at = SYS_EXTRACT_UTC(SYSTIMESTAMP) WHERE model_id = :model_id",
        Binds::none(),
        table,
    )
}

fn update(connection: &Connection, sql: &str, binds: Binds<'_>, table: &VectorTable) -> Result<(), OracleError> {
    execute(connection, sql, &binds.with("model_id", table.model_id))?;
    Ok(connection.commit().map_err(DriverError::from)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(presence: Presence, built_rows: Option<u64>) -> IndexState {
        IndexState {
            table: VectorTable::new(1, 8),
            is_current: true,
            organization: Organization::of_kind(IndexKind::Ivf),
            presence,
            built_rows,
            counted_at: None,
            failure: None,
            table_statistics: None,
            image_statistics: None,
            now: OffsetDateTime::UNIX_EPOCH,
        }
    }

    #[test]
    fn an_index_is_due_when_there_is_something_to_learn_and_when_the_table_has_outgrown_it() {
        let valid = Presence::Valid(IndexKind::Ivf);
        assert_eq!(state(Presence::Missing, None).index_due_at(10_000), Some(10_000));
        assert_eq!(state(Presence::Unusable("UNUSABLE".into()), Some(50_000)).index_due_at(10_000), Some(10_000));
        assert_eq!(state(valid.clone(), Some(30_000)).index_due_at(10_000), Some(120_000));
        assert_eq!(state(valid.clone(), Some(3)).index_due_at(10_000), Some(10_000), "built by hand over few rows");
        assert_eq!(state(valid, None).index_due_at(10_000), Some(10_000), "built by an earlier version");
    }

    #[test]
    fn a_graph_is_never_outgrown_and_another_kind_is_replaced() {
        let hnsw = Organization::of_kind(IndexKind::Hnsw);
        let graph = IndexState { organization: hnsw, ..state(Presence::Valid(IndexKind::Hnsw), Some(10)) };
        assert_eq!(graph.index_due_at(1), None);
        let other = IndexState { organization: hnsw, ..state(Presence::Valid(IndexKind::Ivf), Some(10)) };
        assert_eq!(other.index_due_at(1), Some(1));
        let none = IndexState { organization: Organization::None, ..state(Presence::Missing, None) };
        assert_eq!(none.index_due_at(1), None);
    }

    #[test]
    fn a_failed_build_is_not_tried_again_for_an_hour() {
        let now = OffsetDateTime::UNIX_EPOCH + Duration::from_secs(100_000);
        let failed = |minutes: u64| IndexState {
            now,
            failure: Some(Failure { at: now - Duration::from_secs(minutes * 60), reason: String::new() }),
            ..state(Presence::Missing, None)
        };
        assert_eq!(failed(59).index_due_at(5), None);
        assert_eq!(failed(60).index_due_at(5), Some(5));
    }

    #[test]
    fn a_long_count_is_repeated_less_often_than_a_short_one() {
        let now = OffsetDateTime::UNIX_EPOCH + Duration::from_secs(100_000);
        let counted = |ago: u64| IndexState {
            now,
            counted_at: Some(now - Duration::from_secs(ago)),
            ..state(Presence::Missing, None)
        };
        assert!(counted(0).may_count(10_000, Occasion::Regular));
        assert!(!counted(3_999).may_count(40_000_000, Occasion::Regular));
        assert!(counted(4_000).may_count(40_000_000, Occasion::Regular));
        assert!(counted(0).may_count(40_000_000, Occasion::AfterBulkWork));
    }

    #[test]
    fn numbers_that_no_index_can_have_count_as_not_chosen() {
        let row = OrganizationRow {
            kind: Some("hnsw".into()),
            partitions: Some(9),
            neighbors: Some(1),
            efconstruction: Some(200),
            quantization: Some("int3".into()),
            parallel: Some(0),
        };
        assert_eq!(row.organization(), Organization::of_kind(IndexKind::Hnsw));
        let before = OrganizationRow { kind: None, partitions: None, ..row };
        assert_eq!(before.organization(), Organization::of_kind(IndexKind::Ivf));
    }
}
