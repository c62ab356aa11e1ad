//! Queries.

use super::check::{calls, grouped, has_aggregate};
use super::operators::comparable;
use super::{CteColumns, Frame, OutColumn, Planned, Planner, Relation};
use crate::engine::types::{Family, Ty};
use crate::errors::{OraError, Result};
use crate::sql::ast::*;

/// The surroundings of a query block.
struct Around<'q> {
    order_by: &'q [OrderItem],
    offset: Option<&'q Expr>,
    fetch: Option<&'q Fetch>,
    for_update: Option<&'q ForUpdate>,
}

impl Planner<'_> {
    /// A whole query: its columns are called `k0`, `k1`, … in SQLite.
    ///
    /// # Errors
    /// Oracle's errors about the query.
    pub fn query(&mut self, query: &Query) -> Result<Planned> {
        let known = self.ctes.len();
        let mut with = Vec::new();
        for cte in &query.with {
            let mut planned = self.query(&cte.query)?;
            rename(&mut planned.columns, &cte.columns)?;
            self.aliases += 1;
            let sql_name = format!("w{}", self.aliases);
            with.push(format!("{sql_name} AS ({})", planned.sql));
            self.ctes.push((cte.name.clone(), CteColumns { sql_name, columns: planned.columns }));
        }
        let around = Around {
            order_by: &query.order_by,
            offset: query.offset.as_ref(),
            fetch: query.fetch.as_ref(),
            for_update: query.for_update.as_ref(),
        };
        let planned = self.body(&query.body, &around);
        self.ctes.truncate(known);
        let mut planned = planned?;
        if !with.is_empty() {
            planned.sql = format!("WITH {} {}", with.join(", "), planned.sql);
        }
        Ok(planned)
    }

    fn body(&mut self, body: &SetExpr, around: &Around<'_>) -> Result<Planned> {
        match body {
            SetExpr::Select(select) => self.select(select, around),
            SetExpr::Query(query)
                if around.order_by.is_empty() && around.fetch.is_none() && around.offset.is_none() =>
            {
                self.query(query)
            }
            _ => {
                if around.for_update.is_some() {
                    return Err(OraError::new(
                        2014,
                        "cannot select FOR UPDATE from view with DISTINCT, GROUP BY, etc.",
                    ));
                }
                let mut planned = self.set(body)?;
                let names: Vec<(String, String, Ty)> = planned
                    .columns
                    .iter()
                    .enumerate()
                    .map(|(i, column)| (column.name.clone(), format!("k{i}"), column.ty.clone()))
                    .collect();
                self.frames.push(Frame::default());
                let order = self.order_items(around.order_by, &names);
                self.frames.pop();
                let mut sql = format!("SELECT * FROM ({})", planned.sql);
                let order = order?;
                if !order.is_empty() {
                    sql.push_str(&format!(" ORDER BY {order}"));
                }
                sql.push_str(&self.limit(around)?);
                planned.sql = sql;
                Ok(planned)
            }
        }
    }

    fn set(&mut self, body: &SetExpr) -> Result<Planned> {
        let nothing = Around { order_by: &[], offset: None, fetch: None, for_update: None };
        let SetExpr::Set(operator, left, right) = body else {
            return self.body(body, &nothing);
        };
        let (left, right) = (self.set(left)?, self.set(right)?);
        if left.columns.len() != right.columns.len() {
            return Err(OraError::new(1789, "query block has incorrect number of result columns"));
        }
        let mut columns = left.columns;
        for (column, other) in columns.iter_mut().zip(&right.columns) {
            let clash = || OraError::new(1790, "expression must have same datatype as corresponding expression");
            // Oracle converts nothing between the blocks.
            let families = (column.ty.family(), other.ty.family());
            if families.0 != families.1 && families.0 != Family::Null && families.1 != Family::Null {
                return Err(clash());
            }
            column.ty = column.ty.unify(&other.ty).map_err(|_| clash())?;
            column.nullable |= other.nullable;
            if *operator != "UNION ALL" {
                comparable(&column.ty)?;
            }
        }
        let sql = format!("SELECT * FROM ({}) {operator} SELECT * FROM ({})", left.sql, right.sql);
        Ok(Planned { sql, columns, row_tables: Vec::new() })
    }

    fn limit(&mut self, around: &Around<'_>) -> Result<String> {
        let mut sql = String::new();
        if let Some(fetch) = around.fetch {
            if fetch.with_ties {
                return Err(OraError::unsupported("FETCH … WITH TIES"));
            }
            let count = self.number(&fetch.count)?;
            sql.push_str(&format!(" LIMIT max(0, CAST(coalesce({}, 0) AS INTEGER))", count.sql));
        }
        if let Some(offset) = around.offset {
            if around.fetch.is_none() {
                sql.push_str(" LIMIT -1");
            }
            let offset = self.number(offset)?;
            sql.push_str(&format!(" OFFSET max(0, CAST(coalesce({}, 0) AS INTEGER))", offset.sql));
        }
        Ok(sql)
    }

    fn select(&mut self, select: &Select, around: &Around<'_>) -> Result<Planned> {
        self.frames.push(Frame::default());
        let planned = self.block(select, around);
        self.frames.pop();
        planned
    }

    fn block(&mut self, select: &Select, around: &Around<'_>) -> Result<Planned> {
        let from = self.from(&select.from)?;
        let mut tail = format!(" FROM {from}");
        if let Some(condition) = &select.condition {
            let condition = self.condition(condition)?;
            tail.push_str(&format!(" WHERE {condition}"));
        }
        if !select.group_by.is_empty() {
            let mut groups = Vec::new();
            for group in &select.group_by {
                let group = self.value(group)?;
                comparable(&group.ty)?;
                groups.push(group.sql);
            }
            tail.push_str(&format!(" GROUP BY {}", groups.join(", ")));
        }
        self.check_grouping(select, around.order_by)?;
        self.frame()?.aggregates = true;
        if let Some(having) = &select.having {
            let having = self.condition(having)?;
            tail.push_str(&format!(" HAVING {having}"));
        }
        let (mut items, columns) = self.items(select)?;
        if let Some(fetch) = around.fetch {
            check_accuracy(fetch, around.order_by, select)?;
        }
        let names: Vec<(String, String, Ty)> = columns
            .iter()
            .enumerate()
            .map(|(i, column)| (column.name.clone(), format!("k{i}"), column.ty.clone()))
            .collect();
        let order = self.order_items(around.order_by, &names)?;
        if !order.is_empty() {
            tail.push_str(&format!(" ORDER BY {order}"));
        }
        tail.push_str(&self.limit(around)?);
        if let Some(most) = &select.most_rows {
            let simple = order.is_empty() && around.fetch.is_none() && around.offset.is_none();
            if !simple || select.distinct || !select.group_by.is_empty() {
                return Err(OraError::unsupported("ROWNUM in a query that orders, limits or groups its rows itself"));
            }
            let most = self.number(most)?;
            tail.push_str(&format!(" LIMIT max(0, CAST(coalesce({}, 0) AS INTEGER))", most.sql));
        }
        let row_tables = match around.for_update {
            Some(clause) => self.locked_rows(select, clause, around, &mut items)?,
            None => Vec::new(),
        };
        let distinct = if select.distinct { "DISTINCT " } else { "" };
        Ok(Planned { sql: format!("SELECT {distinct}{}{tail}", items.join(", ")), columns, row_tables })
    }

    fn check_grouping(&self, select: &Select, order_by: &[OrderItem]) -> Result<()> {
        let exprs = || {
            select.items.iter().filter_map(|item| match item {
                Item::Expr { expr, .. } => Some(expr),
                _ => None,
            })
        };
        let is_grouped = !select.group_by.is_empty() || exprs().chain(&select.having).any(has_aggregate);
        if !is_grouped {
            return Ok(());
        }
        // Columns of outer blocks are constants here.
        let is_column = |expr: &Expr| match (expr, self.frames.last()) {
            (Expr::Name(qualifier, name), Some(frame)) => frame.relations.iter().any(|relation| {
                qualifier.as_ref().is_none_or(|qualifier| relation.name == *qualifier)
                    && relation.columns.iter().any(|column| column.name == *name)
            }),
            _ => false,
        };
        if select.items.iter().any(|item| !matches!(item, Item::Expr { .. })) {
            return Err(OraError::new(979, "not a GROUP BY expression"));
        }
        let aliased = |expr: &Expr| matches!(expr, Expr::Name(None, name) if select.items.iter().any(|item| matches!(item, Item::Expr { alias: Some(alias), .. } if alias == name)));
        let ordered = order_by.iter().map(|item| &item.expr).filter(|expr| !aliased(expr));
        exprs().chain(&select.having).chain(ordered).try_for_each(|expr| grouped(expr, &select.group_by, &is_column))
    }

    fn items(&mut self, select: &Select) -> Result<(Vec<String>, Vec<OutColumn>)> {
        let (mut sql, mut columns) = (Vec::new(), Vec::new());
        let mut push = |text: &str, name: String, ty: Ty, nullable: bool| {
            sql.push(format!("{text} AS k{}", columns.len()));
            columns.push(OutColumn { name, ty, nullable });
        };
        for item in &select.items {
            match item {
                Item::Star | Item::QualifiedStar(_) => {
                    let relations: Vec<Relation> = self.frame()?.relations.clone();
                    let mut any = false;
                    for relation in &relations {
                        if matches!(item, Item::QualifiedStar(name) if *name != relation.name) {
                            continue;
                        }
                        any = true;
                        for column in &relation.columns {
                            let text = format!("{}.{}", relation.sql_alias, column.sql);
                            push(&text, column.name.clone(), column.ty.clone(), column.nullable);
                        }
                    }
                    if !any {
                        return Err(OraError::new(904, "invalid identifier in front of .*"));
                    }
                }
                Item::Expr { expr, alias, text } => {
                    let value = self.value(expr)?;
                    let (own, nullable) = match expr {
                        Expr::Name(qualifier, name) => (
                            name.clone(),
                            self.column(qualifier.as_deref(), name)?.is_none_or(|(_, nullable)| nullable),
                        ),
                        _ => (text.chars().filter(|c| !c.is_whitespace()).take(128).collect(), true),
                    };
                    push(&value.sql, alias.clone().unwrap_or(own), value.ty, nullable);
                }
            }
        }
        if select.distinct {
            columns.iter().try_for_each(|column| comparable(&column.ty))?;
        }
        Ok((sql, columns))
    }

    /// Adds the rowids of the tables to lock to the items.
    fn locked_rows(
        &mut self,
        select: &Select,
        clause: &ForUpdate,
        around: &Around<'_>,
        items: &mut Vec<String>,
    ) -> Result<Vec<String>> {
        if select.distinct || !select.group_by.is_empty() || around.fetch.is_some() || around.offset.is_some() {
            return Err(OraError::new(2014, "cannot select FOR UPDATE from view with DISTINCT, GROUP BY, etc."));
        }
        let relations = self.frame()?.relations.clone();
        let mut tables = Vec::new();
        for relation in relations {
            let wanted = clause.of.is_empty()
                || clause.of.iter().any(|(qualifier, name)| match qualifier {
                    Some(qualifier) => *qualifier == relation.name,
                    None => relation.columns.iter().any(|column| column.name == *name),
                });
            if !wanted {
                continue;
            }
            let table = relation.table.ok_or_else(|| {
                OraError::new(2014, "cannot select FOR UPDATE from view with DISTINCT, GROUP BY, etc.")
            })?;
            items.push(format!("{}.rowid", relation.sql_alias));
            tables.push(table);
        }
        Ok(tables)
    }
}

/// FETCH APPROX uses a vector index only when the distance alone orders the rows. Rows in the order of a distance have
/// to be asked for with APPROX or EXACT: without either, an Autonomous Database tries an approximate search.
fn check_accuracy(fetch: &Fetch, order_by: &[OrderItem], select: &Select) -> Result<()> {
    let is_distance =
        |expr: &Expr| calls(expr, "VECTOR_DISTANCE") || matches!(expr, Expr::Binary("<#>" | "<=>" | "<->", ..));
    let by_distance = match order_by {
        [OrderItem { expr: Expr::Name(None, name), descending: false, .. }] => select.items.iter().any(
            |item| matches!(item, Item::Expr { expr, alias: Some(alias), .. } if alias == name && is_distance(expr)),
        ),
        [OrderItem { expr, descending: false, .. }] => is_distance(expr),
        _ => false,
    };
    match (fetch.accuracy, by_distance) {
        (Accuracy::Approximate, false) => Err(OraError::unsupported(
            "FETCH APPROX ordered by anything but a vector distance: no index would serve it",
        )),
        (Accuracy::Exact, false) => Err(OraError::unsupported("FETCH EXACT ordered by anything but a vector distance")),
        (Accuracy::Unsaid, true) => Err(OraError::unsupported(
            "FETCH FIRST in the order of a vector distance without EXACT or APPROX: the edition would choose",
        )),
        _ => Ok(()),
    }
}

/// Gives columns the names of a list.
pub fn rename(columns: &mut [OutColumn], names: &[String]) -> Result<()> {
    if names.is_empty() {
        return Ok(());
    }
    if names.len() != columns.len() {
        return Err(OraError::new(1730, "invalid number of column names specified"));
    }
    for (column, name) in columns.iter_mut().zip(names) {
        column.name.clone_from(name);
    }
    Ok(())
}
