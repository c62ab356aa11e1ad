//! The dialect of Midjourney, which writes the prompt, its parameters and the job into the description:
//! `a cat --ar 3:2 --no dogs --v 6.1 Job ID: 0a0a0a0a-1111-2222-3333-444444444444`.

use super::dialect::Dialect;
use crate::prompt::fields::filled;
use crate::prompt::generation::Generation;
use crate::prompt::texts::{Reading, Texts};

const JOB: &str = "Job ID:";

/// The dialect of Midjourney.
pub struct Midjourney;

impl Dialect for Midjourney {
    fn read(&self, texts: &Texts<'_>) -> Reading {
        texts.each(|text| parse(text.text))
    }
}

fn parse(text: &str) -> Option<Generation> {
    let (text, job) = text.rsplit_once(JOB)?;
    let job = job.trim();
    let is_job = job.len() == 36 && job.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
    let mut parts = text.split(" --");
    let prompt = parts.next().filter(|_| is_job)?;
    let mut found = Generation { prompt: filled(prompt), ..Generation::default() };
    for part in parts {
        let (name, value) = part.split_once(' ').unwrap_or((part, ""));
        match name {
            "no" => found.negative_prompt = filled(value),
            "seed" => found.seed = value.trim().parse().ok(),
            "v" | "version" => found.model = filled(value).map(|version| format!("Midjourney {version}")),
            "niji" => found.model = filled(&format!("Niji {value}")),
            _ => {}
        }
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::super::examples::{Example, check};
    use super::*;

    #[test]
    fn examples() {
        let job = "Job ID: 0a0a0a0a-1111-2222-3333-444444444444";
        let long = format!("a hare at dusk --ar 3:2 --no dogs, cats --seed 3 --v 6.1 {job}");
        let short = format!("a hare {job}");
        check(
            &Midjourney,
            &[
                Example {
                    chunks: &[("Description", &long)],
                    parts: Generation {
                        prompt: Some("a hare at dusk".into()),
                        negative_prompt: Some("dogs, cats".into()),
                        seed: Some(3),
                        model: Some("Midjourney 6.1".into()),
                        ..Generation::default()
                    },
                },
                Example {
                    chunks: &[("Description", &short)],
                    parts: Generation { prompt: Some("a hare".into()), ..Generation::default() },
                },
            ],
        );
        assert_eq!(parse("Printer at work. Job ID: 17"), None);
    }
}
