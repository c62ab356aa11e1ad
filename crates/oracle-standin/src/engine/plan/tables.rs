//! FROM clauses.

use super::{OutColumn, Planner, Relation, RelationColumn};
use crate::engine::catalog::quoted;
use crate::engine::types::{Family, NUMBER, Ty};
use crate::errors::{OraError, Result};
use crate::sql::Parser;
use crate::sql::ast::*;

fn of_query(name: String, sql_alias: String, columns: &[OutColumn]) -> Relation {
    let columns = columns
        .iter()
        .enumerate()
        .map(|(i, column)| RelationColumn {
            name: column.name.clone(),
            sql: format!("k{i}"),
            ty: column.ty.clone(),
            nullable: column.nullable,
        })
        .collect();
    Relation { name, sql_alias, columns, table: None }
}

impl Planner<'_> {
    pub(super) fn from(&mut self, tables: &[TableRef]) -> Result<String> {
        let parts = tables.iter().map(|table| self.table_ref(table)).collect::<Result<Vec<_>>>()?;
        Ok(parts.join(", "))
    }

    fn add(&mut self, relation: Relation) -> Result<()> {
        let frame = self.frame()?;
        if !relation.name.is_empty() && frame.relations.iter().any(|other| other.name == relation.name) {
            return Err(OraError::new(918, format_args!("{}: the name stands for two tables", relation.name)));
        }
        frame.relations.push(relation);
        Ok(())
    }

    /// The target of an UPDATE, DELETE or MERGE, or the one table of a query made here.
    pub fn base_table(&mut self, name: &str, alias: Option<&str>) -> Result<String> {
        self.table_ref(&TableRef::Named { name: name.to_owned(), alias: alias.map(str::to_owned) })
    }

    /// Opens a block for [`Self::base_table`].
    pub fn open(&mut self) {
        self.frames.push(super::Frame::default());
    }

    /// The name that SQLite gives to the first table of the block.
    pub fn first_alias(&self) -> String {
        self.frames
            .last()
            .and_then(|frame| frame.relations.first())
            .map_or_else(String::new, |relation| relation.sql_alias.clone())
    }

    pub fn table_ref(&mut self, table: &TableRef) -> Result<String> {
        match table {
            TableRef::Named { name, alias } => self.named(name, alias.clone()),
            TableRef::Query { query, alias } => {
                // An inline view does not see the tables beside it, but those of outer blocks it does not see either.
                let frames = std::mem::take(&mut self.frames);
                let planned = self.query(query);
                self.frames = frames;
                let planned = planned?;
                let sql_alias = self.alias();
                self.add(of_query(alias.clone().unwrap_or_default(), sql_alias.clone(), &planned.columns))?;
                Ok(format!("({}) AS {sql_alias}", planned.sql))
            }
            TableRef::JsonTable(table) => self.json_table(table),
            TableRef::Join { left, right, kind, on, using } => self.join(left, right, kind, on.as_ref(), using),
        }
    }

    fn named(&mut self, name: &str, alias: Option<String>) -> Result<String> {
        let sql_alias = self.alias();
        let known = alias.clone().unwrap_or_else(|| name.to_owned());
        if let Some((_, cte)) = self.ctes.iter().rev().find(|(cte, _)| cte == name) {
            let cte = cte.clone();
            self.add(of_query(known, sql_alias.clone(), &cte.columns))?;
            return Ok(format!("{} AS {sql_alias}", cte.sql_name));
        }
        let catalog = self.catalog;
        if let Some(table) = catalog.tables.get(name) {
            let columns = table
                .columns
                .iter()
                .map(|column| RelationColumn {
                    name: column.name.clone(),
                    sql: quoted(&column.name),
                    ty: column.ty.clone(),
                    nullable: column.nullable,
                })
                .collect();
            self.add(Relation { name: known, sql_alias: sql_alias.clone(), columns, table: Some(name.to_owned()) })?;
            return Ok(format!("{} AS {sql_alias}", table.physical()));
        }
        if let Some(view) = catalog.views.get(name) {
            if self.depth > 100 {
                return Err(OraError::new(1731, "circular view definition encountered"));
            }
            let query = Parser::new(&view.text)?.query()?;
            let (frames, ctes) = (std::mem::take(&mut self.frames), std::mem::take(&mut self.ctes));
            self.depth += 10;
            let planned = self.query(&query);
            self.depth -= 10;
            (self.frames, self.ctes) = (frames, ctes);
            let mut planned = planned.map_err(|error| match error.code {
                942 | 904 => OraError::new(4063, format_args!("view \"{name}\" has errors\n{error}")),
                _ => error,
            })?;
            super::query::rename(&mut planned.columns, &view.columns)?;
            self.add(of_query(known, sql_alias.clone(), &planned.columns))?;
            return Ok(format!("({}) AS {sql_alias}", planned.sql));
        }
        if name == "DUAL" {
            let columns = [OutColumn { name: "DUMMY".to_owned(), ty: Ty::Varchar2(1), nullable: true }];
            self.add(of_query(known, sql_alias.clone(), &columns))?;
            return Ok(format!("(SELECT 'X' AS k0) AS {sql_alias}"));
        }
        if let Some((columns, rows)) = self.environment.dictionary(name) {
            let columns: Vec<OutColumn> =
                columns.into_iter().map(|(name, ty)| OutColumn { name: name.to_owned(), ty, nullable: true }).collect();
            let rows = self.constant(rusqlite::types::Value::Text(rows), Ty::Clob);
            let items: Vec<String> =
                (0..columns.len()).map(|i| format!("json_extract(j.value, '$[{i}]') AS k{i}")).collect();
            self.add(of_query(known, sql_alias.clone(), &columns))?;
            return Ok(format!("(SELECT {} FROM json_each({}) AS j) AS {sql_alias}", items.join(", "), rows.sql));
        }
        Err(crate::engine::catalog::Catalog::no_such_table(name))
    }

    fn join(
        &mut self,
        left: &TableRef,
        right: &TableRef,
        kind: &str,
        on: Option<&Expr>,
        using: &[String],
    ) -> Result<String> {
        let left_sql = self.table_ref(left)?;
        let before = self.frame()?.relations.len();
        let right_sql = self.table_ref(right)?;
        // The side that an outer join may leave out has nulls.
        let frame = self.frame()?;
        let (left_nulls, right_nulls) = match kind {
            "LEFT JOIN" => (false, true),
            "RIGHT JOIN" => (true, false),
            "FULL JOIN" => (true, true),
            _ => (false, false),
        };
        for (i, relation) in frame.relations.iter_mut().enumerate() {
            if if i < before { left_nulls } else { right_nulls } {
                relation.columns.iter_mut().for_each(|column| column.nullable = true);
            }
        }
        if !using.is_empty() {
            if kind == "FULL JOIN" || kind == "RIGHT JOIN" {
                return Err(OraError::unsupported("USING with this join"));
            }
            let mut conditions = Vec::new();
            for name in using {
                let find = |relations: &[Relation]| {
                    relations.iter().find_map(|relation| {
                        let column = relation.columns.iter().find(|column| column.name == *name)?;
                        Some(format!("{}.{}", relation.sql_alias, column.sql))
                    })
                };
                let frame = self.frame()?;
                let (a, b) = (find(&frame.relations[..before]), find(&frame.relations[before..]));
                let (Some(a), Some(b)) = (a, b) else {
                    return Err(OraError::new(904, format_args!("\"{name}\": invalid identifier")));
                };
                conditions.push(format!("{a} = {b}"));
                self.frame()?.merged.push(name.clone());
            }
            return Ok(format!("{left_sql} {kind} {right_sql} ON {}", conditions.join(" AND ")));
        }
        match on {
            Some(on) => {
                let on = self.condition(on)?;
                Ok(format!("{left_sql} {kind} {right_sql} ON {on}"))
            }
            None => Ok(format!("{left_sql} {kind} {right_sql}")),
        }
    }

    fn json_table(&mut self, table: &JsonTable) -> Result<String> {
        let frames = std::mem::take(&mut self.frames);
        let document = self.text(&table.document);
        self.frames = frames;
        let document = document.map_err(|error| match error.code {
            904 => OraError::unsupported("JSON_TABLE over a column of the table beside it"),
            _ => error,
        })?;
        let (mut columns, mut paths) = (Vec::new(), Vec::new());
        for column in &table.columns {
            let ty = match &column.kind {
                None => NUMBER,
                Some(kind) => Ty::from_name(kind)?.0,
            };
            let kind = match (&column.kind, column.as_json, ty.family()) {
                (None, ..) => "ordinality",
                (_, true, _) => "json",
                (_, _, Family::Number) => "number",
                _ => "text",
            };
            paths.push((column.path.clone(), kind));
            columns.push(OutColumn { name: column.name.clone(), ty, nullable: true });
        }
        let spec = serde_json::to_string(&paths)
            .map_err(|error| OraError::new(600, format_args!("internal error: {error}")))?;
        let items: Vec<String> =
            (0..columns.len()).map(|i| format!("json_extract(j.value, '$[{i}]') AS k{i}")).collect();
        let sql_alias = self.alias();
        self.add(of_query(table.alias.clone().unwrap_or_default(), sql_alias.clone(), &columns))?;
        Ok(format!(
            "(SELECT {} FROM json_each(ora_json_table({}, {}, {}, {})) AS j) AS {sql_alias}",
            items.join(", "),
            document.sql,
            super::expr::literal(&table.path),
            super::expr::literal(&spec),
            u8::from(table.error_on_error)
        ))
    }
}
