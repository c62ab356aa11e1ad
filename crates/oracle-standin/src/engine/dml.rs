//! INSERT, UPDATE and DELETE, with every constraint checked at the end of the statement.

use std::sync::Arc;

use rusqlite::types::Value;

use super::catalog::{Constraint, Table, UniqueKey};
use super::plan::{Bind, Planner, Typed, Variables};
use super::store;
use super::transaction::{Change, Step, Work};
use super::types::Ty;
use super::vector_index;
use crate::errors::{OraError, Result};
use crate::sql::Parser;
use crate::sql::ast::*;

/// The effect of a statement.
#[derive(Debug, Default)]
pub struct Affected {
    pub count: u64,
    /// One row of RETURNING values for each affected row.
    pub returned: Vec<Vec<Value>>,
    pub returned_types: Vec<Ty>,
}

/// Values that a statement refers to.
#[derive(Clone, Copy)]
pub struct Values<'a> {
    pub binds: &'a [Bind],
    pub variables: Option<&'a Variables>,
}

impl<'a> Work<'a> {
    pub fn planner<'b>(&'b self, values: Values<'b>) -> Planner<'b> {
        Planner::new(self.catalog, self.environment, values.binds, values.variables)
    }

    /// The table that a statement changes, locked against DDL.
    pub fn target(&self, name: &str) -> Step<&Table> {
        if self.catalog.views.contains_key(name) {
            return Err(OraError::new(1732, "data manipulation operation not legal on this view").into());
        }
        let table = self.catalog.table(name)?;
        self.lock("table", table.id, "", false)?;
        if vector_index::forbids_changes(table, self.environment.release()?) {
            return Err(OraError::new(
                51928,
                "DML is not supported on tables with INMEMORY NEIGHBOR GRAPH vector indexes.",
            )
            .into());
        }
        table.text_indexes_are_whole()?;
        Ok(table)
    }

    pub fn insert(&self, insert: &Insert, values: Values<'_>) -> Step<Affected> {
        let table = self.target(&insert.table)?;
        let places = if insert.columns.is_empty() {
            (0..table.columns.len()).collect()
        } else {
            insert.columns.iter().map(|name| table.column(name)).collect::<Result<Vec<_>>>()?
        };
        if let Some(twice) = (1..places.len()).find(|i| places[..*i].contains(&places[*i])) {
            return Err(OraError::new(957, format_args!("duplicate column name {}", insert.columns[twice])).into());
        }
        let mut rowids = Vec::new();
        for (types, row) in self.source_rows(insert, places.len(), values)? {
            let mut given: Vec<Option<(Value, Ty)>> = vec![None; table.columns.len()];
            for ((place, value), ty) in places.iter().zip(row).zip(types) {
                given[*place] = value.map(|value| (value, ty));
            }
            rowids.push(self.insert_row(table, given, values)?);
        }
        self.check_rows(table, &rowids, None)?;
        let mut affected = Affected { count: rowids.len() as u64, ..Affected::default() };
        self.returning(table, None, insert.returning.as_ref(), &rowids, values, &mut affected)?;
        Ok(affected)
    }

    /// Rows to insert, with their types; None stands for DEFAULT.
    #[expect(clippy::type_complexity, reason = "rows of optional values beside their types")]
    fn source_rows(
        &self,
        insert: &Insert,
        width: usize,
        values: Values<'_>,
    ) -> Step<Vec<(Vec<Ty>, Vec<Option<Value>>)>> {
        let count = |found: usize| match found.cmp(&width) {
            std::cmp::Ordering::Less => Err(OraError::new(947, "not enough values")),
            std::cmp::Ordering::Greater => Err(OraError::new(913, "too many values")),
            std::cmp::Ordering::Equal => Ok(()),
        };
        match &insert.source {
            InsertSource::Query(query) => {
                let mut planner = self.planner(values);
                let planned = planner.query(query)?;
                count(planned.columns.len())?;
                let types: Vec<Ty> = planned.columns.iter().map(|column| column.ty.clone()).collect();
                let rows = self.planned_rows(&planned, &planner.params)?;
                Ok(rows.into_iter().map(|row| (types.clone(), row.into_iter().map(Some).collect())).collect())
            }
            InsertSource::Values(rows) => rows
                .iter()
                .map(|row| {
                    count(row.len())?;
                    let (mut types, mut out) = (Vec::new(), Vec::new());
                    for expr in row {
                        let is_default = matches!(expr, Expr::Name(None, name) if name == "DEFAULT");
                        let (value, ty) = if is_default { (None, Ty::Null) } else { self.evaluate(expr, values)? };
                        types.push(ty);
                        out.push(value);
                    }
                    Ok((types, out))
                })
                .collect(),
        }
    }

    /// One expression without a table. A bare bind is taken as it is, however long.
    pub fn evaluate(&self, expr: &Expr, values: Values<'_>) -> Step<(Option<Value>, Ty)> {
        if let Expr::Bind(_, index) = expr {
            let bind = values.binds.get(*index).ok_or_else(|| OraError::new(1008, "not all variables bound"))?;
            return Ok((Some(bind.value.clone()), bind.ty.clone()));
        }
        let mut planner = self.planner(values);
        planner.open();
        let typed = planner.value(expr)?;
        let mut rows = self.rows(&format!("SELECT {}", typed.sql), &planner.params)?;
        Ok((rows.pop().and_then(|mut row| row.pop()), typed.ty))
    }

    /// Adds one row: defaults and identities filled in, values converted.
    pub fn insert_row(&self, table: &Table, given: Vec<Option<(Value, Ty)>>, values: Values<'_>) -> Step<i64> {
        let mut row = Vec::with_capacity(table.columns.len());
        for (column, given) in table.columns.iter().zip(given) {
            let was_given = given.is_some();
            let (mut value, mut ty) = given.unwrap_or((Value::Null, Ty::Null));
            if let Some((always, on_null)) = column.identity {
                if was_given && always {
                    return Err(OraError::new(32795, "cannot insert into a generated always identity column").into());
                }
                if !was_given || (on_null && value == Value::Null) {
                    let sequence = format!("identity {}.{}", table.id, column.name);
                    value = Value::Integer(self.side.take(&sequence, 1, 1, 1)?);
                    ty = Ty::Number { precision: 38, scale: 0 };
                }
            } else if let Some(default) = &column.default
                && (!was_given || (column.default_on_null && value == Value::Null))
            {
                let expr = Parser::new(default)?.expr()?;
                let (computed, computed_ty) = self.evaluate(&expr, values)?;
                (value, ty) = (computed.unwrap_or(Value::Null), computed_ty);
            }
            let value = store::convert(value, &ty, table, column, self.user)?;
            if value == Value::Null && !column.nullable {
                return Err(OraError::new(
                    1400,
                    format_args!("cannot insert NULL into (\"{}\".\"{}\".\"{}\")", self.user, table.name, column.name),
                )
                .into());
            }
            row.push(value);
        }
        let rowid = self.new_rowid()?;
        let columns = Arc::new(table.columns.iter().map(|column| column.name.clone()).collect());
        self.change(Change::Insert { table: table.id, rowid, columns, values: row })?;
        Ok(rowid)
    }

    pub fn update(&self, update: &Update, values: Values<'_>) -> Step<Affected> {
        let table = self.target(&update.table)?;
        let mut planner = self.planner(values);
        planner.open();
        let from = planner.base_table(&update.table, update.alias.as_deref())?;
        let assignments = self.assignments(table, &update.sets, &mut planner)?;
        let rows = self.matching(&mut planner, &from, &assignments, update.condition.as_ref())?;
        let rowids = self.update_rows(table, &assignments, rows)?;
        let mut affected = Affected { count: rowids.len() as u64, ..Affected::default() };
        self.returning(table, update.alias.as_deref(), update.returning.as_ref(), &rowids, values, &mut affected)?;
        Ok(affected)
    }

    /// The SET clause: the place of a column and what it becomes.
    pub fn assignments(
        &self,
        table: &Table,
        sets: &[Assignment],
        planner: &mut Planner<'_>,
    ) -> Step<Vec<(usize, Typed)>> {
        let mut out = Vec::new();
        for set in sets {
            let places = set.columns.iter().map(|name| table.column(name)).collect::<Result<Vec<_>>>()?;
            match (&set.value, places.as_slice()) {
                (Expr::Scalar(query), [_, _, ..]) => {
                    // `(a, b) = (SELECT x, y …)`: one subquery for each column.
                    let planned = planner.query(query)?;
                    if planned.columns.len() != places.len() {
                        return Err(OraError::new(913, "too many values").into());
                    }
                    for (i, (place, column)) in places.iter().zip(&planned.columns).enumerate() {
                        out.push((
                            *place,
                            Typed { sql: format!("(SELECT k{i} FROM ({}))", planned.sql), ty: column.ty.clone() },
                        ));
                    }
                }
                (Expr::Name(None, name), [place]) if name == "DEFAULT" => {
                    let text = table.columns[*place].default.clone().unwrap_or_else(|| "NULL".to_owned());
                    let expr = Parser::new(&text)?.expr()?;
                    out.push((*place, planner.any(&expr)?));
                }
                (value, [place]) => {
                    let typed =
                        if matches!(value, Expr::Bind(..)) { planner.any(value)? } else { planner.value(value)? };
                    out.push((*place, typed));
                }
                _ => return Err(OraError::new(1767, "UPDATE ... SET expression must be a subquery").into()),
            }
        }
        for (i, (place, _)) in out.iter().enumerate() {
            if out[..i].iter().any(|(other, _)| other == place) {
                return Err(OraError::new(957, "duplicate column name").into());
            }
            if table.columns[*place].identity.is_some_and(|(always, _)| always) {
                return Err(OraError::new(32796, "cannot update a generated always identity column").into());
            }
        }
        Ok(out)
    }

    /// Rowids and new values of the rows that a condition matches.
    fn matching(
        &self,
        planner: &mut Planner<'_>,
        from: &str,
        assignments: &[(usize, Typed)],
        condition: Option<&Expr>,
    ) -> Step<Vec<(i64, Vec<Value>)>> {
        let alias = planner.first_alias();
        let mut sql = format!("SELECT {alias}.rowid");
        for (_, typed) in assignments {
            sql.push_str(&format!(", {}", typed.sql));
        }
        sql.push_str(&format!(" FROM {from}"));
        if let Some(condition) = condition {
            sql.push_str(&format!(" WHERE {}", planner.condition(condition)?));
        }
        let rows = self.rows(&sql, &planner.params)?;
        Ok(rows.into_iter().filter_map(split_rowid).collect())
    }

    /// Gives rows new values. Returns their rowids.
    pub fn update_rows(
        &self,
        table: &Table,
        assignments: &[(usize, Typed)],
        rows: Vec<(i64, Vec<Value>)>,
    ) -> Step<Vec<i64>> {
        let rowids: Vec<i64> = rows.iter().map(|(rowid, _)| *rowid).collect();
        for rowid in &rowids {
            self.lock("row", table.id, &rowid.to_string(), true)?;
        }
        let changed: Vec<&str> = assignments.iter().map(|(place, _)| table.columns[*place].name.as_str()).collect();
        self.lock_keys(table, &rowids, Some(&changed))?;
        let columns = Arc::new(changed.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
        for (rowid, new) in rows {
            let mut converted = Vec::with_capacity(new.len());
            for ((place, typed), value) in assignments.iter().zip(new) {
                let column = &table.columns[*place];
                let value = store::convert(value, &typed.ty, table, column, self.user)?;
                if value == Value::Null && !column.nullable {
                    return Err(OraError::new(
                        1407,
                        format_args!(
                            "cannot update (\"{}\".\"{}\".\"{}\") to NULL",
                            self.user, table.name, column.name
                        ),
                    )
                    .into());
                }
                converted.push(value);
            }
            self.change(Change::Update { table: table.id, rowid, columns: Arc::clone(&columns), values: converted })?;
        }
        self.check_rows(table, &rowids, Some(&changed))?;
        Ok(rowids)
    }

    pub fn delete(&self, delete: &Delete, values: Values<'_>) -> Step<Affected> {
        let table = self.target(&delete.table)?;
        let mut planner = self.planner(values);
        planner.open();
        let from = planner.base_table(&delete.table, delete.alias.as_deref())?;
        let rows = self.matching(&mut planner, &from, &[], delete.condition.as_ref())?;
        let rowids: Vec<i64> = rows.into_iter().map(|(rowid, _)| rowid).collect();
        let mut affected = Affected { count: rowids.len() as u64, ..Affected::default() };
        self.returning(table, delete.alias.as_deref(), delete.returning.as_ref(), &rowids, values, &mut affected)?;
        self.delete_rows(table, &rowids)?;
        Ok(affected)
    }

    /// Removes rows, and what refers to them where a foreign key says so.
    pub fn delete_rows(&self, table: &Table, rowids: &[i64]) -> Step<()> {
        if rowids.is_empty() {
            return Ok(());
        }
        for rowid in rowids {
            self.lock("row", table.id, &rowid.to_string(), true)?;
        }
        self.lock_keys(table, rowids, None)?;
        for (child, constraint) in self.catalog.references_to(&table.name) {
            let ConstraintKind::ForeignKey { columns, referenced, on_delete, .. } = &constraint.kind else { continue };
            let referenced = self.referenced(table, referenced)?;
            let children = self.children(table, &referenced, child, columns, rowids)?;
            if children.is_empty() {
                continue;
            }
            match on_delete {
                OnDelete::Cascade => {
                    self.lock("table", child.id, "", false)?;
                    self.delete_rows(child, &children)?;
                }
                OnDelete::SetNull => {
                    let assignments = columns
                        .iter()
                        .map(|name| Ok((child.column(name)?, Typed { sql: String::new(), ty: Ty::Null })))
                        .collect::<Result<Vec<_>>>()?;
                    let rows = children.into_iter().map(|rowid| (rowid, vec![Value::Null; columns.len()])).collect();
                    self.update_rows(child, &assignments, rows)?;
                }
                OnDelete::Refuse => {
                    return Err(OraError::new(
                        2292,
                        format_args!(
                            "integrity constraint ({}.{}) violated - child record found",
                            self.user, constraint.name
                        ),
                    )
                    .into());
                }
            }
        }
        for rowid in rowids {
            self.change(Change::Delete { table: table.id, rowid: *rowid })?;
        }
        Ok(())
    }

    fn referenced(&self, parent: &Table, names: &[String]) -> Result<Vec<String>> {
        if !names.is_empty() {
            return Ok(names.to_vec());
        }
        parent
            .primary_key()
            .map(<[String]>::to_vec)
            .ok_or_else(|| OraError::new(2268, "referenced table does not have a primary key"))
    }

    fn children(
        &self,
        parent: &Table,
        referenced: &[String],
        child: &Table,
        columns: &[String],
        rowids: &[i64],
    ) -> Step<Vec<i64>> {
        let conditions: Vec<String> = referenced
            .iter()
            .zip(columns)
            .map(|(a, b)| format!("p.{} = c.{}", super::catalog::quoted(a), super::catalog::quoted(b)))
            .collect();
        let sql = format!(
            "SELECT c.rowid FROM {} AS c, {} AS p WHERE p.rowid IN (SELECT value FROM json_each(?1)) AND {}",
            child.physical(),
            parent.physical(),
            conditions.join(" AND ")
        );
        let rows = self.rows(&sql, &[id_list(rowids)])?;
        Ok(rows.into_iter().filter_map(split_rowid).map(|(rowid, _)| rowid).collect())
    }

    /// Values of keys for rows: `rowid`, then one value for each key.
    fn key_values(&self, table: &Table, keys: &[String], rowids: &[i64]) -> Step<Vec<(i64, Vec<Value>)>> {
        let mut planner = self.planner(Values { binds: &[], variables: None });
        planner.open();
        let from = planner.base_table(&table.name, None)?;
        let alias = planner.first_alias();
        let mut sql = format!("SELECT {alias}.rowid");
        for key in keys {
            let expr = Parser::new(key)?.expr()?;
            sql.push_str(&format!(", {}", planner.value(&expr)?.sql));
        }
        planner.params.push(id_list(rowids));
        sql.push_str(&format!(
            " FROM {from} WHERE {alias}.rowid IN (SELECT value FROM json_each(?{}))",
            planner.params.len()
        ));
        let rows = self.rows(&sql, &planner.params)?;
        Ok(rows.into_iter().filter_map(split_rowid).collect())
    }

    /// Unique keys that a change of some columns can touch; all of them for an insert or a delete.
    fn touched_keys(table: &Table, changed: Option<&[&str]>) -> Vec<UniqueKey> {
        let mut keys = table.unique_keys();
        if let Some(changed) = changed {
            keys.retain(|key| {
                key.keys.iter().any(|text| changed.iter().any(|name| text.to_uppercase().contains(name)))
            });
        }
        keys
    }

    /// Locks the present keys of rows: nobody may take a key that is about to be freed.
    fn lock_keys(&self, table: &Table, rowids: &[i64], changed: Option<&[&str]>) -> Step<()> {
        for key in Self::touched_keys(table, changed) {
            for (_, values) in self.key_values(table, &key.keys, rowids)? {
                if values.iter().any(|value| *value != Value::Null) {
                    self.lock("key", table.id, &key_text(&key.name, &values), true)?;
                }
            }
        }
        Ok(())
    }

    /// Checks constraints of rows that are new or have changed in some columns.
    pub fn check_rows(&self, table: &Table, rowids: &[i64], changed: Option<&[&str]>) -> Step<()> {
        if rowids.is_empty() {
            return Ok(());
        }
        self.check_conditions(table, rowids)?;
        self.check_vectors(table, rowids)?;
        for key in Self::touched_keys(table, changed) {
            self.check_unique(table, &key, rowids)?;
        }
        for constraint in &table.constraints {
            if let ConstraintKind::ForeignKey { columns, .. } = &constraint.kind
                && !constraint.disabled
                && changed.is_none_or(|changed| columns.iter().any(|column| changed.contains(&column.as_str())))
            {
                self.check_parents(table, constraint, rowids)?;
            }
        }
        Ok(())
    }

    fn check_conditions(&self, table: &Table, rowids: &[i64]) -> Step<()> {
        for constraint in &table.constraints {
            let ConstraintKind::Check(text) = &constraint.kind else { continue };
            let mut planner = self.planner(Values { binds: &[], variables: None });
            planner.open();
            let from = planner.base_table(&table.name, None)?;
            let condition = planner.condition(&Parser::new(text)?.expr()?)?;
            planner.params.push(id_list(rowids));
            let sql = format!(
                "SELECT 1 FROM {from} WHERE {}.rowid IN (SELECT value FROM json_each(?{})) AND NOT {condition} LIMIT 1",
                planner.first_alias(),
                planner.params.len()
            );
            if !self.rows(&sql, &planner.params)?.is_empty() {
                return Err(OraError::new(
                    2290,
                    format_args!("check constraint ({}.{}) violated", self.user, constraint.name),
                )
                .into());
            }
        }
        Ok(())
    }

    /// A vector index holds vectors of one dimension.
    fn check_vectors(&self, table: &Table, rowids: &[i64]) -> Step<()> {
        for column in &table.columns {
            if column.ty != Ty::Vector(None) || !table.has_vector_index(&column.name) {
                continue;
            }
            let name = super::catalog::quoted(&column.name);
            let sql = format!(
                "SELECT count(DISTINCT length({name})) FROM {} WHERE {name} IS NOT NULL AND (rowid IN (SELECT value FROM \
                 json_each(?1)) OR rowid = (SELECT min(rowid) FROM {} WHERE {name} IS NOT NULL))",
                table.physical(),
                table.physical()
            );
            if self
                .rows(&sql, &[id_list(rowids)])?
                .first()
                .is_some_and(|row| row[0] != Value::Integer(1) && row[0] != Value::Integer(0))
            {
                return Err(OraError::new(
                    51902,
                    "The vector column has vectors of different dimensions, but a vector index needs one dimension",
                )
                .into());
            }
        }
        Ok(())
    }

    fn check_unique(&self, table: &Table, key: &UniqueKey, rowids: &[i64]) -> Step<()> {
        let conditions = {
            let mut planner = self.planner(Values { binds: &[], variables: None });
            planner.open();
            let from = planner.base_table(&table.name, None)?;
            let alias = planner.first_alias();
            let parts = key
                .keys
                .iter()
                .enumerate()
                .map(|(i, text)| Ok(format!("{} IS ?{}", planner.value(&Parser::new(text)?.expr()?)?.sql, i + 2)))
                .collect::<Result<Vec<_>>>()?;
            format!("SELECT 1 FROM {from} WHERE {alias}.rowid <> ?1 AND {} LIMIT 1", parts.join(" AND "))
        };
        for (rowid, values) in self.key_values(table, &key.keys, rowids)? {
            if values.iter().all(|value| *value == Value::Null) {
                continue;
            }
            self.lock("key", table.id, &key_text(&key.name, &values), true)?;
            let params: Vec<Value> = std::iter::once(Value::Integer(rowid)).chain(values).collect();
            if !self.rows(&conditions, &params)?.is_empty() {
                return Err(
                    OraError::new(1, format_args!("unique constraint ({}.{}) violated", self.user, key.name)).into()
                );
            }
        }
        Ok(())
    }

    fn check_parents(&self, table: &Table, constraint: &Constraint, rowids: &[i64]) -> Step<()> {
        let ConstraintKind::ForeignKey { columns, table: parent, referenced, .. } = &constraint.kind else {
            return Ok(());
        };
        let parent = self.catalog.table(parent)?;
        let referenced = self.referenced(parent, referenced)?;
        let texts: Vec<String> = columns.iter().map(|name| super::catalog::quoted(name)).collect();
        let parent_texts: Vec<String> = referenced.iter().map(|name| super::catalog::quoted(name)).collect();
        let key = parent
            .unique_keys()
            .into_iter()
            .find(|key| key.keys == parent_texts)
            .ok_or_else(|| OraError::new(2270, "no matching unique or primary key for this column-list"))?;
        let conditions: Vec<String> =
            parent_texts.iter().enumerate().map(|(i, text)| format!("{text} = ?{}", i + 1)).collect();
        let sql = format!("SELECT 1 FROM {} WHERE {} LIMIT 1", parent.physical(), conditions.join(" AND "));
        for (_, values) in self.key_values(table, &texts, rowids)? {
            if values.contains(&Value::Null) {
                continue;
            }
            // Waits for a session that deletes or adds the parent.
            self.lock("key", parent.id, &key_text(&key.name, &values), false)?;
            if self.rows(&sql, &values)?.is_empty() {
                return Err(OraError::new(
                    2291,
                    format_args!(
                        "integrity constraint ({}.{}) violated - parent key not found",
                        self.user, constraint.name
                    ),
                )
                .into());
            }
        }
        Ok(())
    }

    fn returning(
        &self,
        table: &Table,
        alias: Option<&str>,
        returning: Option<&Returning>,
        rowids: &[i64],
        values: Values<'_>,
        affected: &mut Affected,
    ) -> Step<()> {
        let Some(returning) = returning else { return Ok(()) };
        let mut planner = self.planner(values);
        planner.open();
        let from = planner.base_table(&table.name, alias)?;
        let typed = returning.exprs.iter().map(|expr| planner.value(expr)).collect::<Result<Vec<_>>>()?;
        let items: Vec<String> = typed.iter().map(|typed| typed.sql.clone()).collect();
        planner.params.push(id_list(rowids));
        let alias = planner.first_alias();
        let sql = format!(
            "SELECT {} FROM {from} WHERE {alias}.rowid IN (SELECT value FROM json_each(?{})) ORDER BY {alias}.rowid",
            items.join(", "),
            planner.params.len()
        );
        affected.returned = self.rows(&sql, &planner.params)?;
        affected.returned_types = typed.into_iter().map(|typed| typed.ty).collect();
        Ok(())
    }
}

/// A row whose first value is its rowid.
pub fn split_rowid(mut row: Vec<Value>) -> Option<(i64, Vec<Value>)> {
    match row.first() {
        Some(Value::Integer(rowid)) => {
            let rowid = *rowid;
            row.remove(0);
            Some((rowid, row))
        }
        _ => None,
    }
}

fn id_list(rowids: &[i64]) -> Value {
    Value::Text(format!("[{}]", rowids.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")))
}

/// A key as text, for the name of its lock.
fn key_text(name: &str, values: &[Value]) -> String {
    let mut text = name.to_owned();
    for value in values {
        match value {
            // Equal numbers are one key, however they are kept.
            #[expect(
                clippy::cast_precision_loss,
                reason = "two large keys that share a lock wait for each other; no harm"
            )]
            Value::Integer(n) => text.push_str(&format!("/{}", *n as f64)),
            Value::Real(n) => text.push_str(&format!("/{n}")),
            Value::Text(t) => text.push_str(&format!("/'{t}'")),
            Value::Blob(bytes) => text.push_str(&format!("/x{}", super::functions::hex(bytes))),
            Value::Null => text.push_str("/-"),
        }
    }
    text
}
