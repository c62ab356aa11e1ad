//! The extraction of the text in a file: text chunks, comments, EXIF, IPTC and XMP.

mod collector;
mod encoding;
mod exif;
mod extract;
mod iptc;
mod persons;
mod taken;
#[cfg(test)]
mod tests;
mod user_comment;
mod xmp;
mod xmp_packet;

pub use collector::TextLimits;
pub use encoding::decode as decode_text;
pub use extract::{extract, text_chunks};
