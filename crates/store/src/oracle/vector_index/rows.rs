//! The rows that hold the state of vector indexes: those of EMBEDDING_MODELS, and those of the dictionary.

use oracle::sql_type::Timestamp;
use oracle::{Connection, Row};
use time::OffsetDateTime;

use super::organization::{Graph, IndexKind, Organization};
use super::state::{Failure, IndexState, Presence};
use crate::oracle::connection::error::{DriverError, OracleError};
use crate::oracle::connection::session::{execute, query};
use crate::oracle::connection::value::{self, Binds, Value};
use crate::oracle::rows::models::VectorTable;

/// Selects one row for each model, in the columns that [`read`] reads.
pub(crate) const SELECT_STATES: &str = "SELECT m.model_id, m.vector_dimension, m.is_current, \
     m.index_organization, m.index_partitions, m.index_neighbors, m.index_efconstruction, m.index_quantization, \
     m.index_parallel, m.index_include_facts, m.index_built_rows, \
     m.index_counted_at, m.index_failed_at, m.index_failure, x.status, x.index_subtype, t.num_rows, i.num_rows, \
     SYS_EXTRACT_UTC(SYSTIMESTAMP) FROM embedding_models m \
     LEFT JOIN user_indexes x ON x.index_name = m.vector_table || '_VEC' \
     LEFT JOIN user_tables t ON t.table_name = m.vector_table \
     LEFT JOIN user_tables i ON i.table_name = 'IMAGES' \
     WHERE m.vector_table IS NOT NULL ORDER BY m.model_id";

/// The number of models that a query expects.
pub(crate) const MODELS: usize = 100;

/// Reads a row of [`SELECT_STATES`].
pub(crate) fn read(row: &Row) -> Result<IndexState, OracleError> {
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
        include_facts: row.get(9)?,
    };
    let reason: Option<String> = row.get(13)?;
    let presence = match row.get::<_, Option<String>>(14)? {
        None => Presence::Missing,
        Some(status) if status == "VALID" => Presence::Valid(kind_of_subtype(row.get(15)?)),
        Some(status) => Presence::Unusable(status),
    };
    Ok(IndexState {
        table: VectorTable::new(row.get(0)?, row.get(1)?),
        is_current: row.get::<_, Option<String>>(2)?.as_deref() == Some("Y"),
        organization: organization.organization(),
        presence,
        built_rows: row.get(10)?,
        counted_at: date(11)?,
        failure: date(12)?.map(|at| Failure { at, reason: reason.unwrap_or_default() }),
        table_statistics: row.get(16)?,
        image_statistics: row.get(17)?,
        now: value::to_date(&row.get::<_, Timestamp>(18)?)?,
    })
}

/// The columns of EMBEDDING_MODELS that hold an organization.
struct OrganizationRow {
    kind: Option<String>,
    partitions: Option<u32>,
    neighbors: Option<u32>,
    efconstruction: Option<u32>,
    quantization: Option<String>,
    parallel: Option<u32>,
    include_facts: Option<String>,
}

impl OrganizationRow {
    /// Returns the organization. A row without a kind belongs to a version that made inverted files only, and a number
    /// that no index can have counts as not chosen.
    fn organization(&self) -> Organization {
        let kind = self.kind.as_deref().and_then(|name| name.parse().ok()).unwrap_or(IndexKind::Ivf);
        let parallel = self.parallel.and_then(|degree| degree.try_into().ok());
        let include_facts = self.include_facts.as_deref().map(|flag| flag == "Y");
        match kind {
            IndexKind::Ivf => {
                let partitions = self.partitions.and_then(|n| n.try_into().ok());
                Organization::Ivf { partitions, parallel, include_facts }
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
                    include_facts,
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
    query(connection, SELECT_STATES, &Binds::none(), MODELS, &mut read)
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
    let (mut partitions, mut graph, mut quantization, mut parallel, mut include_facts) = (None, None, None, None, None);
    match organization {
        Organization::Ivf { partitions: chosen, parallel: degree, include_facts: facts } => {
            (partitions, parallel, include_facts) = (chosen, degree, facts);
        }
        Organization::Hnsw { graph: shape, quantization: format, parallel: degree, include_facts: facts } => {
            (graph, quantization, parallel, include_facts) = (shape, format, degree, facts);
        }
        Organization::None => {}
    }
    update(
        connection,
        "UPDATE embedding_models SET index_organization = :organization, index_partitions = :partitions, \
         index_neighbors = :neighbors, index_efconstruction = :efconstruction, index_quantization = :quantization, \
         index_parallel = :parallel, index_include_facts = :include_facts WHERE model_id = :model_id",
        Binds::none()
            .with("organization", organization.kind().name())
            .with("partitions", optional(partitions.map(|n| n.get())))
            .with("neighbors", optional(graph.map(|graph| graph.neighbors.get())))
            .with("efconstruction", optional(graph.map(|graph| graph.efconstruction.get())))
            .with("quantization", Value::Text(quantization.map(|format| format.name().into())))
            .with("parallel", optional(parallel.map(|degree| degree.get())))
            .with("include_facts", Value::Text(include_facts.map(|facts| if facts { "Y" } else { "N" }.into()))),
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

    #[test]
    fn numbers_that_no_index_can_have_count_as_not_chosen() {
        let row = OrganizationRow {
            kind: Some("hnsw".into()),
            partitions: Some(9),
            neighbors: Some(1),
            efconstruction: Some(200),
            quantization: Some("int3".into()),
            parallel: Some(0),
            include_facts: None,
        };
        assert_eq!(row.organization(), Organization::of_kind(IndexKind::Hnsw));
        let before = OrganizationRow { kind: None, partitions: None, ..row };
        assert_eq!(before.organization(), Organization::of_kind(IndexKind::Ivf));
    }
}
