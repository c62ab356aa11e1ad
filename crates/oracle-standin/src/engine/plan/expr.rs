//! Expressions.

use rusqlite::types::Value;

use super::operators::{alike, comparable};
use super::{Planner, Typed};
use crate::engine::types::{Family, NUMBER, Ty};
use crate::errors::{OraError, Result};
use crate::sql::ast::*;

/// A literal of SQL.
pub fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn not(sql: String, negated: bool) -> String {
    if negated { format!("(NOT {sql})") } else { sql }
}

impl Planner<'_> {
    /// A value: neither a condition nor something too long for an expression.
    pub fn value(&mut self, expr: &Expr) -> Result<Typed> {
        let typed = self.any(expr)?;
        match typed.ty {
            Ty::Long => Err(OraError::new(1461, "can bind a LONG value only for insert into a LONG column")),
            Ty::Boolean if !matches!(expr, Expr::Bool(_) | Expr::Name(..)) => {
                Err(OraError::new(936, "missing expression: a condition is no value"))
            }
            _ => Ok(typed),
        }
    }

    /// A condition.
    pub fn condition(&mut self, expr: &Expr) -> Result<String> {
        let typed = self.any(expr)?;
        match typed.ty {
            Ty::Boolean => Ok(typed.sql),
            _ => Err(OraError::new(920, "invalid relational operator: a value is no condition")),
        }
    }

    /// A value that goes into a column as it is, so that a long one is allowed.
    pub fn any(&mut self, expr: &Expr) -> Result<Typed> {
        self.depth += 1;
        if self.depth > 400 {
            return Err(OraError::new(913, "the expression is nested too deeply"));
        }
        let typed = self.dispatch(expr);
        self.depth -= 1;
        typed
    }

    fn boolean(sql: String) -> Result<Typed> {
        Ok(Typed { sql, ty: Ty::Boolean })
    }

    fn dispatch(&mut self, expr: &Expr) -> Result<Typed> {
        match expr {
            Expr::Name(qualifier, name) => self.name(qualifier.as_deref(), name),
            Expr::Bind(_, index) => self.bind(*index),
            Expr::Num(text) => {
                let text = if text.starts_with('.') { format!("0{text}") } else { text.clone() };
                Ok(Typed { sql: text, ty: NUMBER })
            }
            Expr::Str(text) if text.is_empty() => Ok(Typed { sql: "NULL".to_owned(), ty: Ty::Null }),
            Expr::Str(text) => {
                if text.len() > 4000 {
                    return Err(OraError::new(1704, "string literal too long"));
                }
                Ok(Typed { sql: literal(text), ty: Ty::Char(u32::try_from(text.len()).unwrap_or(4000)) })
            }
            Expr::Null => Ok(Typed { sql: "NULL".to_owned(), ty: Ty::Null }),
            Expr::Bool(value) => Self::boolean(u8::from(*value).to_string()),
            Expr::Interval(micros) => Ok(Typed { sql: micros.to_string(), ty: Ty::IntervalDs }),
            Expr::Timestamp(micros, zone) => {
                Ok(Typed { sql: micros.to_string(), ty: if *zone { Ty::TimestampTz(6) } else { Ty::Timestamp(6) } })
            }
            Expr::Negate(inner) => {
                let inner = self.number(inner)?;
                Ok(Typed { sql: format!("(- {})", inner.sql), ty: inner.ty })
            }
            Expr::Binary(operator, left, right) => self.binary(operator, left, right),
            Expr::And(left, right) => {
                Self::boolean(format!("({} AND {})", self.condition(left)?, self.condition(right)?))
            }
            Expr::Or(left, right) => {
                Self::boolean(format!("({} OR {})", self.condition(left)?, self.condition(right)?))
            }
            Expr::Not(inner) => Self::boolean(format!("(NOT {})", self.condition(inner)?)),
            Expr::Compare(operator, left, right) => self.compare(operator, left, right),
            Expr::IsNull(inner, negated) => {
                let inner = self.any(inner)?;
                Self::boolean(format!("({} IS {}NULL)", inner.sql, if *negated { "NOT " } else { "" }))
            }
            Expr::IsJson(inner, negated) => {
                let inner = self.text(inner)?;
                Self::boolean(not(format!("ora_is_json({})", inner.sql), *negated))
            }
            Expr::Like { value, pattern, escape, negated } => {
                let mut parts = vec![self.text(value)?, self.text(pattern)?];
                if let Some(escape) = escape {
                    parts.push(self.text(escape)?);
                }
                let parts: Vec<String> = parts.into_iter().map(|part| part.sql).collect();
                Self::boolean(not(format!("ora_like({})", parts.join(", ")), *negated))
            }
            Expr::InList(value, list, negated) => self.in_list(value, list, *negated),
            Expr::InQuery(value, query, negated) => self.in_query(value, query, *negated),
            Expr::Between(value, from, to, negated) => {
                let value = self.value(value)?;
                let from = self.value(from)?;
                let to = self.value(to)?;
                let (low, from) = alike(value.clone(), from)?;
                let (high, to) = alike(value, to)?;
                Self::boolean(not(format!("({} >= {} AND {} <= {})", low.sql, from.sql, high.sql, to.sql), *negated))
            }
            Expr::Exists(query) => {
                let planned = self.query(query)?;
                Self::boolean(format!("EXISTS ({})", planned.sql))
            }
            Expr::Case { operand, whens, otherwise } => self.case(operand.as_deref(), whens, otherwise.as_deref()),
            Expr::Cast(inner, kind) => {
                let inner = self.value(inner)?;
                let (ty, _) = Ty::from_name(kind)?;
                self.cast(inner, ty)
            }
            Expr::Extract(field, inner) => self.extract(field, inner),
            Expr::Call(call) => self.call(call),
            Expr::Scalar(query) => {
                let planned = self.query(query)?;
                let [column] = planned.columns.as_slice() else {
                    return Err(OraError::new(913, "too many values"));
                };
                Ok(Typed { sql: format!("({})", planned.sql), ty: column.ty.clone() })
            }
            Expr::Tuple(_) => Err(OraError::new(907, "missing right parenthesis: a list of values is no value")),
            Expr::Star => Err(OraError::new(936, "missing expression")),
        }
    }

    fn bind(&mut self, index: usize) -> Result<Typed> {
        let bind = self.binds.get(index).ok_or_else(|| OraError::new(1008, "not all variables bound"))?;
        let ty = bind.ty.clone();
        let value = bind.value.clone();
        let place = match self.bind_params.get(&index) {
            Some(place) => *place,
            None => {
                self.params.push(value);
                self.bind_params.insert(index, self.params.len());
                self.params.len()
            }
        };
        Ok(Typed { sql: format!("?{place}"), ty })
    }

    fn name(&mut self, qualifier: Option<&str>, name: &str) -> Result<Typed> {
        if let Some((typed, _)) = self.column(qualifier, name)? {
            return Ok(typed);
        }
        let constant = |sql: String, ty: Ty| Ok(Typed { sql, ty });
        match (qualifier, name) {
            (None, "SYSTIMESTAMP" | "CURRENT_TIMESTAMP") => return constant(self.now.to_string(), Ty::TimestampTz(6)),
            (None, "LOCALTIMESTAMP") => return constant(self.now.to_string(), Ty::Timestamp(6)),
            (None, "SYSDATE" | "CURRENT_DATE") => {
                return constant((self.now / 1_000_000 * 1_000_000).to_string(), Ty::Date);
            }
            (None, "USER") => return constant(literal(&self.environment.user()), Ty::Varchar2(128)),
            (None, "SESSIONTIMEZONE" | "DBTIMEZONE") => return constant("'+00:00'".to_owned(), Ty::Varchar2(64)),
            (None, "ROWNUM" | "LEVEL") => return Err(OraError::unsupported(format_args!("the pseudo-column {name}"))),
            (Some(sequence), "NEXTVAL" | "CURRVAL") => {
                let value = self.environment.sequence(sequence, name == "NEXTVAL")?;
                return constant(value.to_string(), NUMBER);
            }
            (qualifier, "ROWID") => {
                let relation = match qualifier {
                    Some(qualifier) => self.relation(qualifier).cloned(),
                    None => self.frames.last().and_then(|frame| frame.relations.first().cloned()),
                };
                if let Some(relation) = relation.filter(|relation| relation.table.is_some()) {
                    return constant(format!("printf('AAA%015d', {}.rowid)", relation.sql_alias), Ty::Rowid);
                }
            }
            _ => {}
        }
        let key = qualifier.map_or_else(|| name.to_owned(), |qualifier| format!("{qualifier}.{name}"));
        if let Some(variable) = self.variables.and_then(|variables| variables.get(&key)) {
            let (value, ty) = (variable.value.clone(), variable.ty.clone());
            return Ok(Typed { sql: self.param(value), ty });
        }
        // Functions that may be called without parentheses.
        if qualifier.is_none() && matches!(name, "EMPTY_CLOB" | "EMPTY_BLOB") {
            return self.call(&Call { name: name.to_owned(), ..Call::default() });
        }
        let full = qualifier.map_or_else(|| format!("\"{name}\""), |qualifier| format!("\"{qualifier}\".\"{name}\""));
        Err(OraError::new(904, format_args!("{full}: invalid identifier")))
    }

    fn in_list(&mut self, value: &Expr, list: &[Expr], negated: bool) -> Result<Typed> {
        if let Expr::Tuple(_) = value {
            return Err(OraError::unsupported("IN with a list of tuples"));
        }
        let mut left = self.value(value)?;
        let mut items = Vec::with_capacity(list.len());
        for item in list {
            let right = self.value(item)?;
            let (converted, right) = alike(left.clone(), right)?;
            // A text that is compared with a number becomes one for all items.
            left = converted;
            items.push(right.sql);
        }
        Self::boolean(format!("({} {}IN ({}))", left.sql, if negated { "NOT " } else { "" }, items.join(", ")))
    }

    fn in_query(&mut self, value: &Expr, query: &Query, negated: bool) -> Result<Typed> {
        let lefts = match value {
            Expr::Tuple(items) => items.iter().map(|item| self.value(item)).collect::<Result<Vec<_>>>()?,
            single => vec![self.value(single)?],
        };
        let planned = self.query(query)?;
        if planned.columns.len() != lefts.len() {
            return Err(OraError::new(913, "too many values"));
        }
        for (left, column) in lefts.iter().zip(&planned.columns) {
            let right = Typed { sql: String::new(), ty: column.ty.clone() };
            let (a, b) = alike(left.clone(), right)?;
            if a.sql != left.sql || !b.sql.is_empty() {
                return Err(OraError::new(
                    932,
                    "inconsistent datatypes in IN (the stand-in client converts nothing here)",
                ));
            }
        }
        let left = lefts.iter().map(|left| left.sql.as_str()).collect::<Vec<_>>().join(", ");
        let left = if lefts.len() > 1 { format!("({left})") } else { left };
        Self::boolean(format!("({left} {}IN ({}))", if negated { "NOT " } else { "" }, planned.sql))
    }

    fn case(&mut self, operand: Option<&Expr>, whens: &[(Expr, Expr)], otherwise: Option<&Expr>) -> Result<Typed> {
        let mut sql = String::from("CASE");
        let mut ty = Ty::Null;
        let operand = operand.map(|operand| self.value(operand)).transpose()?;
        for (when, then) in whens {
            let condition = match &operand {
                Some(operand) => {
                    let (left, right) = alike(operand.clone(), self.value(when)?)?;
                    format!("{} = {}", left.sql, right.sql)
                }
                None => self.condition(when)?,
            };
            let then = self.value(then)?;
            ty = ty.unify(&then.ty)?;
            sql.push_str(&format!(" WHEN {condition} THEN {}", then.sql));
        }
        if let Some(otherwise) = otherwise {
            let otherwise = self.value(otherwise)?;
            ty = ty.unify(&otherwise.ty)?;
            sql.push_str(&format!(" ELSE {}", otherwise.sql));
        }
        sql.push_str(" END");
        Ok(Typed { sql: format!("({sql})"), ty })
    }

    pub(super) fn cast(&mut self, value: Typed, ty: Ty) -> Result<Typed> {
        let wrapped = |function: &str| Typed { sql: format!("{function}({})", value.sql), ty: ty.clone() };
        let same = || Typed { sql: value.sql.clone(), ty: ty.clone() };
        Ok(match (value.ty.family(), ty.family()) {
            (Family::Null, _) => same(),
            (Family::Number, Family::Number) => match ty {
                Ty::BinaryDouble | Ty::BinaryFloat => Typed { sql: format!("CAST({} AS REAL)", value.sql), ty },
                Ty::Number { precision, scale } if precision > 0 => {
                    Typed { sql: format!("ora_round({}, {scale})", value.sql), ty }
                }
                _ => same(),
            },
            (Family::Text, Family::Number) => wrapped("ora_to_number"),
            (_, Family::Text) => {
                let text = self.as_text(value)?;
                let length = ty.text_length();
                Typed { sql: format!("ora_substr({}, 1, {length})", text.sql), ty }
            }
            (Family::Text | Family::Number, Family::Lob) if ty == Ty::Clob => {
                let text = self.as_text(value)?;
                Typed { sql: text.sql, ty }
            }
            (Family::Time, Family::Time) if ty == Ty::Date => {
                Typed { sql: format!("ora_round_time({}, 1000000)", value.sql), ty }
            }
            (a, b) if a == b => same(),
            _ => {
                return Err(OraError::new(
                    932,
                    format_args!(
                        "inconsistent datatypes: expected {} got {}",
                        ty.dictionary_name(),
                        value.ty.dictionary_name()
                    ),
                ));
            }
        })
    }

    fn extract(&mut self, field: &str, inner: &Expr) -> Result<Typed> {
        let inner = self.value(inner)?;
        let format = match (field, inner.ty.family()) {
            ("YEAR", Family::Time) => "YYYY",
            ("MONTH", Family::Time) => "MM",
            ("DAY", Family::Time) => "DD",
            ("HOUR", Family::Time) => "HH24",
            ("MINUTE", Family::Time) => "MI",
            ("SECOND", Family::Time) => "SS.FF6",
            ("DAY", Family::Interval) => {
                return Ok(Typed { sql: format!("({} / {})", inner.sql, crate::engine::time::DAY), ty: NUMBER });
            }
            _ => return Err(OraError::new(30076, "invalid extract field for extract source")),
        };
        Ok(Typed { sql: format!("ora_to_number(ora_format_time({}, '{format}'))", inner.sql), ty: NUMBER })
    }

    /// `ORDER BY` items.
    pub(super) fn order_items(&mut self, items: &[OrderItem], names: &[(String, String, Ty)]) -> Result<String> {
        let mut out = Vec::with_capacity(items.len());
        for item in items {
            let sql = match &item.expr {
                Expr::Num(position) => {
                    let position: usize = position.parse().unwrap_or(0);
                    let (_, sql, ty) = names.get(position.wrapping_sub(1)).ok_or_else(|| {
                        OraError::new(1785, "ORDER BY item must be the number of a SELECT-list expression")
                    })?;
                    comparable(ty)?;
                    sql.clone()
                }
                expr => {
                    let alias = match expr {
                        Expr::Name(None, name) => names.iter().find(|(alias, ..)| alias == name),
                        _ => None,
                    };
                    let value = match alias {
                        Some((_, sql, ty)) => Typed { sql: sql.clone(), ty: ty.clone() },
                        None => self.value(expr)?,
                    };
                    comparable(&value.ty)?;
                    value.sql
                }
            };
            let direction = if item.descending { "DESC" } else { "ASC" };
            // Oracle: NULL is larger than everything.
            let nulls = if item.nulls_first.unwrap_or(item.descending) { "FIRST" } else { "LAST" };
            out.push(format!("{sql} {direction} NULLS {nulls}"));
        }
        Ok(out.join(", "))
    }

    /// A constant that the statement carries as a parameter.
    pub(super) fn constant(&mut self, value: Value, ty: Ty) -> Typed {
        Typed { sql: self.param(value), ty }
    }
}
