//! The dialect of ComfyUI, which writes its graph of nodes. The parts are found by following the links from the sampler
//! back to the texts, the seed and the model that feed it.

use super::comfyui_graph::{Graph, Input, Node, Walk, as_name, as_number};
use super::dialect::{Dialect, has, texts};
use super::distinct::join_distinct;
use crate::prompt::generation::Generation;
use crate::text_chunks::TextChunk;

/// The keywords of the chunks: the graph in API form, and the graph as the editor shows it.
const KEYS: [&str; 2] = [PROMPT, "workflow"];
const PROMPT: &str = "prompt";

const SEED: [&str; 2] = ["seed", "noise_seed"];
const POSITIVE: [&str; 4] = ["positive", "conditioning", "cond", "cond1"];
const NEGATIVE: [&str; 2] = ["negative", "neg_conditioning"];
const PIPES: [&str; 2] = ["basic_pipe", "pipe"];
const MODEL_NAMES: [&str; 6] = ["ckpt_name", "unet_name", "model_name", "base_ckpt_name", "gguf_name", "model_path"];
const MODEL_LINKS: [&str; 7] = ["model", "MODEL", "model1", "base_model", "guider", "basic_pipe", "pipe"];

/// Inputs of text encoders that hold a prompt.
const ENCODER_TEXTS: [&str; 8] = ["text", "text_g", "text_l", "clip_l", "clip_g", "t5xxl", "llama", "prompt"];

/// Inputs of nodes that produce a string, the most specific first. A wildcard node, for example, keeps the drawn text
/// beside the text with the wildcards.
const STRING_TEXTS: [&str; 8] = ["populated_text", "text", "string", "value", "prompt", "Text", "String", "Value"];

/// The largest number of passes of a workflow that are followed back from sampler to sampler. Real workflows have
/// fewer.
const MAX_PASSES: usize = 16;

/// The largest number of texts of one prompt, so that a file cannot make the prompt grow without end. Real prompts have
/// fewer.
const MAX_TEXTS: usize = 64;

/// The prompt that a walk collects.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Positive,
    Negative,
}

/// The dialect of ComfyUI.
pub struct ComfyUi;

impl Dialect for ComfyUi {
    fn keys(&self) -> &'static [&'static str] {
        &KEYS
    }

    fn wrote(&self, chunks: &[TextChunk]) -> bool {
        KEYS.iter().all(|key| has(chunks, key))
    }

    fn parse(&self, chunks: &[TextChunk]) -> Option<Generation> {
        texts(chunks, PROMPT).find_map(parse)
    }

    fn parse_bare(&self, text: &str) -> Option<Generation> {
        parse(text)
    }

    fn camera_field_keys(&self) -> &'static [&'static str] {
        &KEYS
    }
}

/// Reads a graph in API form; `None` when the text is not one, or has no sampler.
pub fn parse(json: &str) -> Option<Generation> {
    let graph = Graph::parse(json)?;
    let sampler = first_sampler(&graph)?;
    let mut walk = Walk::new(&graph);
    Generation {
        prompt: prompt(&mut walk, sampler, Side::Positive),
        negative_prompt: prompt(&mut walk, sampler, Side::Negative),
        seed: walk.scalar(sampler, &SEED, &["noise"], as_number),
        steps: walk.scalar(sampler, &["steps"], &["sigmas"], as_number).and_then(|steps| u32::try_from(steps).ok()),
        sampler: walk.scalar(sampler, &["sampler_name"], &["sampler"], as_name).map(str::to_owned),
        model: walk.scalar(sampler, &MODEL_NAMES, &MODEL_LINKS, as_name).map(str::to_owned),
    }
    .if_any()
}

/// Returns whether a node is a sampler. The inputs of the node decide and not its name, so that samplers of extensions
/// are found too.
fn is_sampler(node: Node<'_>) -> bool {
    node.has_any(&["seed", "noise_seed", "noise"])
        && node.has_any(&["steps", "sigmas"])
        && (node.has_any(&POSITIVE) || node.has_any(&PIPES) || node.has_any(&["guider"]))
}

/// Returns the sampler that made the picture, preferably a sampler that leads to a saved image. If the picture went
/// through several passes (refiner, upscaler, face repair), the result is the sampler of the first pass, whose prompt
/// and seed describe the picture.
fn first_sampler(graph: &Graph) -> Option<Node<'_>> {
    let saved = graph
        .nodes()
        .filter(|node| node.class.contains("Save"))
        .take(MAX_PASSES)
        .find_map(|node| graph.upstream(node, is_sampler));
    let any = || {
        graph
            .nodes()
            .filter(|node| is_sampler(*node))
            .min_by_key(|node| (node.id.parse::<u64>().unwrap_or(u64::MAX), node.id))
    };
    let mut sampler = saved.or_else(any)?;
    for _ in 0..MAX_PASSES {
        match graph.upstream(sampler, is_sampler) {
            Some(earlier) => sampler = earlier,
            None => break,
        }
    }
    Some(sampler)
}

/// Joins all texts on one side of a sampler.
fn prompt<'g>(walk: &mut Walk<'g>, sampler: Node<'g>, side: Side) -> Option<String> {
    let mut texts = Vec::new();
    follow(walk, sampler, side, 0, &mut texts);
    join_distinct(texts.iter().map(String::as_str))
}

/// Collects the texts behind the inputs of one side of `node`.
fn follow<'g>(walk: &mut Walk<'g>, node: Node<'g>, side: Side, depth: usize, texts: &mut Vec<String>) {
    let own: &[&str] = if side == Side::Positive { &POSITIVE } else { &NEGATIVE };
    // A sampler has inputs for its sides. A guider or a pipe carries both sides, so the search for them goes on behind
    // the guider or pipe.
    let name = own.iter().chain(&["guider"]).chain(&PIPES).find(|name| node.has_any(&[name]));
    match name.and_then(|name| node.input(name)) {
        Some(Input::Literal(value)) => texts.extend(walk.text(value)),
        Some(Input::Link { id, slot }) => conditioning(walk, &id, slot, side, depth + 1, texts),
        None => {}
    }
}

/// Collects the texts behind a conditioning, guider or pipe output.
fn conditioning<'g>(walk: &mut Walk<'g>, id: &str, slot: u64, side: Side, depth: usize, texts: &mut Vec<String>) {
    let Some(node) = walk.visit(id, depth) else { return };
    if texts.len() >= MAX_TEXTS || node.class == "ConditioningZeroOut" {
        return;
    }
    let mut is_encoder = false;
    for name in ENCODER_TEXTS {
        if let Some(text) = input_text(walk, node, name, depth) {
            texts.push(text);
            is_encoder = true;
        }
    }
    if is_encoder {
        return;
    }
    if node.has_any(&["positive", "negative", "guider"]) || node.has_any(&PIPES) {
        // A node that passes both prompts on (ControlNetApplyAdvanced) puts out the positive prompt first and the
        // negative prompt second. A pipe carries both prompts in one output.
        let side = match (slot, side) {
            _ if !node.has_any(&["positive"]) || !node.has_any(&["negative"]) => side,
            _ if node.class.to_ascii_lowercase().contains("pipe") || is_guider(node) => side,
            (0, _) if is_linked(node, "positive") => Side::Positive,
            (1, _) if is_linked(node, "negative") => Side::Negative,
            _ => side,
        };
        return follow(walk, node, side, depth, texts);
    }
    // Combinations, averages, areas, guidance and similar nodes have inputs whose names begin with "cond"; all of them
    // are followed.
    let mut passed_on = false;
    for (name, id, slot) in node.links() {
        if name.to_ascii_lowercase().starts_with("cond") {
            // A basic guider has no negative side.
            if side == Side::Positive || !is_guider(node) {
                conditioning(walk, &id, slot, side, depth + 1, texts);
            }
            passed_on = true;
        }
    }
    if let (false, Some((id, slot))) = (passed_on, node.only_link()) {
        conditioning(walk, &id, slot, side, depth + 1, texts);
    }
}

fn is_guider(node: Node<'_>) -> bool {
    node.class.contains("Guider")
}

fn is_linked(node: Node<'_>, name: &str) -> bool {
    matches!(node.input(name), Some(Input::Link { .. }))
}

/// Returns the text at an input. The text is a literal there, or the nodes to which the input is linked make it.
fn input_text<'g>(walk: &mut Walk<'g>, node: Node<'g>, name: &str, depth: usize) -> Option<String> {
    match node.input(name)? {
        Input::Literal(value) => walk.text(value),
        Input::Link { id, slot } => {
            let source = walk.visit(&id, depth + 1)?;
            produced_text(walk, source, slot, depth + 1)
        }
    }
}

/// Returns the string that a node produces, as far as the string can be determined without running the node.
fn produced_text<'g>(walk: &mut Walk<'g>, node: Node<'g>, slot: u64, depth: usize) -> Option<String> {
    // Prompt stylers hold both prompts, and put out the positive prompt first and the negative prompt second.
    let styled = if slot == 1 { "text_negative" } else { "text_positive" };
    for name in [styled].iter().chain(&STRING_TEXTS) {
        if let Some(text) = input_text(walk, node, name, depth) {
            return Some(text);
        }
    }
    // Concatenations have inputs such as text_a, text_b, string1 and string2.
    let mut parts = Vec::new();
    for (name, _) in node.inputs().take(MAX_TEXTS) {
        let lower = name.to_ascii_lowercase();
        if ["text", "string", "prompt"].iter().any(|prefix| lower.starts_with(prefix)) {
            parts.extend(input_text(walk, node, name, depth).filter(|text| !text.is_empty()));
        }
    }
    if !parts.is_empty() {
        let delimiter = ["delimiter", "separator"]
            .iter()
            .find_map(|name| input_text(walk, node, name, depth))
            .unwrap_or_else(|| ", ".to_owned());
        return Some(parts.join(&delimiter));
    }
    let (id, slot) = node.only_link()?;
    let source = walk.visit(&id, depth + 1)?;
    produced_text(walk, source, slot, depth + 1)
}
