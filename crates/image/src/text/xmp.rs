//! The texts in XMP.
//!
//! The names of persons, of places and of the picture's owner are not read, with one exception: the names of faces that
//! are marked in the picture are read so that they can be left out of the keywords, among which many programs repeat
//! them.

use std::collections::HashSet;

use super::collector::Collector;
use super::persons;
use super::xmp_packet::{Value, read};
use crate::text_chunks::TextSource;

/// The properties of one text that are read, in this order.
const TEXTS: [(&str, TextSource); 8] = [
    ("dc:title", TextSource::XmpTitle),
    ("photoshop:Headline", TextSource::XmpHeadline),
    ("dc:description", TextSource::XmpDescription),
    ("tiff:ImageDescription", TextSource::XmpDescription),
    ("Iptc4xmpCore:AltTextAccessibility", TextSource::XmpDescription),
    ("Iptc4xmpCore:ExtDescrAccessibility", TextSource::XmpDescription),
    ("exif:UserComment", TextSource::XmpUserComment),
    ("Iptc4xmpExt:AIPromptInformation", TextSource::XmpOther),
];

/// The properties of keywords that are read, in this order, with the character between the levels of a hierarchy.
const KEYWORDS: [(&str, TextSource, char); 4] = [
    ("dc:subject", TextSource::XmpSubject, '\0'),
    ("MicrosoftPhoto:LastKeywordXMP", TextSource::XmpHierarchicalSubject, '/'),
    ("lr:hierarchicalSubject", TextSource::XmpHierarchicalSubject, '|'),
    ("digiKam:TagsList", TextSource::XmpHierarchicalSubject, '/'),
];

/// The properties that name a person.
const PERSONS: [&str; 3] = ["mwg-rs:Name", "MPReg:PersonDisplayName", "Iptc4xmpExt:PersonInImage"];

/// The properties of the time at which the picture was taken, the most telling first.
const TIMES: [&str; 3] = ["exif:DateTimeOriginal", "photoshop:DateCreated", "xmp:CreateDate"];

/// The local names of properties into which image generators write, in namespaces of their own.
const GENERATORS: [&str; 8] = [
    "parameters",
    "prompt",
    "negative_prompt",
    "workflow",
    "generation_data",
    "invokeai_metadata",
    "invokeai_graph",
    "sd-metadata",
];

/// The first levels of keyword hierarchies that hold the names of persons.
const PERSON_ROOTS: [&str; 8] = ["people", "persons", "person", "faces", "人物", "人", "ひと", "顔"];

/// Collects the texts of an XMP packet. Returns the names of persons in it, which are to be
/// [left out](persons::leave_out) of the keywords of the file.
pub fn collect(packet: &[u8], collector: &mut Collector) -> HashSet<String> {
    let values = read(packet, is_wanted);
    for (name, source) in TEXTS {
        let alternatives: Vec<_> = values.iter().filter(|value| value.is_top && value.name == name).collect();
        for text in in_languages(&alternatives) {
            collector.add_text(source, name, text);
        }
    }
    for value in values.iter().filter(|value| value.is_top) {
        if let Some(key) = generator_key(&value.name) {
            collector.add_text(TextSource::XmpOther, key, &value.text);
        }
    }
    keywords(&values, collector);
    for name in TIMES {
        if let Some(time) = values.iter().find(|value| value.is_top && value.name == name) {
            collector.add_text(TextSource::TakenAt, name, &time.text);
        }
    }
    names(&values)
}

fn is_wanted(name: &str) -> bool {
    TEXTS.iter().any(|(wanted, _)| *wanted == name)
        || KEYWORDS.iter().any(|(wanted, ..)| *wanted == name)
        || PERSONS.contains(&name)
        || TIMES.contains(&name)
        || generator_key(name).is_some()
}

fn generator_key(name: &str) -> Option<&'static str> {
    let (_, local) = name.split_once(':')?;
    GENERATORS.into_iter().find(|key| key.eq_ignore_ascii_case(local))
}

/// Returns the text in the default language, and the Japanese one, if the packet has one besides.
fn in_languages<'v>(alternatives: &[&'v Value]) -> impl Iterator<Item = &'v str> {
    let speaks = |value: &&&Value, wanted: &str| value.language.as_deref().is_some_and(|language| language == wanted);
    let default = alternatives.iter().find(|value| speaks(value, "x-default")).or(alternatives.first());
    let japanese = alternatives.iter().find(|value| speaks(value, "ja") || speaks(value, "ja-JP"));
    let both = [default, japanese.filter(|japanese| default.is_none_or(|default| default.text != japanese.text))];
    both.into_iter().flatten().map(|value| value.text.as_str())
}

/// Collects the keywords, except those in a hierarchy of persons.
fn keywords(values: &[Value], collector: &mut Collector) {
    for (name, source, separator) in KEYWORDS {
        for value in values.iter().filter(|value| value.is_top && value.name == name) {
            let levels: Vec<_> = value.text.split(separator).map(str::trim).collect();
            if person_levels(&levels).is_empty() {
                collector.add_text(source, name, &levels.join("|"));
            }
        }
    }
}

/// Returns the names of the persons that the packet marks or lists, [folded](persons::folded).
fn names(values: &[Value]) -> HashSet<String> {
    let marked = values.iter().filter(|value| PERSONS.contains(&value.name.as_str()));
    let mut names: HashSet<_> = marked.map(|value| persons::folded(&value.text)).collect();
    for (name, _, separator) in KEYWORDS {
        for value in values.iter().filter(|value| value.is_top && value.name == name) {
            let levels: Vec<_> = value.text.split(separator).collect();
            names.extend(person_levels(&levels).iter().map(|level| persons::folded(level)));
        }
    }
    names
}

/// Returns the levels of a hierarchy of persons below its first; none for any other hierarchy.
fn person_levels<'l, 't>(levels: &'l [&'t str]) -> &'l [&'t str] {
    match levels {
        [root, below @ ..] if PERSON_ROOTS.contains(&persons::folded(root).as_str()) => below,
        _ => &[],
    }
}
