//! Text chunks → generation prompt or caption, and the readable parts of a generation prompt.

mod a1111;
mod comfy;
mod graph;
mod lines;
mod sd3;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use super::text::{TextChunk, TextChunks};

/// The readable parts of a generation prompt. A part that the file does not tell is `None`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Generation {
    /// What the picture should show.
    #[schema(example = "a white cat on a red sofa, morning light")]
    #[serde(default)]
    pub prompt: Option<String>,
    /// What it should not show.
    #[schema(example = "lowres, bad anatomy")]
    #[serde(default)]
    pub negative_prompt: Option<String>,
    /// The start value of the noise.
    #[schema(example = 1_659_825_313_u64)]
    #[serde(default)]
    pub seed: Option<u64>,
    /// Sampling steps.
    #[schema(example = 20)]
    #[serde(default)]
    pub steps: Option<u32>,
    /// The sampler by the name its program gives it, with the schedule where AUTOMATIC1111 tells it apart.
    #[schema(example = "DPM++ 2M Karras")]
    #[serde(default)]
    pub sampler: Option<String>,
    /// The name of the image generator's model, or its hash where no name is given.
    #[schema(example = "sd3_medium_incl_clips.safetensors")]
    #[serde(default)]
    pub model: Option<String>,
}

impl Generation {
    /// `None` when nothing was found, so that "not understood" has one representation.
    fn if_any(self) -> Option<Self> {
        (self != Self::default()).then_some(self)
    }
}

/// What the text of a file means.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Described {
    /// All text, when an image generator wrote it: one `key:value` line per chunk, in file order.
    pub generation_prompt: Option<String>,
    /// All text otherwise, in the same form.
    pub caption: Option<String>,
    /// The readable parts, when they could be told.
    pub generation: Option<Generation>,
}

/// Classifies the text of a file, as the article does: `parameters` with "Negative prompt" in the text
/// (AUTOMATIC1111), `prompt` with `workflow` (ComfyUI) or `prompt` with `prompt_3` (the SD3 script) make
/// all of it the generation prompt; any other text is the caption.
#[must_use]
pub fn describe(text: &TextChunks) -> Described {
    let chunks = &text.chunks;
    if chunks.iter().all(|chunk| chunk.text.trim().is_empty()) {
        return Described::default();
    }
    let has = |key| text.get(key).is_some();
    let is_a1111 = has("parameters") && chunks.iter().any(|chunk| chunk.text.contains("Negative prompt"));
    let is_generated = is_a1111 || has("prompt") && (has("workflow") || has("prompt_3"));

    let whole = Some(lines::join(chunks));
    let generation = readable_parts(chunks);
    if is_generated {
        Described { generation_prompt: whole, caption: None, generation }
    } else {
        Described { generation_prompt: None, caption: whole, generation }
    }
}

/// Reads a generation prompt that is stored or that a caller set: the `key:value` lines that
/// [`describe`] makes, bare AUTOMATIC1111 parameters, or a bare ComfyUI graph. `None` when it is none of
/// these, as free text is.
#[must_use]
pub fn parse_generation_prompt(text: &str) -> Option<Generation> {
    readable_parts(&lines::split(text)).or_else(|| a1111::parse(text)).or_else(|| comfy::parse(text))
}

fn readable_parts(chunks: &[TextChunk]) -> Option<Generation> {
    let all = |key: &'static str| chunks.iter().filter(move |chunk| chunk.key == key).map(|chunk| chunk.text.as_str());
    all("parameters")
        .find_map(a1111::parse)
        .or_else(|| all("prompt").find_map(comfy::parse))
        .or_else(|| sd3::parse(chunks))
}
