//! A ComfyUI graph in API form, and bounded walks against the direction of its links.
//!
//! In `{"3": {"class_type": "KSampler", "inputs": {"seed": 7, "model": ["4", 0], …}}, …}` an input is a literal or a
//! link to an output of another node. A file may hold any graph, even a graph with cycles, so the depth and the number
//! of steps of a walk are limited.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::{HashSet, VecDeque};

use serde_json::Value;

use crate::prompt::fields::Fields;

/// The largest number of inputs of a node that are looked at one by one. Real nodes have dozens.
const MAX_INPUTS: usize = 256;

/// The largest number of nodes that one search passes through. Real graphs have hundreds.
const MAX_SEARCHED: usize = 20_000;

/// The nodes by id.
pub struct Graph<'f>(Cow<'f, Fields>);

/// A node, borrowed from its graph.
#[derive(Clone, Copy)]
pub struct Node<'g> {
    /// The id of the node in the graph.
    pub id: &'g str,
    /// The type of the node, for example `KSampler`.
    pub class: &'g str,
    inputs: &'g Fields,
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

impl<'f> Graph<'f> {
    /// Makes a graph of nodes; `None` when there is not one node.
    pub fn new(nodes: Cow<'f, Fields>) -> Option<Self> {
        let graph = Self(nodes);
        let has_nodes = graph.nodes().next().is_some();
        has_nodes.then_some(graph)
    }

    /// Returns every node, in the order of the ids as texts.
    pub fn nodes(&self) -> impl Iterator<Item = Node<'_>> {
        self.0.keys().filter_map(|id| self.node(id)).take(MAX_SEARCHED)
    }

    /// Returns the node with this id.
    pub fn node(&self, id: &str) -> Option<Node<'_>> {
        let (id, value) = self.0.get_key_value(id)?;
        let inputs = value.get("inputs")?.as_object()?;
        Some(Node { id, class: value.get("class_type")?.as_str()?, inputs })
    }

    /// Returns the nodes upstream of `start` (without `start` itself), the nearest first.
    pub fn upstream<'g>(&'g self, start: Node<'g>) -> impl Iterator<Item = Node<'g>> {
        let mut seen = HashSet::from([start.id]);
        let mut queue = VecDeque::from([start]);
        let mut found = VecDeque::new();
        std::iter::from_fn(move || {
            while found.is_empty() {
                let node: Node<'g> = queue.pop_front()?;
                for (_, id, _) in node.links() {
                    let source = self.node(&id).filter(|source| seen.insert(source.id));
                    queue.extend(source);
                    found.extend(source);
                }
            }
            found.pop_front()
        })
        .take(MAX_SEARCHED)
    }
}

impl<'g> Node<'g> {
    /// Returns the content of the input called `name`.
    pub fn input(&self, name: &str) -> Option<Input<'g>> {
        self.inputs.get(name).map(as_input)
    }

    /// Returns the literal at the input called `name`.
    pub fn literal(&self, name: &str) -> Option<&'g Value> {
        match self.input(name)? {
            Input::Literal(value) => Some(value),
            Input::Link { .. } => None,
        }
    }

    /// Returns whether there is an input of one of these names.
    pub fn has_any(&self, names: &[&str]) -> bool {
        names.iter().any(|name| self.inputs.contains_key(*name))
    }

    /// Returns whether the type of the node contains one of `words`, in any case.
    pub fn class_has(&self, words: &[&str]) -> bool {
        let class = self.class.to_ascii_lowercase();
        words.iter().any(|word| class.contains(word))
    }

    /// Returns the names and contents of the inputs in the order of the names, in which `text_2` comes before `text_10`.
    pub fn inputs(&self) -> impl Iterator<Item = (&'g str, Input<'g>)> + use<'g> {
        let mut names: Vec<_> = self.inputs.iter().take(MAX_INPUTS).collect();
        names.sort_by(|(a, _), (b, _)| compare_names(a, b));
        names.into_iter().map(|(name, value)| (name.as_str(), as_input(value)))
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

/// Splits a name into the part before its last number, and that number: `text_10` into `text_` and 10.
pub fn split_number(name: &str) -> (&str, Option<u64>) {
    let stem = name.trim_end_matches(|c: char| c.is_ascii_digit());
    (stem, name[stem.len()..].parse().ok())
}

fn compare_names(a: &str, b: &str) -> Ordering {
    split_number(a).cmp(&split_number(b)).then_with(|| a.cmp(b))
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
