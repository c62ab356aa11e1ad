//! The dialect of Mochi Diffusion, which writes one line into the IPTC caption: `Include in Image: a cat; Exclude from
//! Image: …; Model: …; Steps: …; Seed: …; Generator: Mochi Diffusion 3.1`.

use super::dialect::Dialect;
use crate::prompt::fields::filled;
use crate::prompt::generation::Generation;
use crate::prompt::texts::{Reading, Texts};

const PROMPT: &str = "Include in Image: ";

/// The labels after the prompt. A prompt may contain semicolons, so a part ends only before a label.
const LABELS: [&str; 10] = [
    "Exclude from Image",
    "Model",
    "Steps",
    "Guidance Scale",
    "Seed",
    "Size",
    "Upscaler",
    "Scheduler",
    "ML Compute Unit",
    "Generator",
];

/// The dialect of Mochi Diffusion.
pub struct MochiDiffusion;

impl Dialect for MochiDiffusion {
    fn read(&self, texts: &Texts<'_>) -> Reading {
        texts.each(|text| parse(text.text))
    }
}

fn parse(text: &str) -> Option<Generation> {
    let rest = text.strip_prefix(PROMPT)?;
    let mut found = Generation::default();
    let mut label = PROMPT;
    let mut value = String::new();
    for piece in rest.split("; ").chain(["Generator: "]) {
        let next = LABELS.iter().find_map(|label| Some((*label, piece.strip_prefix(label)?.strip_prefix(':')?)));
        let Some((next, next_value)) = next else {
            if !value.is_empty() {
                value.push_str("; ");
            }
            value.push_str(piece);
            continue;
        };
        match label {
            PROMPT => found.prompt = filled(&value),
            "Exclude from Image" => found.negative_prompt = filled(&value),
            "Model" => found.model = filled(&value),
            "Steps" => found.steps = value.trim().parse().ok(),
            "Seed" => found.seed = value.trim().parse().ok(),
            "Scheduler" => found.sampler = filled(&value),
            _ => {}
        }
        label = next;
        next_value.trim_start().clone_into(&mut value);
    }
    (found.seed.is_some() || found.steps.is_some()).then_some(found)
}

#[cfg(test)]
mod tests {
    use super::super::examples::{Example, check};
    use super::*;

    #[test]
    fn examples() {
        let text = "Include in Image: a hare; at dusk; Exclude from Image: blurry; Model: mix; Steps: 30; \
            Guidance Scale: 11.0; Seed: 3; Size: 512x512; Scheduler: DPM-Solver++; Generator: Mochi Diffusion 3.1";
        let parts = Generation {
            prompt: Some("a hare; at dusk".into()),
            negative_prompt: Some("blurry".into()),
            seed: Some(3),
            steps: Some(30),
            sampler: Some("DPM-Solver++".into()),
            model: Some("mix".into()),
            ..Generation::default()
        };
        check(
            &MochiDiffusion,
            &[
                Example { chunks: &[("Description", text)], parts: parts.clone() },
                Example {
                    chunks: &[("Description", &text.replace("Exclude from Image: blurry; ", ""))],
                    parts: Generation { negative_prompt: None, ..parts },
                },
            ],
        );
        assert_eq!(parse("Include in Image: a logo; thank you"), None);
    }
}
