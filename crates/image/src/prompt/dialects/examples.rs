//! The check of a dialect's table of examples.

use super::Dialect;
use crate::prompt::texts::Texts;
use crate::prompt::{Generation, describe, parse_generation_prompt};
use crate::text_chunks::{TextChunk, TextChunks, TextSource};

/// The texts of a file and the parts that they state.
pub struct Example<'e> {
    /// Keywords and texts.
    pub chunks: &'e [(&'e str, &'e str)],
    /// The parts.
    pub parts: Generation,
}

/// Makes the texts of a file that is not cut.
pub fn chunks(pairs: &[(&str, &str)]) -> TextChunks {
    let chunk = |&(key, text): &(&str, &str)| TextChunk::new(key, text, TextSource::PngText);
    TextChunks { chunks: pairs.iter().map(chunk).collect(), truncated: false }
}

/// Checks, for each example: the dialect reads the parts and claims every text; no other dialect is preferred; the texts
/// are the generation prompt and not the caption; the stored form reads back as the same parts.
pub fn check(dialect: &dyn Dialect, examples: &[Example<'_>]) {
    for Example { chunks: pairs, parts } in examples {
        let found = chunks(pairs);
        let mut reading = dialect.read(&Texts::new(&found.chunks));
        assert_eq!(reading.generation.as_ref(), Some(parts), "the dialect, on {pairs:?}");
        reading.wrote.sort_unstable();
        reading.wrote.dedup();
        assert_eq!(reading.wrote, (0..pairs.len()).collect::<Vec<_>>(), "the texts of the dialect in {pairs:?}");

        let described = describe(&found, usize::MAX);
        assert_eq!(described.generation.as_ref(), Some(parts), "all dialects, on {pairs:?}");
        assert_eq!(described.caption, None, "{pairs:?}");
        let stored = described.generation_prompt.expect("a generation prompt");
        assert_eq!(parse_generation_prompt(&stored).as_ref(), Some(parts), "the stored form {stored}");
    }
}
