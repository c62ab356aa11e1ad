//! Points in time and intervals, both as microseconds; points count from 1970-01-01T00:00:00.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::errors::{OraError, Result};

/// Microseconds of a day.
pub const DAY: i64 = 86_400_000_000;

/// A point in time in calendar fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Fields {
    pub year: i16,
    pub month: u8,
    pub day: u8,
    pub hour: u8,
    pub minute: u8,
    pub second: u8,
    pub nanosecond: u32,
    /// Minutes east of UTC that the other fields are shown at.
    pub offset_minutes: i16,
}

/// Days since 1970-01-01 of a date in the Gregorian calendar (Howard Hinnant, "chrono-Compatible Low-Level Date
/// Algorithms", days_from_civil).
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year - era * 400;
    let of_year = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + day - 1;
    let day_of_era = of_era * 365 + of_era / 4 - of_era / 100 + of_year;
    era * 146_097 + day_of_era - 719_468
}

/// The inverse, civil_from_days.
fn civil_from_days(days: i64) -> (i64, u8, u8) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days - era * 146_097;
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_index = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_index + 2) / 5 + 1;
    let month = if month_index < 10 { month_index + 3 } else { month_index - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, u8::try_from(month).unwrap_or(1), u8::try_from(day).unwrap_or(1))
}

impl Fields {
    /// Checks the fields as OCIDateTimeConstruct does.
    ///
    /// # Errors
    /// ORA-01841, ORA-01843, ORA-01847, ORA-01839, ORA-01850.
    pub fn check(&self) -> Result<()> {
        if !(-4712..=9999).contains(&self.year) || self.year == 0 {
            return Err(OraError::new(1841, "(full) year must be between -4713 and +9999, and not be 0"));
        }
        if !(1..=12).contains(&self.month) {
            return Err(OraError::new(1843, "not a valid month"));
        }
        if !(1..=31).contains(&self.day) {
            return Err(OraError::new(1847, "day of month must be between 1 and last day of month"));
        }
        let (_, month, day) = civil_from_days(days_from_civil(self.year.into(), self.month.into(), self.day.into()));
        if (month, day) != (self.month, self.day) {
            return Err(OraError::new(1839, "date not valid for month specified"));
        }
        if self.hour > 23 || self.minute > 59 || self.second > 59 {
            return Err(OraError::new(1850, "hour must be between 0 and 23"));
        }
        Ok(())
    }

    /// The fields as they stand, the offset left out.
    pub fn local_micros(&self) -> i64 {
        let days = days_from_civil(self.year.into(), self.month.into(), self.day.into());
        let seconds = i64::from(self.hour) * 3600 + i64::from(self.minute) * 60 + i64::from(self.second);
        days * DAY + seconds * 1_000_000 + i64::from(self.nanosecond / 1000)
    }

    /// The instant that the fields mean.
    pub fn utc_micros(&self) -> i64 {
        self.local_micros() - i64::from(self.offset_minutes) * 60_000_000
    }

    /// Fields at offset zero.
    pub fn from_micros(micros: i64) -> Self {
        let (year, month, day) = civil_from_days(micros.div_euclid(DAY));
        let rest = micros.rem_euclid(DAY);
        let seconds = rest / 1_000_000;
        let small = |value: i64| u8::try_from(value).unwrap_or(0);
        Self {
            year: i16::try_from(year).unwrap_or(9999),
            month,
            day,
            hour: small(seconds / 3600),
            minute: small(seconds / 60 % 60),
            second: small(seconds % 60),
            nanosecond: u32::try_from(rest % 1_000_000 * 1000).unwrap_or(0),
            offset_minutes: 0,
        }
    }
}

/// Now, in UTC.
pub fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

/// `2024-05-01[ 10:11:12[.123456]][ +09:00]` as microseconds, and whether a zone was named.
///
/// # Errors
/// ORA-01861 and those of [`Fields::check`].
pub fn parse_literal(text: &str) -> Result<(i64, bool)> {
    let bad = || OraError::new(1861, "literal does not match format string");
    let number = |part: &str| part.parse::<u32>().map_err(|_| bad());
    let text = text.trim();
    let (date, rest) = text.split_once(' ').unwrap_or((text, ""));
    let mut ymd = date.splitn(3, '-');
    let mut fields = Fields { offset_minutes: 0, ..Fields::default() };
    let mut next = || ymd.next().ok_or_else(bad).and_then(number);
    fields.year = i16::try_from(next()?).map_err(|_| bad())?;
    fields.month = u8::try_from(next()?).map_err(|_| bad())?;
    fields.day = u8::try_from(next()?).map_err(|_| bad())?;
    let mut zone = false;
    if !rest.is_empty() {
        let (clock, offset) = match rest.find(['+', '-']) {
            Some(at) => (rest[..at].trim(), &rest[at..]),
            None => (rest.trim().trim_end_matches("UTC").trim(), if rest.ends_with("UTC") { "+00:00" } else { "" }),
        };
        let (clock, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
        let mut hms = clock.splitn(3, ':');
        let mut next = || hms.next().ok_or_else(bad).and_then(number);
        fields.hour = u8::try_from(next()?).map_err(|_| bad())?;
        fields.minute = u8::try_from(next()?).map_err(|_| bad())?;
        fields.second = u8::try_from(next()?).map_err(|_| bad())?;
        fields.nanosecond = number(&format!("{fraction:0<9}")[..9])?;
        if !offset.is_empty() {
            zone = true;
            fields.offset_minutes = parse_offset(offset).ok_or_else(bad)?;
        }
    }
    fields.check()?;
    Ok((fields.utc_micros(), zone))
}

/// `+09:00` in minutes.
pub fn parse_offset(text: &str) -> Option<i16> {
    let (sign, rest) = match text.as_bytes().first()? {
        b'-' => (-1, &text[1..]),
        b'+' => (1, &text[1..]),
        _ => (1, text),
    };
    let (hours, minutes) = rest.split_once(':')?;
    let total: i16 = hours.trim().parse::<i16>().ok()? * 60 + minutes.trim().parse::<i16>().ok()?;
    (total <= 15 * 60).then_some(sign * total)
}

/// `INTERVAL 'n' UNIT` and NUMTODSINTERVAL(n, 'UNIT') in microseconds.
pub fn interval_of(count: Option<f64>, unit: &str) -> Option<i64> {
    let seconds = match unit {
        "DAY" => 86_400.0,
        "HOUR" => 3600.0,
        "MINUTE" => 60.0,
        "SECOND" => 1.0,
        _ => return None,
    };
    #[expect(clippy::cast_possible_truncation, reason = "an interval beyond 290,000 years is cut")]
    Some((count? * seconds * 1e6).round() as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_and_microseconds_are_the_same_instant() {
        let (micros, zone) = parse_literal("2024-02-29 23:59:58.123456 +09:00").unwrap();
        assert!(zone);
        assert_eq!(micros, 1_709_218_798_123_456);
        let fields = Fields::from_micros(micros);
        assert_eq!((fields.year, fields.month, fields.day, fields.hour), (2024, 2, 29, 14));
        assert_eq!(fields.utc_micros(), micros);
        for days in [-800_000_i64, -1, 0, 1, 59, 60, 11_016, 1_000_000] {
            assert_eq!(Fields::from_micros(days * DAY).utc_micros(), days * DAY);
        }
    }

    #[test]
    fn dates_that_are_none_are_refused() {
        assert_eq!(parse_literal("2023-02-29").unwrap_err().code, 1839);
        assert_eq!(parse_literal("2023-13-01").unwrap_err().code, 1843);
        assert_eq!(parse_literal("yesterday").unwrap_err().code, 1861);
    }
}
