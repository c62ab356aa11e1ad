//! MERGE.

use std::collections::HashSet;

use rusqlite::types::Value;

use super::dml::{Affected, Values};
use super::transaction::{Step, Work};
use super::types::Ty;
use crate::errors::{OraError, Result};
use crate::sql::ast::*;

impl Work<'_> {
    /// Joins the source with the target, then updates what matched and inserts what did not.
    pub fn merge(&self, merge: &Merge, values: Values<'_>) -> Step<Affected> {
        let table = self.target(&merge.table)?;
        let mut planner = self.planner(values);
        planner.open();
        let target_sql = planner.base_table(&merge.table, merge.alias.as_deref())?;
        let target = planner.first_alias();
        let source_sql = planner.table_ref(&merge.source)?;
        let on = planner.condition(&merge.on)?;

        let mut items = vec![format!("{target}.rowid")];
        let mut assignments = Vec::new();
        if let Some((sets, condition, delete)) = &merge.matched {
            if delete.is_some() {
                return Err(OraError::unsupported("MERGE … DELETE").into());
            }
            assignments = self.assignments(table, sets, &mut planner)?;
            items.push(match condition {
                Some(condition) => planner.condition(condition)?,
                None => "1".to_owned(),
            });
            items.extend(assignments.iter().map(|(_, typed)| typed.sql.clone()));
        } else {
            items.push("0".to_owned());
        }
        let inserted_from = items.len();
        let (mut places, mut types) = (Vec::new(), Vec::new());
        if let Some((columns, exprs, condition)) = &merge.unmatched {
            places = if columns.is_empty() {
                (0..table.columns.len()).collect()
            } else {
                columns.iter().map(|name| table.column(name)).collect::<Result<Vec<_>>>()?
            };
            if places.len() != exprs.len() {
                return Err(OraError::new(947, "not enough values").into());
            }
            items.push(match condition {
                Some(condition) => planner.condition(condition)?,
                None => "1".to_owned(),
            });
            for expr in exprs {
                let typed = if matches!(expr, Expr::Bind(..)) { planner.any(expr)? } else { planner.value(expr)? };
                items.push(typed.sql);
                types.push(typed.ty);
            }
        } else {
            items.push("0".to_owned());
        }
        let sql = format!("SELECT {} FROM {source_sql} LEFT JOIN {target_sql} ON {on}", items.join(", "));
        let rows = self.rows(&sql, &planner.params)?;

        let (mut updates, mut inserts, mut seen) = (Vec::new(), Vec::new(), HashSet::new());
        for mut row in rows {
            let inserted = row.split_off(inserted_from);
            match row.first() {
                Some(Value::Integer(rowid)) => {
                    let rowid = *rowid;
                    if row[1] == Value::Integer(1) {
                        if !seen.insert(rowid) {
                            return Err(OraError::new(
                                30926,
                                "unable to get a stable set of rows in the source tables",
                            )
                            .into());
                        }
                        updates.push((rowid, row.split_off(2)));
                    }
                }
                _ if inserted[0] == Value::Integer(1) => inserts.push(inserted[1..].to_vec()),
                _ => {}
            }
        }
        let count = (updates.len() + inserts.len()) as u64;
        if !updates.is_empty() {
            self.update_rows(table, &assignments, updates)?;
        }
        let mut rowids = Vec::new();
        for row in inserts {
            let mut given: Vec<Option<(Value, Ty)>> = vec![None; table.columns.len()];
            for ((place, value), ty) in places.iter().zip(row).zip(&types) {
                given[*place] = Some((value, ty.clone()));
            }
            rowids.push(self.insert_row(table, given, values)?);
        }
        self.check_rows(table, &rowids, None)?;
        Ok(Affected { count, ..Affected::default() })
    }
}
