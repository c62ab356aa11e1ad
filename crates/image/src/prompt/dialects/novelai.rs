//! The dialect of NovelAI: the settings as JSON in `Comment`, the prompt in `Description`, the model in `Source`. In
//! EXIF and in hidden bits one object holds all of these. Since version 4 the prompt of each character stands apart.

use serde_json::Value;

use super::dialect::Dialect;
use crate::prompt::fields::{Fields, filled, has, name, number, steps, text};
use crate::prompt::generation::Generation;
use crate::prompt::json;
use crate::prompt::texts::{Reading, Texts};

/// The largest number of characters whose prompts are read.
const MAX_CHARACTERS: usize = 32;

/// The dialect of NovelAI.
pub struct NovelAi;

impl Dialect for NovelAi {
    fn read(&self, texts: &Texts<'_>) -> Reading {
        let beside = |keys: &[&str]| keys.iter().find_map(|key| filled(texts.get(key)?));
        let mut reading = texts.each(|text| {
            let fields = text.json.as_ref()?;
            match fields.get("Comment") {
                Some(comment) => {
                    let settings = json::object(comment).filter(|settings| is_settings(settings))?;
                    let outer = |key: &str| name(fields, &[key]);
                    Some(generation(&settings, outer("Description"), outer("Source")))
                }
                None if is_settings(fields) => {
                    Some(generation(fields, beside(&["Description", "ImageDescription"]), beside(&["Source"])))
                }
                None => None,
            }
        });
        let is_novel_ai = texts.get("Software").is_some_and(|software| software.starts_with("NovelAI"));
        if is_novel_ai || !reading.wrote.is_empty() {
            for (at, text) in texts.iter() {
                let is_fixed = text.is(&["Title"]) && text.text.contains("NovelAI");
                let is_prompt = text.is(&["Description", "ImageDescription", "Source", "Generation time"]);
                if (is_fixed || is_prompt) && !reading.wrote.contains(&at) {
                    reading.wrote.push(at);
                }
            }
        }
        if is_novel_ai && reading.generation.is_none() {
            reading.generation = Generation {
                prompt: beside(&["Description", "ImageDescription"]),
                model: beside(&["Source"]),
                ..Generation::default()
            }
            .if_any();
        }
        reading
    }
}

/// Returns whether an object holds NovelAI's settings. `uc`, the undesired content, is the negative prompt.
fn is_settings(fields: &Fields) -> bool {
    has(fields, &["v4_prompt"])
        || (has(fields, &["uc"]) && has(fields, &["sampler", "noise_schedule"]) && !has(fields, &["c"]))
}

fn generation(settings: &Fields, description: Option<String>, source: Option<String>) -> Generation {
    Generation {
        prompt: captions(settings.get("v4_prompt")).or_else(|| text(settings, &["prompt"])).or(description),
        negative_prompt: captions(settings.get("v4_negative_prompt")).or_else(|| text(settings, &["uc"])),
        seed: number(settings, &["seed"]),
        steps: steps(settings, &["steps"]),
        sampler: name(settings, &["sampler"]),
        model: source,
        ..Generation::default()
    }
}

/// Joins the prompt of the scene and those of the characters, one a line.
fn captions(prompt: Option<&Value>) -> Option<String> {
    let caption = prompt?.get("caption")?;
    let base = caption.get("base_caption").and_then(Value::as_str);
    let characters = caption.get("char_captions").and_then(Value::as_array).into_iter().flatten();
    let characters = characters.filter_map(|character| character.get("char_caption")?.as_str()).take(MAX_CHARACTERS);
    let texts: Vec<_> = base.into_iter().chain(characters).map(str::trim).filter(|text| !text.is_empty()).collect();
    filled(&texts.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::super::examples::{Example, check};
    use super::*;

    #[test]
    fn examples() {
        let parts = |prompt: &str, model: Option<&str>| Generation {
            prompt: Some(prompt.into()),
            negative_prompt: Some("lowres".into()),
            seed: Some(3),
            steps: Some(28),
            sampler: Some("k_euler".into()),
            model: model.map(str::to_owned),
            ..Generation::default()
        };
        let version_1 =
            r#"{"steps": 28, "sampler": "k_euler", "seed": 3, "strength": 0.7, "scale": 11.0, "uc": "lowres"}"#;
        let version_3 = version_1.replace('{', r#"{"prompt": "a hare", "#);
        let version_4 = version_1.replace(
            '{',
            r#"{"prompt": "meadow", "v4_prompt": {"caption": {"base_caption": "meadow", "char_captions":
                [{"char_caption": "a hare", "centers": []}, {"char_caption": "a fox"}]}, "use_order": true},
                "v4_negative_prompt": {"caption": {"base_caption": "lowres", "char_captions": [{"char_caption": ""}]}}, "#,
        );
        let whole = serde_json::json!({"Description": "a hare", "Software": "NovelAI", "Source": "NovelAI V3",
            "Comment": version_3});
        let whole = whole.to_string();
        check(
            &NovelAi,
            &[
                Example {
                    chunks: &[("Description", "a hare"), ("Source", "Stable Diffusion 1D44"), ("Comment", version_1)],
                    parts: parts("a hare", Some("Stable Diffusion 1D44")),
                },
                Example {
                    chunks: &[("Title", "NovelAI generated image"), ("Source", "NovelAI V3"), ("Comment", &version_3)],
                    parts: parts("a hare", Some("NovelAI V3")),
                },
                Example { chunks: &[("Comment", &version_4)], parts: parts("meadow\na hare\na fox", None) },
                Example { chunks: &[("UserComment", &whole)], parts: parts("a hare", Some("NovelAI V3")) },
                Example { chunks: &[("stealth_pnginfo", &whole)], parts: parts("a hare", Some("NovelAI V3")) },
            ],
        );
    }
}
