//! Values on their way into columns: conversion and limits.

use rusqlite::types::Value;

use super::catalog::{Column, Table};
use super::functions::{number_text, parse_hex, parse_number};
use super::types::{Family, Ty};
use super::{json, vector};
use crate::errors::{OraError, Result};

/// Makes a value fit a column, or says what Oracle says.
///
/// # Errors
/// ORA-12899, ORA-01438, ORA-01461, ORA-00932, ORA-51803 and others.
pub fn convert(value: Value, ty: &Ty, table: &Table, column: &Column, user: &str) -> Result<Value> {
    if value == Value::Null {
        return Ok(Value::Null);
    }
    let clash = || {
        OraError::new(
            932,
            format_args!(
                "inconsistent datatypes: expected {} got {} (column {})",
                column.ty.dictionary_name(),
                ty.dictionary_name(),
                column.name
            ),
        )
    };
    let name = || format!("\"{user}\".\"{}\".\"{}\"", table.name, column.name);
    match &column.ty {
        Ty::Number { precision, scale } => {
            let value = match (ty.family(), value) {
                (Family::Number | Family::Boolean, value) => value,
                (Family::Text, Value::Text(text)) => parse_number(&text)?,
                _ => return Err(clash()),
            };
            fit_number(value, *precision, *scale)
        }
        Ty::BinaryDouble | Ty::BinaryFloat => match (ty.family(), value) {
            #[expect(clippy::cast_precision_loss, reason = "a BINARY_DOUBLE is one")]
            (Family::Number, Value::Integer(n)) => Ok(Value::Real(n as f64)),
            (Family::Number, value) => Ok(value),
            _ => Err(clash()),
        },
        Ty::Varchar2(most) | Ty::Char(most) | Ty::NVarchar2(most) => {
            let text = text_of(value, ty).ok_or_else(clash)?;
            if *ty == Ty::Long {
                return Err(OraError::new(1461, "can bind a LONG value only for insert into a LONG column"));
            }
            fit_text(text, *most, column, name)
        }
        Ty::Clob | Ty::NClob => Ok(Value::Text(text_of(value, ty).ok_or_else(clash)?)),
        Ty::Json => {
            let text = text_of(value, ty).ok_or_else(clash)?;
            if json::is_json(&text) { Ok(Value::Text(text)) } else { Err(OraError::new(40441, "JSON syntax error")) }
        }
        Ty::Blob => match (ty, value) {
            (Ty::Blob | Ty::Raw(_) | Ty::Long, value @ Value::Blob(_)) => Ok(value),
            _ => Err(clash()),
        },
        Ty::Raw(most) => {
            let bytes = match (ty, value) {
                (Ty::Raw(_), Value::Blob(bytes)) => bytes,
                (Ty::Long, _) => {
                    return Err(OraError::new(1461, "can bind a LONG value only for insert into a LONG column"));
                }
                (ty, Value::Text(text)) if ty.family() == Family::Text => parse_hex(&text)?,
                _ => return Err(clash()),
            };
            if bytes.len() > *most as usize {
                return Err(too_large(&name(), bytes.len(), *most as usize));
            }
            if bytes.is_empty() { Ok(Value::Null) } else { Ok(Value::Blob(bytes)) }
        }
        Ty::Date => match (ty.family(), value) {
            (Family::Time, Value::Integer(micros)) => Ok(Value::Integer(micros.div_euclid(1_000_000) * 1_000_000)),
            _ => Err(clash()),
        },
        Ty::Timestamp(digits) | Ty::TimestampTz(digits) | Ty::TimestampLtz(digits) => match (ty.family(), value) {
            (Family::Time, Value::Integer(micros)) => {
                let unit = 10_i64.pow(6_u32.saturating_sub(u32::from(*digits)));
                Ok(Value::Integer((micros + unit / 2).div_euclid(unit) * unit))
            }
            _ => Err(clash()),
        },
        Ty::IntervalDs if ty.family() == Family::Interval => Ok(value),
        Ty::Vector(dimension) => {
            let dimension = dimension.map(|n| n as usize);
            match (ty, value) {
                (Ty::Vector(_), Value::Blob(bytes)) => {
                    vector::check_dimension(&bytes, dimension)?;
                    Ok(Value::Blob(bytes))
                }
                (Ty::Long, _) => Err(OraError::new(1461, "can bind a LONG value only for insert into a LONG column")),
                (ty, Value::Text(text)) if ty.is_text() => vector::parse(&text, dimension).map(Value::Blob),
                _ => Err(clash()),
            }
        }
        Ty::Boolean => match value {
            Value::Integer(n @ 0..=1) => Ok(Value::Integer(n)),
            _ => Err(clash()),
        },
        _ => Err(clash()),
    }
}

fn text_of(value: Value, ty: &Ty) -> Option<String> {
    match (value, ty.family()) {
        (Value::Text(text), Family::Text | Family::Lob) => Some(text),
        (Value::Integer(n), Family::Number) => Some(n.to_string()),
        (Value::Real(n), Family::Number) => Some(number_text(n)),
        _ => None,
    }
}

fn too_large(name: &str, actual: usize, most: usize) -> OraError {
    OraError::new(12899, format_args!("value too large for column {name} (actual: {actual}, maximum: {most})"))
}

fn fit_text(text: String, most: u32, column: &Column, name: impl Fn() -> String) -> Result<Value> {
    if text.is_empty() {
        return Ok(Value::Null);
    }
    let characters = text.chars().count();
    match column.chars {
        Some(chars) if characters > chars as usize => return Err(too_large(&name(), characters, chars as usize)),
        // Even a length in characters cannot go beyond the bytes of a VARCHAR2.
        _ if text.len() > (most.min(4000)) as usize => {
            return Err(too_large(&name(), text.len(), most.min(4000) as usize));
        }
        _ => {}
    }
    if let Ty::Char(length) = column.ty {
        let length = column.chars.unwrap_or(length) as usize;
        return Ok(Value::Text(format!("{text:length$}")));
    }
    Ok(Value::Text(text))
}

fn fit_number(value: Value, precision: i16, scale: i8) -> Result<Value> {
    if precision == 0 {
        return Ok(value);
    }
    let value = match value {
        Value::Real(n) => {
            let unit = 10f64.powi(i32::from(scale));
            let rounded = (n * unit).round() / unit;
            #[expect(clippy::cast_possible_truncation, reason = "checked to be whole and within 2^53")]
            if rounded.fract() == 0.0 && rounded.abs() < 9.0e15 {
                Value::Integer(rounded as i64)
            } else {
                Value::Real(rounded)
            }
        }
        other => other,
    };
    #[expect(clippy::cast_precision_loss, reason = "only the magnitude counts")]
    let magnitude = match value {
        Value::Integer(n) => n.unsigned_abs() as f64,
        Value::Real(n) => n.abs(),
        _ => 0.0,
    };
    if magnitude >= 10f64.powi(i32::from(precision) - i32::from(scale)) {
        return Err(OraError::new(1438, "value larger than specified precision allowed for this column"));
    }
    Ok(value)
}
