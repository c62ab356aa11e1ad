//! The forms in which generators name LoRAs and their weights.

use serde_json::Value;

use super::fields::{Fields, as_float, as_name};
use super::generation::{Generation, Lora};

/// The largest number of LoRAs of one generation. Real generations have fewer.
const MAX_LORAS: usize = 64;

/// The largest number of bytes of a name. Real names are shorter.
const MAX_NAME_BYTES: usize = 512;

/// The kinds of tags in prompts that name a LoRA.
const TAGS: [&str; 3] = ["<lora:", "<lyco:", "<lycoris:"];

/// Adds a LoRA, unless it is named already. A name that is known without a weight gets the weight.
pub fn add(loras: &mut Vec<Lora>, name: &str, weight: Option<f64>) {
    let name = name.trim();
    if name.is_empty() || name.eq_ignore_ascii_case("none") || name.len() > MAX_NAME_BYTES {
        return;
    }
    let weight = weight.filter(|weight| weight.is_finite());
    if let Some(known) = loras.iter_mut().find(|known| stem(&known.name).eq_ignore_ascii_case(stem(name))) {
        known.weight = known.weight.or(weight);
    } else if loras.len() < MAX_LORAS {
        loras.push(Lora { name: name.to_owned(), weight });
    }
}

/// Adds the LoRAs that tags in the prompts name, such as `<lora:ink:0.8>`. Several programs take such tags.
pub fn add_tags(generation: &mut Generation) {
    let Generation { prompt, negative_prompt, loras, .. } = generation;
    for text in [prompt, negative_prompt].into_iter().flatten() {
        for (name, weight) in tags(text) {
            add(loras, name, weight);
        }
    }
}

/// Returns the names and weights of the tags in a text.
fn tags(text: &str) -> impl Iterator<Item = (&str, Option<f64>)> {
    text.split('<').skip(1).take(10_000).filter_map(|tag| {
        let tag = tag.split_once('>')?.0;
        let (kind, rest) = tag.split_once(':')?;
        TAGS.iter().any(|known| known[1..known.len() - 1].eq_ignore_ascii_case(kind)).then_some(())?;
        // A second weight is that of the text encoder. Named weights look like `unet=0.5`.
        let (name, weights) = rest.split_once(':').unwrap_or((rest, ""));
        let weight = weights.split(':').next()?;
        let weight = weight.rsplit('=').next()?.trim().parse().ok();
        Some((name, weight))
    })
}

/// Adds the LoRAs of a list. An entry of the list is a name, a name and a weight in any order, or an object.
pub fn add_listed(loras: &mut Vec<Lora>, list: &Value) {
    for entry in list.as_array().into_iter().flatten().take(MAX_LORAS) {
        match entry {
            Value::String(text) => add_text(loras, text),
            // Lists of [on, name, weight], [name, weight, hash] and [hash, "weight - name"] occur.
            Value::Array(parts) => match parts.as_slice() {
                [Value::Bool(false), ..] => {}
                [Value::Bool(true), name, weight, ..] | [name, weight @ Value::Number(_), ..] => {
                    if let Some(name) = as_name(name) {
                        add(loras, name, as_float(weight));
                    }
                }
                [Value::String(_), Value::String(text), ..] | [Value::String(text)] => add_text(loras, text),
                _ => {}
            },
            Value::Object(fields) => add_object(loras, fields),
            _ => {}
        }
    }
}

/// Adds the LoRA that an object describes, unless the object says that the LoRA is switched off.
pub fn add_object(loras: &mut Vec<Lora>, fields: &Fields) {
    let is_off =
        ["on", "active", "enabled", "is_enabled"].iter().any(|key| fields.get(*key) == Some(&Value::Bool(false)));
    let names = ["model", "lora", "name", "model_name", "modelName", "file", "lora_name"];
    let name = names.iter().find_map(|key| as_name(fields.get(*key)?));
    let weights = ["weight", "strength", "strength_model", "multiplier"];
    if let (false, Some(name)) = (is_off, name) {
        add(loras, name, weights.iter().find_map(|key| as_float(fields.get(*key)?)));
    }
}

/// Adds a LoRA that is written as `name : weight`, `weight - name`, or as a name alone.
pub fn add_text(loras: &mut Vec<Lora>, text: &str) {
    let first = text.split_once(" - ").and_then(|(weight, name)| Some((name, weight.trim().parse::<f64>().ok()?)));
    let last = || text.rsplit_once(':').and_then(|(name, weight)| Some((name, weight.trim().parse::<f64>().ok()?)));
    match first.or_else(last) {
        Some((name, weight)) => add(loras, name, Some(weight)),
        None => add(loras, text, None),
    }
}

/// Returns the name of a file without its folders and extension, by which generators that write the full name and
/// those that write the short name agree.
#[must_use]
pub fn stem(name: &str) -> &str {
    let file = name.rsplit(['/', '\\']).next().unwrap_or(name);
    [".safetensors", ".ckpt", ".pt"].iter().find_map(|extension| file.strip_suffix(extension)).unwrap_or(file)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn lora(name: &str, weight: Option<f64>) -> Lora {
        Lora { name: name.to_owned(), weight }
    }

    #[test]
    fn tags_name_loras_once() {
        let mut generation = Generation {
            prompt: Some("a cat <lora:ink:0.8> <lyco:wash:-0.5:1>, <lora:plain> <b> <lora:ink:1>".into()),
            negative_prompt: Some("<LORA:x/y z.safetensors:unet=0.25>".into()),
            ..Generation::default()
        };
        add_tags(&mut generation);
        let expected = [
            lora("ink", Some(0.8)),
            lora("wash", Some(-0.5)),
            lora("plain", None),
            lora("x/y z.safetensors", Some(0.25)),
        ];
        assert_eq!(generation.loras, expected);
    }

    #[test]
    fn lists_of_every_form_are_read() {
        let mut loras = Vec::new();
        let list = json!([
            "a : 0.5", "b", ["c", 0.25, "hash"], [true, "d", "0.75"], [false, "off", 1], ["hash", "0.9 - e.safetensors"],
            {"model": {"name": "f"}, "weight": 0.1}, {"name": "g", "strength": 2, "active": false}, 7, null, "None",
        ]);
        add_listed(&mut loras, &list);
        let expected = [
            lora("a", Some(0.5)),
            lora("b", None),
            lora("c", Some(0.25)),
            lora("d", Some(0.75)),
            lora("e.safetensors", Some(0.9)),
            lora("f", Some(0.1)),
        ];
        assert_eq!(loras, expected);
    }

    #[test]
    fn one_lora_under_two_names_is_named_once() {
        let mut loras = Vec::new();
        add(&mut loras, "styles/ink.safetensors", None);
        add(&mut loras, "Ink", Some(0.5));
        assert_eq!(loras, [lora("styles/ink.safetensors", Some(0.5))]);
        add(&mut loras, "x", Some(f64::NAN));
        assert_eq!(loras[1], lora("x", None));
    }
}
