//! Filters: conditions on the images that a list or a search may find.

use time::{OffsetDateTime, PrimitiveDateTime};

/// The condition that an image must meet to be found. Fields combine with AND, list items with OR where a field does not
/// say otherwise, and an empty filter passes all images.
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
    /// The checkpoints (`model` of the readable generation prompt), one of these; empty for any. The case of ASCII letters
    /// is ignored.
    pub checkpoints: Vec<String>,
    /// The samplers of the readable generation prompt, one of these; empty for any. The case of ASCII letters is ignored.
    pub samplers: Vec<String>,
    /// The `seed` of the readable generation prompt.
    pub seed: Option<u64>,
    /// Tags that an image must have, all of them. The folded forms are compared.
    pub tags: Vec<String>,
    /// Tags of which an image must have at least one; empty for no such condition.
    pub any_tags: Vec<String>,
    /// The earliest time at which an image was taken, by the clock of its camera. Images without that time fail.
    pub taken_from: Option<PrimitiveDateTime>,
    /// The time before which an image was taken, by the clock of its camera. Images without that time fail.
    pub taken_before: Option<PrimitiveDateTime>,
    /// Whether the time at which an image was taken is known.
    pub has_taken: Option<bool>,
    /// The cameras, one of these; empty for any. The folded forms are compared.
    pub cameras: Vec<String>,
    /// The folders, one of these; empty for any. The folded forms are compared. A text that begins with `/` is a path from
    /// the top, and stands for that folder and all below it. Any other text is one or more whole parts of a path,
    /// anywhere in it: `Kyoto`, `2024/Kyoto`.
    pub folders: Vec<String>,
    /// LoRAs that an image must have, all of them. The folded forms are compared.
    pub loras: Vec<String>,
    /// LoRAs of which an image must have at least one; empty for no such condition.
    pub any_loras: Vec<String>,
    /// Terms that the texts of an image must hold, all of them, as in [`KeywordSearch`](crate::KeywordSearch). Terms that
    /// hold nothing that is indexed are passed over; when no other is left, no image passes.
    pub terms: Vec<String>,
    /// Conditions none of which an image may meet. Callers give at most [`MAX_NONE_OF`] of them, and none of these has
    /// such conditions of its own.
    pub none_of: Vec<Self>,
}

/// The largest number of conditions of [`Filter::none_of`].
pub const MAX_NONE_OF: usize = 32;

impl Filter {
    /// Returns whether every image passes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
