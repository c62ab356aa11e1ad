//! A query → ranked hits: vector, keyword and hybrid search, cutoff and paging.

mod finder;
mod fusion;
pub mod index;
mod terms;

pub use finder::{Answer, Finder, Hit, ImageQuery, ImageSource, Page, SearchError, TextQuery, Took};
pub use fusion::{Fused, RRF_K, Weights, fuse};
pub use terms::terms;

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
