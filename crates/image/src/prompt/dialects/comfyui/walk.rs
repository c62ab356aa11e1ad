//! Walks over a graph within limits.

use std::borrow::Cow;
use std::collections::HashMap;

use serde_json::Value;

use super::graph::{Graph, Input, Node, split_number};

/// The largest number of nodes in a row. Real chains, with dozens of LoRAs and reroutes, are shorter.
const MAX_DEPTH: usize = 64;

/// The largest number of nodes visited for one graph. Without this limit, every two branches that join again would
/// double the work.
const MAX_STEPS: usize = 10_000;

/// The largest number of bytes of text collected for one graph. Without this limit, every concatenation of
/// concatenations could double the text.
const MAX_TEXT_BYTES: usize = 512 << 10;

/// Names of the input that holds the value of a node whose only purpose is to hold a value.
const VALUE_INPUTS: [&str; 8] = ["value", "Value", "int", "integer", "number", "Number", "string", "String"];

/// Names of the input that says which other input a switch passes on.
const SELECTORS: [&str; 11] = [
    "select",
    "index",
    "Input",
    "input_index",
    "selected",
    "selection",
    "switch",
    "boolean",
    "boolean_value",
    "cond",
    "condition",
];

/// Names of the inputs that a switch of two passes on when its selector is true, and when it is false.
const WHEN_TRUE: [&str; 6] = ["on_true", "tt_value", "if_true", "true_value", "value_if_true", "true"];
const WHEN_FALSE: [&str; 6] = ["on_false", "ff_value", "if_false", "false_value", "value_if_false", "false"];

/// Walks over a graph within the limits on steps and text.
pub struct Walk<'g> {
    /// The graph.
    pub graph: &'g Graph<'g>,
    /// The texts that outputs had in the run that made the picture, as far as nodes that show texts kept the texts.
    pub shown: HashMap<(Cow<'g, str>, u64), Cow<'g, str>>,
    steps_left: usize,
    text_left: usize,
}

impl<'g> Walk<'g> {
    /// Starts a walk.
    pub fn new(graph: &'g Graph<'g>) -> Self {
        Self { graph, shown: HashMap::new(), steps_left: MAX_STEPS, text_left: MAX_TEXT_BYTES }
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
        self.copied(literal.as_str()?)
    }

    /// Copies a text, if the walk is within its limits.
    pub fn copied(&mut self, text: &str) -> Option<String> {
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
        if let Some(name) = self.selected(node, depth) {
            return match node.input(name)? {
                Input::Literal(value) => accept(value),
                Input::Link { id, .. } => {
                    let source = self.visit(&id, depth + 1)?;
                    self.scalar_from(source, (names, through), accept, depth + 1)
                }
            };
        }
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

    /// Returns the name of the input that a switch passes on; `None` when the node is not a switch.
    pub fn selected(&mut self, node: Node<'g>, depth: usize) -> Option<&'g str> {
        let is_of_two = node.has_any(&WHEN_TRUE) && node.has_any(&WHEN_FALSE);
        let is_switch = is_of_two || node.class_has(&["switch", "select", "ifelse", "if else", "branch"]);
        if !is_switch {
            return None;
        }
        let selector = SELECTORS.iter().find_map(|name| match node.input(name)? {
            Input::Literal(value) => Some(value),
            Input::Link { id, .. } => {
                let source = self.visit(&id, depth + 1)?;
                VALUE_INPUTS.iter().chain(&SELECTORS).find_map(|name| source.literal(name))
            }
        });
        if is_of_two {
            let names = if is_true(selector?) { WHEN_TRUE } else { WHEN_FALSE };
            return node.inputs().map(|(name, _)| name).find(|name| names.contains(name));
        }
        let numbered = || node.inputs().filter(|(name, _)| !SELECTORS.contains(name));
        let number = selector.and_then(|selector| match selector {
            // A switch of two numbered inputs passes on the first when it is on.
            Value::Bool(is_on) => Some(if *is_on { 1 } else { 2 }),
            Value::String(text) => text.trim().parse().ok(),
            _ => selector.as_u64(),
        });
        if let Some(number) = number {
            let has_number = |name: &str| split_number(name).1 == Some(number);
            return numbered().map(|(name, _)| name).find(|name| has_number(name));
        }
        // A switch without a selector passes on the first input that is there.
        if selector.is_some() || !node.class_has(&["switch"]) {
            return None;
        }
        numbered().find(|(_, input)| matches!(input, Input::Link { .. })).map(|(name, _)| name)
    }
}

fn is_true(selector: &Value) -> bool {
    match selector {
        Value::Bool(is_true) => *is_true,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => matches!(text.to_ascii_lowercase().as_str(), "true" | "yes" | "on" | "1"),
        _ => false,
    }
}
