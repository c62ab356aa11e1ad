//! OCINumber: a length, an exponent of 100 and up to 20 digits of base 100 (Oracle Call Interface Programmer's Guide,
//! "OCINumber"; the inverse is ODPI-C's dpiUtils__parseOracleNumber).

use std::ffi::c_void;

use rusqlite::types::Value;

use super::consts::*;
use super::handle::{fail, put};
use crate::errors::OraError;

/// Bytes of an OCINumber.
pub const SIZE: usize = 22;

/// Writes a decimal number (`-12.5`, no exponent).
pub fn encode(decimal: &str) -> [u8; SIZE] {
    let mut out = [0; SIZE];
    let (negative, digits) = decimal.strip_prefix('-').map_or((false, decimal), |rest| (true, rest));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    // Pairs on both sides of the point, then without zeros at either end.
    let whole = if whole.len() % 2 == 1 { format!("0{whole}") } else { whole.to_owned() };
    let fraction = if fraction.len() % 2 == 1 { format!("{fraction}0") } else { fraction.to_owned() };
    let pairs: Vec<u8> = (whole + &fraction)
        .as_bytes()
        .as_chunks::<2>()
        .0
        .iter()
        .map(|pair| (pair[0] - b'0') * 10 + pair[1] - b'0')
        .collect();
    let whole_pairs = pairs.len() - fraction.len() / 2;
    let Some(first) = pairs.iter().position(|pair| *pair != 0) else {
        (out[0], out[1]) = (1, 0x80);
        return out;
    };
    let last = pairs.iter().rposition(|pair| *pair != 0).unwrap_or(first);
    let exponent = i32::try_from(whole_pairs).unwrap_or(0) - i32::try_from(first).unwrap_or(0) - 1;
    let mantissa: Vec<u8> = pairs[first..=last].iter().take(20).copied().collect();
    let exponent = u8::try_from((193 + exponent).clamp(128, 255)).unwrap_or(193);
    out[1] = if negative { !exponent } else { exponent };
    for (place, pair) in out[2..].iter_mut().zip(&mantissa) {
        *place = if negative { 101 - pair } else { pair + 1 };
    }
    let mut length = mantissa.len() + 1;
    if negative && mantissa.len() < 20 {
        out[2 + mantissa.len()] = 102;
        length += 1;
    }
    out[0] = u8::try_from(length).unwrap_or(21);
    out
}

/// The number as a decimal.
pub fn decode(number: &[u8; SIZE]) -> String {
    let length = usize::from(number[0]).clamp(1, SIZE - 1);
    let negative = number[1] & 0x80 == 0;
    if length == 1 && !negative {
        return "0".to_owned();
    }
    let exponent = if negative { !number[1] } else { number[1] };
    let exponent = i32::from(exponent) - 193;
    let mut mantissa = &number[2..=length];
    if negative && mantissa.last() == Some(&102) {
        mantissa = &mantissa[..mantissa.len() - 1];
    }
    let pairs: Vec<u8> = mantissa.iter().map(|byte| if negative { 101 - byte } else { byte - 1 }).collect();
    let mut out = String::from(if negative { "-" } else { "" });
    let mut digits = String::new();
    let mut fraction = String::new();
    for place in 0..=exponent.max(-1) {
        let pair = usize::try_from(place).ok().and_then(|i| pairs.get(i)).copied().unwrap_or(0);
        digits.push_str(&format!("{pair:02}"));
    }
    for _ in exponent..-1 {
        fraction.push_str("00");
    }
    for pair in pairs.iter().skip(usize::try_from(exponent + 1).unwrap_or(0)) {
        fraction.push_str(&format!("{pair:02}"));
    }
    let digits = digits.trim_start_matches('0');
    out.push_str(if digits.is_empty() { "0" } else { digits });
    let fraction = fraction.trim_end_matches('0');
    if !fraction.is_empty() {
        out.push('.');
        out.push_str(fraction);
    }
    out
}

/// A NUMBER as SQLite keeps it.
pub fn to_value(number: &[u8; SIZE]) -> Value {
    let decimal = decode(number);
    match decimal.parse::<i64>() {
        Ok(n) => Value::Integer(n),
        Err(_) => Value::Real(decimal.parse().unwrap_or(0.0)),
    }
}

/// A number of SQLite's as a decimal.
pub fn decimal_of(value: &Value) -> Option<String> {
    match value {
        Value::Integer(n) => Some(n.to_string()),
        Value::Real(n) if n.is_finite() => Some(format!("{n}")),
        _ => None,
    }
}

/// # Safety
/// `number` points to an OCINumber.
unsafe fn read(number: *const c_void) -> [u8; SIZE] {
    // SAFETY: the caller vouches for the pointer.
    unsafe { number.cast::<[u8; SIZE]>().read_unaligned() }
}

/// # Safety
/// `source` points to an integer of `length` bytes, `number` to room for an OCINumber; `error` is a live handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCINumberFromInt(
    error: *mut c_void,
    source: *const c_void,
    length: u32,
    signed: u32,
    number: *mut c_void,
) -> i32 {
    // SAFETY: the caller vouches for the pointers.
    unsafe {
        let text = match (length, signed) {
            (8, 0) => source.cast::<u64>().read_unaligned().to_string(),
            (8, _) => source.cast::<i64>().read_unaligned().to_string(),
            (4, 0) => source.cast::<u32>().read_unaligned().to_string(),
            (4, _) => source.cast::<i32>().read_unaligned().to_string(),
            _ => return fail(error, OraError::new(22060, "argument is invalid or of the wrong size")),
        };
        put(number, encode(&text));
    }
    SUCCESS
}

/// # Safety
/// The conditions of [`OCINumberFromInt`], with source and target exchanged.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCINumberToInt(
    error: *mut c_void,
    number: *const c_void,
    length: u32,
    signed: u32,
    target: *mut c_void,
) -> i32 {
    // SAFETY: the caller vouches for the pointers.
    unsafe {
        let decimal = decode(&read(number));
        let whole = decimal.split('.').next().unwrap_or("0");
        let overflow = || OraError::new(22053, "overflow error");
        match (length, signed) {
            (8, 0) => match whole.parse::<u64>() {
                Ok(n) => put(target, n),
                Err(_) => return fail(error, overflow()),
            },
            (8, _) => match whole.parse::<i64>() {
                Ok(n) => put(target, n),
                Err(_) => return fail(error, overflow()),
            },
            _ => return fail(error, OraError::new(22060, "argument is invalid or of the wrong size")),
        }
    }
    SUCCESS
}

/// # Safety
/// `source` points to a double, `number` to room for an OCINumber; `error` is a live handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCINumberFromReal(
    error: *mut c_void,
    source: *const c_void,
    _length: u32,
    number: *mut c_void,
) -> i32 {
    // SAFETY: the caller vouches for the pointers.
    unsafe {
        let value = source.cast::<f64>().read_unaligned();
        match decimal_of(&Value::Real(value)) {
            Some(decimal) => put(number, encode(&decimal)),
            None => {
                return fail(
                    error,
                    OraError::new(22065, "number to text translation for the given format causes overflow"),
                );
            }
        }
    }
    SUCCESS
}

/// # Safety
/// `number` points to an OCINumber, `target` to room for a double.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCINumberToReal(
    _error: *mut c_void,
    number: *const c_void,
    _length: u32,
    target: *mut c_void,
) -> i32 {
    // SAFETY: the caller vouches for the pointers.
    unsafe { put::<f64>(target, decode(&read(number)).parse().unwrap_or(0.0)) }
    SUCCESS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_survive_the_way_there_and_back() {
        for text in [
            "0",
            "1",
            "-1",
            "12",
            "99",
            "100",
            "101",
            "-123456",
            "0.5",
            "-0.5",
            "0.05",
            "0.0001",
            "123.456",
            "-100.01",
            "9223372036854775807",
            "-9223372036854775808",
            "18446744073709551615",
            "1000000",
            "0.1",
            "12345.678901",
        ] {
            assert_eq!(decode(&encode(text)), text);
        }
    }

    #[test]
    fn known_forms_are_written() {
        // The examples of Oracle's documentation: SELECT DUMP(1), DUMP(-1), DUMP(100), DUMP(0.01).
        assert_eq!(encode("1")[..3], [2, 193, 2]);
        assert_eq!(encode("-1")[..4], [3, 62, 100, 102]);
        assert_eq!(encode("100")[..3], [2, 194, 2]);
        assert_eq!(encode("0.01")[..3], [2, 192, 2]);
        assert_eq!(encode("0")[..2], [1, 128]);
    }
}
