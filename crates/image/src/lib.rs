//! Functions that turn the bytes of a picture file into pixels, facts, texts, prompts and thumbnails.
//!
//! This crate knows nothing of HTTP, SQL or Torch. Its functions take bytes from untrusted senders. Each function is
//! therefore bounded by limits, returns an error or a shorter result instead of panicking, and does not copy its input.
//!
//! Each format of pictures has a file in `formats`, each prompt dialect a file in `prompt::dialects`; both folders hold
//! a list of their files.

mod caption;
mod container;
mod decode;
mod earlier;
mod error;
mod exif;
mod formats;
mod inflate;
mod metadata;
mod orientation;
mod other_content;
mod picture;
mod prompt;
mod reading;
mod sniff;
mod stealth;
mod taken;
mod text;
mod text_chunks;
mod thumbnail;

#[cfg(test)]
mod color_tests;
#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod heif_tests;
#[cfg(test)]
mod hostile_tests;
#[cfg(test)]
mod jpeg_tests;
#[cfg(test)]
mod jpeg_writer;
#[cfg(test)]
mod metadata_tests;
#[cfg(test)]
mod picture_tests;

pub use decode::limits::{DecodeLimits, reserving};
pub use decode::request::{DecodeRequest, Enough};
pub use error::ImageError;
pub use formats::FileType;
pub use other_content::OtherContent;
pub use picture::{Decoded, Facts, decode, decode_with_texts};
pub use prompt::{Described, Generation, Lora, describe, lora_stem, parse_generation_prompt, shorten};
pub use reading::{FileTexts, READER_VERSION, read_texts};
pub use sniff::sniff;
pub use taken::Taken;
pub use text::{TextLimits, decode_text, text_chunks};
pub use text_chunks::{TextChunk, TextChunks, TextSource};
pub use thumbnail::{enough_for_thumbnail, thumbnail};
