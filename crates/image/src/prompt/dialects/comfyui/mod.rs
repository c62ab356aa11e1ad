//! The dialect of ComfyUI, which writes its graph of nodes: `prompt` in API form and `workflow` in the editor's form. PNG
//! has both in text chunks, WebP and JPEG in EXIF fields as `prompt:{…}`, and several nodes write one object with both
//! into the user comment. The parts are found by following the links from the sampler back to the texts, the seed and
//! the model that feed it.

mod editor;
mod graph;
mod loras;
mod texts;
mod walk;

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use self::graph::{Graph, Input, Node};
use self::texts::{Side, encoder_texts, is_encoder, note_shown};
use self::walk::Walk;
use super::dialect::Dialect;
use crate::prompt::fields::{Fields, as_name, as_number};
use crate::prompt::generation::Generation;
use crate::prompt::join::join_distinct;
use crate::prompt::json;
use crate::prompt::texts::{Reading, Texts};

/// The keywords of the chunks: the graph in API form, and the graph as the editor shows it.
const KEYS: [&str; 2] = ["prompt", "workflow"];

const SEED: [&str; 2] = ["seed", "noise_seed"];
const POSITIVE: [&str; 4] = ["positive", "conditioning", "cond", "cond1"];
const NEGATIVE: [&str; 2] = ["negative", "neg_conditioning"];
/// Inputs that carry both prompts.
const PIPES: [&str; 9] =
    ["basic_pipe", "pipe", "sdxl_tuple", "base_ctx", "ctx", "context", "text_embeds", "hyvid_embeds", "prompt_embeds"];
const MODEL_NAMES: [&str; 6] = ["ckpt_name", "unet_name", "model_name", "base_ckpt_name", "gguf_name", "model_path"];
const MODEL_LINKS: [&str; 10] =
    ["model", "MODEL", "model1", "base_model", "guider", "basic_pipe", "pipe", "sdxl_tuple", "base_ctx", "ctx"];

/// The largest number of passes of a workflow that are followed back from sampler to sampler. Real workflows have
/// fewer.
const MAX_PASSES: usize = 16;

/// The largest number of texts of one prompt, so that a file cannot make the prompt grow without end. Real prompts have
/// fewer.
const MAX_TEXTS: usize = 64;

/// The dialect of ComfyUI.
pub struct ComfyUi;

impl Dialect for ComfyUi {
    fn keys(&self) -> &'static [&'static str] {
        &KEYS
    }

    fn read(&self, texts: &Texts<'_>) -> Reading {
        let mut reading = Reading::default();
        let (mut api, mut editor) = (None, None);
        for (at, text) in texts.iter() {
            let forms = text.json.as_ref().map(Forms::of).unwrap_or_default();
            // Under its own keywords, a list or an object that cannot be read is ComfyUI's too.
            let is_cut = text.json.is_none() && text.is(&KEYS) && text.text.starts_with(['{', '[']);
            let is_other = text.is(&["workflow"]) && text.json.is_some();
            if forms.api.is_some() || forms.editor.is_some() || is_cut || is_other {
                reading.wrote.push(at);
            }
            api = api.or(forms.api);
            editor = editor.or(forms.editor);
        }
        reading.generation = api
            .and_then(|api| parse(Cow::Borrowed(&*api), editor.as_deref()))
            .or_else(|| parse(Cow::Owned(editor::to_api_form(editor.as_deref()?)), editor.as_deref()));
        reading
    }
}

/// The two forms of a graph.
#[derive(Default)]
struct Forms<'f> {
    api: Option<Cow<'f, Fields>>,
    editor: Option<Cow<'f, Fields>>,
}

impl<'f> Forms<'f> {
    /// Finds the forms in an object: the object is one of them, or holds them as objects or as texts.
    fn of(fields: &'f Fields) -> Self {
        let mut found = Self::default();
        found.add(Cow::Borrowed(fields));
        for (key, value) in fields.iter().take(64) {
            if ["prompt", "workflow", "extra_pnginfo", "extra_data"].iter().any(|known| known.eq_ignore_ascii_case(key))
            {
                let Some(inner) = json::object(value) else { continue };
                // The editor's form lies deeper in requests to the API.
                let nested = ["extra_pnginfo", "workflow"].iter().find_map(|key| inner.get(*key)?.as_object().cloned());
                let deeper = nested.as_ref().and_then(|nested| nested.get("workflow")?.as_object().cloned());
                for form in [Some(inner), nested.map(Cow::Owned), deeper.map(Cow::Owned)].into_iter().flatten() {
                    found.add(form);
                }
            }
        }
        found
    }

    fn add(&mut self, fields: Cow<'f, Fields>) {
        if editor::is_editor_form(&fields) {
            self.editor.get_or_insert(fields);
        } else if fields.values().any(|node| node.get("class_type").is_some() && node.get("inputs").is_some()) {
            self.api.get_or_insert(fields);
        }
    }
}

/// Reads a graph in API form; `None` when it states no part.
fn parse(nodes: Cow<'_, Fields>, editor: Option<&Fields>) -> Option<Generation> {
    let graph = Graph::new(nodes)?;
    let mut walk = Walk::new(&graph);
    note_shown(&mut walk, editor);
    let Some(sampler) = first_sampler(&graph) else { return without_sampler(&mut walk) };
    Generation {
        prompt: prompt(&mut walk, sampler, Side::Positive),
        negative_prompt: prompt(&mut walk, sampler, Side::Negative),
        seed: walk.scalar(sampler, &SEED, &["noise"], as_number),
        steps: walk.scalar(sampler, &["steps"], &["sigmas"], as_number).and_then(|steps| u32::try_from(steps).ok()),
        sampler: walk
            .scalar(sampler, &["sampler_name"], &["sampler"], as_name)
            .or_else(|| as_name(sampler.literal("scheduler")?))
            .map(str::to_owned),
        model: walk.scalar(sampler, &MODEL_NAMES, &MODEL_LINKS, as_name).map(str::to_owned),
        loras: loras::of_sampler(&graph, sampler),
        ..Generation::default()
    }
    .if_any()
}

/// Reads a graph without a sampler, in which a service makes the picture: the node that is nearest to the saved picture
/// and has a prompt holds the parts.
fn without_sampler(walk: &mut Walk<'_>) -> Option<Generation> {
    let graph = walk.graph;
    let has_prompt =
        |node: &Node<'_>| node.has_any(&["prompt", "positive_prompt", "text"]) && !node.class_has(&["show"]);
    let saved = graph.nodes().filter(|node| node.class.contains("Save")).take(MAX_PASSES);
    let mut near = saved.filter_map(|node| graph.upstream(node).find(has_prompt));
    let node = near.next().or_else(|| graph.nodes().find(has_prompt))?;
    Generation {
        prompt: join_distinct(encoder_texts(walk, node, Side::Positive, 0).iter().map(String::as_str)),
        negative_prompt: walk.scalar(node, &["negative_prompt", "negative"], &[], as_name).map(str::to_owned),
        seed: walk.scalar(node, &SEED, &[], as_number),
        steps: walk.scalar(node, &["steps"], &[], as_number).and_then(|steps| u32::try_from(steps).ok()),
        model: walk.scalar(node, &["model", "model_name"], &[], as_name).map(str::to_owned),
        ..Generation::default()
    }
    .if_any()
}

/// Returns whether a node is a sampler. The inputs of the node decide and not its name, so that samplers of extensions
/// are found too.
fn is_sampler(node: &Node<'_>) -> bool {
    node.has_any(&["seed", "noise_seed", "noise"])
        && node.has_any(&["steps", "sigmas"])
        && (node.has_any(&POSITIVE) || node.has_any(&PIPES) || node.has_any(&["guider"]))
}

/// Returns the sampler that made the picture, preferably a sampler that leads to a saved image. If the picture went
/// through several passes (refiner, upscaler, face repair), the result is the sampler of the first pass, whose prompt
/// and seed describe the picture.
fn first_sampler<'g>(graph: &'g Graph<'_>) -> Option<Node<'g>> {
    let saved = graph
        .nodes()
        .filter(|node| node.class.contains("Save"))
        .take(MAX_PASSES)
        .find_map(|node| graph.upstream(node).find(is_sampler));
    let any =
        || graph.nodes().filter(is_sampler).min_by_key(|node| (node.id.parse::<u64>().unwrap_or(u64::MAX), node.id));
    let mut sampler = saved.or_else(any)?;
    for _ in 0..MAX_PASSES {
        match graph.upstream(sampler).find(is_sampler) {
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
    if let Some(name) = walk.selected(node, depth) {
        if let Some(Input::Link { id, slot }) = node.input(name) {
            conditioning(walk, &id, slot, side, depth + 1, texts);
        }
        return;
    }
    let own = encoder_texts(walk, node, side, depth);
    if !own.is_empty() {
        return texts.extend(own);
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
    if passed_on || is_encoder(node) {
        return;
    }
    match node.only_link() {
        Some((id, slot)) => conditioning(walk, &id, slot, side, depth + 1, texts),
        // A node of an unknown kind passes on what the nearest text encoder behind it made.
        None => {
            let graph = walk.graph;
            let mut near = graph.upstream(node).take(MAX_TEXTS).filter(|node| is_encoder(*node));
            texts.extend(
                near.find_map(|node| Some(encoder_texts(walk, node, side, depth)).filter(|own| !own.is_empty()))
                    .into_iter()
                    .flatten(),
            );
        }
    }
}

fn is_guider(node: Node<'_>) -> bool {
    node.class.contains("Guider")
}

fn is_linked(node: Node<'_>, name: &str) -> bool {
    matches!(node.input(name), Some(Input::Link { .. }))
}
