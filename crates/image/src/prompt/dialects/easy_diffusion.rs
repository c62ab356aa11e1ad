//! The dialect of Easy Diffusion, which writes each setting into a text chunk of its own (PNG), or all settings as one
//! JSON object (user comment). The settings have the names of the program or the labels of its page.

use serde_json::{Map, Value};

use super::dialect::Dialect;
use crate::prompt::fields::{Fields, has, name, number, steps, text};
use crate::prompt::generation::{Generation, Lora};
use crate::prompt::loras;
use crate::prompt::texts::{Reading, Text, Texts};

const KEYS: [&str; 28] = [
    "prompt",
    "negative_prompt",
    "seed",
    "num_inference_steps",
    "guidance_scale",
    "width",
    "height",
    "sampler_name",
    "scheduler_name",
    "use_stable_diffusion_model",
    "use_vae_model",
    "use_lora_model",
    "lora_alpha",
    "use_hypernetwork_model",
    "hypernetwork_strength",
    "use_controlnet_model",
    "control_filter_to_apply",
    "control_alpha",
    "use_embeddings_model",
    "clip_skip",
    "tiling",
    "prompt_strength",
    "use_face_correction",
    "use_upscale",
    "upscale_amount",
    "output_format",
    "output_quality",
    "latent_upscaler_steps",
];

const LABELS: [&str; 18] = [
    "Prompt",
    "Negative Prompt",
    "Seed",
    "Steps",
    "Guidance Scale",
    "Width",
    "Height",
    "Sampler",
    "Stable Diffusion model",
    "VAE model",
    "LoRA model",
    "LoRA Strength",
    "Hypernetwork model",
    "Hypernetwork Strength",
    "Clip Skip",
    "Prompt Strength",
    "Use Face Correction",
    "Use Upscaling",
];

/// The names that only Easy Diffusion gives to settings.
const OWN: [&str; 3] = ["use_stable_diffusion_model", "Stable Diffusion model", "num_inference_steps"];

/// The dialect of Easy Diffusion.
pub struct EasyDiffusion;

impl Dialect for EasyDiffusion {
    fn keys(&self) -> &'static [&'static str] {
        &KEYS
    }

    fn word_keys(&self) -> &'static [&'static str] {
        &LABELS
    }

    fn read(&self, texts: &Texts<'_>) -> Reading {
        let mut reading = texts.each(|text| text.json.as_ref().filter(|fields| is_settings(fields)).map(generation));
        let is_own = |text: &Text<'_>| text.json.is_none() && [&KEYS[..], &LABELS].concat().contains(&text.key);
        let chunks: Vec<_> = texts.iter().filter(|(_, text)| is_own(text)).collect();
        let fields: Map<_, _> =
            chunks.iter().map(|(_, text)| (text.key.to_owned(), Value::String(text.text.to_owned()))).collect();
        // The SD3 script gives some settings the same names.
        let is_sd3 = texts.get("prompt_2").or(texts.get("prompt_3")).is_some();
        if is_settings(&fields) && !is_sd3 {
            reading.wrote.extend(chunks.iter().map(|(at, _)| at));
            reading.generation = reading.generation.or(generation(&fields).if_any());
        }
        reading
    }
}

fn is_settings(fields: &Fields) -> bool {
    has(fields, &["prompt", "Prompt"]) && has(fields, &OWN)
}

fn generation(fields: &Fields) -> Generation {
    Generation {
        prompt: text(fields, &["prompt", "Prompt"]),
        negative_prompt: text(fields, &["negative_prompt", "Negative Prompt"]),
        seed: number(fields, &["seed", "Seed"]),
        steps: steps(fields, &["num_inference_steps", "Steps"]),
        sampler: name(fields, &["sampler_name", "Sampler"]),
        model: name(fields, &["use_stable_diffusion_model", "Stable Diffusion model"]),
        loras: named_loras(fields),
        ..Generation::default()
    }
}

/// Reads names and weights, which are a text each, or lists as JSON or as Python prints them.
fn named_loras(fields: &Fields) -> Vec<Lora> {
    let list = |keys: &[&str]| -> Vec<String> {
        let Some(value) = keys.iter().find_map(|key| fields.get(*key)) else { return Vec::new() };
        let text = match value {
            Value::Array(_) | Value::Number(_) => value.to_string(),
            _ => value.as_str().unwrap_or_default().to_owned(),
        };
        let items = text.trim_matches(['[', ']']).split(',');
        items.take(64).map(|item| item.trim().trim_matches(['"', '\'']).to_owned()).collect()
    };
    let mut found = Vec::new();
    let weights = list(&["lora_alpha", "LoRA Strength"]);
    for (at, name) in list(&["use_lora_model", "LoRA model"]).iter().enumerate() {
        loras::add(&mut found, name, weights.get(at).and_then(|weight| weight.parse().ok()));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::examples::{Example, check};
    use super::*;

    #[test]
    fn examples() {
        let parts = Generation {
            prompt: Some("a hare".into()),
            negative_prompt: Some("blurry".into()),
            seed: Some(3),
            steps: Some(30),
            sampler: Some("euler_a".into()),
            model: Some("mix-v1-4".into()),
            ..Generation::default()
        };
        let lora = |name: &str, weight| Lora { name: name.into(), weight: Some(weight) };
        let json = r#"{"prompt": "a hare", "seed": 3, "negative_prompt": "blurry", "num_inference_steps": 30,
            "use_stable_diffusion_model": "mix-v1-4", "sampler_name": "euler_a", "use_lora_model": ["ink", "wash"],
            "lora_alpha": [0.5, 1]}"#;
        check(
            &EasyDiffusion,
            &[
                Example {
                    chunks: &[
                        ("prompt", "a hare"),
                        ("seed", "3"),
                        ("negative_prompt", "blurry"),
                        ("num_inference_steps", "30"),
                        ("use_stable_diffusion_model", "mix-v1-4"),
                        ("sampler_name", "euler_a"),
                        ("use_lora_model", "['ink']"),
                        ("lora_alpha", "[0.5]"),
                    ],
                    parts: Generation { loras: vec![lora("ink", 0.5)], ..parts.clone() },
                },
                Example {
                    chunks: &[
                        ("Prompt", "a hare"),
                        ("Seed", "3"),
                        ("Steps", "30"),
                        ("Sampler", "euler_a"),
                        ("Negative Prompt", "blurry"),
                        ("Stable Diffusion model", "mix-v1-4"),
                    ],
                    parts: parts.clone(),
                },
                Example {
                    chunks: &[("UserComment", json)],
                    parts: Generation { loras: vec![lora("ink", 0.5), lora("wash", 1.0)], ..parts },
                },
            ],
        );
    }
}
