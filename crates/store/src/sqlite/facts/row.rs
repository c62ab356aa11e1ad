//! The facts of one image in the forms in which they are compared.

use crate::generation::compared_part;
use crate::loras::stored_loras;
use crate::source_path::folded_folder;
use crate::tags::folded_tag;
use crate::taken::{local_micros, micros};
use crate::text::{folded, folded_name};
use crate::{Image, ImageId, folder_of};

/// A value of a fact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::sqlite) struct FactValue {
    /// The form that is compared.
    pub(in crate::sqlite) folded: String,
    /// The value as it was written.
    pub(in crate::sqlite) spelling: String,
}

impl FactValue {
    /// Makes a value that is compared as it is written.
    pub(in crate::sqlite) fn plain(text: impl Into<String>) -> Self {
        let text = text.into();
        Self { folded: text.clone(), spelling: text }
    }

    pub(in crate::sqlite) fn checkpoint_or_sampler(text: &str) -> Self {
        Self { folded: compared_part(text), spelling: text.to_owned() }
    }

    pub(in crate::sqlite) fn camera(text: &str) -> Self {
        Self { folded: folded(text), spelling: text.to_owned() }
    }

    pub(in crate::sqlite) fn folder(text: &str) -> Self {
        Self { folded: folded_folder(text), spelling: text.to_owned() }
    }

    /// Makes the value of the month of a clock: `2024-05`.
    pub(in crate::sqlite) fn month(date: time::Date) -> Self {
        Self::plain(format!("{:04}-{:02}", date.year(), u8::from(date.month())))
    }
}

/// The facts of one image.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::sqlite) struct FactsRow {
    pub(in crate::sqlite) image_id: ImageId,
    /// Microseconds since 1970.
    pub(in crate::sqlite) uploaded: i64,
    /// Microseconds since 1970 of the clock of the camera as if it showed UTC.
    pub(in crate::sqlite) taken: Option<i64>,
    pub(in crate::sqlite) bytes: u64,
    pub(in crate::sqlite) width: u32,
    pub(in crate::sqlite) height: u32,
    pub(in crate::sqlite) has_generation_prompt: bool,
    pub(in crate::sqlite) has_caption: bool,
    pub(in crate::sqlite) seed: Option<u64>,
    /// The folded file name.
    pub(in crate::sqlite) name: String,
    /// The values of [`super::SINGLE`].
    pub(in crate::sqlite) values: [Option<FactValue>; super::SINGLE.len()],
    pub(in crate::sqlite) tags: Vec<FactValue>,
    pub(in crate::sqlite) loras: Vec<FactValue>,
}

impl FactsRow {
    /// Returns the facts of an image.
    pub(in crate::sqlite) fn of(image: &Image) -> Self {
        let generation = image.generation.as_ref();
        let part = |part: Option<&String>| part.map(|part| FactValue::checkpoint_or_sampler(part));
        let tag = |tag: &String| FactValue { folded: folded_tag(tag), spelling: tag.clone() };
        let loras = stored_loras(generation).into_iter();
        Self {
            image_id: image.image_id,
            uploaded: micros(image.upload_date),
            taken: image.taken.map(|taken| local_micros(taken.local)),
            bytes: image.bytes,
            width: image.width,
            height: image.height,
            has_generation_prompt: image.generation_prompt.is_some(),
            has_caption: image.caption.is_some(),
            seed: generation.and_then(|parts| parts.seed),
            name: folded_name(&image.file_name),
            values: [
                part(generation.and_then(|parts| parts.model.as_ref())),
                part(generation.and_then(|parts| parts.sampler.as_ref())),
                Some(FactValue::plain(image.file_type.clone())),
                image.taken.map(|taken| FactValue::month(taken.local.date())),
                image.camera.as_deref().map(FactValue::camera),
                image.source_path.as_deref().map(|path| FactValue::folder(&folder_of(path))),
            ],
            tags: image.tags.iter().map(tag).collect(),
            loras: loras.map(|lora| FactValue { folded: lora.folded, spelling: lora.name }).collect(),
        }
    }
}
