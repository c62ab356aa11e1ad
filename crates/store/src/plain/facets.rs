//! The definition of facets.

use std::collections::HashMap;

use super::each_passing;
use crate::generation::compared_part;
use crate::loras::stored_loras;
use crate::source_path::folded_folder;
use crate::tags::folded_tag;
use crate::text::folded;
use crate::{Facet, FacetCounts, FacetValue, Filter, Image, ImageId, ImageStore, StoreError, folder_of};

/// A counted value: how many images have it, and how the one with the smallest id spells it.
pub(super) struct Counted {
    pub(super) count: u64,
    pub(super) spelled_by: ImageId,
    pub(super) spelling: String,
}

/// Counts values by their folded forms.
#[derive(Default)]
pub(super) struct Counts(pub(super) HashMap<String, Counted>);

impl Counts {
    pub(super) fn add(&mut self, folded: String, spelling: &str, image_id: ImageId) {
        let counted = self.0.entry(folded).or_insert_with(|| Counted {
            count: 0,
            spelled_by: image_id,
            spelling: spelling.to_owned(),
        });
        counted.count += 1;
        if image_id < counted.spelled_by {
            (counted.spelled_by, counted.spelling) = (image_id, spelling.to_owned());
        }
    }

    /// Returns the values by descending count, then by ascending folded form.
    pub(super) fn by_count(self) -> Vec<Counted> {
        let mut counted: Vec<(String, Counted)> = self.0.into_iter().collect();
        counted.sort_by(|(a, x), (b, y)| y.count.cmp(&x.count).then_with(|| a.cmp(b)));
        counted.into_iter().map(|(_, counted)| counted).collect()
    }
}

pub(crate) fn facets<S: ImageStore + ?Sized>(
    store: &S,
    filter: &Filter,
    facets: &[Facet],
    limit: usize,
) -> Result<Vec<FacetCounts>, StoreError> {
    let mut counting: Vec<(Facet, Counts, u64)> = facets.iter().map(|facet| (*facet, Counts::default(), 0)).collect();
    each_passing(store, filter, |image| {
        for (facet, counts, without) in &mut counting {
            let values = values(*facet, image);
            *without += u64::from(values.is_empty());
            for (folded, spelling) in values {
                counts.add(folded, &spelling, image.image_id);
            }
        }
    })?;
    let finished = |(facet, counts, without): (Facet, Counts, u64)| {
        let counted = counts.by_count();
        let more = counted.len() > limit;
        let value = |counted: Counted| FacetValue { value: counted.spelling, count: counted.count };
        FacetCounts { facet, values: counted.into_iter().take(limit).map(value).collect(), more, without }
    };
    Ok(counting.into_iter().map(finished).collect())
}

/// Returns the values of an image: the folded form of each, which is there once, and its spelling.
fn values(facet: Facet, image: &Image) -> Vec<(String, String)> {
    let generation = image.generation.as_ref();
    let one = |text: Option<&String>, fold: fn(&str) -> String| -> Vec<(String, String)> {
        text.filter(|text| !text.is_empty()).map(|text| (fold(text), text.clone())).into_iter().collect()
    };
    let month = image.taken.map(|taken| format!("{:04}-{:02}", taken.local.year(), u8::from(taken.local.month())));
    match facet {
        Facet::Checkpoint => one(generation.and_then(|parts| parts.model.as_ref()), compared_part),
        Facet::Sampler => one(generation.and_then(|parts| parts.sampler.as_ref()), compared_part),
        Facet::Lora => stored_loras(generation).into_iter().map(|lora| (lora.folded, lora.name)).collect(),
        Facet::Tag => image.tags.iter().map(|tag| (folded_tag(tag), tag.clone())).collect(),
        Facet::FileType => one(Some(&image.file_type), str::to_owned),
        Facet::Month => one(month.as_ref(), str::to_owned),
        Facet::Camera => one(image.camera.as_ref(), folded),
        Facet::Folder => one(image.source_path.as_deref().map(folder_of).as_ref(), folded_folder),
    }
}
