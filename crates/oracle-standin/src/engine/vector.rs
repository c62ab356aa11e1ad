//! Vectors: 32-bit floats, little-endian, as blobs.

use crate::errors::{OraError, Result};

/// Reads `[1, 2.5e-3, …]`.
///
/// # Errors
/// ORA-51805 for anything else, ORA-51803 when there are not `dimension` components.
pub fn parse(text: &str, dimension: Option<usize>) -> Result<Vec<u8>> {
    let malformed = || {
        OraError::new(51805, "Vector is not properly formatted (dimension value is either not a number or infinity)")
    };
    let inner = text.trim().strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).ok_or_else(malformed)?;
    let mut out = Vec::new();
    for part in inner.split(',') {
        let value: f64 = part.trim().parse().map_err(|_| malformed())?;
        #[expect(clippy::cast_possible_truncation, reason = "FLOAT32 is what the column holds")]
        let value = value as f32;
        if !value.is_finite() {
            return Err(malformed());
        }
        out.extend_from_slice(&value.to_le_bytes());
    }
    check_dimension(&out, dimension)?;
    Ok(out)
}

/// # Errors
/// ORA-51803.
pub fn check_dimension(vector: &[u8], dimension: Option<usize>) -> Result<()> {
    match dimension {
        Some(expected) if expected != vector.len() / 4 => Err(OraError::new(
            51803,
            format_args!(
                "Vector dimension count must match the dimension count specified in the column definition (expected \
                 {expected} dimensions, specified {} dimensions).",
                vector.len() / 4
            ),
        )),
        _ => Ok(()),
    }
}

fn components(vector: &[u8]) -> impl Iterator<Item = f32> + '_ {
    vector.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes))
}

/// The text that FROM_VECTOR makes: nine significant digits, `[1.0E+000,-2.50000004E-002]`.
pub fn format(vector: &[u8]) -> String {
    let mut out = String::from("[");
    for (i, value) in components(vector).enumerate() {
        if i > 0 {
            out.push(',');
        }
        let text = format!("{value:.8e}");
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let digits = digits.trim_end_matches('0');
        out.push_str(digits);
        if digits.ends_with('.') {
            out.push('0');
        }
        let exponent: i32 = exponent.parse().unwrap_or(0);
        out.push_str(&format!("E{}{:03}", if exponent < 0 { '-' } else { '+' }, exponent.abs()));
    }
    out.push(']');
    out
}

/// VECTOR_DISTANCE.
///
/// # Errors
/// ORA-51808 for vectors of different dimension, ORA-51817 for a metric that the stand-in does not know.
pub fn distance(a: &[u8], b: &[u8], metric: &str) -> Result<f64> {
    if a.len() != b.len() {
        return Err(OraError::new(
            51808,
            format_args!(
                "VECTOR_DISTANCE(): Vectors must have the same number of dimensions ({} and {}).",
                a.len() / 4,
                b.len() / 4
            ),
        ));
    }
    let sum = |f: fn(f64, f64) -> f64| -> f64 {
        components(a).zip(components(b)).map(|(x, y)| f(f64::from(x), f64::from(y))).sum()
    };
    let dot = || sum(|x, y| x * y);
    Ok(match metric {
        "DOT" => -dot(),
        "COSINE" => 1.0 - dot() / (sum(|x, _| x * x).sqrt() * sum(|_, y| y * y).sqrt()),
        "EUCLIDEAN" => sum(|x, y| (x - y) * (x - y)).sqrt(),
        "EUCLIDEAN_SQUARED" | "L2_SQUARED" => sum(|x, y| (x - y) * (x - y)),
        "MANHATTAN" => sum(|x, y| (x - y).abs()),
        _ => return Err(OraError::new(51817, format_args!("unknown metric {metric}"))),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_survives_the_way_there_and_back() {
        let vector = parse("[1, -0.025, 3.4e-20, 0.1]", Some(4)).unwrap();
        let text = format(&vector);
        assert_eq!(text, "[1.0E+000,-2.50000004E-002,3.39999989E-020,1.00000001E-001]");
        assert_eq!(parse(&text, None).unwrap(), vector);
    }

    #[test]
    fn what_is_no_vector_of_that_dimension_is_refused() {
        assert_eq!(parse("[1,2]", Some(3)).unwrap_err().code, 51803);
        assert_eq!(parse("1,2", None).unwrap_err().code, 51805);
        assert_eq!(parse("[1,nan]", None).unwrap_err().code, 51805);
        assert_eq!(parse("[]", None).unwrap_err().code, 51805);
        assert_eq!(distance(&[0; 4], &[0; 8], "DOT").unwrap_err().code, 51808);
    }

    #[test]
    fn dot_distance_is_the_negated_inner_product() {
        let (a, b) = (parse("[1,2]", None).unwrap(), parse("[3,4]", None).unwrap());
        assert!((distance(&a, &b, "DOT").unwrap() + 11.0).abs() < 1e-12);
    }
}
