//! The items of a HEIF file: pictures, parts of pictures, and metadata.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::boxes::{BoxType, boxes, find};
use super::locations::{Location, locations};
use super::properties::{Property, properties};
use super::reader::Reader;

/// The number of an item.
pub type ItemId = u32;

/// An item.
#[derive(Debug, Default)]
pub struct Item {
    /// The type, for example `hvc1`, `av01`, `grid`, `Exif` or `mime`.
    pub kind: BoxType,
    /// The media type of an item of the type `mime`.
    pub media_type: Vec<u8>,
    /// The encoding of an item of the type `mime`; empty for none.
    pub encoding: Vec<u8>,
    location: Location,
    /// The numbers of its properties, in the order in which they apply.
    properties: Vec<u16>,
}

/// The most items, and the most references, of a file that is read. Phones write some hundred; the bound keeps the
/// searches through them short.
const MOST: usize = 4096;

/// The most properties of an item that are read.
const MOST_PROPERTIES: usize = 64;

/// A reference between items.
#[derive(Debug)]
struct Reference {
    kind: BoxType,
    from: ItemId,
    to: Vec<ItemId>,
}

/// The items of a file. Every method takes time and memory in proportion to the boxes that it reads.
#[derive(Debug)]
pub struct Items<'a> {
    file: &'a [u8],
    item_data: &'a [u8],
    /// The picture that is shown.
    pub primary: ItemId,
    items: BTreeMap<ItemId, Item>,
    properties: Vec<Property<'a>>,
    references: Vec<Reference>,
}

impl<'a> Items<'a> {
    /// Reads the items of a file; `None` for a file without a primary item, with boxes that are cut off, or with more
    /// than [`MOST`] items or references.
    pub fn read(file: &'a [u8]) -> Option<Self> {
        let meta = find(file, *b"meta")?.get(4..)?;
        let mut found = Self {
            file,
            item_data: find(meta, *b"idat").unwrap_or_default(),
            primary: primary(find(meta, *b"pitm")?)?,
            items: item_infos(find(meta, *b"iinf")?)?,
            properties: Vec::new(),
            references: find(meta, *b"iref").map_or(Some(Vec::new()), references)?,
        };
        for (id, location) in locations(find(meta, *b"iloc")?)? {
            if let Some(item) = found.items.get_mut(&id) {
                item.location = location;
            }
        }
        for (kind, content) in boxes(find(meta, *b"iprp").unwrap_or_default()) {
            match &kind {
                b"ipco" => found.properties = properties(content),
                b"ipma" => associate(content, &mut found.items)?,
                _ => {}
            }
        }
        let bounded = found.items.len() <= MOST && found.references.len() <= MOST;
        (bounded && found.items.contains_key(&found.primary)).then_some(found)
    }

    /// Returns an item.
    pub fn item(&self, id: ItemId) -> Option<&Item> {
        self.items.get(&id)
    }

    /// Returns the properties of an item, in the order in which they apply.
    pub fn properties(&self, id: ItemId) -> impl Iterator<Item = Property<'a>> {
        let numbers = self.items.get(&id).map_or(&[][..], |item| &item.properties);
        numbers.iter().filter_map(|&n| self.properties.get(usize::from(n).checked_sub(1)?).copied())
    }

    /// Returns the items that an item refers to in a certain way, in order.
    pub fn referred_by(&self, from: ItemId, kind: BoxType) -> &[ItemId] {
        self.references.iter().find(|r| r.from == from && r.kind == kind).map_or(&[], |r| &r.to)
    }

    /// Returns the items that refer to an item in a certain way.
    pub fn referring_to(&self, to: ItemId, kind: BoxType) -> impl Iterator<Item = ItemId> {
        self.references.iter().filter(move |r| r.kind == kind && r.to.contains(&to)).map(|r| r.from)
    }

    /// Returns the items of metadata of a type that belong to the primary picture: those that refer to it, or those
    /// that refer to nothing.
    pub fn describing(&self, kind: BoxType) -> impl Iterator<Item = (ItemId, &Item)> {
        let describes = |id: ItemId| {
            let mut described = self.references.iter().filter(|r| r.kind == *b"cdsc" && r.from == id).peekable();
            described.peek().is_none() || described.any(|r| r.to.contains(&self.primary))
        };
        self.items.iter().map(|(&id, item)| (id, item)).filter(move |&(id, item)| item.kind == kind && describes(id))
    }

    /// Returns the bytes of an item; `None` if a part lies behind the end of the file. Extents may not overlap to more
    /// than the file's own length.
    pub fn data(&self, id: ItemId) -> Option<Cow<'a, [u8]>> {
        let Location { in_item_data, extents } = &self.items.get(&id)?.location;
        let source = if *in_item_data { self.item_data } else { self.file };
        let part = |range: &std::ops::Range<usize>| match range.end {
            usize::MAX => source.get(range.start..),
            end => source.get(range.start..end),
        };
        if let [range] = extents.as_slice() {
            return part(range).map(Cow::Borrowed);
        }
        let mut joined = Vec::new();
        for range in extents {
            let part = part(range)?;
            if joined.len() + part.len() > source.len() {
                return None;
            }
            joined.extend_from_slice(part);
        }
        (!joined.is_empty()).then_some(Cow::Owned(joined))
    }
}

fn primary(content: &[u8]) -> Option<ItemId> {
    let (version, _, mut reader) = Reader::full_box(content)?;
    item_id(&mut reader, version > 0)
}

/// Reads the number of an item, which has 32 bits in later versions of a box.
fn item_id(reader: &mut Reader<'_>, wide: bool) -> Option<ItemId> {
    if wide { reader.u32() } else { reader.u16().map(u32::from) }
}

fn item_infos(content: &[u8]) -> Option<BTreeMap<ItemId, Item>> {
    let (version, _, mut reader) = Reader::full_box(content)?;
    item_id(&mut reader, version > 0)?;
    let entry = |content| {
        let (version, _, mut reader) = Reader::full_box(content)?;
        let id = item_id(&mut reader, version > 2)?;
        reader.u16()?;
        let mut item = Item { kind: reader.array()?, ..Item::default() };
        reader.text();
        if &item.kind == b"mime" {
            item.media_type = reader.text().to_vec();
            item.encoding = reader.text().to_vec();
        }
        Some((id, item))
    };
    Some(
        boxes(reader.rest)
            .filter(|(kind, _)| kind == b"infe")
            .take(MOST + 1)
            .filter_map(|(_, content)| entry(content))
            .collect(),
    )
}

fn references(content: &[u8]) -> Option<Vec<Reference>> {
    let (version, _, reader) = Reader::full_box(content)?;
    let wide = version > 0;
    boxes(reader.rest)
        .take(MOST + 1)
        .map(|(kind, content)| {
            let mut reader = Reader::new(content);
            let from = item_id(&mut reader, wide)?;
            let count = reader.u16()?;
            let to = (0..count).map(|_| item_id(&mut reader, wide)).collect::<Option<_>>()?;
            Some(Reference { kind, from, to })
        })
        .collect()
}

/// Reads which item has which properties.
fn associate(content: &[u8], items: &mut BTreeMap<ItemId, Item>) -> Option<()> {
    let (version, flags, mut reader) = Reader::full_box(content)?;
    let count = reader.u32()?;
    for _ in 0..count {
        let id = item_id(&mut reader, version > 0)?;
        let numbers = reader.u8()?;
        for _ in 0..numbers {
            // The highest bit says that the property is essential; it is not part of the number.
            let number = if flags & 1 == 1 { reader.u16()? & 0x7FFF } else { u16::from(reader.u8()? & 0x7F) };
            if let Some(item) = items.get_mut(&id).filter(|item| item.properties.len() < MOST_PROPERTIES) {
                item.properties.push(number);
            }
        }
    }
    Some(())
}
