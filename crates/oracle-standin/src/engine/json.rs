//! SQL/JSON paths, JSON_VALUE and JSON_TABLE.

use rusqlite::types::Value as SqlValue;
use serde_json::Value;

use crate::errors::{OraError, Result};

enum Step {
    Key(String),
    Index(usize),
    All,
}

fn steps(path: &str) -> Result<Vec<Step>> {
    let bad = || OraError::new(40442, format_args!("JSON path expression syntax error ('{path}')"));
    let mut rest = path.trim().strip_prefix('$').ok_or_else(bad)?;
    let mut out = Vec::new();
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix("[*]") {
            out.push(Step::All);
            rest = after;
        } else if let Some(after) = rest.strip_prefix('[') {
            let (index, after) = after.split_once(']').ok_or_else(bad)?;
            out.push(Step::Index(index.trim().parse().map_err(|_| bad())?));
            rest = after;
        } else if let Some(after) = rest.strip_prefix(".\"") {
            let (key, after) = after.split_once('"').ok_or_else(bad)?;
            out.push(Step::Key(key.to_owned()));
            rest = after;
        } else if let Some(after) = rest.strip_prefix('.') {
            let end = after.find(['.', '[']).unwrap_or(after.len());
            let key = &after[..end];
            if key.is_empty() || !key.chars().all(|c| c.is_alphanumeric() || c == '_') {
                return Err(bad());
            }
            out.push(Step::Key(key.to_owned()));
            rest = &after[end..];
        } else {
            return Err(bad());
        }
    }
    Ok(out)
}

fn select<'a>(document: &'a Value, steps: &[Step]) -> Vec<&'a Value> {
    let mut found = vec![document];
    for step in steps {
        found = found
            .into_iter()
            .flat_map(|value| -> Vec<&Value> {
                match (step, value) {
                    (Step::Key(key), Value::Object(map)) => map.get(key).into_iter().collect(),
                    // Lax mode looks into the items of an array.
                    (Step::Key(key), Value::Array(items)) => {
                        items.iter().filter_map(|item| item.as_object().and_then(|map| map.get(key))).collect()
                    }
                    (Step::Index(i), Value::Array(items)) => items.get(*i).into_iter().collect(),
                    (Step::All, Value::Array(items)) => items.iter().collect(),
                    // … and takes a single value for an array of one.
                    (Step::All | Step::Index(0), other) => vec![other],
                    _ => Vec::new(),
                }
            })
            .collect();
    }
    found
}

fn parse(text: &str) -> Result<Value> {
    serde_json::from_str(text).map_err(|error| OraError::new(40441, format_args!("JSON syntax error: {error}")))
}

/// A JSON scalar as an SQL value; objects and arrays have none.
fn scalar(value: &Value, as_number: bool) -> Option<SqlValue> {
    Some(match value {
        Value::Null => SqlValue::Null,
        Value::Bool(b) => SqlValue::Text(b.to_string()),
        Value::Number(n) if as_number => match n.as_i64() {
            Some(n) => SqlValue::Integer(n),
            None => SqlValue::Real(n.as_f64()?),
        },
        Value::Number(n) => SqlValue::Text(n.to_string()),
        Value::String(s) if as_number => match s.trim().parse::<i64>() {
            Ok(n) => SqlValue::Integer(n),
            Err(_) => SqlValue::Real(s.trim().parse().ok()?),
        },
        Value::String(s) if s.is_empty() => SqlValue::Null,
        Value::String(s) => SqlValue::Text(s.clone()),
        Value::Object(_) | Value::Array(_) => return None,
    })
}

/// JSON_VALUE: one scalar, or NULL.
///
/// # Errors
/// With `strict` (ERROR ON ERROR): ORA-40441 for bad JSON, ORA-40462 for no value, ORA-40456 for a value that is not a
/// scalar, ORA-40470 for several values.
pub fn value(text: &str, path: &str, as_number: bool, strict: bool) -> Result<SqlValue> {
    let steps = steps(path)?;
    let answer = parse(text).and_then(|document| {
        let found = select(&document, &steps);
        match found.as_slice() {
            [] => Err(OraError::new(40462, "JSON path evaluated to no value")),
            [one] => {
                scalar(one, as_number).ok_or_else(|| OraError::new(40456, "JSON_VALUE evaluated to non-scalar value"))
            }
            _ => Err(OraError::new(40470, "JSON_VALUE evaluated to multiple values")),
        }
    });
    if strict { answer } else { Ok(answer.unwrap_or(SqlValue::Null)) }
}

/// JSON_EXISTS.
///
/// # Errors
/// ORA-40442 for a bad path.
pub fn exists(text: &str, path: &str) -> Result<bool> {
    let steps = steps(path)?;
    Ok(parse(text).is_ok_and(|document| !select(&document, &steps).is_empty()))
}

/// Whether a text is JSON.
pub fn is_json(text: &str) -> bool {
    parse(text).is_ok()
}

/// JSON_TABLE: the rows as a JSON array of arrays. `columns` says `[path, kind]` for each column, where kind is
/// `number`, `text`, `json` or `ordinality`.
///
/// # Errors
/// ORA-40442 for a bad path; with `strict` ORA-40441 for text that is no JSON.
pub fn table(text: &str, path: &str, columns: &str, strict: bool) -> Result<String> {
    let columns: Vec<(String, String)> =
        serde_json::from_str(columns).map_err(|error| OraError::new(600, format_args!("internal error: {error}")))?;
    let row_steps = steps(path)?;
    let column_steps =
        columns.iter().map(|(path, _)| steps(if path.is_empty() { "$" } else { path })).collect::<Result<Vec<_>>>()?;
    let document = match parse(text) {
        Ok(document) => document,
        Err(error) if strict => return Err(error),
        Err(_) => return Ok("[]".to_owned()),
    };
    let rows: Vec<Value> = select(&document, &row_steps)
        .into_iter()
        .enumerate()
        .map(|(i, row)| {
            let cells = columns.iter().zip(&column_steps).map(|((_, kind), steps)| {
                if kind == "ordinality" {
                    return Value::from(i + 1);
                }
                let found = select(row, steps);
                match (kind.as_str(), found.first()) {
                    (_, None) => Value::Null,
                    ("json", Some(value)) => Value::String(value.to_string()),
                    (kind, Some(value)) => match scalar(value, kind == "number") {
                        Some(SqlValue::Integer(n)) => Value::from(n),
                        Some(SqlValue::Real(n)) => Value::from(n),
                        Some(SqlValue::Text(text)) => Value::String(text),
                        _ => Value::Null,
                    },
                }
            });
            Value::Array(cells.collect())
        })
        .collect();
    Ok(Value::Array(rows).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_find_scalars() {
        let text = r#"{"a": {"b": [1, "x", 2.5]}, "seed": "7", "none": ""}"#;
        assert_eq!(value(text, "$.a.b[1]", false, true).unwrap(), SqlValue::Text("x".into()));
        assert_eq!(value(text, "$.seed", true, true).unwrap(), SqlValue::Integer(7));
        assert_eq!(value(text, "$.none", false, true).unwrap(), SqlValue::Null);
        assert_eq!(value(text, "$.a", false, false).unwrap(), SqlValue::Null);
        assert_eq!(value(text, "$.a", false, true).unwrap_err().code, 40456);
        assert_eq!(value("{", "$.a", false, true).unwrap_err().code, 40441);
        assert!(exists(text, "$.a.b[2]").unwrap() && !exists(text, "$.b").unwrap());
    }

    #[test]
    fn a_table_has_a_row_for_each_item() {
        let columns = r#"[["$.id","number"],["$","json"],["","ordinality"]]"#;
        let rows = table(r#"[{"id": 5}, {"id": "6"}]"#, "$[*]", columns, true).unwrap();
        assert_eq!(rows, r#"[[5,"{\"id\":5}",1],[6,"{\"id\":\"6\"}",2]]"#);
    }
}
