//! The dialect of AUTOMATIC1111: the prompt, a line "Negative prompt: …", and one line of settings,
//! `Steps: 20, Sampler: Euler a, …, Model: x`. Prompts may have many lines, and any part may be missing.

use super::dialect::{Dialect, has, texts};
use crate::prompt::generation::Generation;
use crate::text_chunks::TextChunk;

/// The keyword of the chunk that holds the parameters.
const KEY: &str = "parameters";

const NEGATIVE: &str = "Negative prompt:";

/// A last line without "Steps:" counts as settings when at least this many of its `key: value` pairs are settings.
const MIN_SETTINGS: usize = 3;

/// The largest number of bytes of settings that are read. This limit bounds the work on a text that only looks like
/// settings. Real settings are a few hundred bytes long; with the hashes of many models they are a few thousand.
const MAX_SETTINGS_BYTES: usize = 64 * 1024;

/// The largest number of `key: value` pairs of settings that are read.
const MAX_PAIRS: usize = 512;

/// The dialect of AUTOMATIC1111.
pub struct Automatic1111;

impl Dialect for Automatic1111 {
    fn keys(&self) -> &'static [&'static str] {
        &[KEY]
    }

    fn wrote(&self, chunks: &[TextChunk]) -> bool {
        has(chunks, KEY) && chunks.iter().any(|chunk| chunk.text.contains("Negative prompt"))
    }

    fn parse(&self, chunks: &[TextChunk]) -> Option<Generation> {
        texts(chunks, KEY).find_map(parse)
    }

    fn parse_bare(&self, text: &str) -> Option<Generation> {
        parse(text)
    }

    fn user_comment_key(&self, comment: &str) -> Option<&'static str> {
        (comment.contains(NEGATIVE) || comment.contains("Steps: ")).then_some(KEY)
    }
}

/// Reads parameters; `None` when there is neither a negative prompt nor a line of settings, as in ordinary text.
pub fn parse(text: &str) -> Option<Generation> {
    let text = text.trim();
    let settings_at = find_settings(text);
    let (prompts, settings) = text.split_at(settings_at.unwrap_or(text.len()));
    let (prompt, negative_prompt) = match find_negative(prompts) {
        Some(at) => (&prompts[..at], prompts[at..].trim_start().strip_prefix(NEGATIVE)),
        None if settings_at.is_some() => (prompts, None),
        None => return None,
    };

    let mut found = Generation {
        prompt: filled(prompt),
        negative_prompt: negative_prompt.and_then(filled),
        ..Generation::default()
    };
    let (mut schedule, mut hash) = (None, None);
    for (key, value) in pairs(settings) {
        match key {
            "Steps" if found.steps.is_none() => found.steps = value.parse().ok(),
            "Seed" if found.seed.is_none() => found.seed = value.parse().ok(),
            "Sampler" if found.sampler.is_none() => found.sampler = filled(&value),
            "Model" if found.model.is_none() => found.model = filled(&value),
            "Schedule type" if schedule.is_none() => schedule = filled(&value),
            "Model hash" if hash.is_none() => hash = filled(&value),
            _ => {}
        }
    }
    found.model = found.model.or(hash);
    found.sampler = found.sampler.map(|sampler| with_schedule(sampler, schedule));
    found.if_any()
}

/// Joins sampler and schedule, such as "DPM++ 2M Karras", which AUTOMATIC1111 states separately since version 1.9.
fn with_schedule(sampler: String, schedule: Option<String>) -> String {
    match schedule {
        Some(schedule) if schedule != "Automatic" && !sampler.ends_with(&schedule) => {
            format!("{sampler} {schedule}")
        }
        _ => sampler,
    }
}

/// Finds the beginning of the settings: the last line that starts with "Steps:" and a number (other programs add lines
/// below that line). Without such a line, the settings begin with the last line, or with the "Steps:" in the last line,
/// if enough settings follow.
fn find_settings(text: &str) -> Option<usize> {
    let is_steps = |line: &str| {
        // `trim_start` would also skip all blank lines that follow, again for each of these lines.
        line.trim_start_matches([' ', '\t'])
            .strip_prefix("Steps:")
            .is_some_and(|rest| rest.trim_start().starts_with(|c: char| c.is_ascii_digit()))
    };
    let by_steps = line_starts(text).filter(|&at| is_steps(&text[at..])).last();
    by_steps.or_else(|| {
        let last = line_starts(text).last()?;
        let at = text[last..].rfind("Steps: ").map_or(last, |within| last + within);
        let line = &text[at..];
        let is_prompt = line.trim_start().starts_with(NEGATIVE);
        (!is_prompt && pairs(line).filter(|(key, _)| is_setting(key)).count() >= MIN_SETTINGS).then_some(at)
    })
}

/// Returns whether `key` is a setting that AUTOMATIC1111 always writes. A prompt may contain other words with colons.
fn is_setting(key: &str) -> bool {
    matches!(key, "Sampler" | "CFG scale" | "Seed" | "Size" | "Model hash" | "Model" | "Version")
}

/// Finds the beginning of the negative prompt: the start of a line, or a place within a line, because some programs
/// lose line breaks.
fn find_negative(text: &str) -> Option<usize> {
    line_starts(text)
        .find(|&at| text[at..].trim_start_matches([' ', '\t']).starts_with(NEGATIVE))
        .or_else(|| text.find(NEGATIVE))
}

fn line_starts(text: &str) -> impl Iterator<Item = usize> {
    std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1))
}

fn filled(text: &str) -> Option<String> {
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// Returns the `key: value` pairs of the settings, which commas or line breaks separate.
fn pairs(settings: &str) -> impl Iterator<Item = (&str, String)> {
    let end = (0..=MAX_SETTINGS_BYTES.min(settings.len())).rev().find(|&at| settings.is_char_boundary(at));
    let mut rest = &settings[..end.unwrap_or(0)];
    let pairs = std::iter::from_fn(move || {
        loop {
            rest = rest.trim_start_matches(|c: char| c == ',' || c.is_whitespace());
            let end = rest.find([':', ',', '\n'])?;
            let key = rest[..end].trim();
            if rest[end..].starts_with(':') {
                let (value, after) = value(rest[end + 1..].trim_start_matches([' ', '\t']));
                rest = after;
                return Some((key, value));
            }
            rest = &rest[end..];
        }
    });
    pairs.take(MAX_PAIRS)
}

/// Splits a text into the value at its start and the rest. A value is a JSON string, a JSON array or object (the form
/// in which newer versions write hashes and resources), or everything up to a comma or line break.
fn value(text: &str) -> (String, &str) {
    let end = match text.as_bytes().first() {
        Some(b'"' | b'[' | b'{') => json_end(text),
        _ => None,
    };
    if let Some(end) = end {
        let raw = &text[..end];
        let value = serde_json::from_str(raw).unwrap_or_else(|_| raw.to_owned());
        return (value, &text[end..]);
    }
    let end = text.find([',', '\n']).unwrap_or(text.len());
    (text[..end].trim().to_owned(), &text[end..])
}

/// Returns the length of the JSON string, array or object at the start of `text`; `None` when it is not closed.
fn json_end(text: &str) -> Option<usize> {
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => depth += 1,
            b']' | b'}' if !in_string => depth = depth.checked_sub(1)?,
            _ => {}
        }
        if depth == 0 && !in_string {
            return Some(at + 1);
        }
    }
    None
}
