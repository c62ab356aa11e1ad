//! The dialect of SwarmUI (StableSwarmUI before): a JSON object with `sui_image_params`, in `parameters` of PNG or in
//! the user comment.

use super::dialect::Dialect;
use crate::prompt::fields::{Fields, name, number, steps, text};
use crate::prompt::generation::{Generation, Lora};
use crate::prompt::texts::{Reading, Texts};
use crate::prompt::{json, loras};

const PARAMS: &str = "sui_image_params";

/// The dialect of SwarmUI.
pub struct SwarmUi;

impl Dialect for SwarmUi {
    fn read(&self, texts: &Texts<'_>) -> Reading {
        texts.each(|text| {
            let params = json::object(text.json.as_ref()?.get(PARAMS)?)?;
            Some(generation(&params))
        })
    }
}

fn generation(fields: &Fields) -> Generation {
    Generation {
        prompt: text(fields, &["prompt"]),
        negative_prompt: text(fields, &["negativeprompt"]),
        seed: number(fields, &["seed"]),
        steps: steps(fields, &["steps"]),
        sampler: name(fields, &["sampler", "comfyuisampler", "comfy_sampler", "autowebuisampler"]),
        model: name(fields, &["model"]),
        loras: named_loras(fields),
        ..Generation::default()
    }
}

/// Reads `loras` and `loraweights`: two lists of equal length, or two texts with commas.
fn named_loras(fields: &Fields) -> Vec<Lora> {
    let list = |key: &str| text(fields, &[key]).map(|text| text.replace('\n', ","));
    let (names, weights) = (list("loras").unwrap_or_default(), list("loraweights").unwrap_or_default());
    let mut weights = weights.split(',');
    let mut found = Vec::new();
    for name in names.split(',') {
        loras::add(&mut found, name, weights.next().and_then(|weight| weight.trim().parse().ok()));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::examples::{Example, check};
    use super::*;

    #[test]
    fn examples() {
        let parts = || Generation {
            prompt: Some("a hare".into()),
            negative_prompt: Some("blurry".into()),
            seed: Some(3),
            steps: Some(20),
            sampler: Some("dpmpp_2m".into()),
            model: Some("mix_v2".into()),
            ..Generation::default()
        };
        let fields = r#""prompt": "a hare", "negativeprompt": "blurry", "model": "mix_v2", "seed": 3, "steps": 20, "sampler": "dpmpp_2m""#;
        let with = |more: &str| format!("{{\"sui_image_params\": {{{fields}{more}}}, \"sui_extra_data\": {{}}}}");
        let inks = |weight| Generation {
            loras: vec![Lora { name: "ink".into(), weight }, Lora { name: "wash".into(), weight: Some(0.5) }],
            ..parts()
        };
        check(
            &SwarmUi,
            &[
                Example { chunks: &[("parameters", &with(""))], parts: parts() },
                Example { chunks: &[("UserComment", &with(""))], parts: parts() },
                Example {
                    chunks: &[("parameters", &with(r#", "loras": ["ink", "wash"], "loraweights": ["1", "0.5"]"#))],
                    parts: inks(Some(1.0)),
                },
                Example {
                    chunks: &[("parameters", &with(r#", "loras": "ink,wash", "loraweights": "x,0.5""#))],
                    parts: inks(None),
                },
            ],
        );
    }
}
