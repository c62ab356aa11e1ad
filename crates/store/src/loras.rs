//! The LoRAs of an image in the form in which they are compared.

use std::collections::BTreeSet;

use mitsuke_image::{Generation, lora_stem};

use crate::text::folded;

/// The largest number of characters of a folded name. The rest of a longer name does not count.
const MAX_FOLDED_CHARS: usize = 255;

/// A LoRA of an image.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct StoredLora {
    /// The name as it was written, without the folders and the extension of its file.
    pub(crate) name: String,
    /// The folded form of the name.
    pub(crate) folded: String,
    /// The strength, where the file states it.
    pub(crate) weight: Option<f64>,
}

/// Returns the form of a LoRA's name that decides whether two names are one.
pub(crate) fn folded_lora(name: &str) -> String {
    lora_stem(&folded(name)).trim().chars().take(MAX_FOLDED_CHARS).collect()
}

/// Returns the folded forms of the LoRAs of a filter, each once.
pub(crate) fn folded_loras(names: &[String]) -> Vec<String> {
    let folded: BTreeSet<String> = names.iter().map(|name| folded_lora(name)).collect();
    folded.into_iter().collect()
}

/// Returns the LoRAs of a readable generation prompt in their order, each folded form once.
pub(crate) fn stored_loras(generation: Option<&Generation>) -> Vec<StoredLora> {
    let mut stored: Vec<StoredLora> = Vec::new();
    for lora in generation.map_or(&[][..], |parts| &parts.loras) {
        let folded = folded_lora(&lora.name);
        if !folded.is_empty() && !stored.iter().any(|other| other.folded == folded) {
            stored.push(StoredLora { name: lora_stem(&lora.name).trim().to_owned(), folded, weight: lora.weight });
        }
    }
    stored
}

#[cfg(test)]
mod tests {
    use mitsuke_image::Lora;

    use super::*;

    #[test]
    fn a_name_with_folders_and_extension_is_the_short_name() {
        let lora = |name: &str, weight| Lora { name: name.into(), weight };
        let loras =
            vec![lora("styles/Ink.safetensors", Some(0.5)), lora("ink", None), lora(" ", None), lora("b", None)];
        let stored = stored_loras(Some(&Generation { loras, ..Generation::default() }));
        let names: Vec<_> = stored.iter().map(|lora| (lora.name.as_str(), lora.folded.as_str(), lora.weight)).collect();
        assert_eq!(names, [("Ink", "ink", Some(0.5)), ("b", "b", None)]);
        assert_eq!(folded_loras(&["INK.safetensors".into(), "ｉｎｋ".into()]), ["ink"]);
    }
}
