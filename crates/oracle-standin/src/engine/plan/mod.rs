//! Translates trees of Oracle's SQL into SQLite's SQL with typed columns. Names and types are checked here by Oracle's
//! rules, because SQLite would accept nearly everything.

mod calls;
mod check;
mod expr;
mod operators;
mod query;
mod tables;

use std::collections::HashMap;

use rusqlite::types::Value;

use super::catalog::Catalog;
use super::types::Ty;
use crate::errors::{OraError, Result};

/// A bound value.
#[derive(Debug, Clone)]
pub struct Bind {
    pub name: String,
    pub value: Value,
    pub ty: Ty,
}

/// A PL/SQL variable.
#[derive(Debug, Clone)]
pub struct Variable {
    pub value: Value,
    pub ty: Ty,
}

/// PL/SQL variables by name.
pub type Variables = HashMap<String, Variable>;

/// A column of a result.
#[derive(Debug, Clone)]
pub struct OutColumn {
    pub name: String,
    pub ty: Ty,
    pub nullable: bool,
}

/// SQL of SQLite with the type of its value.
#[derive(Debug, Clone)]
pub struct Typed {
    pub sql: String,
    pub ty: Ty,
}

/// A query ready to run.
#[derive(Debug, Clone)]
pub struct Planned {
    pub sql: String,
    pub columns: Vec<OutColumn>,
    /// Tables whose rowids stand in hidden columns after the others, for locking.
    pub row_tables: Vec<String>,
}

#[derive(Debug, Clone)]
struct RelationColumn {
    name: String,
    sql: String,
    ty: Ty,
    nullable: bool,
}

/// Something in a FROM clause.
#[derive(Debug, Clone)]
struct Relation {
    /// The name that qualifies its columns.
    name: String,
    sql_alias: String,
    columns: Vec<RelationColumn>,
    /// The table, if it is one.
    table: Option<String>,
}

/// The names that one query block sees.
#[derive(Debug, Clone, Default)]
struct Frame {
    relations: Vec<Relation>,
    /// Columns of USING, which need no qualifier.
    merged: Vec<String>,
    /// CONTAINS expressions by their label, for SCORE.
    scores: HashMap<String, String>,
    /// Whether aggregates may stand here.
    aggregates: bool,
}

#[derive(Debug, Clone)]
struct CteColumns {
    sql_name: String,
    columns: Vec<OutColumn>,
}

/// Where values for pseudo-columns and sequences come from.
pub trait Environment {
    /// The user's name.
    fn user(&self) -> String;
    /// The next value of a sequence, or its current one.
    ///
    /// # Errors
    /// ORA-02289, ORA-08002.
    fn sequence(&self, name: &str, next: bool) -> Result<i64>;
    /// The release of the database, as major and minor number.
    ///
    /// # Errors
    /// The errors of SQLite.
    fn release(&self) -> Result<(u32, u32)>;
    /// The percentage of the nearest rows that an approximate search finds, as far as reports say.
    ///
    /// # Errors
    /// The errors of SQLite.
    fn accuracy(&self) -> Result<u32>;
    /// Rows of a dictionary view as a JSON array of arrays, with its columns; None for a name that is none.
    fn dictionary(&self, name: &str) -> Option<(Vec<(&'static str, Ty)>, String)>;
}

/// Makes SQLite's SQL. Parameters are collected on the way.
pub struct Planner<'a> {
    catalog: &'a Catalog,
    environment: &'a dyn Environment,
    binds: &'a [Bind],
    variables: Option<&'a Variables>,
    pub params: Vec<Value>,
    bind_params: HashMap<usize, usize>,
    frames: Vec<Frame>,
    ctes: Vec<(String, CteColumns)>,
    aliases: usize,
    depth: usize,
    now: i64,
}

impl<'a> Planner<'a> {
    pub fn new(
        catalog: &'a Catalog,
        environment: &'a dyn Environment,
        binds: &'a [Bind],
        variables: Option<&'a Variables>,
    ) -> Self {
        Self {
            catalog,
            environment,
            binds,
            variables,
            params: Vec::new(),
            bind_params: HashMap::new(),
            frames: Vec::new(),
            ctes: Vec::new(),
            aliases: 0,
            depth: 0,
            now: super::time::now(),
        }
    }

    fn param(&mut self, value: Value) -> String {
        self.params.push(value);
        format!("?{}", self.params.len())
    }

    fn alias(&mut self) -> String {
        self.aliases += 1;
        format!("r{}", self.aliases)
    }

    fn frame(&mut self) -> Result<&mut Frame> {
        self.frames.last_mut().ok_or_else(|| OraError::new(600, "internal error: no frame"))
    }

    /// Finds a column from the inside out.
    fn column(&self, qualifier: Option<&str>, name: &str) -> Result<Option<(Typed, bool)>> {
        for frame in self.frames.iter().rev() {
            let mut found = frame
                .relations
                .iter()
                .filter(|relation| qualifier.is_none_or(|qualifier| relation.name == qualifier))
                .flat_map(|relation| relation.columns.iter().map(move |column| (relation, column)))
                .filter(|(_, column)| column.name == name);
            if let Some((relation, column)) = found.next() {
                let merged = qualifier.is_none() && frame.merged.iter().any(|merged| merged == name);
                if found.next().is_some() && !merged {
                    return Err(OraError::new(918, format_args!("{name}: column ambiguously specified")));
                }
                let sql = format!("{}.{}", relation.sql_alias, column.sql);
                return Ok(Some((Typed { sql, ty: column.ty.clone() }, column.nullable)));
            }
        }
        Ok(None)
    }

    /// A relation of the innermost block by its name.
    fn relation(&self, name: &str) -> Option<&Relation> {
        self.frames.iter().rev().find_map(|frame| frame.relations.iter().find(|relation| relation.name == name))
    }
}
