//! The time at which a picture was taken, as EXIF and XMP state it.

use crate::exif::{Exif, tag};

/// Reads the time in EXIF as `2024-05-01T12:34:56.78+09:00`; fraction and offset are left out where the camera does not
/// state them. `None` when the time is blank, as in cameras whose clock was never set, or malformed.
pub fn in_exif(exif: &Exif<'_>) -> Option<String> {
    let field = |tag| Some(std::str::from_utf8(exif.exif_directory(tag)?).ok()?.trim_matches(['\0', ' ']).to_owned());
    let time = field(tag::DATE_TIME_ORIGINAL)?;
    let time = time.trim();
    let (date, clock) =
        time.split_once([' ', 'T']).filter(|(date, _)| date.starts_with(|c: char| c.is_ascii_digit()))?;
    let mut found = format!("{}T{}", date.replace([':', '/', '.'], "-"), clock.trim());
    if let Some(fraction) = field(tag::SUB_SEC_TIME_ORIGINAL).filter(|f| is_digits(f) && f.len() <= 9) {
        found.push('.');
        found.push_str(&fraction);
    }
    if let Some(offset) = field(tag::OFFSET_TIME_ORIGINAL) {
        found.push_str(&offset);
    }
    Some(found)
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}
