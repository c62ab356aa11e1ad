//! The pictures of a file: its items, or the first picture of a sequence.

use std::borrow::Cow;

use crate::container::isobmff::{BoxType, ItemId, Items, Property, Sample, first_sample};
use crate::decode::refusal::Refusal;

/// The pictures of a file.
pub enum Source<'a> {
    Items(Items<'a>),
    Sequence(Sample<'a>),
}

impl<'a> Source<'a> {
    /// Reads the items of a file, or its first track if it has none.
    ///
    /// # Errors
    /// [`Refusal::Corrupt`] for a file with neither.
    pub fn read(bytes: &'a [u8]) -> Result<Self, Refusal> {
        Items::read(bytes)
            .map(Self::Items)
            .or_else(|| first_sample(bytes).map(Self::Sequence))
            .ok_or_else(|| Refusal::corrupt("neither items nor a track can be read"))
    }

    /// Returns the picture that is shown.
    pub fn primary(&self) -> ItemId {
        match self {
            Self::Items(items) => items.primary,
            Self::Sequence(_) => 0,
        }
    }

    /// Returns the type of a picture: `hvc1`, `av01`, or that of a derived picture.
    ///
    /// # Errors
    /// [`Refusal::Corrupt`] for a picture that does not exist.
    pub fn kind(&self, id: ItemId) -> Result<BoxType, Refusal> {
        match self {
            Self::Items(items) => items.item(id).map(|item| item.kind).ok_or_else(|| missing(id)),
            Self::Sequence(sample) => Ok(sample.kind),
        }
    }

    /// Returns the properties of a picture in the order in which they apply.
    pub fn properties(&self, id: ItemId) -> Vec<Property<'a>> {
        match self {
            Self::Items(items) => items.properties(id).collect(),
            Self::Sequence(sample) => sample.properties.clone(),
        }
    }

    /// Returns the size of a picture before its transformations.
    ///
    /// # Errors
    /// [`Refusal::Corrupt`] for a picture that states no size.
    pub fn size(&self, id: ItemId) -> Result<(u32, u32), Refusal> {
        let size = |property: Property<'_>| match property {
            Property::Size(width, height) => Some((width, height)),
            _ => None,
        };
        self.properties(id).into_iter().find_map(size).ok_or_else(|| Refusal::corrupt("a picture without a size"))
    }

    /// Returns the coded picture, or the description of a derived one.
    ///
    /// # Errors
    /// [`Refusal::Corrupt`] for data that lies behind the end of the file.
    pub fn data(&self, id: ItemId) -> Result<Cow<'a, [u8]>, Refusal> {
        match self {
            Self::Items(items) => items.data(id).ok_or_else(|| missing(id)),
            Self::Sequence(sample) => Ok(Cow::Borrowed(sample.data)),
        }
    }

    /// Returns the pictures of which a derived picture is made.
    pub fn parts(&self, id: ItemId) -> &[ItemId] {
        match self {
            Self::Items(items) => items.referred_by(id, *b"dimg"),
            Self::Sequence(_) => &[],
        }
    }

    /// Returns the alpha of a picture. The parts of a grid have it where the grid has none.
    pub fn alpha(&self, id: ItemId) -> Option<Alpha> {
        let Self::Items(items) = self else { return None };
        if let Some(plane) = alpha_plane(items, id) {
            return Some(Alpha { planes: AlphaPlanes::Own(plane), is_multiplied: is_multiplied(items, id, plane) });
        }
        let parts = self.parts(id);
        let planes = parts.iter().map(|&part| alpha_plane(items, part)).collect::<Option<Vec<_>>>()?;
        let (&part, &plane) = (parts.first()?, planes.first()?);
        Some(Alpha { is_multiplied: is_multiplied(items, part, plane), planes: AlphaPlanes::OfParts(planes) })
    }
}

/// The alpha of a picture.
pub struct Alpha {
    pub planes: AlphaPlanes,
    /// Whether the colours are multiplied by alpha.
    pub is_multiplied: bool,
}

/// The pictures that hold alpha.
pub enum AlphaPlanes {
    /// One for the whole picture.
    Own(ItemId),
    /// One for each part, in their order.
    OfParts(Vec<ItemId>),
}

/// Returns the picture that holds the alpha of a picture.
fn alpha_plane(items: &Items<'_>, id: ItemId) -> Option<ItemId> {
    const ALPHA: [&[u8]; 2] = [b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha", b"urn:mpeg:hevc:2015:auxid:1"];
    let is_alpha = |&other: &ItemId| {
        items.properties(other).any(|property| matches!(property, Property::Auxiliary(urn) if ALPHA.contains(&urn)))
    };
    items.referring_to(id, *b"auxl").find(is_alpha)
}

/// Tells whether the colours of a picture are multiplied by this plane.
fn is_multiplied(items: &Items<'_>, id: ItemId, plane: ItemId) -> bool {
    items.referred_by(id, *b"prem").contains(&plane)
}

fn missing(id: ItemId) -> Refusal {
    Refusal::corrupt(format!("item {id} is missing or cut off"))
}
