//! A ComfyUI graph in API form, and bounded walks against the direction of its links.
//!
//! In `{"3": {"class_type": "KSampler", "inputs": {"seed": 7, "model": ["4", 0], …}}, …}` an input is a literal or a
//! link to an output of another node. A file may hold any graph, even a graph with cycles, so the depth and the number
//! of steps of a walk are limited.

use std::borrow::Cow;
use std::collections::{HashSet, VecDeque};

use serde_json::{Map, Value};

/// The largest number of bytes of JSON that are parsed. A graph of thousands of nodes has a tenth as many.
const MAX_JSON_BYTES: usize = 4 << 20;

/// The largest number of nodes in a row. Real chains, with dozens of LoRAs and reroutes, are shorter.
const MAX_DEPTH: usize = 64;

/// The largest number of nodes visited for one graph. Without this limit, every two branches that join again would
/// double the work.
const MAX_STEPS: usize = 20_000;

/// The largest number of bytes of text collected for one graph. Without this limit, every concatenation of
/// concatenations could double the text.
const MAX_TEXT_BYTES: usize = 512 << 10;

/// Names of the input that holds the value of a node whose only purpose is to hold a value.
const VALUE_INPUTS: [&str; 8] = ["value", "Value", "int", "integer", "number", "Number", "string", "String"];

/// The nodes by id.
pub struct Graph(Map<String, Value>);

/// A node, borrowed from its graph.
#[derive(Clone, Copy)]
pub struct Node<'g> {
    /// The id of the node in the graph.
    pub id: &'g str,
    /// The type of the node, for example `KSampler`.
    pub class: &'g str,
    inputs: &'g Map<String, Value>,
}

/// The content of an input.
pub enum Input<'g> {
    /// A link to output `slot` of node `id`.
    Link {
        /// The id of the node.
        id: Cow<'g, str>,
        /// The number of the output.
        slot: u64,
    },
    /// A value written into the node.
    Literal(&'g Value),
}

impl Graph {
    /// Reads a graph; `None` when the text is not a JSON object with at least one node.
    pub fn parse(json: &str) -> Option<Self> {
        let json = json.trim();
        if !json.starts_with('{') || json.len() > MAX_JSON_BYTES {
            return None;
        }
        // Python writes NaN and Infinity, which are not JSON.
        let value = serde_json::from_str(json).or_else(|_| serde_json::from_str(&without_nan(json))).ok()?;
        let Value::Object(nodes) = value else { return None };
        let graph = Self(nodes);
        let has_nodes = graph.nodes().next().is_some();
        has_nodes.then_some(graph)
    }

    /// Returns every node.
    pub fn nodes(&self) -> impl Iterator<Item = Node<'_>> {
        self.0.keys().filter_map(|id| self.node(id))
    }

    /// Returns the node with this id.
    pub fn node(&self, id: &str) -> Option<Node<'_>> {
        let (id, value) = self.0.get_key_value(id)?;
        let inputs = value.get("inputs")?.as_object()?;
        Some(Node { id, class: value.get("class_type")?.as_str()?, inputs })
    }

    /// Returns the nearest node upstream of `start` (without `start` itself) for which `wanted` holds.
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
    /// Returns the content of the input called `name`.
    pub fn input(&self, name: &str) -> Option<Input<'g>> {
        self.inputs.get(name).map(as_input)
    }

    /// Returns whether there is an input of one of these names.
    pub fn has_any(&self, names: &[&str]) -> bool {
        names.iter().any(|name| self.inputs.contains_key(*name))
    }

    /// Returns the names and contents of all inputs, in the order of the names.
    pub fn inputs(&self) -> impl Iterator<Item = (&'g str, Input<'g>)> + use<'g> {
        self.inputs.iter().map(|(name, value)| (name.as_str(), as_input(value)))
    }

    /// Returns `(input, source node, its output)` for every input that is a link.
    pub fn links(&self) -> impl Iterator<Item = (&'g str, Cow<'g, str>, u64)> + use<'g> {
        self.inputs().filter_map(|(name, input)| match input {
            Input::Link { id, slot } => Some((name, id, slot)),
            Input::Literal(_) => None,
        })
    }

    /// Returns the link of a node that has exactly one. Reroutes, and other nodes that pass something on, have one
    /// link.
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

/// Walks over a graph within the limits on steps and text.
pub struct Walk<'g> {
    graph: &'g Graph,
    steps_left: usize,
    text_left: usize,
}

impl<'g> Walk<'g> {
    /// Starts a walk.
    pub fn new(graph: &'g Graph) -> Self {
        Self { graph, steps_left: MAX_STEPS, text_left: MAX_TEXT_BYTES }
    }

    /// Returns the node with this id, if the walk is within its limits.
    pub fn visit(&mut self, id: &str, depth: usize) -> Option<Node<'g>> {
        if depth > MAX_DEPTH {
            return None;
        }
        self.steps_left = self.steps_left.checked_sub(1)?;
        self.graph.node(id)
    }

    /// Returns the text of a literal, if it is a string and the walk is within its limits.
    pub fn text(&mut self, literal: &Value) -> Option<String> {
        let text = literal.as_str()?;
        self.text_left = self.text_left.checked_sub(text.len())?;
        Some(text.to_owned())
    }

    /// Returns the first literal that `accept` takes. The walk looks at the inputs `names` of `node`, at the nodes to
    /// which these inputs are linked, and then at the nodes behind the inputs `through`.
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
        // A node that was reached by a link may be one that only holds a value.
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

/// Reads a whole number that is not negative. Some writers store the number as a float or a string.
pub fn as_number(value: &Value) -> Option<u64> {
    match value {
        Value::Number(number) => number.as_u64().or_else(|| {
            let float = number.as_f64()?;
            // Beyond 2^53 a float has lost digits and would be another seed.
            (float.fract() == 0.0 && (0.0..=9_007_199_254_740_992.0).contains(&float)).then_some(float as u64)
        }),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// Reads a name. Some nodes wrap the name in an object, to show a preview beside the name.
pub fn as_name(value: &Value) -> Option<&str> {
    let name = value.as_str().or_else(|| value.get("content")?.as_str())?.trim();
    (!name.is_empty()).then_some(name)
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

/// Returns the length of the JSON string at the start of `text`, or that of `text` when the string is not closed.
fn string_end(text: &str) -> usize {
    let mut escaped = false;
    let closing = text.bytes().skip(1).position(|byte| {
        let closes = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        closes
    });
    closing.map_or(text.len(), |at| at + 2)
}
