//! The generation prompt or caption that the text of a file is, and the readable parts of a generation prompt.

mod describe;
mod dialects;
mod generation;
mod lines;
#[cfg(test)]
mod tests;

pub use describe::{Described, describe, parse_generation_prompt};
pub use generation::Generation;
