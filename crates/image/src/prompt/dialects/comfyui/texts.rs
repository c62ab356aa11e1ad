//! The texts of a graph: those that text encoders hold, and those that other nodes make.

use std::borrow::Cow;

use serde_json::Value;

use super::graph::{Graph, Input, Node};
use super::walk::Walk;
use crate::prompt::fields::Fields;

/// Inputs of text encoders that hold a prompt, in the order in which their texts are joined.
const ENCODER_TEXTS: [&str; 14] = [
    "text",
    "text_g",
    "text_l",
    "clip_l",
    "clip_g",
    "t5xxl",
    "mt5xl",
    "bert",
    "llama",
    "qwen25_7b",
    "user_prompt",
    "prompt",
    "caption",
    "tags",
];

/// Inputs of nodes that produce a string, the most specific first. A wildcard node, for example, keeps the drawn text
/// beside the text with the wildcards.
const STRING_TEXTS: [&str; 10] =
    ["populated_text", "text_0", "text", "string", "value", "prompt", "Text", "String", "Value", "wildcard_text"];

/// Words in the names of inputs that are no part of the prompt.
const NOT_PROMPTS: [&str; 10] =
    ["system", "template", "style", "path", "file", "title", "encoder", "normalization", "interpretation", "name"];

/// Words in the types of nodes that ask a model for a text. Their answer is not in the graph, and the question to the
/// model is not the prompt.
const ANSWERS: [&str; 16] = [
    "ollama",
    "llm",
    "gpt",
    "gemini",
    "claude",
    "openai",
    "florence",
    "joycaption",
    "joy_caption",
    "interrogat",
    "tagger",
    "captioner",
    "qwenvl",
    "qwen_vl",
    "qwen2vl",
    "vlm",
];

/// The largest number of parts of one text that is joined.
const MAX_PARTS: usize = 64;

/// The prompt that a walk collects.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The content that the picture should show.
    Positive,
    /// The content that the picture should not show.
    Negative,
}

/// Notes the texts that nodes which show texts kept. Such a node holds the text of the run in `text_0`; the editor's
/// form of the graph, if there is one, holds the text of the newest run.
pub fn note_shown<'g>(walk: &mut Walk<'g>, editor: Option<&'g Fields>) {
    let editor_nodes = editor.and_then(|editor| editor.get("nodes")?.as_array());
    let shows = |class: &str| {
        let class = class.to_ascii_lowercase();
        class.contains("showtext") || class.contains("showanything") || class.contains("previewany")
    };
    let graph: &'g Graph<'g> = walk.graph;
    for node in graph.nodes().filter(|node| shows(node.class)) {
        let in_editor = editor_nodes.and_then(|nodes| {
            let node = nodes.iter().take(10_000).find(|other| {
                let id = other.get("id");
                let number = id.and_then(Value::as_u64);
                id.and_then(Value::as_str) == Some(node.id) || number.is_some() && number == node.id.parse().ok()
            })?;
            last_text(node.get("widgets_values")?)
        });
        let Some(text) = in_editor.or_else(|| node.literal("text_0")?.as_str()) else { continue };
        walk.shown.insert((Cow::Borrowed(node.id), 0), Cow::Borrowed(text));
        if let Some((_, id, slot)) = node.links().next() {
            walk.shown.insert((id, slot), Cow::Borrowed(text));
        }
    }
}

fn last_text(widgets: &Value) -> Option<&str> {
    match widgets {
        Value::String(text) => Some(text).filter(|text| !text.trim().is_empty()).map(String::as_str),
        Value::Array(values) => values.iter().rev().take(8).find_map(last_text),
        _ => None,
    }
}

/// Returns the texts of a text encoder on one side; nothing for a node that is not a text encoder.
pub fn encoder_texts<'g>(walk: &mut Walk<'g>, node: Node<'g>, side: Side, depth: usize) -> Vec<String> {
    // An encoder of both prompts names the side of each.
    let sided = |name: &str| {
        let name = name.to_ascii_lowercase();
        let is_text = name.contains("prompt") || name.contains("text");
        match (name.contains("positive"), name.contains("negative")) {
            _ if !is_text || is_no_prompt(&name) => None,
            (true, _) => Some(Side::Positive),
            (_, true) => Some(Side::Negative),
            _ => None,
        }
    };
    let names: Vec<_> = node.inputs().map(|(name, _)| name).collect();
    if names.iter().any(|name| sided(name) == Some(Side::Positive)) {
        let of_side = names.iter().filter(|name| sided(name) == Some(side)).take(MAX_PARTS);
        return of_side.filter_map(|name| input_text(walk, node, name, depth)).collect();
    }
    // The drawn text replaces the text with wildcards.
    for name in ["populated_text", "wildcard_text"] {
        if let Some(text) = input_text(walk, node, name, depth) {
            return vec![text];
        }
    }
    let known: Vec<_> = ENCODER_TEXTS.iter().filter_map(|name| input_text(walk, node, name, depth)).collect();
    if !known.is_empty() || !is_encoder(node) {
        return known;
    }
    let other = names.iter().filter(|name| {
        let name = name.to_ascii_lowercase();
        (name.contains("prompt") || name.contains("text")) && !name.contains("negative") && !is_no_prompt(&name)
    });
    other.take(MAX_PARTS).filter_map(|name| input_text(walk, node, name, depth)).collect()
}

/// Returns whether a node encodes texts: it takes a text encoder, whatever the node is called.
pub fn is_encoder(node: Node<'_>) -> bool {
    node.links().any(|(name, ..)| {
        let name = name.to_ascii_lowercase();
        ["clip", "t5", "text_encoder", "encoder"].iter().any(|word| name.contains(word)) && !name.contains("vision")
    })
}

fn is_no_prompt(name: &str) -> bool {
    NOT_PROMPTS.iter().any(|word| name.contains(word))
}

/// Returns the text at an input. The text is a literal there, or the nodes to which the input is linked make it.
pub fn input_text<'g>(walk: &mut Walk<'g>, node: Node<'g>, name: &str, depth: usize) -> Option<String> {
    match node.input(name)? {
        Input::Literal(value) => walk.text(value),
        Input::Link { id, slot } => {
            if let Some(text) = walk.shown.get(&(id.clone(), slot)).cloned() {
                return walk.copied(&text);
            }
            let source = walk.visit(&id, depth + 1)?;
            produced_text(walk, source, slot, depth + 1)
        }
    }
}

/// Returns the string that a node produces, as far as the string can be determined without running the node.
fn produced_text<'g>(walk: &mut Walk<'g>, node: Node<'g>, slot: u64, depth: usize) -> Option<String> {
    if let Some(name) = walk.selected(node, depth) {
        return input_text(walk, node, name, depth);
    }
    if node.class_has(&ANSWERS) {
        return None;
    }
    // Prompt stylers hold both prompts, and put out the positive prompt first and the negative prompt second.
    let styled = if slot == 1 { ["text_negative", "negative"] } else { ["text_positive", "positive"] };
    for name in styled.iter().chain(&STRING_TEXTS) {
        if let Some(text) = input_text(walk, node, name, depth) {
            return Some(replaced(walk, node, text, depth));
        }
    }
    if let Some(joined) = joined_text(walk, node, depth) {
        return Some(joined);
    }
    let (id, slot) = node.only_link()?;
    if let Some(text) = walk.shown.get(&(id.clone(), slot)).cloned() {
        return walk.copied(&text);
    }
    let source = walk.visit(&id, depth + 1)?;
    produced_text(walk, source, slot, depth + 1)
}

/// Applies the replacement of a node that replaces one text by another.
fn replaced<'g>(walk: &mut Walk<'g>, node: Node<'g>, text: String, depth: usize) -> String {
    if !node.class_has(&["replace"]) || node.class_has(&["regex"]) {
        return text;
    }
    let (Some(find), Some(by)) = (input_text(walk, node, "find", depth), input_text(walk, node, "replace", depth))
    else {
        return text;
    };
    if find.is_empty() { text } else { walk.copied(&text.replace(&find, &by)).unwrap_or(text) }
}

/// Joins the inputs of a concatenation, such as `text_a` and `text_b`, or `string_1` to `string_12`.
fn joined_text<'g>(walk: &mut Walk<'g>, node: Node<'g>, depth: usize) -> Option<String> {
    let count = node.literal("inputcount").and_then(Value::as_u64).unwrap_or(u64::MAX);
    let mut parts = Vec::new();
    for (name, _) in node.inputs() {
        let lower = name.to_ascii_lowercase();
        let is_part = ["text", "string", "prompt"].iter().any(|prefix| lower.starts_with(prefix));
        let is_counted = super::graph::split_number(name).1.is_none_or(|number| number <= count);
        if is_part && is_counted && parts.len() < MAX_PARTS {
            parts.extend(input_text(walk, node, name, depth).filter(|text| !text.is_empty()));
        }
    }
    if parts.is_empty() {
        return None;
    }
    let delimiter = ["delimiter", "separator"].iter().find_map(|name| input_text(walk, node, name, depth));
    let joined = parts.join(&delimiter.map_or_else(|| ", ".to_owned(), |delimiter| delimiter.replace("\\n", "\n")));
    walk.copied(&joined)
}
