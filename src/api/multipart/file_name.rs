//! The name of an uploaded file.

use crate::api::checks;
use crate::error::ApiError;

/// Characters of a file name that are kept. The name is shown and never used as a path.
pub const MAX_FILE_NAME_CHARS: usize = 255;

/// Cleans the name that a caller gives a file: without folders, control characters, and characters that are invisible or
/// turn the direction of the text.
pub fn clean(name: &str) -> String {
    printable(&undo_form_escapes(name)).unwrap_or_else(|| "unnamed".to_owned())
}

/// Cleans the name that a caller gives an image in a JSON body, where nothing is escaped.
///
/// # Errors
/// [`ErrorCode::TextTooLong`](crate::error::ErrorCode::TextTooLong), or
/// [`ErrorCode::InvalidRequest`](crate::error::ErrorCode::InvalidRequest) for a name of which nothing is left.
pub fn given(name: &str) -> Result<String, ApiError> {
    checks::text("file_name", Some(name), MAX_FILE_NAME_CHARS)?;
    printable(name).ok_or_else(|| {
        ApiError::invalid("file_name", "`file_name` must be the name of a file, without folders, such as `cat.jpg`.")
    })
}

/// Returns the last part of a path without the characters that a name may not have; `None` when nothing is left.
fn printable(name: &str) -> Option<String> {
    let base = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let printable: String =
        base.chars().filter(|c| !c.is_control() && !is_invisible(*c)).take(MAX_FILE_NAME_CHARS).collect();
    Some(printable.trim().to_owned()).filter(|name| !name.is_empty())
}

/// Undoes the escapes of browsers, which escape these three characters and no others (WHATWG HTML, "multipart/form-data
/// encoding").
fn undo_form_escapes(name: &str) -> String {
    name.replace("%22", "\"").replace("%0D", "\r").replace("%0A", "\n")
}

/// Tells whether a character is invisible or turns the direction of the text, so that a name seems to say something
/// else. The joiners of emoji and Indic scripts are not among them.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}' | '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_name_is_a_name_and_never_a_path() {
        assert_eq!(clean("../../etc/passwd"), "passwd");
        assert_eq!(clean(r"C:\photos\海.jpg"), "海.jpg");
        assert_eq!(clean("a\0b\r\n.png"), "ab.png");
        assert_eq!(clean(" / "), "unnamed");
        assert_eq!(clean(""), "unnamed");
        assert_eq!(clean("say %22hi%22%0D%0A.png"), "say \"hi\".png");
        assert_eq!(clean("100%25.png"), "100%25.png");
        assert_eq!(clean("cat\u{202e}gnp.exe\u{200b}"), "catgnp.exe");
        assert_eq!(clean("👩\u{200d}🚀.png"), "👩\u{200d}🚀.png");
        assert_eq!(clean(&"あ".repeat(300)).chars().count(), MAX_FILE_NAME_CHARS);
    }
}
