//! The editor's form of a graph (`workflow`), converted to the API form.
//!
//! The editor lists nodes and links: `{"nodes": [{"id": 3, "type": "KSampler", "inputs": [{"name": "model", "link": 1}],
//! "widgets_values": [7, "fixed", 20, …]}], "links": [[1, 4, 0, 3, 0, "MODEL"]]}`. The values of a node's widgets have no
//! names there, so the names come from the node's inputs or from a table. Groups of nodes (subgraphs) are expanded.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use crate::prompt::fields::Fields;

/// The largest number of nodes, with those of expanded groups.
const MAX_NODES: usize = 20_000;

/// The largest number of groups within groups.
const MAX_NESTING: usize = 8;

/// The largest number of steps from a link to the node that makes its value.
const MAX_STEPS: usize = 64;

/// The ids that stand for the inputs and the outputs of a group within the group.
const GROUP_INPUTS: &str = "-10";
const GROUP_OUTPUTS: &str = "-20";

/// The modes of a node that is switched off, and of one that only passes its inputs on.
const OFF: u64 = 2;
const BYPASSED: u64 = 4;

/// The words that the editor keeps after a seed, to say what becomes of the seed after a run.
const AFTER_SEED: [&str; 4] = ["fixed", "increment", "decrement", "randomize"];

/// The names of the widgets of common nodes.
const WIDGETS: [(&str, &[&str]); 22] = [
    ("KSampler", &["seed", "steps", "cfg", "sampler_name", "scheduler", "denoise"]),
    ("KSamplerAdvanced", &["add_noise", "noise_seed", "steps", "cfg", "sampler_name", "scheduler"]),
    ("SamplerCustom", &["add_noise", "noise_seed", "cfg"]),
    ("RandomNoise", &["noise_seed"]),
    ("KSamplerSelect", &["sampler_name"]),
    ("BasicScheduler", &["scheduler", "steps", "denoise"]),
    ("CheckpointLoaderSimple", &["ckpt_name"]),
    ("UNETLoader", &["unet_name"]),
    ("UnetLoaderGGUF", &["unet_name"]),
    ("LoraLoader", &["lora_name", "strength_model", "strength_clip"]),
    ("LoraLoaderModelOnly", &["lora_name", "strength_model"]),
    ("CLIPTextEncode", &["text"]),
    (
        "CLIPTextEncodeSDXL",
        &["width", "height", "crop_w", "crop_h", "target_width", "target_height", "text_g", "text_l"],
    ),
    ("CLIPTextEncodeFlux", &["clip_l", "t5xxl", "guidance"]),
    ("CLIPTextEncodeSD3", &["clip_l", "clip_g", "t5xxl"]),
    ("PrimitiveNode", &["value"]),
    ("PrimitiveString", &["value"]),
    ("PrimitiveStringMultiline", &["value"]),
    ("PrimitiveInt", &["value"]),
    ("StringConcatenate", &["string_a", "string_b", "delimiter"]),
    ("WanVideoTextEncode", &["positive_prompt", "negative_prompt"]),
    ("ShowText|pysssss", &["text_0"]),
];

/// Returns whether an object is a graph in the editor's form.
pub fn is_editor_form(fields: &Fields) -> bool {
    fields.get("nodes").is_some_and(Value::is_array)
        && ["links", "last_node_id", "version", "extra"].iter().any(|key| fields.contains_key(*key))
}

/// Converts a graph to the API form.
pub fn to_api_form(editor: &Fields) -> Fields {
    let groups = editor.get("definitions").and_then(|definitions| definitions.get("subgraphs")?.as_array());
    let groups = groups.into_iter().flatten().filter_map(|group| Some((group.get("id")?.as_str()?, group)));
    let mut expansion =
        Expansion { groups: groups.take(MAX_NODES).collect(), scopes: Vec::new(), nodes_left: MAX_NODES };
    expansion.add_scope(editor.get("nodes"), editor.get("links"), String::new(), None, 0);
    let mut api = Map::new();
    for scope in 0..expansion.scopes.len() {
        for node in expansion.scopes[scope].nodes.values() {
            if let Some((id, converted)) = expansion.convert(scope, node) {
                api.insert(id, converted);
            }
        }
    }
    api
}

/// The nodes of a graph, or of one place at which a group is used.
struct Scope<'e> {
    /// The ids of the groups around this scope, each followed by a colon.
    prefix: String,
    nodes: HashMap<String, &'e Value>,
    /// The link with each id: the node and output from which it comes, the node and input to which it goes, its type.
    links: HashMap<String, Link<'e>>,
    /// The scope around this one, and the node there that stands for the group.
    outer: Option<(usize, &'e Value)>,
    /// The scopes of the groups that are used in this scope, by the ids of their nodes.
    inner: HashMap<String, usize>,
}

#[derive(Clone)]
struct Link<'e> {
    from: (String, u64),
    to: (String, u64),
    kind: &'e Value,
}

struct Expansion<'e> {
    groups: HashMap<&'e str, &'e Value>,
    scopes: Vec<Scope<'e>>,
    nodes_left: usize,
}

impl<'e> Expansion<'e> {
    fn add_scope(
        &mut self,
        nodes: Option<&'e Value>,
        links: Option<&'e Value>,
        prefix: String,
        outer: Option<(usize, &'e Value)>,
        nesting: usize,
    ) -> usize {
        let nodes: HashMap<_, _> = nodes
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(|node| Some((id_text(node.get("id")?)?, node)))
            .take(self.nodes_left)
            .collect();
        self.nodes_left -= nodes.len();
        let links = links.and_then(Value::as_array).into_iter().flatten().filter_map(read_link).collect();
        let scope = self.scopes.len();
        let used: Vec<_> = nodes
            .iter()
            .filter_map(|(id, node)| Some((id.clone(), *node, *self.groups.get(node.get("type")?.as_str()?)?)))
            .collect();
        self.scopes.push(Scope { prefix, nodes, links, outer, inner: HashMap::new() });
        for (id, node, group) in used {
            if nesting < MAX_NESTING {
                let prefix = format!("{}{id}:", self.scopes[scope].prefix);
                let inner =
                    self.add_scope(group.get("nodes"), group.get("links"), prefix, Some((scope, node)), nesting + 1);
                self.scopes[scope].inner.insert(id, inner);
            }
        }
        scope
    }

    /// Converts a node; `None` for a group, a node that is switched off, and one that is no node of the graph.
    fn convert(&self, scope: usize, node: &'e Value) -> Option<(String, Value)> {
        let id = id_text(node.get("id")?)?;
        let class = node.get("type")?.as_str()?;
        let is_used = mode(node) != OFF && mode(node) != BYPASSED && !self.groups.contains_key(class);
        if !is_used || matches!(class, "Note" | "MarkdownNote") {
            return None;
        }
        let mut inputs = widgets(class, node);
        for (name, link) in linked_inputs(node) {
            if let Some((id, slot)) = self.source(scope, &link) {
                inputs.insert(name.to_owned(), json!([id, slot]));
            }
        }
        Some((self.scopes[scope].prefix.clone() + &id, json!({"class_type": class, "inputs": inputs})))
    }

    /// Returns the node and output that make the value of a link.
    fn source(&self, scope: usize, link: &str) -> Option<(String, u64)> {
        let (mut scope, mut link) = (scope, link.to_owned());
        for _ in 0..MAX_STEPS {
            let here = &self.scopes[scope];
            let Link { from: (id, slot), kind, .. } = here.links.get(&link)?;
            if id == GROUP_INPUTS {
                let (outer, node) = here.outer?;
                link = id_text(node.get("inputs")?.get(usize::try_from(*slot).ok()?)?.get("link")?)?;
                scope = outer;
                continue;
            }
            if let Some(&inner) = here.inner.get(id) {
                let output = |(_, link): &(&String, &Link<'_>)| link.to == (GROUP_OUTPUTS.to_owned(), *slot);
                link = self.scopes[inner].links.iter().find(output)?.0.clone();
                scope = inner;
                continue;
            }
            let node = *here.nodes.get(id)?;
            let passes_on = mode(node) == BYPASSED;
            let next = if passes_on {
                let same_kind = |input: &&Value| input.get("type") == Some(*kind);
                node.get("inputs")?.as_array()?.iter().find(same_kind).and_then(|input| id_text(input.get("link")?))
            } else if node.get("type").and_then(Value::as_str) == Some("GetNode") {
                let name = first_widget(node)?;
                let sets = |other: &&&Value| {
                    other.get("type").and_then(Value::as_str) == Some("SetNode") && first_widget(other) == Some(name)
                };
                here.nodes.values().find(sets).and_then(|node| Some(linked_inputs(node).next()?.1))
            } else {
                return Some((here.prefix.clone() + id, *slot));
            };
            link = next?;
        }
        None
    }
}

fn first_widget(node: &Value) -> Option<&Value> {
    node.get("widgets_values")?.as_array()?.first()
}

fn mode(node: &Value) -> u64 {
    node.get("mode").and_then(Value::as_u64).unwrap_or(0)
}

fn id_text(id: &Value) -> Option<String> {
    match id {
        Value::String(id) => Some(id.clone()),
        Value::Number(id) => Some(id.to_string()),
        _ => None,
    }
}

/// Reads a link: a list in the graph, an object in a group.
fn read_link(link: &Value) -> Option<(String, Link<'_>)> {
    let end = |node: &Value, slot: &Value| Some((id_text(node)?, slot.as_u64()?));
    match link {
        Value::Array(parts) => match parts.as_slice() {
            [id, from, from_slot, to, to_slot, rest @ ..] => {
                let kind = rest.first().unwrap_or(&Value::Null);
                Some((id_text(id)?, Link { from: end(from, from_slot)?, to: end(to, to_slot)?, kind }))
            }
            _ => None,
        },
        Value::Object(fields) => {
            let from = end(fields.get("origin_id")?, fields.get("origin_slot")?)?;
            let to = end(fields.get("target_id")?, fields.get("target_slot")?)?;
            Some((id_text(fields.get("id")?)?, Link { from, to, kind: fields.get("type").unwrap_or(&Value::Null) }))
        }
        _ => None,
    }
}

/// Returns the names of the inputs of a node that are linked, and the ids of the links.
fn linked_inputs(node: &Value) -> impl Iterator<Item = (&str, String)> {
    let inputs = node.get("inputs").and_then(Value::as_array).into_iter().flatten();
    inputs.filter_map(|input| Some((input.get("name")?.as_str()?, id_text(input.get("link")?)?)))
}

/// Names the values of a node's widgets.
fn widgets(class: &str, node: &Value) -> Fields {
    let values = match node.get("widgets_values") {
        Some(Value::Object(values)) => return values.clone(),
        Some(Value::Array(values)) => values.as_slice(),
        _ => &[],
    };
    let mut values = values.iter().peekable();
    let mut named = Map::new();
    let names = names_of_widgets(class, node);
    for name in &names {
        let Some(value) = values.next() else { break };
        named.insert((*name).to_owned(), last_of_list(value).clone());
        if name.contains("seed") {
            values.next_if(|value| value.as_str().is_some_and(|word| AFTER_SEED.contains(&word)));
        }
    }
    // Without names, the first text of a text encoder is its prompt.
    let first_text = values.find_map(Value::as_str);
    if let (true, Some(text)) = (names.is_empty(), first_text) {
        let lower = class.to_ascii_lowercase();
        let is_text = ["text", "prompt", "string", "encode"].iter().any(|word| lower.contains(word));
        named.insert(if is_text { "text" } else { "value" }.to_owned(), text.into());
    }
    named
}

/// Returns the names of a node's widgets: those of the table, or those that the inputs of the node state.
fn names_of_widgets<'n>(class: &str, node: &'n Value) -> Vec<&'n str> {
    if let Some((_, names)) = WIDGETS.iter().find(|(known, _)| *known == class) {
        return names.to_vec();
    }
    let inputs = node.get("inputs").and_then(Value::as_array).into_iter().flatten();
    inputs.filter_map(|input| input.get("widget")?.get("name")?.as_str()).collect()
}

/// Nodes that show texts keep them as a list.
fn last_of_list(value: &Value) -> &Value {
    value.as_array().and_then(|list| list.last()).unwrap_or(value)
}
