//! Oracle's rules of grouping.

use super::calls::AGGREGATES;
use crate::errors::{OraError, Result};
use crate::sql::ast::*;

fn children(expr: &Expr) -> Vec<&Expr> {
    match expr {
        Expr::Negate(a)
        | Expr::Not(a)
        | Expr::IsNull(a, _)
        | Expr::IsJson(a, _)
        | Expr::Cast(a, _)
        | Expr::Extract(_, a) => {
            vec![a]
        }
        Expr::Binary(_, a, b) | Expr::And(a, b) | Expr::Or(a, b) | Expr::Compare(_, a, b) => vec![a, b],
        Expr::Like { value, pattern, escape, .. } => {
            [Some(value), Some(pattern), escape.as_ref()].into_iter().flatten().map(|inner| &**inner).collect()
        }
        Expr::InList(a, list, _) => std::iter::once(&**a).chain(list).collect(),
        Expr::InQuery(a, ..) => vec![a],
        Expr::Between(a, b, c, _) => vec![a, b, c],
        Expr::Case { operand, whens, otherwise } => operand
            .iter()
            .chain(otherwise.iter())
            .map(|inner| &**inner)
            .chain(whens.iter().flat_map(|(when, then)| [when, then]))
            .collect(),
        Expr::Call(call) => {
            let mut all: Vec<&Expr> = call.args.iter().collect();
            if let Some(window) = &call.over {
                all.extend(&window.partition_by);
                all.extend(window.order_by.iter().map(|item| &item.expr));
            }
            all
        }
        Expr::Tuple(items) => items.iter().collect(),
        _ => Vec::new(),
    }
}

fn is_aggregate(expr: &Expr) -> bool {
    matches!(expr, Expr::Call(call) if call.over.is_none() && AGGREGATES.contains(&call.name.as_str()))
}

/// Whether a group function stands in an expression, those of subqueries and analytic ones not counted.
pub fn has_aggregate(expr: &Expr) -> bool {
    is_aggregate(expr) || children(expr).into_iter().any(has_aggregate)
}

/// Whether an expression calls a function.
pub fn calls(expr: &Expr, name: &str) -> bool {
    matches!(expr, Expr::Call(call) if call.name == name) || children(expr).into_iter().any(|child| calls(child, name))
}

/// Whether two expressions mean the same; `x` and `t.x` do.
fn same(a: &Expr, b: &Expr) -> bool {
    match (a, b) {
        (Expr::Name(_, a), Expr::Name(_, b)) => a == b,
        _ => a == b,
    }
}

/// Whether an expression has one value for each group.
///
/// # Errors
/// ORA-00979 with GROUP BY, ORA-00937 without.
pub fn grouped(expr: &Expr, groups: &[Expr], is_column: &dyn Fn(&Expr) -> bool) -> Result<()> {
    if is_aggregate(expr) || groups.iter().any(|group| same(group, expr)) {
        return Ok(());
    }
    if matches!(expr, Expr::Name(..)) && is_column(expr) {
        return Err(if groups.is_empty() {
            OraError::new(937, "not a single-group group function")
        } else {
            OraError::new(979, "not a GROUP BY expression")
        });
    }
    children(expr).into_iter().try_for_each(|child| grouped(child, groups, is_column))
}
