//! The readable parts of a generation prompt.

use serde::{Deserialize, Serialize};

/// The readable parts of a generation prompt. A part that the file does not state is `None`.
///
/// The struct is stored as JSON. A part that an older version did not write is read as its default.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Generation {
    /// The description of the content that the picture should show.
    pub prompt: Option<String>,
    /// The description of the content that the picture should not show.
    pub negative_prompt: Option<String>,
    /// The start value of the noise.
    pub seed: Option<u64>,
    /// The number of sampling steps.
    pub steps: Option<u32>,
    /// The sampler by the name that its program gives it, followed by the schedule where AUTOMATIC1111 states the two
    /// separately.
    pub sampler: Option<String>,
    /// The name of the image generator's model, or its hash where no name is given.
    pub model: Option<String>,
    /// The LoRAs that changed the model, in the order in which the file names them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub loras: Vec<Lora>,
    /// Whether the file holds more text than is stored beside these parts.
    #[serde(skip_serializing_if = "is_false")]
    pub truncated: bool,
}

/// A LoRA: a small file of weights that changes a model.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Lora {
    /// The name as the generator writes it, with or without the extension of its file.
    pub name: String,
    /// The strength of the change, where the file states the strength; a finite number.
    pub weight: Option<f64>,
}

/// Weights are finite, so equality of LoRAs is reflexive.
impl Eq for Lora {}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_false(flag: &bool) -> bool {
    !flag
}

impl Generation {
    /// Cuts each text, and the names of the LoRAs together, to `max_chars` characters. Returns whether one was longer.
    pub fn shorten(&mut self, max_chars: usize) -> bool {
        let texts = [&mut self.prompt, &mut self.negative_prompt, &mut self.sampler, &mut self.model];
        let is_cut = texts.into_iter().flatten().fold(false, |is_cut, text| shorten(text, max_chars) | is_cut);
        let mut left = max_chars;
        let whole = self.loras.len();
        let fits = |lora: &Lora| {
            left = left.checked_sub(lora.name.chars().count())?;
            Some(())
        };
        let kept = self.loras.iter().map_while(fits).count();
        self.loras.truncate(kept);
        is_cut || kept < whole
    }

    /// Returns `None` when no part was found, so that a prompt that was not understood has one representation.
    pub(crate) fn if_any(self) -> Option<Self> {
        (self != Self::default()).then_some(self)
    }
}

/// Cuts a text to `max_chars` characters, and returns whether it was longer.
pub fn shorten(text: &mut String, max_chars: usize) -> bool {
    let end = text.char_indices().nth(max_chars).map(|(at, _)| at);
    if let Some(end) = end {
        text.truncate(end);
    }
    end.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_is_cut_at_a_character() {
        let text = || Some("猫とソファ".to_owned());
        let lora = |name: &str| Lora { name: name.to_owned(), weight: None };
        let mut generation = Generation {
            prompt: text(),
            negative_prompt: text(),
            sampler: text(),
            model: text(),
            loras: vec![lora("a"), lora("bc"), lora("d")],
            ..Generation::default()
        };
        assert!(!generation.clone().shorten(5));
        assert!(generation.shorten(3));
        let Generation { prompt, negative_prompt, sampler, model, loras, .. } = generation;
        assert_eq!(
            [prompt, negative_prompt, sampler, model],
            [const { "猫とソ" }; 4].map(|text| Some(text.to_owned()))
        );
        assert_eq!(loras, [lora("a"), lora("bc")]);
    }
}
