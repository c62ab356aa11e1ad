//! Filters: conditions on the images that a list or a search may find.

use time::OffsetDateTime;

/// The condition that an image must meet to be found. Fields combine with AND, list items with OR, and an empty filter
/// passes all images.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Filter {
    /// The media types, for example `image/png`; empty for any.
    pub file_types: Vec<String>,
    /// The earliest upload date.
    pub uploaded_from: Option<OffsetDateTime>,
    /// The date before which an image was uploaded.
    pub uploaded_before: Option<OffsetDateTime>,
    /// The smallest width in pixels.
    pub min_width: Option<u32>,
    /// The largest width in pixels.
    pub max_width: Option<u32>,
    /// The smallest height in pixels.
    pub min_height: Option<u32>,
    /// The largest height in pixels.
    pub max_height: Option<u32>,
    /// The smallest size of the original in bytes.
    pub min_bytes: Option<u64>,
    /// The largest size of the original in bytes.
    pub max_bytes: Option<u64>,
    /// Whether an image has a generation prompt.
    pub has_generation_prompt: Option<bool>,
    /// Whether an image has a caption.
    pub has_caption: Option<bool>,
    /// A part of the file name. Names are compared in their folded form.
    pub file_name_contains: Option<String>,
    /// A pattern of the whole file name: `*` stands for any run of characters, `?` for any one character of
    /// the folded form. See [`crate::like_pattern`].
    pub file_name_pattern: Option<String>,
    /// The `model` of the readable generation prompt. The case of ASCII letters is ignored.
    pub generation_model: Option<String>,
    /// The `sampler` of the readable generation prompt. The case of ASCII letters is ignored.
    pub sampler: Option<String>,
    /// The `seed` of the readable generation prompt.
    pub seed: Option<u64>,
    /// Tags that an image must have, all of them. The folded forms are compared.
    pub tags: Vec<String>,
    /// Tags of which an image must have at least one; empty for no such condition.
    pub any_tags: Vec<String>,
}

impl Filter {
    /// Returns whether every image passes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
