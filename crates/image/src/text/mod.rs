//! The extraction of the text in a file: PNG text chunks, and the EXIF fields into which image generators write.

mod collector;
mod exif;
mod extract;
#[cfg(test)]
mod tests;

pub use collector::TextLimits;
pub use extract::{extract, text_chunks};
