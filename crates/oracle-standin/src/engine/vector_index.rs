//! The rules of vector indexes that depend on the release, and the packages that look after indexes and statistics.

use rusqlite::types::Value;

use super::catalog::Table;
use super::dml::Values;
use super::session::{Outcome, Session};
use super::side::Side;
use crate::errors::{OraError, Result};
use crate::sql::Parser;
use crate::sql::ast::{IndexKind, VectorIndex};

/// The largest number of included columns.
const MAX_INCLUDED: usize = 31;

/// The first release with the name 26ai.
const FIRST_26AI: (u32, u32) = (23, 26);

/// Returns whether a release has what the 26ai edition of the guide describes and the 23ai edition does not.
pub fn is_26ai(release: (u32, u32)) -> bool {
    release >= FIRST_26AI
}

/// Checks the clauses of a vector index against the release and the table.
///
/// # Errors
/// An error of the stand-in for what a release does not have; ORA-00904 for a column that is not there.
pub fn check(index: &VectorIndex, table: &Table, side: &Side) -> Result<()> {
    let newer = is_26ai(side.release()?);
    if index.quantized && !newer {
        return Err(OraError::unsupported("QUANTIZATION before 26ai"));
    }
    if index.online && !newer {
        return Err(OraError::unsupported("CREATE VECTOR INDEX … ONLINE before 26ai"));
    }
    if index.online && (index.in_memory || !index.included.is_empty()) {
        return Err(OraError::unsupported("ONLINE for a graph, or for an index with included columns"));
    }
    if index.in_memory && !index.included.is_empty() && !newer {
        return Err(OraError::unsupported("included columns of a graph before 26ai"));
    }
    if index.included.len() > MAX_INCLUDED {
        return Err(OraError::unsupported("an index with more than 31 included columns"));
    }
    index.included.iter().try_for_each(|column| table.column(column).map(|_| ()))
}

/// Checks ALTER INDEX of a vector index: REBUILD ONLINE [PARALLEL n] of an inverted file, since 26ai ("Inverted File
/// Flat ALTER INDEX"), or UNUSABLE.
///
/// # Errors
/// An error of the stand-in for anything else.
pub fn check_alteration(index: &VectorIndex, rest: &str, side: &Side) -> Result<()> {
    let words: Vec<&str> = rest.split_whitespace().collect();
    let known = match words.as_slice() {
        ["UNUSABLE"] => true,
        ["REBUILD", "ONLINE"] => !index.in_memory,
        ["REBUILD", "ONLINE", "PARALLEL", degree] => !index.in_memory && degree.parse::<u16>().is_ok(),
        _ => false,
    };
    if !known || words[0] == "REBUILD" && !is_26ai(side.release()?) {
        return Err(OraError::unsupported(format_args!("ALTER INDEX {rest} of this vector index in this release")));
    }
    Ok(())
}

/// The arguments of a call, by name and place.
pub type Arguments<'a> = &'a dyn Fn(&str, usize) -> Option<String>;

impl Session {
    /// DBMS_VECTOR.REBUILD_INDEX: drops the index and makes it again with all parameters given ("REBUILD_INDEX").
    pub(super) fn rebuild_vector_index(&mut self, named: Arguments<'_>) -> Result<()> {
        let text = |name: &str, place: usize| named(name, place).unwrap_or_default();
        let wrong = |what: &str| OraError::new(20000, format_args!("REBUILD_INDEX: {what} is missing or wrong"));
        let (index, table, column) = (text("IDX_NAME", 0), text("TABLE_NAME", 1), text("IDX_VECTOR_COL", 2));
        if index.is_empty() || table.is_empty() || column.is_empty() {
            return Err(OraError::unsupported("REBUILD_INDEX without every parameter"));
        }
        let parameters: serde_json::Value =
            serde_json::from_str(&text("IDX_PARAMETERS", 8)).map_err(|_| wrong("idx_parameters"))?;
        let number = |name: &str| parameters[name].as_i64().ok_or_else(|| wrong(name));
        let parameters = match parameters["type"].as_str() {
            Some("IVF") => format!("TYPE IVF, NEIGHBOR PARTITIONS {}", number("partitions")?),
            Some("HNSW") => {
                format!("TYPE HNSW, NEIGHBORS {}, EFCONSTRUCTION {}", number("neighbors")?, number("efConstruction")?)
            }
            _ => return Err(wrong("type")),
        };
        if !["", "GLOBAL"].contains(&text("IDX_PARTITIONING_SCHEME", 4).as_str()) {
            return Err(OraError::unsupported("local vector indexes"));
        }
        let or = |text: String, default: &str| if text.is_empty() { default.to_owned() } else { text };
        let included = text("IDX_INCLUDE_COLS", 3);
        let include = if included.is_empty() { String::new() } else { format!(" INCLUDE ({included})") };
        let create = format!(
            "CREATE VECTOR INDEX {index} ON {table} ({column}){include} ORGANIZATION {} DISTANCE {} \
             WITH TARGET ACCURACY {} PARAMETERS ({parameters}) PARALLEL {}",
            text("IDX_ORGANIZATION", 5),
            or(text("IDX_DISTANCE_METRIC", 6), "COSINE"),
            or(text("IDX_ACCURACY", 7), "90"),
            or(text("IDX_PARALLEL_CREATION", 9), "1"),
        );
        for sql in [format!("DROP INDEX {index}"), create] {
            let statement = Parser::new(&sql)?.whole_statement()?;
            self.run(&statement, Values { binds: &[], variables: None })?;
        }
        Ok(())
    }

    /// DBMS_STATS.GATHER_TABLE_STATS: counts the rows of a table of the user's own.
    pub(super) fn gather_statistics(&mut self, named: Arguments<'_>) -> Result<()> {
        let owner = named("OWNNAME", 0).unwrap_or_default();
        if !owner.is_empty() && !owner.eq_ignore_ascii_case(&self.user) {
            return Err(OraError::new(20000, "Unable to analyze TABLE of another schema: insufficient privileges"));
        }
        let name = named("TABNAME", 1).unwrap_or_default().to_uppercase();
        let statement = Parser::new(&format!("SELECT COUNT(*) FROM {name}"))?.whole_statement()?;
        let Outcome::Rows { rows, .. } = self.run(&statement, Values { binds: &[], variables: None })? else {
            return Err(OraError::new(600, "internal error: a count without rows"));
        };
        let count = match rows.first().and_then(|row| row.first()) {
            Some(Value::Integer(count)) => Some(*count),
            _ => None,
        };
        self.change_catalog(|catalog| {
            catalog.table_mut(&name)?.num_rows = count;
            Ok(())
        })
    }
}

/// Returns whether a table refuses changes: releases before 26ai forbid them while it has a graph.
pub fn forbids_changes(table: &Table, release: (u32, u32)) -> bool {
    let is_graph = |kind: &IndexKind| matches!(kind, IndexKind::Vector(VectorIndex { in_memory: true, .. }));
    !is_26ai(release) && table.indexes.iter().any(|index| is_graph(&index.kind))
}
