//! Searches: a query → its vector and terms → a page of ranked hits.

mod compose;
mod cutoff;
mod finder;
pub mod line;
mod query;
mod ranking;
mod relevance;

pub use compose::{PartWeights, Parts};
pub use cutoff::Cutoff;
pub use finder::Finder;
pub use mitsuke_store::{Weights, terms};
pub use query::{Answer, Hit, ImageQuery, ImageSource, LeftOut, Mode, SearchError, TextQuery, Took};

pub(crate) use ranking::SIMILARITY_TOLERANCE;
