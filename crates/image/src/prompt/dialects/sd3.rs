//! The dialect of the SD3 script of the original application, which writes each input of the pipeline as plain text into
//! a text chunk of its own.

use super::dialect::{Dialect, has, texts};
use super::distinct::join_distinct;
use crate::prompt::generation::Generation;
use crate::text_chunks::TextChunk;

/// The dialect of the SD3 script.
pub struct Sd3Script;

impl Dialect for Sd3Script {
    fn keys(&self) -> &'static [&'static str] {
        &[
            "prompt",
            "prompt_2",
            "prompt_3",
            "negative_prompt",
            "negative_prompt_2",
            "negative_prompt_3",
            "seed",
            "steps",
            "num_inference_steps",
            "guidance_scale",
            "sampler",
            "scheduler",
            "model",
        ]
    }

    fn wrote(&self, chunks: &[TextChunk]) -> bool {
        has(chunks, "prompt") && has(chunks, "prompt_3")
    }

    /// Reads the parts. The texts for the three text encoders are given one per line, and equal texts only once.
    fn parse(&self, chunks: &[TextChunk]) -> Option<Generation> {
        if !self.wrote(chunks) {
            return None;
        }
        let get = |key| texts(chunks, key).next().map(str::trim);
        let first = |keys: &[&'static str]| keys.iter().find_map(|key| get(key));
        let prompts = |keys: [&'static str; 3]| join_distinct(keys.into_iter().filter_map(get));
        Generation {
            prompt: prompts(["prompt", "prompt_2", "prompt_3"]),
            negative_prompt: prompts(["negative_prompt", "negative_prompt_2", "negative_prompt_3"]),
            seed: get("seed").and_then(|seed| seed.parse().ok()),
            steps: first(&["num_inference_steps", "steps"]).and_then(|steps| steps.parse().ok()),
            sampler: first(&["sampler", "scheduler"]).map(str::to_owned),
            model: get("model").map(str::to_owned),
        }
        .if_any()
    }
}
