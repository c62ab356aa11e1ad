//! The name of an uploaded file.

/// Characters of a file name that are kept. The name is shown and never used as a path.
pub const MAX_FILE_NAME_CHARS: usize = 255;

/// Cleans the name that a caller gives a file: without folders, control characters, and characters that are invisible or
/// turn the direction of the text.
pub fn clean(name: &str) -> String {
    let name = undo_form_escapes(name);
    let base = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let printable: String =
        base.chars().filter(|c| !c.is_control() && !is_invisible(*c)).take(MAX_FILE_NAME_CHARS).collect();
    let trimmed = printable.trim();
    if trimmed.is_empty() { "unnamed".to_owned() } else { trimmed.to_owned() }
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
