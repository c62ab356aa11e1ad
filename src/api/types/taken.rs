//! The time at which a picture was taken, as JSON has it: `2024-05-01T12:34:56.78+09:00`, without an offset where it is
//! unknown.

use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use time::{Date, PrimitiveDateTime, UtcOffset};

use mitsuke_store::TakenAt;

const DAY: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day]");
const CLOCK: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute][optional [:[second][optional [.[subsecond]]]]]");
const SECONDS: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:6]");
const OFFSET: &[BorrowedFormatItem<'_>] = format_description!("[offset_hour sign:mandatory]:[offset_minute]");

/// Reads a day, which stands for its beginning, or a time with or without an offset; `None` for any other text.
pub fn read(text: &str) -> Option<TakenAt> {
    let text = text.trim();
    if let Ok(day) = Date::parse(text, DAY) {
        return known_year(TakenAt { local: day.midnight(), offset: None });
    }
    let time = text.find('T')?;
    let (local, offset) = text.split_at(text[time..].find(['Z', '+', '-']).map_or(text.len(), |end| time + end));
    let offset = match offset {
        "" => None,
        "Z" => Some(UtcOffset::UTC),
        offset => Some(UtcOffset::parse(offset, OFFSET).ok()?),
    };
    known_year(TakenAt { local: PrimitiveDateTime::parse(local, CLOCK).ok()?, offset })
}

/// Leaves out the years that not every store has.
fn known_year(taken: TakenAt) -> Option<TakenAt> {
    (1..=9999).contains(&taken.local.year()).then_some(taken)
}

/// Writes a time to the microsecond, without trailing zeros.
pub fn write(taken: TakenAt) -> String {
    let local = taken.local.format(SECONDS).unwrap_or_default();
    let local = local.trim_end_matches('0').trim_end_matches('.');
    let offset = taken.offset.and_then(|offset| offset.format(OFFSET).ok());
    format!("{local}{}", offset.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_written_as_it_is_read() {
        for (text, written) in [
            ("2024-05-01T12:34:56.78+09:00", "2024-05-01T12:34:56.78+09:00"),
            ("2024-05-01T12:34:56.780000", "2024-05-01T12:34:56.78"),
            ("2024-05-01T12:34", "2024-05-01T12:34:00"),
            (" 2024-05-01 ", "2024-05-01T00:00:00"),
            ("2024-05-01T10:00:00Z", "2024-05-01T10:00:00+00:00"),
            ("2024-05-01T10:00:00-03:30", "2024-05-01T10:00:00-03:30"),
        ] {
            assert_eq!(read(text).map(write).as_deref(), Some(written), "{text}");
        }
        for text in ["", "2024", "2024-05", "2024-13-01", "2024-05-01 12:00", "2024-05-01T12:00+9", "0000-01-01", "T"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
