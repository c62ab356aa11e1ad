//! The caption and the tags among the texts of a file.

use unicode_normalization::UnicodeNormalization as _;

use super::noise::is_noise;
use super::order::caption_rank;
use super::tags::tags;
use crate::text_chunks::TextChunk;

/// The largest number of texts that become a caption. Each is compared with each.
const MAX_TEXTS: usize = 16;

/// The largest number of bytes of a text that becomes part of a caption. No person writes more about a picture.
const MAX_BYTES: usize = 256 << 10;

/// The caption and the tags of a file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Captioned {
    /// The texts that a person wrote about the picture, each on a line of its own, in the order of their places.
    pub caption: Option<String>,
    /// The keywords, without duplicates.
    pub tags: Vec<String>,
}

/// Reads caption and tags from the chunks that no image generator wrote. A text that stands in another counts once.
pub fn read<'c>(chunks: impl IntoIterator<Item = &'c TextChunk>) -> Captioned {
    let chunks: Vec<_> = chunks.into_iter().collect();
    Captioned { caption: caption(&chunks), tags: tags(&chunks) }
}

fn caption(chunks: &[&TextChunk]) -> Option<String> {
    let mut ranked: Vec<_> = chunks
        .iter()
        .filter_map(|chunk| Some((caption_rank(chunk)?, *chunk)))
        .filter(|(_, chunk)| !is_noise(chunk))
        .collect();
    ranked.sort_by_key(|(rank, _)| *rank);
    let texts: Vec<_> = ranked
        .iter()
        .take(MAX_TEXTS)
        .map(|(_, chunk)| {
            let text = chunk.text[..chunk.text.floor_char_boundary(MAX_BYTES)].trim_matches(is_blank);
            (text, folded(text))
        })
        .collect();
    let mut kept: Vec<&str> = Vec::new();
    for (i, (text, folded)) in texts.iter().enumerate() {
        let is_repeated = texts.iter().enumerate().any(|(j, (_, other))| {
            // The first of two equal texts is kept.
            i != j && other.contains(folded.as_str()) && (other.len() > folded.len() || j < i)
        });
        if !is_repeated {
            kept.push(text);
        }
    }
    (!kept.is_empty()).then(|| kept.join("\n"))
}

fn is_blank(c: char) -> bool {
    c.is_whitespace() || c.is_control()
}

/// Returns a text without the differences between the copies of one text that programs make: width, case, white space.
pub fn folded(text: &str) -> String {
    let plain: String = text.nfkc().flat_map(char::to_lowercase).collect();
    plain.split(is_blank).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}
