//! The days on which a picture was taken, as a query line writes them: `2024`, `2024-05`, `2024-05-01`, `2023..2024-05`,
//! `2024..`, `..2024`.

use std::fmt;

use mitsuke_store::Filter;
use time::{Date, Month};

/// A range of days by the clock of the camera.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Days {
    /// The first day.
    from: Option<Date>,
    /// The day after the last one.
    before: Option<Date>,
}

impl Days {
    /// Reads a year, a month, a day, or a range of them, which includes its end. The ends may be given in any order.
    pub(super) fn read(text: &str) -> Option<Self> {
        let text = text.replace('/', "-");
        let Some((first, last)) = text.split_once("..") else {
            let (from, before) = period(&text)?;
            return Some(Self { from: Some(from), before: Some(before) });
        };
        let end = |text: &str| if text.is_empty() { Some(None) } else { period(text).map(Some) };
        Some(match (end(first)?, end(last)?) {
            (None, None) => return None,
            (Some(first), Some(last)) if first.0 >= last.1 => Self { from: Some(last.0), before: Some(first.1) },
            (first, last) => Self { from: first.map(|first| first.0), before: last.map(|last| last.1) },
        })
    }

    /// Lets a filter pass only images that were taken on these days.
    pub(super) fn narrow(self, filter: &mut Filter) {
        let from = self.from.map(Date::midnight);
        filter.taken_from = filter.taken_from.max(from);
        if let Some(before) = self.before.map(Date::midnight) {
            filter.taken_before = Some(filter.taken_before.map_or(before, |earlier| earlier.min(before)));
        }
    }
}

/// Returns the first day of a year, a month or a day, and the day after its last one.
fn period(text: &str) -> Option<(Date, Date)> {
    let mut numbers = Vec::new();
    for (index, part) in text.split('-').enumerate() {
        let digits = part.bytes().all(|byte| byte.is_ascii_digit());
        let length = if index == 0 { part.len() == 4 } else { (1..=2).contains(&part.len()) };
        numbers.push(part.parse::<u16>().ok().filter(|_| digits && length)?);
    }
    let first = |year: u16, month: Month| Date::from_calendar_date(year.into(), month, 1).ok().filter(|_| year > 0);
    let month = |number: u16| Month::try_from(u8::try_from(number).ok()?).ok();
    match *numbers.as_slice() {
        [year] => Some((first(year, Month::January)?, first(year + 1, Month::January)?)),
        [year, number] => {
            let start = first(year, month(number)?)?;
            let next = month(number)?.next();
            Some((start, first(year + u16::from(next == Month::January), next)?))
        }
        [year, number, day] => {
            let start = first(year, month(number)?)?.replace_day(u8::try_from(day).ok()?).ok()?;
            Some((start, start.next_day()?))
        }
        _ => None,
    }
}

/// Writes the range that is read as these days, as short as it can be.
impl fmt::Display for Days {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let (Some(from), Some(before)) = (self.from, self.before)
            && let Some(text) = spellings(from).into_iter().find(|text| period(text) == Some((from, before)))
        {
            return f.write_str(&text);
        }
        let begin = self.from.and_then(|from| {
            spellings(from).into_iter().find(|text| period(text).is_some_and(|(first, _)| first == from))
        });
        let end = self.before.and_then(|before| {
            let last = before.previous_day()?;
            spellings(last).into_iter().find(|text| period(text).is_some_and(|(_, next)| next == before))
        });
        write!(f, "{}..{}", begin.unwrap_or_default(), end.unwrap_or_default())
    }
}

/// The year, the month and the day of a date.
fn spellings(date: Date) -> [String; 3] {
    let (year, month, day) = date.to_calendar_date();
    let month = u8::from(month);
    [format!("{year:04}"), format!("{year:04}-{month:02}"), format!("{year:04}-{month:02}-{day:02}")]
}
