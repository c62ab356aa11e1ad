//! Reading the values of a JSON object by the names that generators give them.

use serde_json::{Map, Value};

/// The values of a JSON object, or of text chunks, by name.
pub type Fields = Map<String, Value>;

/// Returns the value of the first of `names` that has one.
fn value<'f>(fields: &'f Fields, names: &[&str]) -> Option<&'f Value> {
    names.iter().find_map(|name| fields.get(*name).filter(|value| !value.is_null()))
}

/// Returns whether one of `names` has a value.
pub fn has(fields: &Fields, names: &[&str]) -> bool {
    value(fields, names).is_some()
}

/// Returns whether every one of `names` has a value.
pub fn has_all(fields: &Fields, names: &[&str]) -> bool {
    names.iter().all(|name| has(fields, &[name]))
}

/// Returns the text of the first of `names` that has a text. A list of texts gives one text a line.
pub fn text(fields: &Fields, names: &[&str]) -> Option<String> {
    names.iter().find_map(|name| match fields.get(*name)? {
        Value::String(text) => filled(text),
        Value::Array(lines) => {
            let lines: Vec<_> = lines.iter().filter_map(Value::as_str).map(str::trim).collect();
            filled(&lines.join("\n"))
        }
        _ => None,
    })
}

/// Returns the whole number of the first of `names` that has one.
pub fn number(fields: &Fields, names: &[&str]) -> Option<u64> {
    names.iter().find_map(|name| as_number(fields.get(*name)?))
}

/// Returns the number of steps under the first of `names` that has one.
pub fn steps(fields: &Fields, names: &[&str]) -> Option<u32> {
    number(fields, names).and_then(|steps| u32::try_from(steps).ok())
}

/// Returns the name of a model, sampler or the like under the first of `names` that has one.
pub fn name(fields: &Fields, names: &[&str]) -> Option<String> {
    names.iter().find_map(|name| as_name(fields.get(*name)?)).map(str::to_owned)
}

/// Reads a whole number that is not negative. Some writers store the number as a float or a string.
pub fn as_number(value: &Value) -> Option<u64> {
    match value {
        Value::Number(number) => number.as_u64().or_else(|| {
            let float = number.as_f64()?;
            // Beyond 2^53 a float has lost digits and would be another seed.
            (float.fract() == 0.0 && (0.0..=9_007_199_254_740_992.0).contains(&float)).then_some(float as u64)
        }),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// Reads a finite number, which may be written as a string.
pub fn as_float(value: &Value) -> Option<f64> {
    let number = match value {
        Value::Number(number) => number.as_f64()?,
        Value::String(text) => text.trim().parse().ok()?,
        _ => return None,
    };
    number.is_finite().then_some(number)
}

/// Reads a name. Some programs wrap the name in an object, to keep a hash or a preview beside the name.
pub fn as_name(value: &Value) -> Option<&str> {
    let name = match value {
        Value::String(name) => name,
        Value::Object(object) => ["name", "model_name", "content"].iter().find_map(|key| object.get(*key)?.as_str())?,
        _ => return None,
    };
    let name = name.trim();
    (!name.is_empty() && name != "None").then_some(name)
}

/// Returns a text without the white space around it; `None` when nothing is left.
pub fn filled(text: &str) -> Option<String> {
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_may_be_floats_or_texts() {
        assert_eq!(as_number(&json!(u64::MAX)), Some(u64::MAX));
        assert_eq!(as_number(&json!(30.0)), Some(30));
        assert_eq!(as_number(&json!(" 7 ")), Some(7));
        for odd in [json!(-1), json!(1.5), json!(1e300), json!("x"), json!(null)] {
            assert_eq!(as_number(&odd), None, "{odd}");
        }
    }

    #[test]
    fn the_first_name_with_a_value_counts() {
        let fields = json!({"a": "", "b": null, "c": ["x", "y"], "d": {"name": "m"}, "e": "None"});
        let fields = fields.as_object().unwrap();
        assert_eq!(text(fields, &["a", "b", "c"]).as_deref(), Some("x\ny"));
        assert_eq!(name(fields, &["e", "d"]).as_deref(), Some("m"));
        assert!(has(fields, &["b", "a"]) && !has(fields, &["b"]));
    }
}
