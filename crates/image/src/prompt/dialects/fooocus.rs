//! The dialect of Fooocus and its relatives (Fooocus-MRE, RuinedFooocus, SimpleSDXL): a JSON object of settings, under
//! the names of the program or under the labels of its log. PNG has it in `parameters` or `Comment`, JPEG and WebP in
//! the user comment or the comment. With the scheme `a1111` Fooocus writes the dialect of AUTOMATIC1111.

use super::dialect::Dialect;
use crate::prompt::fields::{Fields, has_all, name, number, steps, text};
use crate::prompt::generation::{Generation, Lora};
use crate::prompt::loras;
use crate::prompt::texts::{Reading, Texts};

/// The largest number of numbered entries for LoRAs.
const MAX_NUMBER: usize = 32;

/// The dialect of Fooocus.
pub struct Fooocus;

impl Dialect for Fooocus {
    fn keys(&self) -> &'static [&'static str] {
        &["fooocus_scheme"]
    }

    fn read(&self, texts: &Texts<'_>) -> Reading {
        let mut reading = texts.each(|text| text.json.as_ref().filter(|fields| is_fooocus(fields)).map(generation));
        reading.wrote.extend(texts.iter().filter(|(_, text)| text.is(&["fooocus_scheme"])).map(|(at, _)| at));
        reading
    }
}

fn is_fooocus(fields: &Fields) -> bool {
    let is_named = ["version", "Version", "software", "metadata_scheme"]
        .iter()
        .filter_map(|key| fields.get(*key)?.as_str())
        .any(|value| value.to_ascii_lowercase().contains("fooocus"));
    is_named
        || has_all(fields, &["base_model", "performance"])
        || has_all(fields, &["Base Model", "Performance"])
        || has_all(fields, &["base_model_name", "sampler_name"])
}

fn generation(fields: &Fields) -> Generation {
    Generation {
        prompt: text(fields, &["prompt", "Prompt", "real_prompt", "full_prompt"]),
        negative_prompt: text(fields, &["negative_prompt", "Negative Prompt", "Negative", "real_negative_prompt"]),
        seed: number(fields, &["seed", "Seed"]),
        steps: steps(fields, &["steps", "Steps"]).or_else(|| performance_steps(fields)),
        sampler: name(fields, &["sampler", "sampler_name", "Sampler"]),
        model: name(fields, &["base_model", "base_model_name", "Base Model"]),
        loras: named_loras(fields),
        ..Generation::default()
    }
}

/// Returns the steps for which a performance stands, where the file does not state the steps.
fn performance_steps(fields: &Fields) -> Option<u32> {
    match name(fields, &["performance", "Performance"])?.as_str() {
        "Quality" => Some(60),
        "Speed" => Some(30),
        "Extreme Speed" => Some(8),
        "Lightning" | "Hyper-SD" => Some(4),
        _ => None,
    }
}

/// Reads the list `loras`, and the entries `lora_combined_1` or `LoRA 1`, which are written as `name : weight`.
fn named_loras(fields: &Fields) -> Vec<Lora> {
    let mut found = Vec::new();
    if let Some(list) = fields.get("loras") {
        loras::add_listed(&mut found, list);
    }
    for number in 1..=MAX_NUMBER {
        let keys = [format!("lora_combined_{number}"), format!("LoRA {number}")];
        if let Some(entry) = text(fields, &[&keys[0], &keys[1]]) {
            loras::add_text(&mut found, &entry);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::examples::{Example, check};
    use super::*;

    #[test]
    fn examples() {
        let parts = |model: &str| Generation {
            prompt: Some("a hare".into()),
            negative_prompt: Some("blurry".into()),
            seed: Some(3),
            steps: Some(30),
            sampler: Some("dpmpp_2m".into()),
            model: Some(model.into()),
            ..Generation::default()
        };
        let ink = |model: &str| Generation {
            loras: vec![Lora { name: "ink.safetensors".into(), weight: Some(0.5) }],
            ..parts(model)
        };
        let png = r#"{"base_model": "mix", "loras": [["ink.safetensors", 0.5, "aa"]], "metadata_scheme": "fooocus",
            "full_prompt": ["a hare", "cinematic"], "negative_prompt": "blurry", "performance": "Speed", "prompt": "a hare",
            "sampler": "dpmpp_2m", "seed": "3", "steps": 30, "version": "Fooocus v2.5.5"}"#;
        let numbered = r#"{"prompt": "a hare", "negative_prompt": "blurry", "performance": "Speed", "base_model": "mix",
            "sampler": "dpmpp_2m", "seed": "3", "lora_combined_1": "ink.safetensors : 0.5", "version": "Fooocus v2.2.0"}"#;
        let labels = r#"{"Prompt": "a hare", "Negative Prompt": "blurry", "Performance": "Speed", "Base Model": "mix",
            "Sampler": "dpmpp_2m", "Seed": 3, "LoRA 1": "ink.safetensors : 0.5", "Version": "v2.1.8"}"#;
        let mre = r#"{"prompt": "a hare", "negative_prompt": "blurry", "seed": 3, "p_txt": "x a hare", "sampler": "dpmpp_2m",
            "steps": 30, "base_model": "mix", "software": "Fooocus 1.0.43 MRE"}"#;
        let ruined = r#"{"Prompt": "a hare", "Negative": "blurry", "steps": 30, "seed": 3, "sampler_name": "dpmpp_2m",
            "base_model_name": "mix", "loras": [["aa", "0.5 - ink.safetensors"]], "software": "RuinedFooocus"}"#;
        check(
            &Fooocus,
            &[
                Example { chunks: &[("parameters", png), ("fooocus_scheme", "fooocus")], parts: ink("mix") },
                Example { chunks: &[("UserComment", png)], parts: ink("mix") },
                Example { chunks: &[("parameters", numbered)], parts: ink("mix") },
                Example { chunks: &[("UserComment", labels)], parts: ink("mix") },
                Example { chunks: &[("Comment", mre)], parts: parts("mix") },
                Example { chunks: &[("parameters", ruined)], parts: ink("mix") },
            ],
        );
    }
}
