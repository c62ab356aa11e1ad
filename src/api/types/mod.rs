//! The JSON shapes of requests and answers.

mod backfill;
mod backup;
mod change;
mod check;
mod compare;
mod duplicates;
mod facets;
mod file_type;
mod filter;
mod generation;
mod image;
mod layout;
mod list;
mod model;
mod query;
mod reindex;
mod search;
mod several;
mod taken;

pub use backfill::*;
pub use backup::*;
pub use change::*;
pub use check::*;
pub use compare::*;
pub use duplicates::*;
pub use facets::*;
pub use filter::{FilterRequest, split_tags};
pub use image::*;
pub use layout::*;
pub use list::*;
pub use model::*;
pub use query::*;
pub use reindex::*;
pub use search::*;
pub use several::*;
