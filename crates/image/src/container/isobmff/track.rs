//! The first picture of a sequence, for files that hold a sequence and no still picture.

use super::boxes::{BoxType, boxes, find};
use super::properties::{Property, properties};
use super::reader::Reader;

/// The first picture of a track.
#[derive(Debug)]
pub struct Sample<'a> {
    /// The coding, as items name it: `hvc1` or `av01`.
    pub kind: BoxType,
    /// The properties that stand in the description of the samples, and the size.
    pub properties: Vec<Property<'a>>,
    /// The coded picture.
    pub data: &'a [u8],
}

/// Returns the first picture of the first track of pictures.
pub fn first_sample(file: &[u8]) -> Option<Sample<'_>> {
    let tracks = boxes(find(file, *b"moov")?).filter(|(kind, _)| kind == b"trak");
    tracks.map(|(_, track)| track).find_map(|track| sample(file, track))
}

fn sample<'a>(file: &'a [u8], track: &'a [u8]) -> Option<Sample<'a>> {
    let media = find(track, *b"mdia")?;
    // Tracks of alpha planes have the handler `auxv`.
    if !matches!(find(media, *b"hdlr")?.get(8..12)?, b"pict" | b"vide") {
        return None;
    }
    let table = find(find(media, *b"minf")?, *b"stbl")?;

    // The description of samples: a head, then for each kind of sample a box with 78 bytes of fields, then boxes.
    let (_, _, mut descriptions) = Reader::full_box(find(table, *b"stsd")?)?;
    descriptions.u32()?;
    let (kind, entry) = boxes(descriptions.rest).next()?;
    let kind = match &kind {
        b"hvc1" | b"hev1" => *b"hvc1",
        b"av01" => kind,
        _ => return None,
    };
    let mut fields = Reader::new(entry.get(24..)?);
    let size = Property::Size(fields.u16()?.into(), fields.u16()?.into());
    let mut properties = properties(entry.get(78..)?);
    properties.push(size);

    let (_, _, mut sizes) = Reader::full_box(find(table, *b"stsz")?)?;
    let length = match (sizes.u32()?, sizes.u32()?) {
        (0, 1..) => sizes.u32()?,
        (size, _) => size,
    };
    let start = match (find(table, *b"stco"), find(table, *b"co64")) {
        (Some(offsets), _) => u64::from(Reader::new(offsets.get(8..)?).u32()?),
        (None, Some(offsets)) => Reader::new(offsets.get(8..)?).uint(8)?,
        (None, None) => return None,
    };
    let data = file.get(usize::try_from(start).ok()?..)?.get(..usize::try_from(length).ok()?)?;
    Some(Sample { kind, properties, data })
}
