//! The classification of the text of a file.

use super::dialects::DIALECTS;
use super::generation::Generation;
use super::lines;
use crate::caption::{self, Captioned};
use crate::taken::{self, Taken};
use crate::text_chunks::{TextChunk, TextChunks, TextSource};

/// The meaning of the text of a file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Described {
    /// All text, if an image generator wrote the text: one `key:value` line for each chunk, in file order.
    pub generation_prompt: Option<String>,
    /// The text that a person wrote.
    pub caption: Option<String>,
    /// The keywords that a person gave the picture, without duplicates.
    pub tags: Vec<String>,
    /// The readable parts, if the text could be parsed.
    pub generation: Option<Generation>,
    /// The time at which the picture was taken.
    pub taken: Option<Taken>,
    /// The name of the camera that took the picture.
    pub camera: Option<String>,
    /// Whether the file holds more text than was read.
    pub truncated: bool,
}

/// Classifies the text of a file as the original application does. All text is the generation prompt if the image
/// generator of one of the dialects in `prompt::dialects` wrote it; any other text is the caption.
#[must_use]
pub fn describe(text: &TextChunks) -> Described {
    let chunks: Vec<_> = text.chunks.iter().filter_map(named_by_dialect).collect();
    let generation = parse_chunks(&chunks);
    let is_generated = DIALECTS.iter().any(|dialect| dialect.wrote(&chunks));
    let captioned = if is_generated { Captioned::default() } else { caption::read(&chunks) };
    Described {
        generation_prompt: is_generated.then(|| lines::join(&chunks)),
        caption: captioned.caption,
        tags: captioned.tags,
        generation,
        taken: taken::taken(&text.chunks),
        camera: taken::camera(&text.chunks),
        truncated: text.truncated,
    }
}

/// Gives a text in an EXIF field the keyword of the dialect that wrote it. `None` is the text of a camera.
fn named_by_dialect(chunk: &TextChunk) -> Option<TextChunk> {
    match chunk.source {
        TextSource::CameraModel | TextSource::Make | TextSource::ImageDescription | TextSource::Software => {
            DIALECTS.iter().flat_map(|dialect| dialect.camera_field_keys()).find_map(|key| {
                let json = chunk.text.strip_prefix(key)?.strip_prefix(':')?;
                json.trim_start().starts_with('{').then(|| TextChunk::new(*key, json, chunk.source))
            })
        }
        TextSource::UserComment => {
            let key = DIALECTS.iter().find_map(|dialect| dialect.user_comment_key(&chunk.text));
            Some(TextChunk { key: key.unwrap_or(&chunk.key).to_owned(), ..chunk.clone() })
        }
        _ => Some(chunk.clone()),
    }
}

/// Reads a generation prompt that is stored or that a caller set. The prompt is the `key:value` lines that [`describe`]
/// makes, or the text of a dialect without keywords, such as AUTOMATIC1111's parameters. Returns `None` for any other
/// text, such as free text.
#[must_use]
pub fn parse_generation_prompt(text: &str) -> Option<Generation> {
    parse_chunks(&lines::split(text)).or_else(|| DIALECTS.iter().find_map(|dialect| dialect.parse_bare(text)))
}

fn parse_chunks(chunks: &[TextChunk]) -> Option<Generation> {
    DIALECTS.iter().find_map(|dialect| dialect.parse(chunks))
}
