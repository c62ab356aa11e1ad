//! The JSON shapes of requests and answers.

mod filter;
mod image;
mod model;
mod search;

pub use filter::FilterRequest;
pub use image::*;
pub use model::*;
pub use search::*;
