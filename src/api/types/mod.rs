//! The JSON shapes of requests and answers.

mod filter;
mod image;
mod search;

pub use filter::FilterRequest;
pub use image::*;
pub use search::*;
