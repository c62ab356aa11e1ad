//! The texts under keywords that only image generators give, in no form that another dialect knows: scripts write the
//! prompt alone under `prompt` or `parameters`.

use super::dialect::Dialect;
use crate::prompt::fields::{Fields, filled, has, name, number, steps, text};
use crate::prompt::generation::Generation;
use crate::prompt::texts::{Reading, Text, Texts};

const KEYS: [&str; 4] = ["parameters", "prompt", "negative_prompt", "stealth_pnginfo"];

/// The dialect of keywords.
pub struct Keywords;

impl Dialect for Keywords {
    fn keys(&self) -> &'static [&'static str] {
        &KEYS
    }

    fn read(&self, texts: &Texts<'_>) -> Reading {
        let own: Vec<_> = texts.iter().filter(|(_, text)| text.is(&KEYS) && !text.text.is_empty()).collect();
        let plain = |keys: &[&str]| {
            let is_plain =
                |text: &&Text<'_>| text.is(keys) && text.json.is_none() && !text.text.starts_with(['{', '[']);
            own.iter().map(|(_, text)| *text).find(is_plain).and_then(|text| filled(text.text))
        };
        let objects = texts.each(|text| settings(text.json.as_ref()?));
        let generation = Generation {
            prompt: plain(&["parameters", "prompt", "stealth_pnginfo"]),
            negative_prompt: plain(&["negative_prompt"]),
            ..Generation::default()
        };
        let mut wrote: Vec<_> = own.iter().map(|(at, _)| *at).collect();
        wrote.extend(objects.wrote);
        Reading { wrote, generation: objects.generation.or(generation.if_any()) }
    }
}

/// Reads an object that has a prompt and settings under the usual names.
fn settings(fields: &Fields) -> Option<Generation> {
    let prompts = ["prompt", "Prompt", "positive_prompt", "positivePrompt"];
    let is_settings =
        has(fields, &["seed", "Seed", "steps", "Steps", "num_inference_steps", "cfg_scale", "guidance_scale"]);
    let prompt = text(fields, &prompts).filter(|_| is_settings)?;
    Some(Generation {
        prompt: Some(prompt),
        negative_prompt: text(
            fields,
            &["negative_prompt", "negativePrompt", "negativeprompt", "Negative Prompt", "uc"],
        ),
        seed: number(fields, &["seed", "Seed"]),
        steps: steps(fields, &["steps", "Steps", "num_inference_steps"]),
        sampler: name(fields, &["sampler", "sampler_name", "Sampler", "scheduler"]),
        model: name(fields, &["model", "model_name", "Model", "base_model", "checkpoint"]),
        ..Generation::default()
    })
}

#[cfg(test)]
mod tests {
    use super::super::examples::{Example, check};
    use super::*;

    #[test]
    fn examples() {
        let prompt = || Generation { prompt: Some("a hare".into()), ..Generation::default() };
        let json = r#"{"prompt": "a hare", "seed": 3, "steps": 9, "model": "mix"}"#;
        check(
            &Keywords,
            &[
                Example { chunks: &[("parameters", "a hare")], parts: prompt() },
                Example {
                    chunks: &[("prompt", "a hare"), ("negative_prompt", "blurry")],
                    parts: Generation { negative_prompt: Some("blurry".into()), ..prompt() },
                },
                Example {
                    chunks: &[("UserComment", json)],
                    parts: Generation { seed: Some(3), steps: Some(9), model: Some("mix".into()), ..prompt() },
                },
            ],
        );
    }
}
