//! The column GENERATION: JSON in the database, [`Generation`] in the program.

use mitsuke_image::Generation;

/// Writes the readable parts of a generation prompt as a JSON object.
pub(crate) fn to_json(generation: &Generation) -> String {
    // A struct of texts and numbers always has a JSON form.
    serde_json::to_string(generation).unwrap_or_default()
}

/// Reads the column. A value that is not the JSON of a [`Generation`] counts as none, since the raw text is stored too.
pub(crate) fn from_json(json: Option<&str>) -> Option<Generation> {
    serde_json::from_str(json?).ok()
}

/// Returns the form in which checkpoints and samplers are compared. The case of ASCII letters is ignored.
pub(crate) fn compared_part(part: &str) -> String {
    part.to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_column_holds_every_part() {
        let all = Generation {
            prompt: Some("猫".into()),
            model: Some("sdxl".into()),
            sampler: Some("Euler a".into()),
            seed: Some(u64::MAX),
            ..Generation::default()
        };
        assert_eq!(from_json(Some(&to_json(&all))), Some(all));
    }

    #[test]
    fn a_damaged_column_counts_as_none() {
        for odd in [r#"{"model": 7, "sampler": null, "seed": -1}"#, r#"{"seed": "1"}"#, "[7]", "not JSON", ""] {
            assert_eq!(from_json(Some(odd)), None, "{odd}");
        }
        assert_eq!(from_json(None), None);
    }
}
