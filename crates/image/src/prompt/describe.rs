//! The classification of the text of a file.

use super::dialects::DIALECTS;
use super::generation::{Generation, shorten};
use super::texts::{Reading, Texts};
use super::{lines, loras};
use crate::caption::{self, Captioned};
use crate::taken::{self, Taken};
use crate::text_chunks::TextChunks;

/// The meaning of the text of a file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Described {
    /// The texts that an image generator wrote: one `key:value` line for each, in file order, at most as many characters
    /// as were asked for.
    pub generation_prompt: Option<String>,
    /// The text that a person wrote, at most as many characters as were asked for.
    pub caption: Option<String>,
    /// The keywords that a person gave the picture, without duplicates.
    pub tags: Vec<String>,
    /// The readable parts, if the generation prompt could be parsed.
    pub generation: Option<Generation>,
    /// The time at which the picture was taken.
    pub taken: Option<Taken>,
    /// The name of the camera that took the picture.
    pub camera: Option<String>,
    /// Whether the file holds more text than was read.
    pub truncated: bool,
}

/// Tells the texts that image generators wrote from those that a person wrote, and reads both. A generator's text is the
/// generation prompt, whatever a person wrote beside it.
///
/// The parts are read from the whole texts. Caption, generation prompt and each of its parts have at most `max_chars`
/// characters; where a text of a generator is cut, [`Generation::truncated`] says so.
#[must_use]
pub fn describe(text: &TextChunks, max_chars: usize) -> Described {
    let texts = Texts::new(&text.chunks);
    let Reading { wrote, generation } = read(&texts);
    // A chunk without text, and the text of a generator, is no caption.
    let is_other = |(at, chunk): (usize, _)| (!wrote.contains(&at)).then_some(chunk);
    let Captioned { caption, tags } = caption::read(text.chunks.iter().enumerate().filter_map(is_other));
    let mut described = Described {
        generation_prompt: None,
        caption,
        tags,
        generation,
        taken: taken::taken(&text.chunks),
        camera: taken::camera(&text.chunks),
        truncated: text.truncated,
    };
    if let Some(caption) = &mut described.caption {
        shorten(caption, max_chars);
    }
    if let Some(generation) = &mut described.generation {
        generation.truncated |= generation.shorten(max_chars);
    }
    if !wrote.is_empty() {
        let own = texts.iter().filter(|(at, _)| wrote.contains(at));
        let mut whole = lines::join(own.map(|(_, text)| (text.key, text.text)));
        let is_cut = shorten(&mut whole, max_chars);
        described.generation_prompt = Some(whole);
        if is_cut || text.truncated {
            described.generation.get_or_insert_default().truncated = true;
        }
    }
    described
}

/// Reads a generation prompt that is stored or that a caller set. The prompt is the `key:value` lines that [`describe`]
/// makes, or a text without keywords, such as AUTOMATIC1111's parameters. Returns `None` for any other text, such as
/// free text.
#[must_use]
pub fn parse_generation_prompt(text: &str) -> Option<Generation> {
    lines::split_in_every_way(text).find_map(|chunks| read(&Texts::new(&chunks)).generation)
}

/// Reads texts with every dialect.
fn read(texts: &Texts<'_>) -> Reading {
    let mut found = Reading::default();
    for dialect in DIALECTS {
        let Reading { wrote, generation } = dialect.read(texts);
        found.wrote.extend(wrote);
        found.generation = found.generation.or(generation);
    }
    if let Some(generation) = &mut found.generation {
        loras::add_tags(generation);
    }
    found
}
