//! What the service does: takes pictures in, keeps every model's embeddings complete, and answers searches.
//!
//! Knows neither HTTP nor SQL nor Torch: `image` reads pictures, `clip` encodes them, `store` keeps and finds them.

pub mod blocking;
pub mod intake;
pub mod models;
pub mod search;
