//! The text that the reader of version 0 found in a file.
//!
//! That version stored all text of a file as one text, either as the caption or as the generation prompt, and did not
//! note whether a caller had replaced it since. A stored text that equals this one was not replaced. The rules here are
//! those of that version and never change.

use crate::text_chunks::{TextChunk, TextChunks, TextSource};

/// The keywords under which ComfyUI wrote JSON into the EXIF fields of the camera.
const CAMERA_KEYS: [&str; 2] = ["prompt", "workflow"];

/// Returns all text of a file as a `key:value` line for each chunk; `None` when the text is blank.
pub fn earlier_text(text: &TextChunks) -> Option<String> {
    let lines: Vec<_> = text.chunks.iter().filter_map(line).collect();
    let is_blank = lines.iter().all(|(_, text)| text.trim().is_empty());
    let lines: Vec<String> = lines.iter().map(|(key, text)| format!("{key}:{text}")).collect();
    (!is_blank).then(|| lines.join("\n"))
}

/// Returns the keyword and the text of a chunk that version 0 read.
fn line(chunk: &TextChunk) -> Option<(&str, &str)> {
    let TextChunk { key, text, source } = chunk;
    match source {
        TextSource::PngText => Some((key, text)),
        TextSource::CameraModel | TextSource::Make | TextSource::ImageDescription => {
            CAMERA_KEYS.into_iter().find_map(|key| {
                let json = text.strip_prefix(key)?.strip_prefix(':')?;
                json.trim_start().starts_with('{').then_some((key, json))
            })
        }
        TextSource::UserComment => {
            let generated = text.contains("Negative prompt:") || text.contains("Steps: ");
            Some((if generated { "parameters" } else { "UserComment" }, text))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn earlier(chunks: &[(TextSource, &str, &str)]) -> Option<String> {
        let chunks = chunks.iter().map(|(source, key, text)| TextChunk::new(*key, *text, *source)).collect();
        earlier_text(&TextChunks { chunks, truncated: false })
    }

    #[test]
    fn all_text_is_one_text_of_lines() {
        let chunks = [
            (TextSource::PngText, "Title", "海"),
            (TextSource::PngText, "parameters", "a cat\nSteps: 20"),
            (TextSource::XmpDescription, "description", "not read then"),
            (TextSource::Software, "Software", "a camera"),
            (TextSource::CameraModel, "Model", "prompt:{\"1\": {}}"),
            (TextSource::Make, "Make", "a maker"),
            (TextSource::UserComment, "UserComment", "words"),
        ];
        let expected = "Title:海\nparameters:a cat\nSteps: 20\nprompt:{\"1\": {}}\nUserComment:words";
        assert_eq!(earlier(&chunks).as_deref(), Some(expected));
        let comment = [(TextSource::UserComment, "UserComment", "a cat\nSteps: 20")];
        assert_eq!(earlier(&comment).as_deref(), Some("parameters:a cat\nSteps: 20"));
    }

    #[test]
    fn blank_text_is_none() {
        assert_eq!(earlier(&[(TextSource::PngText, "Title", " \n")]), None);
        assert_eq!(earlier(&[(TextSource::XmpTitle, "title", "海")]), None);
    }
}
