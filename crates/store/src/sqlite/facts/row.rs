//! The facts of one image in the forms in which they are compared.

use time::Date;

use crate::generation::compared_part;
use crate::loras::stored_loras;
use crate::source_path::folded_folder;
use crate::tags::folded_tag;
use crate::taken::{local_micros, micros};
use crate::text::{folded, folded_name};
use crate::{Image, ImageId, folder_of};

/// Returns the month of a clock: `2024-05`.
pub(super) fn month(date: Date) -> String {
    format!("{:04}-{:02}", date.year(), u8::from(date.month()))
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
    pub(in crate::sqlite) values: [Option<String>; super::SINGLE.len()],
    pub(in crate::sqlite) tags: Vec<String>,
    pub(in crate::sqlite) loras: Vec<String>,
}

impl FactsRow {
    /// Returns the facts of an image.
    pub(in crate::sqlite) fn of(image: &Image) -> Self {
        let generation = image.generation.as_ref();
        let part = |part: Option<&String>| part.map(|part| compared_part(part));
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
                Some(image.file_type.clone()),
                image.taken.map(|taken| month(taken.local.date())),
                image.camera.as_deref().map(folded),
                image.source_path.as_deref().map(|path| folded_folder(&folder_of(path))),
            ],
            tags: image.tags.iter().map(|tag| folded_tag(tag)).collect(),
            loras: stored_loras(generation).into_iter().map(|lora| lora.folded).collect(),
        }
    }
}
