//! The fixes that Python's ftfy applies to correctly decoded text.
//!
//! ftfy (R. Speer, "ftfy: fixes text for you") first repairs text that was decoded with a wrong encoding. Queries reach
//! this program as UTF-8, so this repair is left out. This module has the other fixes of `ftfy.fix_text`, in the order
//! of ftfy and with its defaults.

use unicode_normalization::UnicodeNormalization as _;

use super::html;

/// Applies the fixes to `text`.
pub(super) fn ftfy(text: &str) -> String {
    // Text with a `<` may be HTML, in which entities have a meaning, so ftfy does not change it.
    let unescaped = if text.contains('<') { text.into() } else { html::unescape(text) };
    let without_escapes = remove_terminal_escapes(&unescaped).replace("\r\n", "\n");
    let mut fixed = String::with_capacity(without_escapes.len());
    for c in without_escapes.chars() {
        match c {
            '\u{80}'..='\u{9f}' => fixed.push(c1_as_windows_1252(c)),
            '\u{2bc}' | '\u{2018}'..='\u{201b}' => fixed.push('\''),
            '\u{201c}'..='\u{201f}' => fixed.push('"'),
            '\r' | '\u{2028}' | '\u{2029}' => fixed.push('\n'),
            '\u{3000}' => fixed.push(' '),
            '\u{ff01}'..='\u{ffef}' => fixed.extend(std::iter::once(c).nfkc()),
            c if is_removed(c) => {}
            c => match ligature(c) {
                Some(letters) => fixed.push_str(letters),
                None => fixed.push(c),
            },
        }
    }
    fixed.nfc().collect()
}

/// Removes `ESC [ digits-and-semicolons letter`.
fn remove_terminal_escapes(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("\u{1b}[") {
        kept.push_str(&rest[..at]);
        let after = rest[at + 2..].trim_start_matches(|c: char| c.is_ascii_digit() || c == ';');
        rest = match after.chars().next() {
            Some(c) if c.is_ascii_alphabetic() => &after[1..],
            // This is not an escape sequence. Its ESC is a control character and is removed later.
            _ => {
                kept.push('[');
                &rest[at + 2..]
            }
        };
    }
    kept + rest
}

/// Returns the Windows-1252 character (WHATWG Encoding Standard) of a C1 control. C1 controls are not written on
/// purpose; they occur in text that was labelled with a wrong encoding.
fn c1_as_windows_1252(c: char) -> char {
    const TABLE: [char; 32] = [
        '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}', '\u{90}', '\'',
        '\'', '"', '"', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
    ];
    TABLE.get((c as usize).wrapping_sub(0x80)).copied().unwrap_or(c)
}

fn is_removed(c: char) -> bool {
    matches!(c, '\0'..='\u{8}' | '\u{b}' | '\u{e}'..='\u{1f}' | '\u{7f}' | '\u{206a}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffc}')
}

fn ligature(c: char) -> Option<&'static str> {
    Some(match c {
        'Ĳ' => "IJ",
        'ĳ' => "ij",
        'ŉ' => "ʼn",
        'Ǳ' => "DZ",
        'ǲ' => "Dz",
        'ǳ' => "dz",
        'Ǆ' => "DŽ",
        'ǅ' => "Dž",
        'ǆ' => "dž",
        'Ǉ' => "LJ",
        'ǈ' => "Lj",
        'ǉ' => "lj",
        'Ǌ' => "NJ",
        'ǋ' => "Nj",
        'ǌ' => "nj",
        'ﬀ' => "ff",
        'ﬁ' => "fi",
        'ﬂ' => "fl",
        'ﬃ' => "ffi",
        'ﬄ' => "ffl",
        'ﬅ' => "ſt",
        'ﬆ' => "st",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn width_quotes_ligatures_breaks_and_controls_are_fixed() {
        for (text, expected) in [
            ("青い車", "青い車"),
            ("ＬＯＵＤ　ﾈｺ", "LOUD ネコ"),
            ("“quoted” ‘text’", "\"quoted\" 'text'"),
            ("ﬂuﬃest", "fluffiest"),
            ("a\r\nb\rc\u{2028}d", "a\nb\nc\nd"),
            ("\u{1b}[36;44mblue\u{1b}[0m \u{1b}[x", "blue "),
            ("zero\u{feff}\u{0}width", "zerowidth"),
            ("か\u{3099}", "が"),
            ("&lt;猫&gt; &amp; <b>&amp;</b>", "&lt;猫&gt; &amp; <b>&amp;</b>"),
            ("猫&amp;犬", "猫&犬"),
        ] {
            assert_eq!(ftfy(text), expected, "{text:?}");
        }
    }

    #[test]
    fn an_escape_that_never_ends_is_no_escape() {
        assert_eq!(ftfy("\u{1b}[12"), "[12");
        assert_eq!(ftfy("\u{1b}["), "[");
    }
}
