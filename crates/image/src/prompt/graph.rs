//! A ComfyUI graph in API form, and bounded walks against the direction of its links.
//!
//! `{"3": {"class_type": "KSampler", "inputs": {"seed": 7, "model": ["4", 0], …}}, …}`: an input is a
//! literal, or a link to an output of another node. The file may say anything, cycles included, so a walk
//! has a depth and a number of steps.

use std::borrow::Cow;
use std::collections::{HashSet, VecDeque};

use serde_json::{Map, Value};

/// Longer JSON is not parsed: a graph of thousands of nodes is a tenth of this.
const MAX_JSON_BYTES: usize = 4 << 20;

/// Nodes in a row. Real chains, with dozens of LoRAs and reroutes, stay below.
const MAX_DEPTH: usize = 64;

/// Nodes visited for one graph; without it, branches that join again would double the work each time.
const MAX_STEPS: usize = 20_000;

/// Bytes of text collected for one graph: a concatenation of concatenations could double them each time.
const MAX_TEXT_BYTES: usize = 512 << 10;

/// Names under which nodes that only hold a value keep it.
const VALUE_INPUTS: [&str; 8] = ["value", "Value", "int", "integer", "number", "Number", "string", "String"];

/// Nodes by id.
pub(super) struct Graph(Map<String, Value>);

/// One node, borrowed from its graph.
#[derive(Clone, Copy)]
pub(super) struct Node<'g> {
    /// Its id in the graph.
    pub id: &'g str,
    /// Its type, for example `KSampler`.
    pub class: &'g str,
    inputs: &'g Map<String, Value>,
}

/// What feeds an input.
pub(super) enum Input<'g> {
    /// Output `slot` of node `id`.
    Link {
        /// Id of the node.
        id: Cow<'g, str>,
        /// Which of its outputs.
        slot: u64,
    },
    /// A value written into the node.
    Literal(&'g Value),
}

impl Graph {
    /// Reads a graph; `None` when the text is no JSON object with at least one node in it.
    pub fn parse(json: &str) -> Option<Self> {
        let json = json.trim();
        if !json.starts_with('{') || json.len() > MAX_JSON_BYTES {
            return None;
        }
        // Python writes NaN and Infinity, which JSON does not have.
        let value = serde_json::from_str(json).or_else(|_| serde_json::from_str(&without_nan(json))).ok()?;
        let Value::Object(nodes) = value else { return None };
        let graph = Self(nodes);
        let has_nodes = graph.nodes().next().is_some();
        has_nodes.then_some(graph)
    }

    /// Every node.
    pub fn nodes(&self) -> impl Iterator<Item = Node<'_>> {
        self.0.keys().filter_map(|id| self.node(id))
    }

    /// The node with this id.
    pub fn node(&self, id: &str) -> Option<Node<'_>> {
        let (id, value) = self.0.get_key_value(id)?;
        let inputs = value.get("inputs")?.as_object()?;
        Some(Node { id, class: value.get("class_type")?.as_str()?, inputs })
    }

    /// The nearest node upstream of `start` (itself not counted) for which `wanted` holds.
    pub fn upstream<'g>(&'g self, start: Node<'g>, wanted: impl Fn(Node<'g>) -> bool) -> Option<Node<'g>> {
        let mut seen = HashSet::from([start.id]);
        let mut queue = VecDeque::from([start]);
        while let Some(node) = queue.pop_front() {
            for (_, id, _) in node.links() {
                let Some(source) = self.node(&id) else { continue };
                if seen.insert(source.id) {
                    if wanted(source) {
                        return Some(source);
                    }
                    queue.push_back(source);
                }
            }
        }
        None
    }
}

impl<'g> Node<'g> {
    /// What feeds the input called `name`.
    pub fn input(&self, name: &str) -> Option<Input<'g>> {
        self.inputs.get(name).map(as_input)
    }

    /// Whether there is an input of one of these names.
    pub fn has_any(&self, names: &[&str]) -> bool {
        names.iter().any(|name| self.inputs.contains_key(*name))
    }

    /// The names and inputs of a node, in the order of the names.
    pub fn inputs(&self) -> impl Iterator<Item = (&'g str, Input<'g>)> + use<'g> {
        self.inputs.iter().map(|(name, value)| (name.as_str(), as_input(value)))
    }

    /// `(input, source node, its output)` of every input that is a link.
    pub fn links(&self) -> impl Iterator<Item = (&'g str, Cow<'g, str>, u64)> + use<'g> {
        self.inputs().filter_map(|(name, input)| match input {
            Input::Link { id, slot } => Some((name, id, slot)),
            Input::Literal(_) => None,
        })
    }

    /// The only link of a node that has just one: reroutes and other nodes that pass something on.
    pub fn only_link(&self) -> Option<(Cow<'g, str>, u64)> {
        let mut links = self.links();
        let (_, id, slot) = links.next()?;
        links.next().is_none().then_some((id, slot))
    }
}

fn as_input(value: &Value) -> Input<'_> {
    let link = match value.as_array().map(Vec::as_slice) {
        Some([Value::String(id), slot]) => slot.as_u64().map(|slot| (Cow::Borrowed(id.as_str()), slot)),
        Some([Value::Number(id), slot]) => slot.as_u64().map(|slot| (Cow::Owned(id.to_string()), slot)),
        _ => None,
    };
    match link {
        Some((id, slot)) => Input::Link { id, slot },
        None => Input::Literal(value),
    }
}

/// Walks over a graph and keeps count.
pub(super) struct Walk<'g> {
    graph: &'g Graph,
    steps_left: usize,
    text_left: usize,
}

impl<'g> Walk<'g> {
    /// A walk that has not begun.
    pub fn new(graph: &'g Graph) -> Self {
        Self { graph, steps_left: MAX_STEPS, text_left: MAX_TEXT_BYTES }
    }

    /// The node with this id, if the walk may still go there.
    pub fn visit(&mut self, id: &str, depth: usize) -> Option<Node<'g>> {
        if depth > MAX_DEPTH {
            return None;
        }
        self.steps_left = self.steps_left.checked_sub(1)?;
        self.graph.node(id)
    }

    /// The text of a literal, if it is one and the walk may still collect that much.
    pub fn text(&mut self, literal: &Value) -> Option<String> {
        let text = literal.as_str()?;
        self.text_left = self.text_left.checked_sub(text.len())?;
        Some(text.to_owned())
    }

    /// The first literal that `accept` takes among the inputs `names` of `node`, of the nodes these are
    /// linked to, and then of those behind the inputs `through`.
    pub fn scalar<T>(
        &mut self,
        node: Node<'g>,
        names: &[&str],
        through: &[&str],
        accept: fn(&'g Value) -> Option<T>,
    ) -> Option<T> {
        self.scalar_from(node, (names, through), accept, 0)
    }

    fn scalar_from<T>(
        &mut self,
        node: Node<'g>,
        (names, through): (&[&str], &[&str]),
        accept: fn(&'g Value) -> Option<T>,
        depth: usize,
    ) -> Option<T> {
        // A node that was reached by a link may be one that only holds the value.
        let value_inputs = if depth > 0 { VALUE_INPUTS.as_slice() } else { &[] };
        for name in names.iter().chain(through).chain(value_inputs) {
            let found = match node.input(name) {
                Some(Input::Literal(value)) => accept(value),
                Some(Input::Link { id, .. }) => {
                    let source = self.visit(&id, depth + 1)?;
                    self.scalar_from(source, (names, through), accept, depth + 1)
                }
                None => None,
            };
            if found.is_some() {
                return found;
            }
        }
        if depth == 0 || node.has_any(through) {
            return None;
        }
        let (id, _) = node.only_link()?;
        let source = self.visit(&id, depth + 1)?;
        self.scalar_from(source, (names, through), accept, depth + 1)
    }
}

/// A whole number that is not negative; some writers make it a float or a string.
pub(super) fn as_number(value: &Value) -> Option<u64> {
    match value {
        Value::Number(number) => number.as_u64().or_else(|| {
            let float = number.as_f64()?;
            // Beyond 2^53 a float has lost digits, and would be another seed.
            (float.fract() == 0.0 && (0.0..=9_007_199_254_740_992.0).contains(&float)).then_some(float as u64)
        }),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// A name; some nodes wrap it, to show a preview beside it.
pub(super) fn as_name(value: &Value) -> Option<&str> {
    let name = value.as_str().or_else(|| value.get("content")?.as_str())?.trim();
    (!name.is_empty()).then_some(name)
}

/// One per line, blank ones and repetitions left out; `None` when nothing is left.
pub(super) fn join_distinct<'t>(texts: impl IntoIterator<Item = &'t str>) -> Option<String> {
    let mut seen = HashSet::new();
    let kept: Vec<_> = texts.into_iter().map(str::trim).filter(|text| !text.is_empty() && seen.insert(*text)).collect();
    (!kept.is_empty()).then(|| kept.join("\n"))
}

/// Replaces NaN, Infinity and -Infinity outside strings by null.
fn without_nan(json: &str) -> String {
    let mut clean = String::with_capacity(json.len());
    let mut rest = json;
    while let Some(at) = rest.find(['"', 'N', 'I', '-']) {
        clean.push_str(&rest[..at]);
        rest = &rest[at..];
        let word = ["NaN", "Infinity", "-Infinity"].into_iter().find(|word| rest.starts_with(word));
        let end = if let Some(word) = word {
            clean.push_str("null");
            word.len()
        } else {
            let end = if rest.starts_with('"') { string_end(rest) } else { 1 };
            clean.push_str(&rest[..end]);
            end
        };
        rest = &rest[end..];
    }
    clean.push_str(rest);
    clean
}

/// The length of the JSON string at the start of `text`, to the end of `text` when it is not closed.
fn string_end(text: &str) -> usize {
    let mut escaped = false;
    let closing = text.bytes().skip(1).position(|byte| {
        let closes = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        closes
    });
    closing.map_or(text.len(), |at| at + 2)
}
