//! The generation prompt that the text of a file is, and the readable parts of a generation prompt.

mod describe;
mod dialects;
mod fields;
mod generation;
mod join;
mod json;
mod lines;
mod loras;
#[cfg(test)]
mod tests;
mod texts;

pub use describe::{Described, describe, parse_generation_prompt};
pub use generation::{Generation, Lora, shorten};
pub use loras::stem as lora_stem;
