//! Generation prompts: what is read is stored as JSON and read back as the same parts.

use mitsuke_image::{Generation, TextChunk, TextChunks, TextSource, describe, parse_generation_prompt};

use crate::texts::{MAX_CHARS, check};

/// The keywords and places of texts, of which the first byte of an input chooses.
const PLACES: [(&str, TextSource); 12] = [
    ("parameters", TextSource::PngText),
    ("prompt", TextSource::PngText),
    ("workflow", TextSource::PngText),
    ("Comment", TextSource::PngText),
    ("invokeai_metadata", TextSource::PngText),
    ("sd-metadata", TextSource::PngText),
    ("Dream", TextSource::PngText),
    ("Description", TextSource::PngText),
    ("UserComment", TextSource::UserComment),
    ("Make", TextSource::Make),
    ("Model", TextSource::CameraModel),
    ("stealth", TextSource::Stealth),
];

/// Reads an input as a text that a caller sets, and as the texts of a file: its pieces between NUL characters, each with
/// a letter before it that chooses its place.
///
/// # Panics
/// When the parts are not read back from their stored form, or exceed what a store takes.
pub fn prompts(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Some(generation) = parse_generation_prompt(&text) {
        stored(&generation);
    }
    let chunks = text.split('\0').filter(|piece| !piece.is_empty()).map(chunk).collect();
    let described = describe(&TextChunks { chunks, truncated: false }, MAX_CHARS);
    check(&described);
    if let Some(generation) = &described.generation {
        stored(generation);
    }
}

fn chunk(piece: &str) -> TextChunk {
    let mut characters = piece.chars();
    let choice = characters.next().map_or(0, |c| u32::from(c) as usize);
    let (key, source) = PLACES[choice % PLACES.len()];
    TextChunk::new(key, characters.as_str(), source)
}

fn stored(generation: &Generation) {
    let json = serde_json::to_string(generation).expect("the parts are JSON");
    let read: Generation = serde_json::from_str(&json).expect("the parts are read back");
    assert_eq!(read, *generation, "{json}");
}
