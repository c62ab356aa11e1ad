//! The parts of a readable generation prompt that a filter can ask for.

use serde_json::Value;

/// Parts of the JSON object in [`super::NewImage::generation`]. A part that is not there, or not of its type, is `None`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GenerationParts {
    /// The image generator's model.
    pub model: Option<String>,
    /// The sampler.
    pub sampler: Option<String>,
    /// The start value of the noise.
    pub seed: Option<u64>,
}

impl GenerationParts {
    /// Reads them. A text that is not JSON has none: that is no reason to refuse the image.
    #[must_use]
    pub fn of(generation: &str) -> Self {
        let Ok(Value::Object(mut parts)) = serde_json::from_str(generation) else { return Self::default() };
        let mut text = |name: &str| match parts.remove(name) {
            Some(Value::String(text)) => Some(text),
            _ => None,
        };
        let (model, sampler) = (text("model"), text("sampler"));
        Self { model, sampler, seed: parts.get("seed").and_then(Value::as_u64) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_read_where_they_are_of_their_type() {
        let all = GenerationParts::of(r#"{"model": "sdxl", "sampler": "Euler a", "seed": 18446744073709551615}"#);
        assert_eq!(
            all,
            GenerationParts { model: Some("sdxl".into()), sampler: Some("Euler a".into()), seed: Some(u64::MAX) }
        );
        for odd in [r#"{"model": 7, "sampler": null, "seed": -1}"#, r#"{"seed": "1"}"#, "[]", "not JSON", ""] {
            assert_eq!(GenerationParts::of(odd), GenerationParts::default(), "{odd}");
        }
    }
}
