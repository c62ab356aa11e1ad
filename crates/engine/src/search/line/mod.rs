//! The query line: words, phrases and fields in one text, as a person types it into a search box.
//!
//! ```text
//! line   = { white space | item }
//! item   = ["-"] ( field | phrase | word )
//! field  = name ":" value              name = tag | checkpoint | lora | sampler | camera | in | taken | type | has
//! value  = phrase | word
//! phrase = quote, characters up to the next quote or the end
//! word   = characters up to white space or a quote
//! ```
//!
//! Every text is a line: a field of another name, without a value, or with a value that cannot be read, is a word. A
//! minus counts before a letter, a digit, a symbol or a quote. Full-width forms of names, `:` and `-` count as these.

mod field;
mod parse;
mod taken;

use std::fmt;

use mitsuke_store::{Filter, terms};

pub use field::{Fact, Field};
pub use parse::parse;
pub use taken::Days;

/// A query line as it was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Line {
    /// The items in their order.
    pub items: Vec<Item>,
}

/// An item of a query line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Whether the images that the item describes are left out.
    pub without: bool,
    /// The description.
    pub part: Part,
}

/// The description of images by an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// A word; it holds neither white space nor a quote.
    Word(String),
    /// A phrase, without its quotes.
    Phrase(String),
    /// A condition on a fact of an image.
    Field(Field),
}

impl Line {
    /// Returns the words and phrases to search for as one text, for the vector leg. Phrases lose their quotes.
    #[must_use]
    pub fn text(&self) -> String {
        joined(self.texts(false))
    }

    /// Returns the words and phrases to stay away from as one text, for the vector leg.
    #[must_use]
    pub fn without_text(&self) -> String {
        joined(self.texts(true))
    }

    /// Returns the terms of the keyword leg; phrases keep their quotes.
    #[must_use]
    pub fn terms(&self) -> Vec<String> {
        self.texts(false).flat_map(|part| terms(&part.to_string())).collect()
    }

    /// Returns the terms that no image may hold.
    #[must_use]
    pub fn without_terms(&self) -> Vec<String> {
        self.texts(true).flat_map(|part| terms(&part.to_string())).collect()
    }

    /// Adds the conditions of the line to a filter. A list of the filter is joined with the values of the line, and the
    /// bounds of `taken` become narrower.
    pub fn narrow(&self, filter: &mut Filter) {
        for item in &self.items {
            match (&item.part, item.without) {
                (Part::Field(field), false) => field.narrow(filter),
                (Part::Field(field), true) => {
                    let mut left_out = Filter::default();
                    field.narrow(&mut left_out);
                    filter.none_of.push(left_out);
                }
                (Part::Word(_) | Part::Phrase(_), _) => {}
            }
        }
        let texts = self.without_terms().into_iter();
        filter.none_of.extend(texts.map(|term| Filter { terms: vec![term], ..Filter::default() }));
    }

    fn texts(&self, without: bool) -> impl Iterator<Item = &Part> {
        let parts = self.items.iter().filter(move |item| item.without == without).map(|item| &item.part);
        parts.filter(|part| !matches!(part, Part::Field(_)))
    }
}

/// Joins words and phrases with spaces.
fn joined<'a>(parts: impl Iterator<Item = &'a Part>) -> String {
    let texts: Vec<&str> = parts
        .filter_map(|part| match part {
            Part::Word(text) | Part::Phrase(text) => Some(text.as_str()),
            Part::Field(_) => None,
        })
        .collect();
    texts.join(" ")
}

/// Writes a field with a value; `None` when a line cannot hold the value, because it has quotes.
#[must_use]
pub fn field_text(name: &str, value: &str) -> Option<String> {
    let is_field = |part: &Part| matches!(part, Part::Field(field) if field.name() == name && field.value() == value);
    only([format!("{name}:{value}"), format!("{name}:\"{value}\"")], is_field)
}

/// Writes a text as a word, or as a phrase when it would be read as something else; `None` when a line cannot hold the
/// text, because it has quotes.
#[must_use]
pub fn plain_text(text: &str) -> Option<String> {
    let is_text = |part: &Part| matches!(part, Part::Word(read) | Part::Phrase(read) if read == text);
    only([text.to_owned(), format!("\"{text}\"")], is_text)
}

/// Returns the first line that is read as one item of the wanted kind.
fn only(lines: [String; 2], is_wanted: impl Fn(&Part) -> bool) -> Option<String> {
    lines
        .into_iter()
        .find(|line| matches!(parse(line).items.as_slice(), [Item { without: false, part }] if is_wanted(part)))
}

/// Writes the line that is read as this one.
impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, item) in self.items.iter().enumerate() {
            write!(f, "{}{item}", if index > 0 { " " } else { "" })?;
        }
        Ok(())
    }
}

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", if self.without { "-" } else { "" }, self.part)
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Word(word) => f.write_str(word),
            Self::Phrase(phrase) => write!(f, "\"{phrase}\""),
            Self::Field(field) => field.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests;
