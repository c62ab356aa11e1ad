//! A query → ranked hits: vector, keyword and hybrid search, cutoff and paging.

mod compose;
mod duplicates;
mod finder;
mod query;
mod ranking;

pub use compose::{PartWeights, Parts};
pub use duplicates::{DuplicateGroup, DuplicateQuery, DuplicateReport};
pub use finder::Finder;
pub use mitsuke_store::{Weights, terms};
pub use query::{Answer, Hit, ImageQuery, ImageSource, Page, SearchError, TextQuery, Took};

/// How a text query is compared with images.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// By what pictures show.
    #[default]
    Vector,
    /// By generation prompt, caption and file name.
    Keyword,
    /// Both, fused by rank.
    Hybrid,
}
