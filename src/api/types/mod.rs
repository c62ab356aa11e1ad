//! The JSON shapes of requests and answers.

mod backfill;
mod compare;
mod file_type;
mod filter;
mod generation;
mod image;
mod model;
mod reindex;
mod search;

pub use backfill::*;
pub use compare::*;
pub use filter::{FilterRequest, split_tags};
pub use image::*;
pub use model::*;
pub use reindex::*;
pub use search::*;
