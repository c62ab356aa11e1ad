//! The choice of a model by its name or id.

use std::fmt;

/// A model that can be chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedModel {
    pub model_id: i64,
    pub name: String,
    pub version: String,
}

impl fmt::Display for NamedModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.version)
    }
}

/// Returns the one model that `wanted` (NAME, NAME:VERSION or an id) means.
///
/// # Errors
/// When it means none or several; the message lists the models.
pub fn choose(wanted: &str, models: impl IntoIterator<Item = NamedModel>) -> Result<NamedModel, String> {
    let models: Vec<NamedModel> = models.into_iter().collect();
    let full_name = |model: &NamedModel| format!("{}:{}", model.name, model.version);
    let list = || models.iter().map(full_name).collect::<Vec<_>>().join(", ");
    let mut matching = models
        .iter()
        .filter(|model| wanted == model.name || wanted == full_name(model) || wanted == model.model_id.to_string());
    match (matching.next(), matching.next()) {
        (Some(model), None) => Ok(model.clone()),
        (None, _) => Err(format!("--model {wanted}: there is no such model. There are: {}", list())),
        (Some(_), Some(_)) => {
            Err(format!("--model {wanted}: there are several models of this name. Add the version: {}", list()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn models() -> impl Iterator<Item = NamedModel> {
        [(1, "a", "1"), (2, "a", "2"), (3, "b", "1")].into_iter().map(|(model_id, name, version)| NamedModel {
            model_id,
            name: name.to_owned(),
            version: version.to_owned(),
        })
    }

    #[test]
    fn a_model_is_chosen_by_name_version_or_id() {
        for (wanted, id) in [("b", 3), ("a:2", 2), ("b:1", 3), ("1", 1)] {
            assert_eq!(choose(wanted, models()).unwrap().model_id, id, "{wanted}");
        }
    }

    #[test]
    fn an_unknown_or_ambiguous_name_is_refused_with_the_models_there_are() {
        assert!(choose("a", models()).unwrap_err().contains("a:1, a:2, b:1"));
        assert!(choose("c", models()).unwrap_err().contains("a:1, a:2, b:1"));
    }
}
