//! The settings of AUTOMATIC1111's parameters: their place in the text, and the pairs of names and values.

/// A line without "Steps:" at its start counts as settings when at least this many of its `key: value` pairs are
/// settings.
const MIN_SETTINGS: usize = 3;

/// The number of lines at the end of a text that are searched for settings that do not begin with "Steps:". Programs
/// add few lines below the settings.
const LAST_LINES: usize = 8;

/// The largest number of bytes of settings that are read. This limit bounds the work on a text that only looks like
/// settings. Real settings are a few hundred bytes long; with the hashes of many models they are a few thousand.
const MAX_SETTINGS_BYTES: usize = 64 * 1024;

/// The largest number of `key: value` pairs of settings that are read.
const MAX_PAIRS: usize = 512;

/// The largest number of lines before the line "Steps:" that can be settings, when each setting has a line of its own.
const MAX_LINES_BEFORE: usize = 32;

/// Settings of the sampling, without which a list of settings is one of something else.
const SAMPLING: [&str; 5] = ["steps", "sampler", "cfg scale", "seed", "guidance scale"];

/// Further settings that AUTOMATIC1111 and its imitators write. A prompt may contain other words with colons.
const OTHER: [&str; 8] =
    ["size", "model hash", "model", "version", "schedule type", "clip skip", "denoising strength", "vae"];

/// Finds the beginning of the settings: the last line that starts with "Steps:" and a number, or before it the first of
/// the lines that hold nothing but settings (other programs add lines below the settings, and some write a line for each
/// setting). Without such a line: the last line with enough settings, from the line's start on or from the "Steps:"
/// within the line.
pub fn find(text: &str) -> Option<usize> {
    let by_steps = line_starts(text).filter(|&at| is_steps(&text[at..])).last();
    if let Some(at) = by_steps {
        return Some(with_lines_before(text, at));
    }
    let mut end = text.len();
    for _ in 0..LAST_LINES {
        let start = text[..end].rfind('\n').map_or(0, |at| at + 1);
        let line = &text[start..end];
        let inline = line.rfind("Steps: ").map(|within| start + within);
        if let Some(at) = [Some(start), inline].into_iter().flatten().find(|&at| is_settings(&text[at..end])) {
            return Some(at);
        }
        end = start.checked_sub(1)?;
    }
    None
}

/// Returns the first of the lines before `at` that hold nothing but one setting each.
fn with_lines_before(text: &str, mut at: usize) -> usize {
    for _ in 0..MAX_LINES_BEFORE {
        let Some(end) = at.checked_sub(1) else { break };
        let start = text[..end].rfind('\n').map_or(0, |at| at + 1);
        let line = text[start..end].trim();
        let is_setting = line.split_once(':').is_some_and(|(key, value)| is_known(key) && !value.contains([',', ':']));
        if !is_setting || is_steps(line) {
            break;
        }
        at = start;
    }
    at
}

/// Returns whether a text begins with "Steps:" and a number.
fn is_steps(text: &str) -> bool {
    // `trim_start` would also skip all blank lines that follow, again for each of these lines.
    let line = text.trim_start_matches([' ', '\t']);
    let is_key = line.get(..6).is_some_and(|key| key.eq_ignore_ascii_case("steps:"));
    is_key && line[6..].trim_start_matches([' ', '\t']).starts_with(|c: char| c.is_ascii_digit())
}

/// Returns whether a line begins with a setting and holds enough of them, one of which is of the sampling.
fn is_settings(line: &str) -> bool {
    let mut known = 0;
    let mut has_sampling = false;
    for (at, (key, _)) in pairs(line).enumerate() {
        if is_known(key) {
            known += 1;
            has_sampling |= SAMPLING.iter().any(|setting| setting.eq_ignore_ascii_case(key));
        } else if at == 0 {
            return false;
        }
    }
    known >= MIN_SETTINGS && has_sampling
}

fn is_known(key: &str) -> bool {
    SAMPLING.iter().chain(&OTHER).any(|setting| setting.eq_ignore_ascii_case(key.trim()))
}

fn line_starts(text: &str) -> impl Iterator<Item = usize> {
    std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1))
}

/// Returns the `key: value` pairs of the settings, which commas or line breaks separate.
pub fn pairs(settings: &str) -> impl Iterator<Item = (&str, String)> {
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
