//! Cursors: places in lists, which callers pass on as they are.
//!
//! A cursor is text in base64url: the version of the format and the parts of the place, with `|` between them.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use time::OffsetDateTime;

use crate::error::ApiError;
use mitsuke_store::{ImageId, Sort, SortCursor, SortKey, SortValue};

/// The version of the format.
const VERSION: &str = "1";

/// Returns the cursor of the hits of a search after the first `offset` hits.
pub fn of_search(offset: usize) -> String {
    encode(&[&offset.to_string()])
}

/// Returns the number of hits before a cursor of a search.
///
/// # Errors
/// When the text is no such cursor.
pub fn search_offset(cursor: &str) -> Result<usize, ApiError> {
    let parts = decode(cursor).ok_or_else(ApiError::unknown_cursor)?;
    match parts.as_slice() {
        [offset] => offset.parse().map_err(|_| ApiError::unknown_cursor()),
        _ => Err(ApiError::unknown_cursor()),
    }
}

/// Returns the cursor of a place in a list.
pub fn of_list(sort: Sort, at: &SortCursor) -> String {
    let (key, seed) = match sort.key {
        SortKey::Uploaded => ("uploaded", 0),
        SortKey::Taken => ("taken", 0),
        SortKey::Name => ("name", 0),
        SortKey::Bytes => ("bytes", 0),
        SortKey::Random { seed } => ("random", seed),
    };
    let value = match &at.value {
        SortValue::Micros(number) => number.to_string(),
        SortValue::NoDate => "none".to_owned(),
        SortValue::Bytes(number) | SortValue::Random(number) => number.to_string(),
        SortValue::Name(key) => BASE64_URL_SAFE_NO_PAD.encode(key),
    };
    let order = if sort.descending { "desc" } else { "asc" };
    encode(&[key, order, &seed.to_string(), &value, &at.image_id.to_string()])
}

/// Reads a cursor of a list: its order and the place. The cursors of version 0.1, which had one order, are read as well.
///
/// # Errors
/// When the text is no such cursor.
pub fn list(cursor: &str) -> Result<(Sort, SortCursor), ApiError> {
    decode(cursor)
        .and_then(|parts| place(&parts.iter().map(String::as_str).collect::<Vec<_>>()))
        .or_else(|| of_version_0_1(cursor))
        .ok_or_else(ApiError::unknown_cursor)
}

fn place(parts: &[&str]) -> Option<(Sort, SortCursor)> {
    let [key, order, seed, value, image_id] = parts else { return None };
    let (key, value) = match *key {
        "uploaded" => (SortKey::Uploaded, SortValue::Micros(value.parse().ok()?)),
        "taken" if *value == "none" => (SortKey::Taken, SortValue::NoDate),
        "taken" => (SortKey::Taken, SortValue::Micros(value.parse().ok()?)),
        "name" => (SortKey::Name, SortValue::Name(BASE64_URL_SAFE_NO_PAD.decode(value).ok()?)),
        "bytes" => (SortKey::Bytes, SortValue::Bytes(value.parse().ok()?)),
        "random" => (SortKey::Random { seed: seed.parse().ok()? }, SortValue::Random(value.parse().ok()?)),
        _ => return None,
    };
    let descending = match *order {
        "desc" => true,
        "asc" => false,
        _ => return None,
    };
    let at = SortCursor { value, image_id: image_id.parse().ok()? };
    is_in_range(&at).then_some((Sort { key, descending }, at))
}

/// Reads `microseconds-id`.
fn of_version_0_1(cursor: &str) -> Option<(Sort, SortCursor)> {
    let (micros, image_id) = cursor.rsplit_once('-')?;
    let at = SortCursor { value: SortValue::Micros(micros.parse().ok()?), image_id: image_id.parse::<ImageId>().ok()? };
    is_in_range(&at).then_some((Sort::NEWEST, at))
}

/// Tells whether the value of a place can be one of a store.
fn is_in_range(at: &SortCursor) -> bool {
    match at.value {
        SortValue::Micros(micros) => {
            let date = OffsetDateTime::from_unix_timestamp_nanos(i128::from(micros) * 1_000);
            date.is_ok_and(|date| (1..=9999).contains(&date.year()))
        }
        SortValue::Bytes(number) | SortValue::Random(number) => i64::try_from(number).is_ok(),
        SortValue::NoDate | SortValue::Name(_) => true,
    }
}

fn encode(parts: &[&str]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(format!("{VERSION}|{}", parts.join("|")))
}

fn decode(cursor: &str) -> Option<Vec<String>> {
    let text = String::from_utf8(BASE64_URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
    let parts = text.strip_prefix(VERSION)?.strip_prefix('|')?;
    Some(parts.split('|').map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_of_every_order_is_read_as_it_was_written() {
        for (key, value) in [
            (SortKey::Uploaded, SortValue::Micros(1_767_323_045_678_901)),
            (SortKey::Taken, SortValue::Micros(-5)),
            (SortKey::Taken, SortValue::NoDate),
            (SortKey::Name, SortValue::Name(b"a\x011|\xff".to_vec())),
            (SortKey::Name, SortValue::Name(Vec::new())),
            (SortKey::Bytes, SortValue::Bytes(7)),
            (SortKey::Random { seed: u64::MAX }, SortValue::Random(9)),
        ] {
            for descending in [true, false] {
                let (sort, at) = (Sort { key, descending }, SortCursor { value: value.clone(), image_id: 3 });
                assert_eq!(list(&of_list(sort, &at)), Ok((sort, at)));
            }
        }
        assert_eq!(search_offset(&of_search(48)), Ok(48));
    }

    #[test]
    fn cursors_of_version_0_1_are_those_of_newest_images() {
        let at = SortCursor { value: SortValue::Micros(1_767_323_045_678_901), image_id: 1 };
        assert_eq!(list("1767323045678901-1"), Ok((Sort::NEWEST, at)));
    }

    #[test]
    fn other_texts_are_no_cursors() {
        let wrong_key = encode(&["colour", "asc", "0", "1", "1"]);
        let far = encode(&["uploaded", "asc", "0", &i64::MAX.to_string(), "1"]);
        for text in ["", "zzz", "1-", "-1", "a-1", "9223372036854775807-1", &of_search(1), &wrong_key, &far] {
            assert!(list(text).is_err(), "{text}");
        }
        for text in ["", "16", &of_list(Sort::NEWEST, &SortCursor { value: SortValue::Micros(1), image_id: 1 })] {
            assert!(search_offset(text).is_err(), "{text}");
        }
    }
}
