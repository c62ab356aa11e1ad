//! The reading of an XMP packet (ISO 16684-1) into the values of its properties.
//!
//! The parser resolves no entities but the five of XML and character references, so that a packet cannot grow. It keeps
//! going where XML would be refused: cut-off and unbalanced packets give the properties before the damage.

use std::borrow::Cow;
use std::collections::HashMap;

use quick_xml::Reader;
use quick_xml::escape::{resolve_predefined_entity, unescape};
use quick_xml::events::{BytesStart, Event};

use super::encoding;

/// The largest number of bytes of a packet that are read. The texts of persons stand before the histories of edits that
/// make packets long.
const MAX_BYTES: usize = 4 << 20;

/// The largest number of values that are read from a packet.
const MAX_VALUES: usize = 2_048;

/// The namespaces whose properties are read, with their usual prefixes. A packet may declare other prefixes.
const NAMESPACES: [(&str, &str); 15] = [
    ("http://www.w3.org/1999/02/22-rdf-syntax-ns#", "rdf"),
    ("http://purl.org/dc/elements/1.1/", "dc"),
    ("http://ns.adobe.com/photoshop/1.0/", "photoshop"),
    ("http://ns.adobe.com/lightroom/1.0/", "lr"),
    ("http://ns.adobe.com/exif/1.0/", "exif"),
    ("http://ns.adobe.com/tiff/1.0/", "tiff"),
    ("http://ns.adobe.com/xap/1.0/", "xmp"),
    ("http://www.digikam.org/ns/1.0/", "digiKam"),
    ("http://ns.microsoft.com/photo/1.0/", "MicrosoftPhoto"),
    ("http://ns.microsoft.com/photo/1.0", "MicrosoftPhoto"),
    ("http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/", "Iptc4xmpCore"),
    ("http://iptc.org/std/Iptc4xmpExt/2008-02-29/", "Iptc4xmpExt"),
    ("http://www.metadataworkinggroup.com/schemas/regions/", "mwg-rs"),
    ("http://ns.microsoft.com/photo/1.2/t/Region#", "MPReg"),
    ("http://ns.adobe.com/xap/1.0/mm/", "xmpMM"),
];

/// The longest prefix that is resolved.
const MAX_PREFIX: usize = 64;

/// The largest number of prefixes that are kept.
const MAX_PREFIXES: usize = 256;

/// A value of a property.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Value {
    /// The name of the property with the usual prefix of its namespace, for example `dc:title`. A property of another
    /// namespace has the prefix of the packet.
    pub name: String,
    /// The language of the value, if the packet states it.
    pub language: Option<String>,
    /// The text.
    pub text: String,
    /// Whether the property belongs to the picture itself, and not to a part of a structure.
    pub is_top: bool,
}

/// Reads the values of the properties for which `wanted` returns true, in the order of the packet: of the properties of
/// the picture, and of the fields of structures within them.
pub fn read(packet: &[u8], wanted: fn(&str) -> bool) -> Vec<Value> {
    let text = to_text(packet);
    let mut reader = Reader::from_str(&text);
    let config = reader.config_mut();
    config.check_end_names = false;
    config.allow_unmatched_ends = true;
    config.allow_dangling_amp = true;
    let mut walk = Walk::new(wanted);
    while walk.values.len() < MAX_VALUES {
        match reader.read_event() {
            Ok(Event::Start(tag)) => walk.start(&tag),
            Ok(Event::Empty(tag)) => {
                walk.start(&tag);
                walk.end();
            }
            Ok(Event::End(_)) => walk.end(),
            Ok(Event::Text(text)) => walk.text(&text.xml10_content()),
            Ok(Event::CData(text)) => walk.text(&text),
            Ok(Event::GeneralRef(entity)) => match entity.resolve_char_ref() {
                Ok(Some(c)) => walk.text(c.encode_utf8(&mut [0; 4])),
                _ => walk.text(resolve_predefined_entity(&entity).unwrap_or_default()),
            },
            Ok(Event::Eof) | Err(_) => break,
            Ok(_) => {}
        }
    }
    walk.values
}

/// Decodes a packet, which is UTF-8 mostly, and UTF-16 sometimes.
fn to_text(packet: &[u8]) -> Cow<'_, str> {
    let packet = packet.get(..MAX_BYTES).unwrap_or(packet);
    if encoding::trim_end(packet).contains(&0) {
        Cow::Owned(encoding::decode_utf16(packet, true))
    } else {
        String::from_utf8_lossy(packet)
    }
}

/// The place of the parser in a packet.
struct Walk {
    wanted: fn(&str) -> bool,
    values: Vec<Value>,
    /// The prefixes that the packet has declared for known namespaces, with the usual prefixes.
    prefixes: HashMap<String, &'static str>,
    /// The number of open elements.
    depth: usize,
    /// The depth of `rdf:RDF`.
    rdf: Option<usize>,
    /// The property that is being read, with its depth.
    property: Option<(String, usize)>,
    /// The depth of an element within the property that is not part of its value.
    foreign: Option<usize>,
    language: Option<String>,
    buffer: String,
    /// Whether the property has had a list, so that text outside the items is white space.
    has_items: bool,
}

impl Walk {
    fn new(wanted: fn(&str) -> bool) -> Self {
        Self {
            wanted,
            values: Vec::new(),
            prefixes: HashMap::new(),
            depth: 0,
            rdf: None,
            property: None,
            foreign: None,
            language: None,
            buffer: String::new(),
            has_items: false,
        }
    }

    fn start(&mut self, tag: &BytesStart<'_>) {
        self.depth += 1;
        self.declare(tag);
        let tag_name = tag.name();
        let name = self.name(tag_name.as_ref());
        if name == "rdf:RDF" && self.rdf.is_none() {
            self.rdf = Some(self.depth);
            return;
        }
        let Some(rdf) = self.rdf else { return };
        if self.property.is_some() && self.foreign.is_none() {
            match name.as_ref() {
                "rdf:Alt" | "rdf:Bag" | "rdf:Seq" => self.has_items = true,
                "rdf:li" | "rdf:value" => {
                    self.has_items = true;
                    self.buffer.clear();
                    self.language = language(tag);
                }
                _ => self.foreign = Some(self.depth),
            }
        } else if self.property.is_none() && self.depth >= rdf + 2 && (self.wanted)(&name) {
            self.property = Some((name.into_owned(), self.depth));
            self.buffer.clear();
            self.language = language(tag);
            self.has_items = false;
            return;
        }
        if self.depth > rdf && self.foreign.is_none() {
            self.attributes(tag, self.depth == rdf + 1);
        }
    }

    /// Reads properties that are written as attributes.
    fn attributes(&mut self, tag: &BytesStart<'_>, is_top: bool) {
        let mut attributes = tag.attributes();
        for attribute in attributes.with_checks(false).flatten() {
            let name = self.name(attribute.key.as_ref());
            if (self.wanted)(&name) && self.values.len() < MAX_VALUES {
                let name = name.into_owned();
                let text = unescape(&attribute.value).map_or_else(|_| attribute.value.to_string(), Cow::into_owned);
                self.values.push(Value { name, language: None, text, is_top });
            }
        }
    }

    fn text(&mut self, text: &str) {
        if self.property.is_some() && self.foreign.is_none() {
            self.buffer.push_str(text);
        }
    }

    /// Ends the innermost element. The depth tells which it is, because the names of damaged packets do not agree.
    fn end(&mut self) {
        let Some((_, at)) = self.property.as_ref().filter(|(_, at)| *at <= self.depth) else {
            self.leave();
            return;
        };
        let is_property = *at == self.depth;
        if self.foreign.is_none() && (!is_property || !self.has_items) && !self.buffer.trim().is_empty() {
            self.push();
        }
        self.buffer.clear();
        if is_property {
            self.property = None;
        }
        self.leave();
    }

    fn leave(&mut self) {
        if self.foreign.is_some_and(|at| at >= self.depth) {
            self.foreign = None;
        }
        if self.rdf.is_some_and(|at| at >= self.depth) {
            self.rdf = None;
        }
        self.depth = self.depth.saturating_sub(1);
    }

    fn push(&mut self) {
        if let (Some((name, at)), Some(rdf)) = (&self.property, self.rdf) {
            let text = self.buffer.trim().to_owned();
            let is_top = *at == rdf + 2;
            self.values.push(Value { name: name.clone(), language: self.language.take(), text, is_top });
        }
    }

    /// Notes the prefixes of known namespaces that an element declares.
    fn declare(&mut self, tag: &BytesStart<'_>) {
        let mut attributes = tag.attributes();
        for attribute in attributes.with_checks(false).flatten() {
            let Some(prefix) = attribute.key.as_ref().strip_prefix("xmlns:") else { continue };
            let usual = NAMESPACES.iter().find(|(uri, _)| *uri == attribute.value);
            if let Some((_, usual)) = usual
                && prefix.len() <= MAX_PREFIX
                && self.prefixes.len() < MAX_PREFIXES
            {
                self.prefixes.insert(prefix.to_owned(), usual);
            }
        }
    }

    /// Returns a name with the usual prefix of its namespace.
    fn name<'n>(&self, name: &'n str) -> Cow<'n, str> {
        match name.split_once(':').and_then(|(prefix, local)| Some((self.prefixes.get(prefix)?, prefix, local))) {
            Some((usual, prefix, local)) if *usual != prefix => Cow::Owned(format!("{usual}:{local}")),
            _ => Cow::Borrowed(name),
        }
    }
}

/// Returns the language that an element states.
fn language(tag: &BytesStart<'_>) -> Option<String> {
    let mut attributes = tag.attributes();
    let language = attributes.with_checks(false).flatten().find(|attribute| attribute.key.as_ref() == "xml:lang")?;
    Some(language.value.into_owned())
}
