//! The times at which keys end.

use time::{Duration, OffsetDateTime};

/// Reads how long a key lasts, `90d` for 90 days or `12h` for 12 hours, and returns the time at which it ends.
///
/// # Errors
/// A sentence that says what is allowed.
pub fn expiry(text: &str, now: OffsetDateTime) -> Result<OffsetDateTime, String> {
    let wrong = || format!("`{text}` is no time. Write hours or days, such as 12h or 90d");
    let (count, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or_else(wrong)?;
    let seconds = match unit {
        "h" => 3_600,
        "d" => 86_400,
        _ => return Err(wrong()),
    };
    let count: i64 = count.parse::<u32>().ok().filter(|count| *count > 0).ok_or_else(wrong)?.into();
    now.replace_nanosecond(0)
        .ok()
        .and_then(|now| now.checked_add(Duration::seconds(count * seconds)))
        .ok_or_else(|| format!("`{text}` lies too far away"))
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn hours_and_days_are_read_and_nothing_else() {
        let now = datetime!(2026-11-28 10:00:00.5 UTC);
        assert_eq!(expiry("90d", now), Ok(datetime!(2027-02-26 10:00 UTC)));
        assert_eq!(expiry("12h", now), Ok(datetime!(2026-11-28 22:00 UTC)));
        for wrong in ["", "d", "0d", "-1d", "90", "90 d", "90m", "1.5d", "日", "99999999999d", "4000000000d"] {
            assert!(expiry(wrong, now).is_err(), "{wrong}");
        }
    }
}
