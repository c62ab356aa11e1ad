//! The dialect of Draw Things, which writes into XMP: the settings as JSON into the user comment, and into the
//! description the prompt, a line `-negative prompt` and a line of settings.

use super::dialect::Dialect;
use crate::prompt::fields::{Fields, filled, has_all, name, number, steps, text};
use crate::prompt::generation::{Generation, Lora};
use crate::prompt::loras;
use crate::prompt::texts::{Reading, Texts};

/// The dialect of Draw Things.
pub struct DrawThings;

impl Dialect for DrawThings {
    fn read(&self, texts: &Texts<'_>) -> Reading {
        let mut reading = texts.each(|text| text.json.as_ref().filter(|fields| is_settings(fields)).map(generation));
        for (at, text) in texts.iter() {
            if let Some(described) = description(text.text) {
                reading.wrote.push(at);
                reading.generation = reading.generation.or(described.if_any());
            }
        }
        reading
    }
}

/// Returns whether an object holds Draw Things' settings. `c` is the prompt, and `uc` the negative prompt.
fn is_settings(fields: &Fields) -> bool {
    has_all(fields, &["c", "model"]) && ["seed", "steps", "sampler"].iter().any(|key| fields.contains_key(*key))
}

fn generation(fields: &Fields) -> Generation {
    Generation {
        prompt: text(fields, &["c"]),
        negative_prompt: text(fields, &["uc"]),
        seed: number(fields, &["seed"]),
        steps: steps(fields, &["steps"]),
        sampler: name(fields, &["sampler"]),
        model: name(fields, &["model"]),
        loras: named_loras(fields),
        ..Generation::default()
    }
}

/// Reads the list of LoRAs, which stands beside the settings or in their newer form `v2`.
fn named_loras(fields: &Fields) -> Vec<Lora> {
    let mut found = Vec::new();
    let newer = fields.get("v2").and_then(|newer| newer.get("loras"));
    for list in fields.get("lora").into_iter().chain(fields.get("loras")).chain(newer) {
        loras::add_listed(&mut found, list);
    }
    found
}

/// Reads a description; `None` when its last line is not a line of Draw Things' settings.
fn description(text: &str) -> Option<Generation> {
    let (prompts, settings) = text.rsplit_once('\n').unwrap_or(("", text));
    if !settings.starts_with("Steps: ") || !settings.contains("Guidance Scale: ") {
        return None;
    }
    let setting = |key: &str| {
        let value = settings.split(", ").find_map(|pair| pair.strip_prefix(key)?.strip_prefix(": "))?;
        filled(value)
    };
    let negative_at = prompts.rfind("\n-").map(|at| at + 1).or_else(|| prompts.starts_with('-').then_some(0));
    let (prompt, negative) = prompts.split_at(negative_at.unwrap_or(prompts.len()));
    Some(Generation {
        prompt: filled(prompt),
        negative_prompt: filled(negative.strip_prefix('-').unwrap_or_default()),
        seed: setting("Seed").and_then(|seed| seed.parse().ok()),
        steps: setting("Steps").and_then(|steps| steps.parse().ok()),
        sampler: setting("Sampler"),
        model: setting("Model"),
        ..Generation::default()
    })
}

#[cfg(test)]
mod tests {
    use super::super::examples::{Example, check};
    use super::*;

    #[test]
    fn examples() {
        let parts = Generation {
            prompt: Some("a hare\nat dusk".into()),
            negative_prompt: Some("blurry".into()),
            seed: Some(3),
            steps: Some(30),
            sampler: Some("DDIM".into()),
            model: Some("mix_f16.ckpt".into()),
            ..Generation::default()
        };
        let description = "a hare\nat dusk\n-blurry\n\
            Steps: 30, Sampler: DDIM, Guidance Scale: 10.0, Seed: 3, Size: 1152x768, Model: mix_f16.ckpt";
        let comment = r#"{"c": "a hare\nat dusk", "uc": "blurry", "seed": 3, "steps": 30, "sampler": "DDIM", "scale": 10,
            "model": "mix_f16.ckpt", "size": "1152x768"}"#;
        let with_lora = comment.replace("\"scale\": 10", r#""lora": [{"model": "ink_lora_f16.ckpt", "weight": 0.6}]"#);
        let newer =
            comment.replace("\"scale\": 10", r#""v2": {"loras": [{"file": "ink_lora_f16.ckpt", "weight": 0.6}]}"#);
        let ink =
            Generation { loras: vec![Lora { name: "ink_lora_f16.ckpt".into(), weight: Some(0.6) }], ..parts.clone() };
        let without_negative = description.replace("-blurry\n", "");
        check(
            &DrawThings,
            &[
                Example { chunks: &[("Description", description), ("UserComment", comment)], parts: parts.clone() },
                Example { chunks: &[("UserComment", comment)], parts: parts.clone() },
                Example { chunks: &[("Description", description)], parts: parts.clone() },
                Example {
                    chunks: &[("Description", &without_negative)],
                    parts: Generation { negative_prompt: None, ..parts },
                },
                Example { chunks: &[("UserComment", &with_lora)], parts: ink.clone() },
                Example { chunks: &[("UserComment", &newer)], parts: ink },
            ],
        );
    }
}
