//! The tags of an image: their bounds, their folding, and the changes that callers and readings of the file make.
//!
//! Both stores read the tags of an image, change them with [`Tags`], and write the result.

use std::collections::BTreeSet;

use crate::text::folded;
use crate::{ImagePatch, NewImage};

/// The largest number of tags of an image. Of the tags in a file that has more, the first ones are kept.
pub const MAX_TAGS: usize = 256;

/// The largest number of characters of a tag. A longer tag in a file is left out, because such a text is no tag.
pub const MAX_TAG_CHARS: usize = 100;

/// The largest number of removed tags that are remembered for an image.
const MAX_REMOVED: usize = 1_024;

/// The largest number of characters of a folded tag. Folding makes several characters of some.
const MAX_FOLDED_CHARS: usize = 255;

/// The source of a text, a tag or a fact.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Origin {
    /// The reader found it in the file.
    #[default]
    Found,
    /// A caller has set or cleared it. It stays as it is when the file is read again.
    Set,
}

impl Origin {
    /// Returns the number that rows hold.
    pub(crate) fn number(self) -> i64 {
        i64::from(self == Self::Set)
    }

    /// Returns the origin for the number of a row.
    pub(crate) fn from_number(number: i64) -> Self {
        if number == 0 { Self::Found } else { Self::Set }
    }
}

/// Returns a tag as it is stored: without white space at its ends, and with single spaces in place of other white space
/// and of control characters. `None` when nothing is left, or the tag has more than [`MAX_TAG_CHARS`] characters.
#[must_use]
pub fn clean_tag(text: &str) -> Option<String> {
    let words: Vec<&str> =
        text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()).collect();
    let tag = words.join(" ");
    (tag.chars().nth(MAX_TAG_CHARS).is_none() && !folded_tag(&tag).is_empty()).then_some(tag)
}

/// Returns the form of a tag that decides whether two tags are one.
pub(crate) fn folded_tag(tag: &str) -> String {
    let folded = folded(tag);
    let words: Vec<&str> = folded.split_whitespace().collect();
    words.join(" ").chars().take(MAX_FOLDED_CHARS).collect()
}

/// Returns the folded forms of the tags of a filter, each once.
pub(crate) fn folded_tags(tags: &[String]) -> Vec<String> {
    let folded: BTreeSet<String> = tags.iter().map(|tag| folded_tag(tag)).collect();
    folded.into_iter().collect()
}

/// A tag of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tag {
    /// The tag as it was written.
    pub(crate) text: String,
    /// The folded form.
    pub(crate) folded: String,
    pub(crate) origin: Origin,
}

/// The tags of an image, and the folded forms of those that callers have removed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Tags {
    /// The tags in their order, each folded form once.
    pub(crate) tags: Vec<Tag>,
    pub(crate) removed: BTreeSet<String>,
}

impl Tags {
    /// Returns the tags of a new image: those found in the file, then those that the caller sets.
    pub(crate) fn new(found: &[String], set: &[String]) -> Self {
        let mut tags = Self::default();
        found.iter().for_each(|tag| tags.add(tag, Origin::Found));
        set.iter().for_each(|tag| tags.add(tag, Origin::Set));
        tags
    }

    /// Returns the tags that a new image is stored with.
    pub(crate) fn of(image: &NewImage<'_>) -> Self {
        let tags = Self::new(image.tags, image.added_tags);
        image.listed_tags.map_or_else(|| tags.clone(), |list| tags.set(list))
    }

    /// Returns the tags as they were written.
    pub(crate) fn texts(&self) -> Vec<String> {
        self.tags.iter().map(|tag| tag.text.clone()).collect()
    }

    /// Returns the tags after a caller has set the whole list. The tags that the list lacks are remembered as removed. A
    /// tag that was found in the file and stays as it is written counts as found.
    pub(crate) fn set(&self, texts: &[String]) -> Self {
        let mut next = Self { tags: Vec::new(), removed: self.removed.clone() };
        for text in texts {
            let kept = self.tags.iter().find(|tag| Some(&tag.text) == clean_tag(text).as_ref());
            next.add(text, kept.map_or(Origin::Set, |tag| tag.origin));
        }
        for tag in &next.tags {
            next.removed.remove(&tag.folded);
        }
        for tag in &self.tags {
            if !next.holds(&tag.folded) && next.removed.len() < MAX_REMOVED {
                next.removed.insert(tag.folded.clone());
            }
        }
        next
    }

    /// Returns the tags after a patch: first the whole list is set, then tags are added, then tags are removed.
    pub(crate) fn patched(&self, patch: &ImagePatch) -> Self {
        let mut next = patch.tags.as_ref().map_or_else(|| self.clone(), |texts| self.set(texts));
        for text in &patch.add_tags {
            next.add(text, Origin::Set);
        }
        for folded in folded_tags(&patch.remove_tags) {
            next.tags.retain(|tag| tag.folded != folded);
            if self.holds(&folded) && next.removed.len() < MAX_REMOVED {
                next.removed.insert(folded);
            }
        }
        next.removed.retain(|folded| !next.tags.iter().any(|tag| tag.folded == *folded));
        next
    }

    /// Returns the tags after the file has been read again: those that callers have set stay, and those that they have
    /// removed stay away.
    pub(crate) fn read_again(&self, found: &[String]) -> Self {
        let again = Self::new(found, &[]);
        let mut next = Self { tags: Vec::new(), removed: self.removed.clone() };
        for tag in &self.tags {
            match tag.origin {
                Origin::Set => next.tags.push(tag.clone()),
                Origin::Found => next.tags.extend(again.tags.iter().find(|found| found.folded == tag.folded).cloned()),
            }
        }
        for tag in again.tags {
            if next.tags.len() < MAX_TAGS && !next.holds(&tag.folded) && !next.removed.contains(&tag.folded) {
                next.tags.push(tag);
            }
        }
        next
    }

    /// Adds a tag at the end, unless it is there already, it is no tag, or there are enough.
    fn add(&mut self, text: &str, origin: Origin) {
        let Some(text) = clean_tag(text) else { return };
        let folded = folded_tag(&text);
        if self.tags.len() < MAX_TAGS && !self.holds(&folded) {
            self.tags.push(Tag { text, folded, origin });
        }
    }

    fn holds(&self, folded: &str) -> bool {
        self.tags.iter().any(|tag| tag.folded == folded)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strings(texts: &[&str]) -> Vec<String> {
        texts.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_tag_is_one_line_of_bounded_length() {
        assert_eq!(clean_tag("  New\t York\u{3000}\n"), Some("New York".into()));
        assert_eq!(clean_tag("C++"), Some("C++".into()));
        assert_eq!(clean_tag(" \u{0} "), None);
        assert_eq!(clean_tag("\u{200b}"), None);
        assert!(clean_tag(&"猫".repeat(MAX_TAG_CHARS)).is_some());
        assert_eq!(clean_tag(&"猫".repeat(MAX_TAG_CHARS + 1)), None);
        assert!(folded_tag(&"\u{fdfa}".repeat(MAX_TAG_CHARS)).chars().count() <= MAX_FOLDED_CHARS);
    }

    #[test]
    fn tags_of_one_meaning_are_one_and_the_first_spelling_counts() {
        let tags = Tags::new(&strings(&["Cat", "ＣＡＴ", "c#", "c"]), &strings(&["cat", "dog"]));
        assert_eq!(tags.texts(), ["Cat", "c#", "c", "dog"]);
        assert_eq!(tags.tags[3].origin, Origin::Set);
        let many: Vec<String> = (0..1_000).map(|n| n.to_string()).collect();
        assert_eq!(Tags::new(&many, &[]).tags.len(), MAX_TAGS);
    }

    #[test]
    fn what_a_caller_sets_or_removes_survives_a_reading_and_the_rest_follows_the_file() {
        let tags = Tags::new(&strings(&["cat", "sea", "old"]), &[]).set(&strings(&["dog", "cat", "old"]));
        let again = tags.read_again(&strings(&["Sea", "Cat", "new"]));
        assert_eq!(again.texts(), ["dog", "Cat", "new"]);
        assert_eq!(again.read_again(&[]).texts(), ["dog"]);
        // A tag that a caller gives back is not removed any more.
        let back = again.set(&strings(&["sea"]));
        assert_eq!(back.read_again(&strings(&["cat", "sea"])).texts(), ["sea"]);
    }

    #[test]
    fn a_tag_that_a_caller_spells_anew_keeps_that_spelling() {
        let tags = Tags::new(&strings(&["cat"]), &[]).set(&strings(&["CAT"]));
        assert_eq!(tags.read_again(&strings(&["cat"])).texts(), ["CAT"]);
        assert!(tags.removed.is_empty());
    }

    #[test]
    fn the_memory_of_removed_tags_is_bounded() {
        let mut tags = Tags::default();
        for round in 0..10 {
            let list: Vec<String> = (0..MAX_TAGS).map(|n| format!("{round} {n}")).collect();
            tags = tags.set(&list);
        }
        assert_eq!(tags.removed.len(), MAX_REMOVED);
    }
}
