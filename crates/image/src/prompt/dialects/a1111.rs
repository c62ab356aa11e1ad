//! The dialect of AUTOMATIC1111 and Forge, which many programs and sites imitate: the prompt, a line
//! "Negative prompt: …", and one line of settings, `Steps: 20, Sampler: Euler a, …, Model: x`. Prompts may have many
//! lines, any part may be missing, and the settings may come in any order.

use serde_json::Value;

use super::a1111_settings::{find, pairs};
use super::dialect::Dialect;
use crate::prompt::fields::filled;
use crate::prompt::generation::Generation;
use crate::prompt::loras;
use crate::prompt::texts::{Reading, Texts};

const KEY: &str = "parameters";

const NEGATIVE: &str = "Negative prompt:";

/// The dialect of AUTOMATIC1111.
pub struct Automatic1111;

impl Dialect for Automatic1111 {
    fn keys(&self) -> &'static [&'static str] {
        &[KEY]
    }

    fn read(&self, texts: &Texts<'_>) -> Reading {
        texts.each(|text| {
            let found = parse(text.text).filter(|_| text.json.is_none())?;
            (text.is(&[KEY, ""]) || is_certain(text.text, &found)).then_some(found)
        })
    }
}

/// Returns whether a text under any keyword is parameters. A person may write "Steps: 3" into a caption.
fn is_certain(text: &str, found: &Generation) -> bool {
    let settings = [found.seed.is_some(), found.steps.is_some(), found.sampler.is_some(), found.model.is_some()];
    settings.into_iter().filter(|is_stated| *is_stated).count() >= 2
        || text.lines().any(|line| line.trim_start().starts_with(NEGATIVE))
}

/// Reads parameters; `None` when there is neither a negative prompt nor a line of settings, as in ordinary text.
pub fn parse(text: &str) -> Option<Generation> {
    let text = text.trim();
    let settings_at = find(text);
    let (prompts, settings) = text.split_at(settings_at.unwrap_or(text.len()));
    let (prompt, negative_prompt) = match find_negative(prompts) {
        Some(at) => (&prompts[..at], prompts[at..].trim_start().strip_prefix(NEGATIVE)),
        None if settings_at.is_some() => (prompts, None),
        None => return None,
    };

    let mut found = Generation {
        prompt: filled(prompt),
        negative_prompt: negative_prompt.and_then(filled),
        ..Generation::default()
    };
    read_settings(settings, &mut found);
    Some(found)
}

fn read_settings(settings: &str, found: &mut Generation) {
    let (mut schedule, mut hash, mut lower_case_model, mut resource) = (None, None, None, None);
    let mut has_control_net = false;
    for (key, value) in pairs(settings) {
        has_control_net |= key.starts_with("ControlNet");
        match key {
            "Model" if found.model.is_none() => found.model = filled(&value),
            // Without quotes, a ControlNet unit would give its own model here.
            "model" if lower_case_model.is_none() && !has_control_net => lower_case_model = filled(&value),
            "Lora hashes" => add_names(&value, found),
            "Lora weights" => add_weights(&value, found),
            "Hashes" => add_hashes(&value, found),
            "Civitai resources" => resource = resource.or(add_resources(&value, found)),
            _ => match key.to_ascii_lowercase().as_str() {
                "steps" if found.steps.is_none() => found.steps = value.parse().ok(),
                "seed" if found.seed.is_none() => found.seed = value.parse().ok(),
                "sampler" if found.sampler.is_none() => found.sampler = filled(&value),
                "schedule type" if schedule.is_none() => schedule = filled(&value),
                "model hash" if hash.is_none() => hash = filled(&value),
                _ => {}
            },
        }
    }
    let model = found.model.take();
    found.model = model.or(lower_case_model).or(resource).or(hash);
    found.sampler = found.sampler.take().map(|sampler| with_schedule(sampler, schedule));
}

/// Joins sampler and schedule, such as "DPM++ 2M Karras", which AUTOMATIC1111 states separately since version 1.9.
fn with_schedule(sampler: String, schedule: Option<String>) -> String {
    match schedule {
        Some(schedule) if schedule != "Automatic" && !sampler.ends_with(&schedule) => {
            format!("{sampler} {schedule}")
        }
        _ => sampler,
    }
}

/// Adds the names of `Lora hashes: "ink: 1a2b, wash: 3c4d"`. The weights stand in the tags of the prompt.
fn add_names(value: &str, found: &mut Generation) {
    for pair in value.split(',').filter(|pair| !pair.trim().is_empty()) {
        loras::add(&mut found.loras, pair.rsplit_once(':').map_or(pair, |(name, _)| name), None);
    }
}

/// Adds the names and weights of `Lora weights: "ink: 0.5"`, which Fooocus writes.
fn add_weights(value: &str, found: &mut Generation) {
    for pair in value.split(',').filter(|pair| !pair.trim().is_empty()) {
        loras::add_text(&mut found.loras, pair);
    }
}

/// Adds the names of `Hashes: {"model": "1a2b", "lora:ink": "3c4d"}`.
fn add_hashes(value: &str, found: &mut Generation) {
    let hashes: Option<Value> = serde_json::from_str(value).ok();
    for key in hashes.iter().filter_map(Value::as_object).flat_map(|hashes| hashes.keys()) {
        if let Some(name) = key.strip_prefix("lora:") {
            loras::add(&mut found.loras, name, None);
        }
    }
}

/// Adds the LoRAs of the resources that Civitai lists, and returns the name of the checkpoint.
fn add_resources(value: &str, found: &mut Generation) -> Option<String> {
    let resources: Value = serde_json::from_str(value).ok()?;
    let mut checkpoint = None;
    for resource in resources.as_array()?.iter().filter_map(Value::as_object) {
        let name = resource.get("modelName").and_then(Value::as_str).and_then(filled);
        match resource.get("type").and_then(Value::as_str).unwrap_or_default().to_ascii_lowercase().as_str() {
            "checkpoint" => checkpoint = checkpoint.or(name),
            "lora" | "locon" | "lycoris" | "dora" => loras::add_object(&mut found.loras, resource),
            _ => {}
        }
    }
    checkpoint
}

/// Finds the beginning of the negative prompt: the start of a line, or a place within a line, because some programs
/// lose line breaks.
fn find_negative(text: &str) -> Option<usize> {
    std::iter::once(0)
        .chain(text.match_indices('\n').map(|(at, _)| at + 1))
        .find(|&at| text[at..].trim_start_matches([' ', '\t']).starts_with(NEGATIVE))
        .or_else(|| text.find(NEGATIVE))
}

#[cfg(test)]
mod tests {
    use super::super::examples::{Example, check};
    use super::*;
    use crate::prompt::generation::Lora;

    fn lora(name: &str, weight: Option<f64>) -> Lora {
        Lora { name: name.into(), weight }
    }

    fn parts() -> Generation {
        Generation {
            prompt: Some("a hare,\nBREAK (smile:1.2)".into()),
            negative_prompt: Some("lowres,\nbad hands".into()),
            seed: Some(7),
            steps: Some(20),
            sampler: Some("Euler a".into()),
            model: Some("mix_v2".into()),
            ..Generation::default()
        }
    }

    #[test]
    fn examples() {
        let prompts = "a hare,\nBREAK (smile:1.2)\nNegative prompt: lowres,\nbad hands";
        let settings =
            "Steps: 20, Sampler: Euler a, CFG scale: 6.5, Seed: 7, Size: 512x512, Model hash: c5f2, Model: mix_v2";
        let usual = format!("{prompts}\n{settings}");
        let without_negative = usual.replace("\nNegative prompt: lowres,\nbad hands", "");
        let other_order =
            format!("{prompts}\nSize: 768x1152, Seed: 7, Model: mix_v2, Steps: 20, CFG scale: 7, Sampler: Euler a");
        let a_line_each = format!("{prompts}\n{}", settings.replace(", ", "\n"));
        let lower_case = usual.replace("Model: ", "model: ");
        let after = format!("{usual}, Version: v1.6.0\nTemplate: a {{hare|fox}}\nNegative Template: Seed: 1, Model: y");
        let civitai = format!(
            "{prompts}\nSteps: 20, Sampler: Euler a, Seed: 7, Civitai resources: [{{\"type\":\"checkpoint\",\
            \"modelName\":\"Horse, Model\",\"modelVersionName\":\"V6\"}},{{\"type\":\"lora\",\"weight\":0.4,\
            \"modelName\":\"Ink\"}}], Civitai metadata: {{}}"
        );
        let tagged = "a hare <lora:ink:0.8>\nSteps: 20, Lora hashes: \"ink: 1a, wash: 2b\", \
            Hashes: {\"model\": \"c5\", \"lora:salt\": \"3c\"}";
        let weighted = "a hare\nSteps: 20, Lora hashes: \"ink: 1a\", Lora weights: \"ink: 0.5\"";
        let windows = usual.replace('\n', "\r\n");
        check(
            &Automatic1111,
            &[
                Example { chunks: &[("parameters", &usual)], parts: parts() },
                Example { chunks: &[("UserComment", &usual)], parts: parts() },
                Example { chunks: &[("ImageDescription", &usual)], parts: parts() },
                Example {
                    chunks: &[("parameters", &without_negative)],
                    parts: Generation { negative_prompt: None, ..parts() },
                },
                Example {
                    chunks: &[("parameters", settings)],
                    parts: Generation { prompt: None, negative_prompt: None, ..parts() },
                },
                Example { chunks: &[("parameters", &other_order)], parts: parts() },
                Example { chunks: &[("parameters", &a_line_each)], parts: parts() },
                Example { chunks: &[("parameters", &lower_case)], parts: parts() },
                Example { chunks: &[("parameters", &after)], parts: parts() },
                Example {
                    chunks: &[("parameters", &civitai)],
                    parts: Generation {
                        model: Some("Horse, Model".into()),
                        loras: vec![lora("Ink", Some(0.4))],
                        ..parts()
                    },
                },
                Example {
                    chunks: &[("parameters", weighted)],
                    parts: Generation {
                        prompt: Some("a hare".into()),
                        steps: Some(20),
                        loras: vec![lora("ink", Some(0.5))],
                        ..Generation::default()
                    },
                },
            ],
        );
        let found = crate::prompt::parse_generation_prompt(tagged).unwrap();
        assert_eq!(found.loras, [lora("ink", Some(0.8)), lora("wash", None), lora("salt", None)]);
        let found = parse(&windows).unwrap();
        assert_eq!(found.negative_prompt.as_deref(), Some("lowres,\r\nbad hands"));
        assert_eq!(found.model.as_deref(), Some("mix_v2"));
    }
}
