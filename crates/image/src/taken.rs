//! The time at which a picture was taken, and the camera that took it.

use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use time::{Date, PrimitiveDateTime, Time, UtcOffset};

use crate::text_chunks::{TextChunk, TextSource};

/// The time at which a picture was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Taken {
    /// The time by the clock of the camera. A file that states the day alone gives midnight.
    pub local: PrimitiveDateTime,
    /// The offset of that clock from UTC, if the file states it.
    pub offset: Option<UtcOffset>,
}

const DATE: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day]");
const TIME: &[BorrowedFormatItem<'_>] =
    format_description!("[hour]:[minute][optional [:[second][optional [.[subsecond]]]]]");
const OFFSET: &[BorrowedFormatItem<'_>] = format_description!("[offset_hour sign:mandatory]:[offset_minute]");

/// Returns the time in the first chunk that states a valid one. EXIF comes before XMP.
pub fn taken(chunks: &[TextChunk]) -> Option<Taken> {
    chunks.iter().filter(|chunk| chunk.source == TextSource::TakenAt).find_map(|chunk| parse(&chunk.text))
}

/// Reads `2024-05-01T12:34:56.78+09:00`. An offset that is malformed counts as missing.
fn parse(text: &str) -> Option<Taken> {
    let text = text.trim();
    let (date, rest) = text.split_once('T').unwrap_or((text, "00:00"));
    let date = Date::parse(date, DATE).ok()?;
    let end = rest.find(['Z', '+', '-']).unwrap_or(rest.len());
    let (time, offset) = rest.split_at(end);
    let offset = if offset == "Z" { Some(UtcOffset::UTC) } else { UtcOffset::parse(offset, OFFSET).ok() };
    let local = PrimitiveDateTime::new(date, Time::parse(time.trim_end(), TIME).ok()?);
    // Cameras whose clock was never set state the year 0.
    (date.year() > 1).then_some(Taken { local, offset })
}

/// The words at the end of a maker's name that say what kind of company it is.
const COMPANY: &[&str] = &[
    "corporation",
    "corp.",
    "corp",
    "co.,ltd.",
    "co.,",
    "co.",
    "ltd.",
    "ltd",
    "inc.",
    "inc",
    "company",
    "imaging",
    "optical",
    "electronics",
    "technologies",
    "camera",
];

/// The largest number of characters of a camera's name.
const MAX_CAMERA: usize = 100;

/// Returns the name of the camera: maker and model, without what the model repeats of the maker's name.
pub fn camera(chunks: &[TextChunk]) -> Option<String> {
    let field = |source| {
        let text = chunks.iter().find(|chunk| chunk.source == source)?.text.trim();
        // Image generators write JSON into these fields.
        let is_name = !text.is_empty() && !text.contains(['{', '\n']) && text.chars().count() <= MAX_CAMERA;
        is_name.then_some(text)
    };
    let model = field(TextSource::CameraModel)?;
    let Some(maker) = field(TextSource::Make) else { return Some(model.to_owned()) };
    let mut words: Vec<_> = maker.split_whitespace().collect();
    while words.len() > 1 && words.last().is_some_and(|word| COMPANY.contains(&word.to_lowercase().as_str())) {
        words.pop();
    }
    let repeats = words.first().is_some_and(|first| {
        model.split([' ', '-', '_']).next().is_some_and(|start| start.eq_ignore_ascii_case(first))
    });
    Some(if repeats { model.to_owned() } else { format!("{} {model}", words.join(" ")) })
}

#[cfg(test)]
mod tests {
    use time::macros::{datetime, offset};

    use super::*;

    #[test]
    fn a_time_may_lack_its_offset_its_seconds_or_its_time_of_day() {
        let time = |text| parse(text).map(|taken| (taken.local, taken.offset));
        assert_eq!(time("2024-05-01T12:34:56.78+09:00"), Some((datetime!(2024-05-01 12:34:56.78), Some(offset!(+9)))));
        assert_eq!(time("2024-05-01T12:34:56-03:30"), Some((datetime!(2024-05-01 12:34:56), Some(offset!(-3:30)))));
        assert_eq!(time("2024-05-01T12:34Z"), Some((datetime!(2024-05-01 12:34), Some(offset!(UTC)))));
        assert_eq!(time("2024-05-01T12:34:56"), Some((datetime!(2024-05-01 12:34:56), None)));
        assert_eq!(time("2024-05-01T12:34:56   "), Some((datetime!(2024-05-01 12:34:56), None)));
        assert_eq!(time("2024-05-01"), Some((datetime!(2024-05-01 0:00), None)));
        for text in
            ["", "2024", "2024-13-01T00:00:00", "0000-00-00T00:00:00", "    -  -  T  :  :  ", "2024-05-01T25:00"]
        {
            assert_eq!(time(text), None, "{text}");
        }
    }

    #[test]
    fn a_camera_is_named_once() {
        let name = |make: &str, model: &str| {
            let chunks = [
                TextChunk::new("Make", make, TextSource::Make),
                TextChunk::new("Model", model, TextSource::CameraModel),
            ];
            camera(&chunks)
        };
        for (make, model, expected) in [
            ("Canon", "Canon EOS R5", "Canon EOS R5"),
            ("NIKON CORPORATION", "NIKON D750", "NIKON D750"),
            ("SONY", "ILCE-7M3", "SONY ILCE-7M3"),
            ("OLYMPUS IMAGING CORP.  ", "E-M5", "OLYMPUS E-M5"),
            ("Apple", "iPhone 15 Pro", "Apple iPhone 15 Pro"),
            ("", "X100V", "X100V"),
        ] {
            assert_eq!(name(make, model).as_deref(), Some(expected));
        }
        assert_eq!(name("workflow:{}", "prompt:{}"), None);
        assert_eq!(name("Canon", " "), None);
    }
}
