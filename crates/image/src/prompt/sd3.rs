//! The SD3 script's form: each input of the pipeline in a text chunk of its own, plain text.

use super::Generation;
use super::graph::join_distinct;
use crate::TextChunk;

/// `None` unless `prompt` and `prompt_3` are there. The texts for the three text encoders are given one
/// per line, equal ones once.
pub(super) fn parse(chunks: &[TextChunk]) -> Option<Generation> {
    let get = |key: &str| chunks.iter().find(|chunk| chunk.key == key).map(|chunk| chunk.text.trim());
    let first = |keys: &[&str]| keys.iter().find_map(|key| get(key));
    get("prompt").and(get("prompt_3"))?;

    let texts = |keys: [&str; 3]| join_distinct(keys.into_iter().filter_map(get));
    Generation {
        prompt: texts(["prompt", "prompt_2", "prompt_3"]),
        negative_prompt: texts(["negative_prompt", "negative_prompt_2", "negative_prompt_3"]),
        seed: get("seed").and_then(|seed| seed.parse().ok()),
        steps: first(&["num_inference_steps", "steps"]).and_then(|steps| steps.parse().ok()),
        sampler: first(&["sampler", "scheduler"]).map(str::to_owned),
        model: get("model").map(str::to_owned),
    }
    .if_any()
}
