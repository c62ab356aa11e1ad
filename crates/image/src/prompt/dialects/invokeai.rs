//! The dialect of InvokeAI. Version 3 and later write `invokeai_metadata`; version 2 wrote `sd-metadata` and a command
//! line, `Dream`, which version 1 wrote alone. Versions 1 and 2 have the negative prompt in square brackets within the
//! prompt.

use serde_json::Value;

use super::dialect::Dialect;
use crate::prompt::fields::{Fields, filled, has, has_all, name, number, steps, text};
use crate::prompt::generation::Generation;
use crate::prompt::texts::{Reading, Texts};
use crate::prompt::{json, loras};

const KEYS: [&str; 6] =
    ["invokeai_metadata", "invokeai_graph", "invokeai_workflow", "invokeai", "sd-metadata", "Dream"];

/// The dialect of InvokeAI.
pub struct InvokeAi;

impl Dialect for InvokeAi {
    fn keys(&self) -> &'static [&'static str] {
        &KEYS
    }

    fn read(&self, texts: &Texts<'_>) -> Reading {
        let mut reading = texts.each(|text| {
            let fields = text.json.as_ref()?;
            metadata(fields).or_else(|| sd_metadata(fields))
        });
        // The command line says less than the metadata beside it.
        let commands = texts.each(|text| command(text.text));
        reading.generation = reading.generation.or(commands.generation);
        reading.wrote.extend(commands.wrote);
        for (at, text) in texts.iter() {
            if text.is(&KEYS) && !reading.wrote.contains(&at) {
                reading.wrote.push(at);
            }
        }
        reading
    }
}

/// Reads the metadata of version 3 and later.
fn metadata(fields: &Fields) -> Option<Generation> {
    let is_metadata = has(fields, &["positive_prompt"])
        && (has_all(fields, &["app_version"])
            || has_all(fields, &["generation_mode"])
            || has_all(fields, &["rand_device"]));
    is_metadata.then(|| {
        let mut found = Vec::new();
        if let Some(list) = fields.get("loras") {
            loras::add_listed(&mut found, list);
        }
        Generation {
            prompt: text(fields, &["positive_prompt"]),
            negative_prompt: text(fields, &["negative_prompt"]),
            seed: number(fields, &["seed"]),
            steps: steps(fields, &["steps"]),
            sampler: name(fields, &["scheduler"]),
            model: name(fields, &["model"]),
            loras: found,
            ..Generation::default()
        }
    })
}

/// Reads the metadata of version 2.
fn sd_metadata(fields: &Fields) -> Option<Generation> {
    let is_invoke = fields.get("app_id")?.as_str()?.contains("InvokeAI") || has(fields, &["model_weights"]);
    let image = json::object(fields.get("image").filter(|_| is_invoke)?)?;
    let prompt = match image.get("prompt") {
        Some(Value::Array(parts)) => {
            let parts: Vec<_> = parts.iter().filter_map(|part| part.get("prompt")?.as_str()).collect();
            filled(&parts.join("\n"))
        }
        _ => text(&image, &["prompt"]),
    };
    let (prompt, negative_prompt) = prompt.map_or((None, None), |prompt| split_brackets(&prompt));
    Some(Generation {
        prompt,
        negative_prompt,
        seed: number(&image, &["seed"]),
        steps: steps(&image, &["steps"]),
        sampler: name(&image, &["sampler"]),
        model: name(fields, &["model_weights", "model_hash"]),
        ..Generation::default()
    })
}

/// Reads a command line: the prompt in quotes, then options.
fn command(line: &str) -> Option<Generation> {
    let quote = line.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let end = line.rfind(quote).filter(|&end| end > 0)?;
    let (prompt, options) = (&line[1..end], &line[end + 1..]);
    let mut words = options.split_whitespace();
    let mut found = Generation::default();
    let mut options = 0;
    while let Some(word) = words.next() {
        let Some(option) = word.strip_prefix('-') else { continue };
        // The value follows its option with or without a space: `-s 50`, `-s50`.
        let (option, value) = match option.char_indices().nth(1) {
            Some((at, _)) if !option.starts_with('-') => (&option[..at], Some(&option[at..])),
            _ => (option, None),
        };
        let mut value = || value.or_else(|| words.next());
        match option {
            "s" | "-steps" => found.steps = value().and_then(|value| value.parse().ok()),
            "S" | "-seed" => found.seed = value().and_then(|value| value.parse().ok()),
            "A" | "-sampler" => found.sampler = value().map(str::to_owned),
            "W" | "H" | "C" => {}
            _ => continue,
        }
        options += 1;
    }
    if options < 2 {
        return None;
    }
    (found.prompt, found.negative_prompt) = split_brackets(prompt);
    Some(found)
}

/// Takes the parts in square brackets out of a prompt: they are the negative prompt.
fn split_brackets(prompt: &str) -> (Option<String>, Option<String>) {
    let (mut positive, mut negative) = (String::new(), Vec::new());
    let mut rest = prompt;
    while let Some((before, after)) = rest.split_once('[') {
        let Some((inside, after)) = after.split_once(']') else { break };
        positive.push_str(before);
        negative.push(inside.trim());
        rest = after;
    }
    positive.push_str(rest);
    (filled(&positive), filled(&negative.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::super::examples::{Example, check};
    use super::*;
    use crate::prompt::generation::Lora;

    #[test]
    fn examples() {
        let parts = |sampler: &str, model: Option<&str>| Generation {
            prompt: Some("a hare".into()),
            negative_prompt: Some("blurry".into()),
            seed: Some(3),
            steps: Some(30),
            sampler: Some(sampler.into()),
            model: model.map(str::to_owned),
            ..Generation::default()
        };
        let version_3 = r#"{"generation_mode": "txt2img", "positive_prompt": "a hare", "negative_prompt": "blurry", "seed": 3,
            "steps": 30, "scheduler": "euler", "model": {"model_name": "mix", "base_model": "sdxl"}, "app_version": "3.2.0",
            "loras": [{"lora": {"model_name": "ink", "base_model": "sdxl"}, "weight": 0.75}]}"#;
        let version_5 = r#"{"generation_mode": "sdxl_txt2img", "positive_prompt": "a hare", "negative_prompt": "blurry",
            "seed": 3, "rand_device": "cpu", "steps": 30, "scheduler": "euler", "app_version": "5.4.3",
            "model": {"key": "k", "name": "mix", "type": "main"},
            "loras": [{"model": {"key": "l", "name": "ink", "type": "lora"}, "weight": 0.75}]}"#;
        let version_2 = r#"{"model": "stable diffusion", "model_weights": "old", "app_id": "invoke-ai/InvokeAI",
            "image": {"prompt": [{"prompt": "a hare [blurry]", "weight": 1.0}], "steps": 30, "sampler": "k_lms", "seed": 3}}"#;
        let one_text = version_2.replace(r#"[{"prompt": "a hare [blurry]", "weight": 1.0}]"#, r#""a hare [blurry]""#);
        let dream = "\"a hare [blurry]\" -s 30 -S 3 -W 512 -H 512 -C 7.5 -A k_lms";
        let ink =
            Generation { loras: vec![Lora { name: "ink".into(), weight: Some(0.75) }], ..parts("euler", Some("mix")) };
        check(
            &InvokeAi,
            &[
                Example { chunks: &[("invokeai_metadata", version_3), ("invokeai_graph", "{}")], parts: ink.clone() },
                Example { chunks: &[("invokeai_metadata", version_5)], parts: ink },
                Example { chunks: &[("Dream", dream), ("sd-metadata", version_2)], parts: parts("k_lms", Some("old")) },
                Example { chunks: &[("sd-metadata", version_2)], parts: parts("k_lms", Some("old")) },
                Example { chunks: &[("sd-metadata", &one_text)], parts: parts("k_lms", Some("old")) },
                Example { chunks: &[("Dream", &dream.replace("-s 30 -S 3", "-s30 -S3"))], parts: parts("k_lms", None) },
            ],
        );
    }

    #[test]
    fn quoted_text_of_a_person_is_no_command_line() {
        for text in ["\"Hope\" is the thing - with feathers", "\"\"", "'", "\"a\" -s 3"] {
            assert_eq!(command(text), None, "{text}");
        }
    }
}
