//! Facets: the values that a fact has among the images that pass a filter, and how many images have each. Suggestions:
//! what a text that somebody is typing may become.

use crate::{Filter, ImageStore, StoreError, plain};

/// A fact whose values are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Facet {
    /// The model that made the picture.
    Checkpoint,
    /// The LoRAs.
    Lora,
    /// The sampler.
    Sampler,
    /// The tags.
    Tag,
    /// The media type.
    FileType,
    /// The month in which the picture was taken, by the clock of the camera: `2024-05`.
    Month,
    /// The camera.
    Camera,
    /// The folder that holds the image directly: `/Photos/2024`; `/` for the folder that was uploaded itself.
    Folder,
}

impl Facet {
    /// All facets.
    pub const ALL: [Self; 8] = [
        Self::Checkpoint,
        Self::Lora,
        Self::Sampler,
        Self::Tag,
        Self::FileType,
        Self::Month,
        Self::Camera,
        Self::Folder,
    ];

    /// Returns the name of the facet.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Checkpoint => "checkpoint",
            Self::Lora => "lora",
            Self::Sampler => "sampler",
            Self::Tag => "tag",
            Self::FileType => "file_type",
            Self::Month => "month",
            Self::Camera => "camera",
            Self::Folder => "folder",
        }
    }
}

/// A value of a facet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FacetValue {
    /// The value, spelled as the counted image with the smallest id spells it. Values of one folded form are one.
    pub value: String,
    /// The number of images that have the value.
    pub count: u64,
}

/// The values of a facet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FacetCounts {
    /// The facet.
    pub facet: Facet,
    /// The most frequent values: by descending count, then by ascending folded form, byte by byte.
    pub values: Vec<FacetValue>,
    /// Whether there are more values.
    pub more: bool,
    /// The number of images without any value.
    pub without: u64,
}

/// The kind of a suggestion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SuggestionKind {
    /// A tag.
    Tag,
    /// A word of readable prompts ([`prompt_words`](crate::prompt_words)).
    Word,
    /// A file name.
    FileName,
}

impl SuggestionKind {
    /// All kinds.
    pub const ALL: [Self; 3] = [Self::Tag, Self::Word, Self::FileName];
}

/// A text that begins with what somebody has typed, in its folded form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suggestion {
    /// The kind.
    pub kind: SuggestionKind,
    /// The text. A tag and a file name are spelled as the image with the smallest id spells them; a word is folded.
    pub text: String,
    /// The number of images that have the text.
    pub count: u64,
}

/// Counts values and suggests texts.
pub trait FacetStore: ImageStore {
    /// Counts the values of some facets among the images that pass a filter: at most `limit` values of each, in the order
    /// of `facets`.
    ///
    /// # Errors
    /// [`StoreError::BadKeywords`] for the terms of the filter.
    fn facets(&self, filter: &Filter, facets: &[Facet], limit: usize) -> Result<Vec<FacetCounts>, StoreError> {
        plain::facets(self, filter, facets, limit)
    }

    /// Suggests texts whose folded form begins with the folded form of `prefix`: at most `limit` of each kind, in the
    /// order of `kinds`. Tags and words come by descending count, then by ascending folded form; file names in their
    /// natural order. A blank prefix begins every text.
    ///
    /// # Errors
    /// The errors of the store.
    fn suggestions(&self, prefix: &str, kinds: &[SuggestionKind], limit: usize) -> Result<Vec<Suggestion>, StoreError> {
        plain::suggestions(self, prefix, kinds, limit)
    }
}
