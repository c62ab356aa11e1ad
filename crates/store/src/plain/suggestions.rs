//! The definition of suggestions.

use super::each_passing;
use super::facets::{Counted, Counts};
use crate::tags::folded_tag;
use crate::text::{folded, folded_name, folded_name_part, natural_key, prompt_words};
use crate::{Filter, Image, ImageStore, StoreError, Suggestion, SuggestionKind};

pub(crate) fn suggestions<S: ImageStore + ?Sized>(
    store: &S,
    prefix: &str,
    kinds: &[SuggestionKind],
    limit: usize,
) -> Result<Vec<Suggestion>, StoreError> {
    let mut counting: Vec<_> =
        kinds.iter().map(|kind| (*kind, folded_prefix(*kind, prefix), Counts::default())).collect();
    each_passing(store, &Filter::default(), |image| {
        for (kind, prefix, counts) in &mut counting {
            let Some(prefix) = prefix else { continue };
            for (folded, spelling) in texts(*kind, image) {
                if folded.starts_with(prefix.as_str()) {
                    counts.add(folded, &spelling, image.image_id);
                }
            }
        }
    })?;
    let finished = |(kind, _, counts): (SuggestionKind, Option<String>, Counts)| {
        let counted = if kind == SuggestionKind::FileName { by_name(counts) } else { counts.by_count() };
        let suggestion = move |counted: Counted| Suggestion { kind, text: counted.spelling, count: counted.count };
        counted.into_iter().take(limit).map(suggestion)
    };
    Ok(counting.into_iter().flat_map(finished).collect())
}

/// Returns a prefix in the form in which texts of a kind are compared; `None` when it is longer than any.
pub(crate) fn folded_prefix(kind: SuggestionKind, prefix: &str) -> Option<String> {
    match kind {
        SuggestionKind::Tag => Some(folded_tag(prefix)),
        SuggestionKind::Word => Some(folded(prefix).trim().to_owned()),
        SuggestionKind::FileName => folded_name_part(prefix.trim()),
    }
}

/// Returns the texts of an image, each once: the folded form and the spelling.
fn texts(kind: SuggestionKind, image: &Image) -> Vec<(String, String)> {
    match kind {
        SuggestionKind::Tag => image.tags.iter().map(|tag| (folded_tag(tag), tag.clone())).collect(),
        SuggestionKind::Word => {
            let readable = image.generation.as_ref().and_then(|parts| parts.prompt.as_deref()).unwrap_or_default();
            prompt_words(readable).into_iter().map(|word| (word.clone(), word)).collect()
        }
        SuggestionKind::FileName => vec![(folded_name(&image.file_name), image.file_name.clone())],
    }
}

/// Returns names in their natural order; names of one key by their folded form.
fn by_name(counts: Counts) -> Vec<Counted> {
    let mut counted: Vec<(String, Counted)> = counts.0.into_iter().collect();
    counted.sort_by_cached_key(|(folded, _)| (natural_key(folded), folded.clone()));
    counted.into_iter().map(|(_, counted)| counted).collect()
}
