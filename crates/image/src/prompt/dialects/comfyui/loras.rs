//! The LoRAs of a graph.

use serde_json::Value;

use super::graph::{Graph, Input, Node, split_number};
use crate::prompt::fields::{as_float, as_name};
use crate::prompt::generation::Lora;
use crate::prompt::loras;

/// The names before a number, and the name without one, under which nodes give the weight of a LoRA.
const WEIGHTS: [&str; 9] = [
    "strength_model",
    "strength",
    "lora_model_strength",
    "model_strength",
    "model_str",
    "model_weight",
    "lora_wt",
    "lora_weight",
    "weight",
];

/// Returns the LoRAs of the nodes upstream of a sampler, the nearest to the sampler first.
pub fn of_sampler(graph: &Graph<'_>, sampler: Node<'_>) -> Vec<Lora> {
    let mut found = Vec::new();
    for node in std::iter::once(sampler).chain(graph.upstream(sampler)) {
        add_of_node(node, &mut found);
    }
    found
}

fn add_of_node(node: Node<'_>, found: &mut Vec<Lora>) {
    let count = node.literal("lora_count").and_then(Value::as_u64).unwrap_or(u64::MAX);
    for (name, input) in node.inputs() {
        let Input::Literal(value) = input else { continue };
        let lower = name.to_ascii_lowercase();
        let (stem, number) = split_number(&lower);
        match value {
            Value::Object(fields) if lower.starts_with("lora") && fields.contains_key("lora") => {
                loras::add_object(found, fields);
            }
            Value::Array(_) if lower == "loras" => loras::add_listed(found, value),
            _ if is_lora_name(stem) => {
                let is_used = number.is_none_or(|number| number <= count) && !is_off(node, number);
                if let (true, Some(lora)) = (is_used, as_name(value)) {
                    loras::add(found, lora, weight(node, number));
                }
            }
            _ => {}
        }
    }
}

fn is_lora_name(stem: &str) -> bool {
    matches!(stem.trim_end_matches('_'), "lora_name" | "lora" | "loraname" | "lora_file")
}

/// Returns whether the switch of the LoRA with this number is off.
fn is_off(node: Node<'_>, number: Option<u64>) -> bool {
    let Some(number) = number else { return false };
    ["switch_", "on_", "enabled_"].iter().filter_map(|prefix| node.literal(&format!("{prefix}{number}"))).any(
        |switch| {
            switch.as_bool() == Some(false) || switch.as_str().is_some_and(|text| text.eq_ignore_ascii_case("off"))
        },
    )
}

fn weight(node: Node<'_>, number: Option<u64>) -> Option<f64> {
    WEIGHTS.iter().find_map(|name| {
        let names = match number {
            Some(number) => vec![format!("{name}_{number}"), format!("{name}_{number:02}"), format!("{name}{number}")],
            None => vec![(*name).to_owned()],
        };
        names.iter().find_map(|name| as_float(node.literal(name)?))
    })
}
