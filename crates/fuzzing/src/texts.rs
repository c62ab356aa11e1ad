//! Texts in files: never more than the limits, never without a keyword, never with a NUL character.

use mitsuke_image::{Described, TextLimits, describe, read_texts, sniff, text_chunks};

use crate::decode::LIMITS;

const TEXTS: TextLimits = TextLimits { max_chunk_bytes: 2_000, max_total_bytes: 5_000, max_chunks: 20 };

/// The largest number of characters of a generation prompt.
pub const MAX_CHARS: usize = 1_000;

/// Bytes of UTF-8 for one byte of a legacy encoding, at most.
const GROWTH: usize = 3;

/// Reads the texts of a file, and what they mean.
///
/// # Panics
/// When a text exceeds its limit or holds what a store refuses.
pub fn texts(bytes: &[u8]) {
    let Ok(file_type) = sniff(bytes) else {
        assert!(read_texts(bytes, MAX_CHARS, &LIMITS).is_err());
        return;
    };
    let found = text_chunks(bytes, file_type, &TEXTS);
    assert!(found.chunks.len() <= TEXTS.max_chunks, "{} chunks", found.chunks.len());
    let sizes = || found.chunks.iter().map(|chunk| chunk.text.len());
    assert!(sizes().all(|size| size <= TEXTS.max_chunk_bytes * GROWTH));
    assert!(sizes().sum::<usize>() <= TEXTS.max_total_bytes * GROWTH);
    for chunk in &found.chunks {
        assert!(!chunk.key.is_empty() && !chunk.text.contains('\0'), "{chunk:?}");
    }
    check(&describe(&found, MAX_CHARS));
    check(&read_texts(bytes, MAX_CHARS, &LIMITS).expect("the type is known").described);
}

/// Checks what the texts of a file mean.
pub fn check(described: &Described) {
    let prompt = described.generation_prompt.as_deref();
    assert!(prompt.is_none_or(|prompt| prompt.chars().count() <= MAX_CHARS));
    let texts = prompt.into_iter().chain(described.caption.as_deref()).chain(described.camera.as_deref());
    assert!(texts.chain(described.tags.iter().map(String::as_str)).all(|text| !text.contains('\0')));
    let mut tags = described.tags.clone();
    tags.sort_unstable();
    tags.dedup();
    assert_eq!(tags.len(), described.tags.len(), "a tag is listed once: {:?}", described.tags);
    if let Some(generation) = &described.generation {
        assert!(generation.loras.iter().all(|lora| lora.weight.is_none_or(f64::is_finite)), "{generation:?}");
    }
}
