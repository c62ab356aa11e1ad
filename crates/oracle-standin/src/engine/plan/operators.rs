//! Comparisons and arithmetic: which types go together.

use super::{Planner, Typed};
use crate::engine::time;
use crate::engine::types::{Family, NUMBER, Ty};
use crate::errors::{OraError, Result};
use crate::sql::ast::Expr;

fn inconsistent(expected: &Ty, got: &Ty) -> OraError {
    OraError::new(
        932,
        format_args!("inconsistent datatypes: expected {} got {}", expected.dictionary_name(), got.dictionary_name()),
    )
}

/// Refuses what cannot be compared, sorted, grouped or made unique.
pub fn comparable(ty: &Ty) -> Result<()> {
    match ty.family() {
        Family::Lob | Family::Vector => {
            Err(OraError::new(22848, format_args!("cannot use {} type as comparison key", ty.dictionary_name())))
        }
        _ => Ok(()),
    }
}

/// Refuses an NVARCHAR2 value that is compared with VARCHAR2. Oracle would answer, but convert the column and not use
/// its index; the refusal makes such a bind visible.
fn same_character_set(a: &Ty, b: &Ty) -> Result<()> {
    let national = |ty: &Ty| matches!(ty, Ty::NVarchar2(_));
    if a.family() == Family::Text && b.family() == Family::Text && national(a) != national(b) {
        return Err(OraError::new(
            12704,
            "character set mismatch (an NVARCHAR2 bind against VARCHAR2 passes its index by)",
        ));
    }
    Ok(())
}

fn has_zone(ty: &Ty) -> bool {
    matches!(ty, Ty::TimestampTz(_))
}

/// Brings both sides of a comparison to one type.
pub fn alike(left: Typed, right: Typed) -> Result<(Typed, Typed)> {
    comparable(&left.ty)?;
    comparable(&right.ty)?;
    same_character_set(&left.ty, &right.ty)?;
    let convert = |side: Typed, function: &str, ty: Ty| Typed { sql: format!("{function}({})", side.sql), ty };
    Ok(match (left.ty.family(), right.ty.family()) {
        (a, b) if a == b => {
            // The answer would depend on the session's time zone.
            if a == Family::Time && has_zone(&left.ty) != has_zone(&right.ty) {
                return Err(inconsistent(&left.ty, &right.ty));
            }
            (left, right)
        }
        (Family::Null, _) | (_, Family::Null) => (left, right),
        (Family::Number, Family::Text) => (left, convert(right, "ora_to_number", NUMBER)),
        (Family::Text, Family::Number) => (convert(left, "ora_to_number", NUMBER), right),
        (Family::Raw, Family::Text) => (left, convert(right, "ora_hextoraw", Ty::Raw(2000))),
        (Family::Text, Family::Raw) => (convert(left, "ora_hextoraw", Ty::Raw(2000)), right),
        _ => return Err(inconsistent(&left.ty, &right.ty)),
    })
}

impl Planner<'_> {
    pub(super) fn compare(&mut self, operator: &str, left: &Expr, right: &Expr) -> Result<Typed> {
        let (left, right) = alike(self.value(left)?, self.value(right)?)?;
        Ok(Typed { sql: format!("({} {operator} {})", left.sql, right.sql), ty: Ty::Boolean })
    }

    /// A value as a number; texts are converted.
    pub(super) fn number(&mut self, expr: &Expr) -> Result<Typed> {
        let value = self.value(expr)?;
        match value.ty.family() {
            Family::Number | Family::Null => Ok(value),
            Family::Text => Ok(Typed { sql: format!("ora_to_number({})", value.sql), ty: NUMBER }),
            _ => Err(inconsistent(&NUMBER, &value.ty)),
        }
    }

    /// A value as text. Points in time need TO_CHAR: their text depends on NLS settings otherwise.
    pub(super) fn text(&mut self, expr: &Expr) -> Result<Typed> {
        let value = self.value(expr)?;
        self.as_text(value)
    }

    pub(super) fn as_text(&mut self, value: Typed) -> Result<Typed> {
        match value.ty.family() {
            Family::Text | Family::Null => Ok(value),
            Family::Number => Ok(Typed { sql: format!("ora_to_char({})", value.sql), ty: Ty::Varchar2(40) }),
            Family::Lob if value.ty.is_text() => Ok(value),
            Family::Raw => {
                Ok(Typed { sql: format!("ora_rawtohex({})", value.sql), ty: Ty::Varchar2(value.ty.text_length()) })
            }
            _ => Err(inconsistent(&Ty::Varchar2(4000), &value.ty)),
        }
    }

    pub(super) fn binary(&mut self, operator: &'static str, left: &Expr, right: &Expr) -> Result<Typed> {
        match operator {
            "||" => {
                let (left, right) = (self.text(left)?, self.text(right)?);
                let (function, ty) = if left.ty == Ty::Clob || right.ty == Ty::Clob {
                    ("ora_concat", Ty::Clob)
                } else {
                    same_character_set(&left.ty, &right.ty)?;
                    let length = left.ty.text_length() + right.ty.text_length();
                    ("ora_concat_varchar2", Ty::Varchar2(length.clamp(1, 4000)))
                };
                Ok(Typed { sql: format!("{function}({}, {})", left.sql, right.sql), ty })
            }
            "<#>" | "<=>" | "<->" => {
                let metric = match operator {
                    "<#>" => "DOT",
                    "<=>" => "COSINE",
                    _ => "EUCLIDEAN",
                };
                let (left, right) = (self.value(left)?, self.value(right)?);
                vector_distance(&left, &right, metric)
            }
            _ => {
                let (left, right) = (self.value(left)?, self.value(right)?);
                self.arithmetic(operator, left, right)
            }
        }
    }

    fn arithmetic(&mut self, operator: &'static str, left: Typed, right: Typed) -> Result<Typed> {
        let plain = |ty: Ty| Typed { sql: format!("({} {operator} {})", left.sql, right.sql), ty };
        match (left.ty.family(), operator, right.ty.family()) {
            (Family::Time, "+" | "-", Family::Interval) => Ok(plain(left.ty.clone())),
            (Family::Interval, "+", Family::Time) => Ok(plain(right.ty.clone())),
            (Family::Interval, "+" | "-", Family::Interval) => Ok(plain(Ty::IntervalDs)),
            (Family::Interval, "*", Family::Number) | (Family::Number, "*", Family::Interval) => {
                Ok(Typed { sql: format!("CAST({} * {} AS INTEGER)", left.sql, right.sql), ty: Ty::IntervalDs })
            }
            (Family::Time, "-", Family::Time) => {
                if left.ty == Ty::Date && right.ty == Ty::Date {
                    return Ok(Typed {
                        sql: format!("ora_div({} - {}, {})", left.sql, right.sql, time::DAY),
                        ty: NUMBER,
                    });
                }
                if has_zone(&left.ty) != has_zone(&right.ty) {
                    return Err(inconsistent(&left.ty, &right.ty));
                }
                Ok(plain(Ty::IntervalDs))
            }
            // A number of days; the answer is a DATE, without fractions of a second.
            (Family::Time, "+" | "-", Family::Number) => Ok(Typed {
                sql: format!(
                    "ora_round_time({} {operator} CAST({} * {} AS INTEGER), 1000000)",
                    left.sql,
                    right.sql,
                    time::DAY
                ),
                ty: Ty::Date,
            }),
            _ => {
                let number = |side: Typed| match side.ty.family() {
                    Family::Number | Family::Null => Ok(side),
                    Family::Text => Ok(Typed { sql: format!("ora_to_number({})", side.sql), ty: NUMBER }),
                    _ => Err(inconsistent(&NUMBER, &side.ty)),
                };
                let (left, right) = (number(left)?, number(right)?);
                let double = |ty: &Ty| matches!(ty, Ty::BinaryDouble | Ty::BinaryFloat);
                let ty = if double(&left.ty) || double(&right.ty) { Ty::BinaryDouble } else { NUMBER };
                let sql = if operator == "/" {
                    format!("ora_div({}, {})", left.sql, right.sql)
                } else {
                    format!("({} {operator} {})", left.sql, right.sql)
                };
                Ok(Typed { sql, ty })
            }
        }
    }
}

/// VECTOR_DISTANCE of two vectors.
pub fn vector_distance(left: &Typed, right: &Typed, metric: &str) -> Result<Typed> {
    for side in [left, right] {
        if !matches!(side.ty, Ty::Vector(_)) {
            return Err(inconsistent(&Ty::Vector(None), &side.ty));
        }
    }
    if let (Ty::Vector(Some(a)), Ty::Vector(Some(b))) = (&left.ty, &right.ty)
        && a != b
    {
        return Err(OraError::new(
            51808,
            format_args!("VECTOR_DISTANCE(): Vectors must have the same number of dimensions ({a} and {b})."),
        ));
    }
    Ok(Typed { sql: format!("ora_vector_distance({}, {}, '{metric}')", left.sql, right.sql), ty: Ty::BinaryDouble })
}
