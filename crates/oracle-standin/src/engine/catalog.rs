//! The tables, views, sequences and text preferences of a database. They are kept as one JSON document in the database,
//! which is read again when its version has changed.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension as _};
use serde::{Deserialize, Serialize};

use super::types::Ty;
use crate::errors::{OraError, Result};
use crate::sql::ast::{ConstraintKind, IndexKind};

/// The whole dictionary.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Catalog {
    /// Counts changes.
    pub version: i64,
    /// The last number given to a table, an index or a generated name.
    pub last_id: i64,
    pub tables: BTreeMap<String, Table>,
    pub views: BTreeMap<String, View>,
    pub sequences: BTreeMap<String, Sequence>,
    pub preferences: BTreeMap<String, Preference>,
    #[serde(default)]
    pub jobs: BTreeMap<String, Job>,
}

/// A job of the scheduler.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Job {
    /// The PL/SQL block.
    pub action: String,
    pub repeat_interval: String,
    pub enabled: bool,
    /// The errors of the runs in the background, in their order; None for a run that succeeded.
    pub runs: Vec<Option<String>>,
}

/// A table. In SQLite it is called `T$<id>`, so that renaming changes nothing there.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Table {
    pub name: String,
    pub id: i64,
    pub columns: Vec<Column>,
    pub constraints: Vec<Constraint>,
    pub indexes: Vec<Index>,
    /// The number of rows in the statistics, once they have been gathered.
    pub num_rows: Option<i64>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Column {
    pub name: String,
    pub ty: Ty,
    /// Most characters, where the length was given in characters.
    pub chars: Option<u32>,
    pub nullable: bool,
    /// The text of the default.
    pub default: Option<String>,
    pub default_on_null: bool,
    /// `(always, on null)` for an identity column.
    pub identity: Option<(bool, bool)>,
    pub comment: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Constraint {
    pub name: String,
    pub kind: ConstraintKind,
    /// Whether new rows are not checked.
    #[serde(default)]
    pub disabled: bool,
    /// Whether older rows have not been checked.
    #[serde(default)]
    pub not_validated: bool,
}

/// An index. In SQLite it is called `I$<id>` and never unique: Oracle checks uniqueness at the end of a statement.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Index {
    pub name: String,
    pub id: i64,
    /// The texts of the keys.
    pub keys: Vec<String>,
    pub kind: IndexKind,
    /// `VALID` or `UNUSABLE`; for a text index also `FAILED` and `INPROGRS` (its creation failed, or was killed).
    pub status: String,
    /// The number of times that CTX_DDL.OPTIMIZE_INDEX has run.
    #[serde(default)]
    pub optimized: i64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct View {
    pub name: String,
    /// Given names; empty where the query's own are used.
    pub columns: Vec<String>,
    pub text: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Sequence {
    pub name: String,
    pub id: i64,
    pub start: i64,
    pub increment: i64,
}

/// An Oracle Text preference.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Preference {
    pub object: String,
    pub attributes: BTreeMap<String, String>,
}

/// A key that must be unique in a table: the name of the constraint or index, and the texts of the keys.
#[derive(Debug, Clone)]
pub struct UniqueKey {
    pub name: String,
    pub keys: Vec<String>,
}

/// A name as SQL, quoted.
pub fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

impl Table {
    /// The table's name in SQLite.
    pub fn physical(&self) -> String {
        format!("\"T${}\"", self.id)
    }

    pub fn column(&self, name: &str) -> Result<usize> {
        self.columns
            .iter()
            .position(|column| column.name == name)
            .ok_or_else(|| OraError::new(904, format_args!("\"{name}\": invalid identifier")))
    }

    pub fn unique_keys(&self) -> Vec<UniqueKey> {
        let texts = |columns: &[String]| columns.iter().map(|name| quoted(name)).collect();
        let of_constraints = self.constraints.iter().filter_map(|constraint| match &constraint.kind {
            ConstraintKind::PrimaryKey(columns) => {
                Some(UniqueKey { name: constraint.name.clone(), keys: texts(columns) })
            }
            ConstraintKind::Unique(columns) => Some(UniqueKey { name: constraint.name.clone(), keys: texts(columns) }),
            _ => None,
        });
        let of_indexes = self.indexes.iter().filter(|index| index.kind == IndexKind::Normal { unique: true });
        of_constraints
            .chain(of_indexes.map(|index| UniqueKey { name: index.name.clone(), keys: index.keys.clone() }))
            .collect()
    }

    /// The columns of the primary key.
    pub fn primary_key(&self) -> Option<&[String]> {
        self.constraints.iter().find_map(|constraint| match &constraint.kind {
            ConstraintKind::PrimaryKey(columns) => Some(columns.as_slice()),
            _ => None,
        })
    }

    /// The text index on a column.
    pub fn context_index(&self, column: &str) -> Option<&Index> {
        self.indexes.iter().find(|index| {
            matches!(index.kind, IndexKind::Context { .. })
                && index.keys.len() == 1
                && index.keys[0].trim_matches('"').eq_ignore_ascii_case(column)
        })
    }

    /// Refuses a table with a half built text index.
    ///
    /// # Errors
    /// ORA-29861.
    pub fn text_indexes_are_whole(&self) -> Result<()> {
        let half = |index: &&Index| matches!(index.kind, IndexKind::Context { .. }) && index.status != "VALID";
        match self.indexes.iter().find(half) {
            Some(_) => Err(OraError::new(29861, "domain index is marked LOADING/FAILED/UNUSABLE")),
            None => Ok(()),
        }
    }

    /// Whether a vector index is on a column.
    pub fn has_vector_index(&self, column: &str) -> bool {
        self.indexes.iter().any(|index| {
            matches!(index.kind, IndexKind::Vector(_)) && index.keys[0].trim_matches('"').eq_ignore_ascii_case(column)
        })
    }
}

impl Catalog {
    /// Makes the place for the document.
    ///
    /// # Errors
    /// The errors of SQLite.
    pub fn prepare(connection: &Connection) -> Result<()> {
        connection
            .execute_batch("CREATE TABLE IF NOT EXISTS ora_catalog (version INTEGER NOT NULL, body TEXT NOT NULL)")?;
        Ok(())
    }

    /// Reads it if there is a newer one than `known`.
    ///
    /// # Errors
    /// The errors of SQLite.
    pub fn newer_than(connection: &Connection, known: i64) -> Result<Option<Self>> {
        let body: Option<String> = connection
            .prepare_cached("SELECT body FROM ora_catalog WHERE version <> ?1")?
            .query_row([known], |row| row.get(0))
            .optional()?;
        body.map(|body| {
            serde_json::from_str(&body).map_err(|error| OraError::new(600, format_args!("catalog: {error}")))
        })
        .transpose()
    }

    /// Writes it, with the next version.
    ///
    /// # Errors
    /// The errors of SQLite.
    pub fn save(&mut self, connection: &Connection) -> Result<()> {
        self.version += 1;
        let body = serde_json::to_string(self).map_err(|error| OraError::new(600, format_args!("catalog: {error}")))?;
        connection.execute("DELETE FROM ora_catalog", [])?;
        connection.execute("INSERT INTO ora_catalog (version, body) VALUES (?1, ?2)", (self.version, body))?;
        Ok(())
    }

    pub fn next_id(&mut self) -> i64 {
        self.last_id += 1;
        self.last_id
    }

    /// # Errors
    /// ORA-00942.
    pub fn table(&self, name: &str) -> Result<&Table> {
        self.tables.get(name).ok_or_else(|| Self::no_such_table(name))
    }

    /// # Errors
    /// ORA-00942.
    pub fn table_mut(&mut self, name: &str) -> Result<&mut Table> {
        self.tables.get_mut(name).ok_or_else(|| Self::no_such_table(name))
    }

    pub fn no_such_table(name: &str) -> OraError {
        OraError::new(942, format_args!("table or view \"{name}\" does not exist"))
    }

    /// # Errors
    /// ORA-00955 when a table, view or sequence has that name.
    pub fn name_is_free(&self, name: &str) -> Result<()> {
        let taken =
            self.tables.contains_key(name) || self.views.contains_key(name) || self.sequences.contains_key(name);
        if taken { Err(OraError::new(955, "name is already used by an existing object")) } else { Ok(()) }
    }

    /// The table and place of an index.
    pub fn find_index(&self, name: &str) -> Option<(&Table, usize)> {
        self.tables
            .values()
            .find_map(|table| table.indexes.iter().position(|index| index.name == name).map(|i| (table, i)))
    }

    /// The table of a constraint.
    pub fn find_constraint(&self, name: &str) -> Option<&Table> {
        self.tables.values().find(|table| table.constraints.iter().any(|constraint| constraint.name == name))
    }

    /// Foreign keys that refer to a table: the referring table and the constraint.
    pub fn references_to<'a>(&'a self, name: &'a str) -> impl Iterator<Item = (&'a Table, &'a Constraint)> + 'a {
        self.tables.values().flat_map(move |table| {
            table
                .constraints
                .iter()
                .filter(move |constraint| {
                    !constraint.disabled
                        && matches!(&constraint.kind, ConstraintKind::ForeignKey { table, .. } if table == name)
                })
                .map(move |constraint| (table, constraint))
        })
    }
}
