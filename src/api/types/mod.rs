//! The JSON shapes of requests and answers.

mod backfill;
mod compare;
mod file_type;
mod filter;
mod generation;
mod image;
mod model;
mod search;

pub use backfill::*;
pub use compare::*;
pub use filter::FilterRequest;
pub use image::*;
pub use model::*;
pub use search::*;
