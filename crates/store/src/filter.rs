//! Which images a list or a search may find.

use time::OffsetDateTime;

/// Which images may be found. An empty filter lets all pass; fields combine with AND, list items with OR.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Filter {
    /// Media types, for example `image/png`.
    pub file_types: Vec<String>,
    /// Uploaded at or after.
    pub uploaded_from: Option<OffsetDateTime>,
    /// Uploaded before.
    pub uploaded_before: Option<OffsetDateTime>,
    /// Smallest width in pixels.
    pub min_width: Option<u32>,
    /// Largest width in pixels.
    pub max_width: Option<u32>,
    /// Smallest height in pixels.
    pub min_height: Option<u32>,
    /// Largest height in pixels.
    pub max_height: Option<u32>,
    /// Smallest size of the original in bytes.
    pub min_bytes: Option<u64>,
    /// Largest size of the original in bytes.
    pub max_bytes: Option<u64>,
    /// With (true) or without (false) a generation prompt.
    pub has_generation_prompt: Option<bool>,
    /// With (true) or without (false) a caption.
    pub has_caption: Option<bool>,
    /// Part of the file name, ASCII letters compared without case.
    pub file_name_contains: Option<String>,
    /// What the whole file name looks like: `*` is any run of characters, `?` any one character, everything else
    /// itself, ASCII letters compared without case. See [`super::like_pattern`].
    pub file_name_pattern: Option<String>,
    /// `model` of the readable generation prompt, ASCII letters compared without case.
    pub generation_model: Option<String>,
    /// `sampler` of the readable generation prompt, ASCII letters compared without case.
    pub sampler: Option<String>,
    /// `seed` of the readable generation prompt.
    pub seed: Option<u64>,
}

impl Filter {
    /// Whether every image passes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
