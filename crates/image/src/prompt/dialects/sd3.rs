//! The dialect of the SD3 script of the original application, which writes each input of the pipeline as plain text into
//! a text chunk of its own.

use super::dialect::Dialect;
use crate::prompt::generation::Generation;
use crate::prompt::join::join_distinct;
use crate::prompt::texts::{Reading, Texts};

const KEYS: [&str; 13] = [
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
];

/// The dialect of the SD3 script.
pub struct Sd3Script;

impl Dialect for Sd3Script {
    fn keys(&self) -> &'static [&'static str] {
        &KEYS
    }

    /// Reads the parts. The texts for the three text encoders are given one per line, and equal texts only once.
    fn read(&self, texts: &Texts<'_>) -> Reading {
        let get = |key: &str| texts.get(key).filter(|text| !text.is_empty());
        if get("prompt").is_none() || (texts.get("prompt_2").is_none() && texts.get("prompt_3").is_none()) {
            return Reading::default();
        }
        let first = |keys: &[&str]| keys.iter().find_map(|key| get(key));
        let prompts = |keys: [&str; 3]| join_distinct(keys.into_iter().filter_map(get));
        let generation = Generation {
            prompt: prompts(["prompt", "prompt_2", "prompt_3"]),
            negative_prompt: prompts(["negative_prompt", "negative_prompt_2", "negative_prompt_3"]),
            seed: get("seed").and_then(|seed| seed.parse().ok()),
            steps: first(&["num_inference_steps", "steps"]).and_then(|steps| steps.parse().ok()),
            sampler: first(&["sampler", "scheduler"]).map(str::to_owned),
            model: get("model").map(str::to_owned),
            ..Generation::default()
        };
        Reading {
            wrote: texts.iter().filter(|(_, text)| text.is(&KEYS)).map(|(at, _)| at).collect(),
            generation: generation.if_any(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::examples::{Example, check};
    use super::*;

    #[test]
    fn examples() {
        check(
            &Sd3Script,
            &[
                Example {
                    chunks: &[("prompt", "Earth\nin blue"), ("prompt_3", "Moon"), ("seed", "7")],
                    parts: Generation {
                        prompt: Some("Earth\nin blue\nMoon".into()),
                        seed: Some(7),
                        ..Generation::default()
                    },
                },
                Example {
                    chunks: &[
                        ("prompt", "a hare"),
                        ("prompt_2", "a hare"),
                        ("prompt_3", "a hare"),
                        ("negative_prompt", "blurry"),
                        ("num_inference_steps", "28"),
                        ("scheduler", "flow"),
                        ("model", "sd3"),
                    ],
                    parts: Generation {
                        prompt: Some("a hare".into()),
                        negative_prompt: Some("blurry".into()),
                        steps: Some(28),
                        sampler: Some("flow".into()),
                        model: Some("sd3".into()),
                        ..Generation::default()
                    },
                },
            ],
        );
    }
}
