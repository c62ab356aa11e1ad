//! Bytes → pixels and facts: sniffing, bounded decoding, thumbnails, the text inside a file, prompts.
//!
//! Nothing here knows HTTP, SQL or Torch. Every function takes bytes that a stranger sent, so each one
//! is bounded by a limits type, answers with an error or with less rather than panicking, and never
//! copies its input.

mod container;
mod decode;
mod error;
mod exif;
mod inflate;
mod metadata;
mod orientation;
mod prompt;
mod sniff;
mod text;
mod thumbnail;

#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod hostile_tests;

pub use decode::{DecodeLimits, Decoded, Facts, decode};
pub use error::ImageError;
pub use prompt::{Described, Generation, describe, parse_generation_prompt};
pub use sniff::{FileType, sniff};
pub use text::{TextChunk, TextChunks, TextLimits, text_chunks};
pub use thumbnail::thumbnail;
