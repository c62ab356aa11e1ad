//! The tags among the texts of a file.

use std::collections::HashSet;

use super::order::tag_rank;
use super::read::folded;
use crate::text_chunks::{TextChunk, TextSource};

/// The largest number of tags that are read.
const MAX_TAGS: usize = 256;

/// The largest number of characters of a tag. A longer keyword is no keyword and is left out.
const MAX_CHARS: usize = 100;

/// Reads the keywords of all places in the order of the places. Keywords that differ in case or width alone count once.
pub fn tags(chunks: &[&TextChunk]) -> Vec<String> {
    let mut ranked: Vec<_> = chunks.iter().filter_map(|chunk| Some((tag_rank(chunk)?, *chunk))).collect();
    ranked.sort_by_key(|(rank, _)| *rank);
    let mut seen = HashSet::new();
    let tags = ranked.into_iter().flat_map(|(_, chunk)| split(chunk)).filter(|tag| seen.insert(folded(tag)));
    tags.take(MAX_TAGS).map(str::to_owned).collect()
}

/// Splits a text into keywords. Many programs write several keywords as one, separated by semicolons or commas. Of a
/// hierarchy, each level is a keyword, so that `Places|Japan|Kyoto` is found under each of its names.
fn split(chunk: &TextChunk) -> impl Iterator<Item = &str> {
    let is_hierarchy = chunk.source == TextSource::XmpHierarchicalSubject;
    chunk
        .text
        .split(move |c| matches!(c, ';' | '；' | ',' | '，' | '、' | '\n' | '\r') || is_hierarchy && c == '|')
        .map(|tag| tag.trim_matches(|c: char| c.is_whitespace() || c.is_control()))
        .filter(|tag| tag.chars().any(char::is_alphanumeric) && tag.chars().nth(MAX_CHARS).is_none())
}
