//! Oracle's functions and operators as SQLite functions named `ora_…`, where SQLite's own differ.

use rusqlite::Connection;
use rusqlite::types::{Value, ValueRef};

use super::scalar::{Scalar, register};
use super::{json, text, time, vector};
use crate::errors::{OraError, Result};

/// Name, number of arguments (−1: any), function.
const ALL: [(&str, i32, Scalar); 36] = [
    ("ora_concat", 2, concat),
    ("ora_concat_varchar2", 2, concat_varchar2),
    ("ora_div", 2, div),
    ("ora_mod", 2, modulo),
    ("ora_power", 2, |args| real2(args, f64::powf)),
    ("ora_ln", 1, |args| real1(args, f64::ln)),
    ("ora_exp", 1, |args| real1(args, f64::exp)),
    ("ora_sqrt", 1, |args| real1(args, f64::sqrt)),
    ("ora_floor", 1, |args| real1(args, f64::floor)),
    ("ora_ceil", 1, |args| real1(args, f64::ceil)),
    ("ora_round", 2, |args| rounded(args, f64::round)),
    ("ora_trunc", 2, |args| rounded(args, f64::trunc)),
    ("ora_to_number", 1, to_number),
    ("ora_to_char", 1, to_char),
    ("ora_clob_to_char", 1, clob_to_char),
    ("ora_format_time", 2, format_time),
    ("ora_lower", 1, |args| Ok(map_text(args, str::to_lowercase))),
    ("ora_upper", 1, |args| Ok(map_text(args, str::to_uppercase))),
    ("ora_trim", 1, |args| Ok(map_text(args, |text| text.trim_matches(' ').to_owned()))),
    ("ora_ltrim", 1, |args| Ok(map_text(args, |text| text.trim_start_matches(' ').to_owned()))),
    ("ora_rtrim", 1, |args| Ok(map_text(args, |text| text.trim_end_matches(' ').to_owned()))),
    ("ora_length", 1, length),
    ("ora_lengthb", 1, length_in_bytes),
    ("ora_substr", -1, substr),
    ("ora_instr", -1, instr),
    ("ora_replace", -1, replace),
    ("ora_translate", 3, translate),
    ("ora_like", -1, like),
    ("ora_rawtohex", 1, raw_to_hex),
    ("ora_hextoraw", 1, hex_to_raw),
    ("ora_to_vector", 2, to_vector),
    ("ora_vector_distance", 3, vector_distance),
    ("ora_from_vector", 1, |args| Ok(blob(args, 0).map_or(Value::Null, |bytes| Value::Text(vector::format(bytes))))),
    ("ora_contains", 2, contains),
    ("ora_json_value", 4, json_value),
    ("ora_json_table", 4, json_table),
];

const MORE: [(&str, i32, Scalar); 4] = [
    ("ora_json_exists", 2, json_exists),
    ("ora_is_json", 1, |args| {
        Ok(str_of(args, 0).map_or(Value::Null, |text| Value::Integer(json::is_json(&text).into())))
    }),
    ("ora_round_time", 2, round_time),
    ("ora_vector_dimensions", 1, |args| {
        Ok(blob(args, 0).map_or(Value::Null, |bytes| Value::Integer(i64::try_from(bytes.len() / 4).unwrap_or(0))))
    }),
];

/// Makes all functions known to a connection.
///
/// # Errors
/// The errors of SQLite.
pub fn register_all(connection: &Connection) -> Result<()> {
    ALL.iter().chain(&MORE).try_for_each(|(name, count, function)| register(connection, name, *count, *function))
}

fn is_null(args: &[ValueRef<'_>]) -> bool {
    args.iter().any(|arg| matches!(arg, ValueRef::Null))
}

fn str_of(args: &[ValueRef<'_>], i: usize) -> Option<String> {
    match args.get(i)? {
        ValueRef::Text(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
        ValueRef::Integer(n) => Some(n.to_string()),
        ValueRef::Real(n) => Some(number_text(*n)),
        ValueRef::Blob(bytes) => Some(hex(bytes)),
        ValueRef::Null => None,
    }
}

fn blob<'a>(args: &[ValueRef<'a>], i: usize) -> Option<&'a [u8]> {
    match args.get(i)? {
        ValueRef::Blob(bytes) => Some(bytes),
        _ => None,
    }
}

fn int_of(args: &[ValueRef<'_>], i: usize) -> Option<i64> {
    match args.get(i)? {
        ValueRef::Integer(n) => Some(*n),
        #[expect(clippy::cast_possible_truncation, reason = "positions and lengths are small")]
        ValueRef::Real(n) => Some(n.trunc() as i64),
        _ => None,
    }
}

fn real_of(args: &[ValueRef<'_>], i: usize) -> Option<f64> {
    match args.get(i)? {
        #[expect(clippy::cast_precision_loss, reason = "fractions are 64-bit floats here")]
        ValueRef::Integer(n) => Some(*n as f64),
        ValueRef::Real(n) => Some(*n),
        _ => None,
    }
}

/// A text as Oracle has it: the empty one is NULL.
fn text_value(text: String) -> Value {
    if text.is_empty() { Value::Null } else { Value::Text(text) }
}

/// A number, an integer where it is one.
fn number_value(value: f64) -> Value {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    #[expect(clippy::cast_possible_truncation, reason = "checked to be whole and within 2^53")]
    if value.fract() == 0.0 && value.abs() <= EXACT { Value::Integer(value as i64) } else { Value::Real(value) }
}

/// A number as Oracle writes it: no leading zero, no exponent for common sizes.
pub fn number_text(value: f64) -> String {
    let text = if value != 0.0 && !(1e-10..1e40).contains(&value.abs()) {
        format!("{value:e}").replace('e', "E").replace("E-", "E-0").replace("E-0", "E-")
    } else {
        format!("{value}")
    };
    text.strip_prefix("0.")
        .map(|rest| format!(".{rest}"))
        .or_else(|| text.strip_prefix("-0.").map(|rest| format!("-.{rest}")))
        .unwrap_or(text)
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

fn map_text(args: &[ValueRef<'_>], f: impl Fn(&str) -> String) -> Value {
    str_of(args, 0).map_or(Value::Null, |text| text_value(f(&text)))
}

fn real1(args: &[ValueRef<'_>], f: fn(f64) -> f64) -> Result<Value> {
    let Some(value) = real_of(args, 0) else { return Ok(Value::Null) };
    let answer = f(value);
    if answer.is_finite() {
        Ok(number_value(answer))
    } else {
        Err(OraError::new(1428, format_args!("argument '{value}' is out of range")))
    }
}

fn real2(args: &[ValueRef<'_>], f: fn(f64, f64) -> f64) -> Result<Value> {
    Ok(match (real_of(args, 0), real_of(args, 1)) {
        (Some(a), Some(b)) => number_value(f(a, b)),
        _ => Value::Null,
    })
}

fn rounded(args: &[ValueRef<'_>], f: fn(f64) -> f64) -> Result<Value> {
    Ok(match (real_of(args, 0), int_of(args, 1)) {
        (Some(value), Some(digits)) => {
            let scale = 10f64.powi(i32::try_from(digits.clamp(-38, 38)).unwrap_or(0));
            number_value(f(value * scale) / scale)
        }
        _ => Value::Null,
    })
}

fn concat(args: &[ValueRef<'_>]) -> Result<Value> {
    Ok(text_value(str_of(args, 0).unwrap_or_default() + &str_of(args, 1).unwrap_or_default()))
}

/// The concatenation of two texts that are no CLOBs.
fn concat_varchar2(args: &[ValueRef<'_>]) -> Result<Value> {
    match concat(args)? {
        Value::Text(text) if text.len() > 4000 => {
            Err(OraError::new(1489, "result of string concatenation is too long"))
        }
        joined => Ok(joined),
    }
}

fn div(args: &[ValueRef<'_>]) -> Result<Value> {
    let (Some(a), Some(b)) = (real_of(args, 0), real_of(args, 1)) else { return Ok(Value::Null) };
    if b == 0.0 {
        return Err(OraError::new(1476, "divisor is equal to zero"));
    }
    Ok(number_value(a / b))
}

fn modulo(args: &[ValueRef<'_>]) -> Result<Value> {
    Ok(match (args[0], args[1]) {
        (ValueRef::Integer(a), ValueRef::Integer(0)) => Value::Integer(a),
        (ValueRef::Integer(a), ValueRef::Integer(b)) => Value::Integer(a.wrapping_rem(b)),
        _ => match (real_of(args, 0), real_of(args, 1)) {
            (Some(a), Some(b)) => number_value(if b == 0.0 { a } else { a % b }),
            _ => Value::Null,
        },
    })
}

/// Reads a number as TO_NUMBER does.
///
/// # Errors
/// ORA-01722.
pub fn parse_number(text: &str) -> Result<Value> {
    let text = text.trim();
    if let Ok(n) = text.parse::<i64>() {
        return Ok(Value::Integer(n));
    }
    match text.parse::<f64>() {
        Ok(n) if n.is_finite() && text.bytes().all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b)) => {
            Ok(number_value(n))
        }
        _ => Err(OraError::new(1722, format_args!("unable to convert string value ({text}) to a number"))),
    }
}

fn to_number(args: &[ValueRef<'_>]) -> Result<Value> {
    match args[0] {
        ValueRef::Text(bytes) => parse_number(&String::from_utf8_lossy(bytes)),
        ValueRef::Integer(n) => Ok(Value::Integer(n)),
        ValueRef::Real(n) => Ok(Value::Real(n)),
        ValueRef::Null => Ok(Value::Null),
        ValueRef::Blob(_) => Err(OraError::new(1722, "unable to convert RAW to a number")),
    }
}

fn to_char(args: &[ValueRef<'_>]) -> Result<Value> {
    Ok(str_of(args, 0).map_or(Value::Null, text_value))
}

/// TO_CHAR of a CLOB, which has to fit VARCHAR2.
fn clob_to_char(args: &[ValueRef<'_>]) -> Result<Value> {
    let Some(text) = str_of(args, 0).filter(|text| !text.is_empty()) else { return Ok(Value::Null) };
    if text.len() > 4000 {
        let message = "Buffer too small for CLOB to CHAR or BLOB to RAW conversion";
        return Err(OraError::new(22835, format_args!("{message} (actual: {}, maximum: 4000)", text.len())));
    }
    Ok(text_value(text))
}

/// TO_CHAR of a point in time with the format elements that programs use for exact texts.
fn format_time(args: &[ValueRef<'_>]) -> Result<Value> {
    let (Some(micros), Some(format)) = (int_of(args, 0), str_of(args, 1)) else { return Ok(Value::Null) };
    let fields = time::Fields::from_micros(micros);
    let mut out = String::new();
    let mut rest = format.as_str();
    while let Some(first) = rest.chars().next() {
        if first == '"' {
            let (literal, after) = rest[1..].split_once('"').unwrap_or((&rest[1..], ""));
            out.push_str(literal);
            rest = after;
            continue;
        }
        let elements: [(&str, String); 9] = [
            ("YYYY", format!("{:04}", fields.year)),
            ("HH24", format!("{:02}", fields.hour)),
            ("MM", format!("{:02}", fields.month)),
            ("DD", format!("{:02}", fields.day)),
            ("MI", format!("{:02}", fields.minute)),
            ("SS", format!("{:02}", fields.second)),
            ("FF6", format!("{:06}", fields.nanosecond / 1000)),
            ("FF3", format!("{:03}", fields.nanosecond / 1_000_000)),
            ("TZH:TZM", "+00:00".to_owned()),
        ];
        let upper = rest.to_uppercase();
        if let Some((element, value)) = elements.iter().find(|(element, _)| upper.starts_with(element)) {
            out.push_str(value);
            rest = &rest[element.len()..];
        } else if first.is_alphanumeric() && !(first == 'T' || first == 'Z') {
            return Err(OraError::new(1821, "date format not recognized (by the stand-in client)"));
        } else {
            out.push(first);
            rest = &rest[first.len_utf8()..];
        }
    }
    Ok(text_value(out))
}

/// Cuts a point in time down to a number of microseconds (a day, a second).
fn round_time(args: &[ValueRef<'_>]) -> Result<Value> {
    Ok(match (int_of(args, 0), int_of(args, 1)) {
        (Some(micros), Some(unit)) if unit > 0 => Value::Integer(micros.div_euclid(unit) * unit),
        _ => Value::Null,
    })
}

fn length(args: &[ValueRef<'_>]) -> Result<Value> {
    Ok(match args[0] {
        ValueRef::Null => Value::Null,
        ValueRef::Blob(bytes) => Value::Integer(i64::try_from(bytes.len()).unwrap_or(0)),
        _ => {
            str_of(args, 0).map_or(Value::Null, |text| Value::Integer(i64::try_from(text.chars().count()).unwrap_or(0)))
        }
    })
}

fn length_in_bytes(args: &[ValueRef<'_>]) -> Result<Value> {
    Ok(match args[0] {
        ValueRef::Null => Value::Null,
        ValueRef::Blob(bytes) => Value::Integer(i64::try_from(bytes.len()).unwrap_or(0)),
        _ => str_of(args, 0).map_or(Value::Null, |text| Value::Integer(i64::try_from(text.len()).unwrap_or(0))),
    })
}

fn substr(args: &[ValueRef<'_>]) -> Result<Value> {
    let (Some(text), Some(start)) = (str_of(args, 0), int_of(args, 1)) else { return Ok(Value::Null) };
    let chars: Vec<char> = text.chars().collect();
    let count = i64::try_from(chars.len()).unwrap_or(i64::MAX);
    let from = match start {
        0 => 0,
        1.. => start - 1,
        _ => count + start,
    };
    if from < 0 || from >= count {
        return Ok(Value::Null);
    }
    let take = match args.get(2) {
        None => count,
        Some(ValueRef::Null) => return Ok(Value::Null),
        Some(_) => int_of(args, 2).unwrap_or(0),
    };
    let from = usize::try_from(from).unwrap_or(0);
    Ok(text_value(chars[from..].iter().take(usize::try_from(take).unwrap_or(0)).collect()))
}

fn instr(args: &[ValueRef<'_>]) -> Result<Value> {
    let (Some(text), Some(part)) = (str_of(args, 0), str_of(args, 1)) else { return Ok(Value::Null) };
    let start = if args.len() > 2 { int_of(args, 2).unwrap_or(1) } else { 1 };
    if start < 1 || args.len() > 3 {
        return Err(OraError::unsupported("this form of INSTR"));
    }
    let skipped: usize = text.chars().take(usize::try_from(start - 1).unwrap_or(0)).map(char::len_utf8).sum();
    let found = text[skipped..].find(&part).map_or(0, |at| text[..skipped + at].chars().count() + 1);
    Ok(Value::Integer(i64::try_from(found).unwrap_or(0)))
}

fn replace(args: &[ValueRef<'_>]) -> Result<Value> {
    let (Some(text), Some(from)) = (str_of(args, 0), str_of(args, 1)) else {
        return Ok(str_of(args, 0).map_or(Value::Null, text_value));
    };
    Ok(text_value(text.replace(&from, &str_of(args, 2).unwrap_or_default())))
}

fn translate(args: &[ValueRef<'_>]) -> Result<Value> {
    let (Some(text), Some(from), Some(to)) = (str_of(args, 0), str_of(args, 1), str_of(args, 2)) else {
        return Ok(Value::Null);
    };
    let to: Vec<char> = to.chars().collect();
    let out = text.chars().filter_map(|c| match from.chars().position(|f| f == c) {
        Some(i) => to.get(i).copied(),
        None => Some(c),
    });
    Ok(text_value(out.collect()))
}

enum LikePart {
    Any,
    One,
    Char(char),
}

/// LIKE with case, and with Oracle's rules for the escape character.
fn like(args: &[ValueRef<'_>]) -> Result<Value> {
    if is_null(args) {
        return Ok(Value::Null);
    }
    let (text, pattern) = (str_of(args, 0).unwrap_or_default(), str_of(args, 1).unwrap_or_default());
    let escape = match args.get(2) {
        None => None,
        Some(_) => {
            let text = str_of(args, 2).unwrap_or_default();
            let mut chars = text.chars();
            match (chars.next(), chars.next()) {
                (Some(one), None) => Some(one),
                _ => return Err(OraError::new(1425, "escape character must be character string of length 1")),
            }
        }
    };
    let mut parts = Vec::new();
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        parts.push(match c {
            c if Some(c) == escape => match chars.next() {
                Some(next @ ('%' | '_')) => LikePart::Char(next),
                Some(next) if Some(next) == escape => LikePart::Char(next),
                _ => return Err(OraError::new(1424, "missing or illegal character following the escape character")),
            },
            '%' => LikePart::Any,
            '_' => LikePart::One,
            c => LikePart::Char(c),
        });
    }
    let text: Vec<char> = text.chars().collect();
    Ok(Value::Integer(matches_like(&text, &parts).into()))
}

/// Greedy matching with one point to go back to.
fn matches_like(text: &[char], parts: &[LikePart]) -> bool {
    let (mut t, mut p) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while t < text.len() {
        let fits = match parts.get(p) {
            Some(LikePart::Any) => {
                retry = Some((t, p));
                p += 1;
                continue;
            }
            Some(LikePart::One) => true,
            Some(LikePart::Char(c)) => *c == text[t],
            None => false,
        };
        if fits {
            (t, p) = (t + 1, p + 1);
        } else if let Some((from, any)) = retry {
            retry = Some((from + 1, any));
            (t, p) = (from + 1, any + 1);
        } else {
            return false;
        }
    }
    parts[p..].iter().all(|part| matches!(part, LikePart::Any))
}

fn raw_to_hex(args: &[ValueRef<'_>]) -> Result<Value> {
    Ok(blob(args, 0).map_or(Value::Null, |bytes| text_value(hex(bytes))))
}

fn hex_to_raw(args: &[ValueRef<'_>]) -> Result<Value> {
    let Some(text) = str_of(args, 0) else { return Ok(Value::Null) };
    parse_hex(&text).map(Value::Blob)
}

/// HEXTORAW.
///
/// # Errors
/// ORA-01465.
pub fn parse_hex(text: &str) -> Result<Vec<u8>> {
    let bad = || OraError::new(1465, "invalid hex number");
    if !text.is_ascii() {
        return Err(bad());
    }
    let padded = if text.len() % 2 == 1 { format!("0{text}") } else { text.to_owned() };
    (0..padded.len() / 2).map(|i| u8::from_str_radix(&padded[2 * i..2 * i + 2], 16).map_err(|_| bad())).collect()
}

/// Text or vector → vector; the second argument is the dimension, 0 for any.
fn to_vector(args: &[ValueRef<'_>]) -> Result<Value> {
    let dimension = int_of(args, 1).and_then(|n| usize::try_from(n).ok()).filter(|n| *n > 0);
    match args[0] {
        ValueRef::Null => Ok(Value::Null),
        ValueRef::Blob(bytes) => vector::check_dimension(bytes, dimension).map(|()| Value::Blob(bytes.to_vec())),
        _ => vector::parse(&str_of(args, 0).unwrap_or_default(), dimension).map(Value::Blob),
    }
}

fn vector_distance(args: &[ValueRef<'_>]) -> Result<Value> {
    match (blob(args, 0), blob(args, 1), str_of(args, 2)) {
        (Some(a), Some(b), Some(metric)) => vector::distance(a, b, &metric).map(Value::Real),
        _ => Ok(Value::Null),
    }
}

fn contains(args: &[ValueRef<'_>]) -> Result<Value> {
    let Some(query) = str_of(args, 1) else {
        return Err(OraError::text(
            29902,
            "error in executing ODCIIndexStart() routine",
            50901,
            "text query parser syntax error",
        ));
    };
    // The query is parsed for a NULL text too, so that a bad one is always refused.
    text::score(&str_of(args, 0).unwrap_or_default(), &query).map(Value::Integer)
}

fn json_value(args: &[ValueRef<'_>]) -> Result<Value> {
    match (str_of(args, 0), str_of(args, 1)) {
        (Some(document), Some(path)) => {
            json::value(&document, &path, int_of(args, 2) == Some(1), int_of(args, 3) == Some(1))
        }
        _ => Ok(Value::Null),
    }
}

fn json_exists(args: &[ValueRef<'_>]) -> Result<Value> {
    match (str_of(args, 0), str_of(args, 1)) {
        (Some(document), Some(path)) => Ok(Value::Integer(json::exists(&document, &path)?.into())),
        _ => Ok(Value::Integer(0)),
    }
}

fn json_table(args: &[ValueRef<'_>]) -> Result<Value> {
    match (str_of(args, 0), str_of(args, 1), str_of(args, 2)) {
        (Some(document), Some(path), Some(columns)) => {
            json::table(&document, &path, &columns, int_of(args, 3) == Some(1)).map(Value::Text)
        }
        _ => Ok(Value::Text("[]".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn like(text: &str, pattern: &str) -> bool {
        let args = [text, pattern, "\\"].map(|s| ValueRef::Text(s.as_bytes()));
        super::like(&args).unwrap() == Value::Integer(1)
    }

    #[test]
    fn like_knows_case_wildcards_and_escapes() {
        assert!(like("cat.png", "%.png") && like("cat.png", "c_t%") && like("a%b", "a\\%b") && like("aXbXc", "a%b%c"));
        assert!(!like("Cat", "cat") && !like("axb", "a\\%b") && !like("ab", "a_b") && !like("abcd", "a%c"));
        let args = ["a", "a\\b", "\\"].map(|s| ValueRef::Text(s.as_bytes()));
        assert_eq!(super::like(&args).unwrap_err().code, 1424);
    }

    #[test]
    fn texts_are_counted_in_characters_and_empty_ones_are_null() {
        let args = [ValueRef::Text("白い猫".as_bytes()), ValueRef::Integer(2)];
        assert_eq!(substr(&args).unwrap(), Value::Text("い猫".into()));
        assert_eq!(instr(&[args[0], ValueRef::Text("猫".as_bytes())]).unwrap(), Value::Integer(3));
        assert_eq!(concat(&[ValueRef::Null, ValueRef::Null]).unwrap(), Value::Null);
        assert_eq!(concat(&[ValueRef::Null, ValueRef::Text(b"a")]).unwrap(), Value::Text("a".into()));
    }

    #[test]
    fn numbers_are_written_as_oracle_writes_them() {
        assert_eq!(number_text(0.5), ".5");
        assert_eq!(number_text(-0.25), "-.25");
        assert_eq!(number_text(12.0), "12");
        assert_eq!(parse_number("12x").unwrap_err().code, 1722);
        assert_eq!(div(&[ValueRef::Integer(1), ValueRef::Integer(0)]).unwrap_err().code, 1476);
        assert_eq!(div(&[ValueRef::Integer(1), ValueRef::Integer(2)]).unwrap(), Value::Real(0.5));
    }
}
