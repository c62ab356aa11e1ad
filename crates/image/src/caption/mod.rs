//! The caption and the tags that a person wrote into a file.

mod read;

pub use read::{Captioned, read};
