//! The JSON shapes of facets and suggestions.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::list::TotalBody;
use mitsuke_engine::search::line;
use mitsuke_image::FileType;
use mitsuke_store::{Facet, FacetCounts, FacetValue, Suggestion, SuggestionKind};

/// A fact whose values are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = Facet)]
pub enum FacetBody {
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
    /// The month in which the picture was taken, by the clock of the camera.
    Month,
    /// The camera.
    Camera,
    /// The folder that holds the image.
    Folder,
}

impl From<Facet> for FacetBody {
    fn from(facet: Facet) -> Self {
        match facet {
            Facet::Checkpoint => Self::Checkpoint,
            Facet::Lora => Self::Lora,
            Facet::Sampler => Self::Sampler,
            Facet::Tag => Self::Tag,
            Facet::FileType => Self::FileType,
            Facet::Month => Self::Month,
            Facet::Camera => Self::Camera,
            Facet::Folder => Self::Folder,
        }
    }
}

/// The facets that are asked for.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct FacetParams {
    /// Names of facets, separated by commas, such as `tag,month`. The default is all.
    pub fields: Option<String>,
    /// Number of values of each facet, from 1 to 100. The default is 20.
    #[param(minimum = 1, maximum = 100)]
    pub limit: Option<u32>,
    /// A query line, as in `GET /search`. Images are counted when its fields let them pass and their texts hold all of its
    /// words and phrases.
    pub q: Option<String>,
}

/// A value of a facet.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = FacetValue)]
pub struct FacetValueBody {
    /// The value, as the oldest of the counted images spells it.
    #[schema(example = "海")]
    pub value: String,
    /// Number of images that have the value.
    #[schema(example = 12)]
    pub count: u64,
    /// The field of a query line that finds the images with this value; null when a line cannot hold the value.
    #[schema(example = "tag:海")]
    pub query: Option<String>,
}

/// The values of a facet.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = FacetCounts)]
pub struct FacetCountsBody {
    /// The facet.
    pub field: FacetBody,
    /// The most frequent values, first those of most images.
    pub values: Vec<FacetValueBody>,
    /// Whether there are more values.
    #[schema(example = false)]
    pub more: bool,
    /// Number of images without a value.
    #[schema(example = 54)]
    pub without: u64,
}

impl From<FacetCounts> for FacetCountsBody {
    fn from(FacetCounts { facet, values, more, without }: FacetCounts) -> Self {
        let value =
            |FacetValue { value, count }: FacetValue| FacetValueBody { query: query(facet, &value), value, count };
        Self { field: facet.into(), values: values.into_iter().map(value).collect(), more, without }
    }
}

/// Returns the field of a query line that finds the images with a value of a facet.
fn query(facet: Facet, value: &str) -> Option<String> {
    match facet {
        Facet::Checkpoint => line::field_text("checkpoint", value),
        Facet::Lora => line::field_text("lora", value),
        Facet::Sampler => line::field_text("sampler", value),
        Facet::Tag => line::field_text("tag", value),
        Facet::FileType => {
            let file_type = FileType::from_media_type(value)?;
            line::field_text("type", file_type.extensions().first()?)
        }
        Facet::Month => line::field_text("taken", value),
        Facet::Camera => line::field_text("camera", value),
        Facet::Folder => line::field_text("in", value),
    }
}

/// The facets of a set of images.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct FacetsResponse {
    /// The number of images that are counted.
    pub total: TotalBody,
    /// The facets, in the order in which they are asked for.
    pub facets: Vec<FacetCountsBody>,
}

/// The kind of a suggestion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = SuggestionKind)]
pub enum SuggestionKindBody {
    /// A tag.
    Tag,
    /// A word of the readable generation prompts.
    Word,
    /// A file name.
    FileName,
}

impl From<SuggestionKind> for SuggestionKindBody {
    fn from(kind: SuggestionKind) -> Self {
        match kind {
            SuggestionKind::Tag => Self::Tag,
            SuggestionKind::Word => Self::Word,
            SuggestionKind::FileName => Self::FileName,
        }
    }
}

/// The suggestions that are asked for.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct SuggestionParams {
    /// The beginning of the texts, such as `sun`; spellings that differ in case, width, accents, kana and the like are one.
    /// A blank one begins every text.
    #[serde(default)]
    pub prefix: String,
    /// Kinds of suggestions, separated by commas: `tag`, `word`, `file_name`. The default is all.
    pub kinds: Option<String>,
    /// Number of suggestions of each kind, from 1 to 20. The default is 10.
    #[param(minimum = 1, maximum = 20)]
    pub limit: Option<u32>,
}

/// A text that begins with the prefix.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = Suggestion)]
pub struct SuggestionBody {
    /// The kind.
    pub kind: SuggestionKindBody,
    /// The text.
    #[schema(example = "sunset")]
    pub text: String,
    /// Number of images that have the text.
    #[schema(example = 3)]
    pub count: u64,
    /// The part of a query line that finds these images; null when a line cannot hold the text.
    #[schema(example = "tag:sunset")]
    pub query: Option<String>,
}

impl From<Suggestion> for SuggestionBody {
    fn from(Suggestion { kind, text, count }: Suggestion) -> Self {
        let query = match kind {
            SuggestionKind::Tag => line::field_text("tag", &text),
            SuggestionKind::Word | SuggestionKind::FileName => line::plain_text(&text),
        };
        Self { kind: kind.into(), text, count, query }
    }
}

/// The suggestions: tags, then words, then file names, unless `kinds` has another order.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct SuggestionsResponse {
    /// The suggestions.
    pub suggestions: Vec<SuggestionBody>,
}
