//! The classes of characters that decide how a text is cut.

/// Returns whether a character is a symbol that stands for a word: arrows, geometric shapes, weather, stars, notes,
/// dingbats, emoji. Stores index symbols, and a query may consist of them. Mathematical operators and box drawing are
/// no symbols here, because in captions they are punctuation.
pub(super) const fn is_symbol(c: char) -> bool {
    matches!(c,
        '\u{2190}'..='\u{21ff}'
        | '\u{2300}'..='\u{23ff}'
        | '\u{25a0}'..='\u{27bf}'
        | '\u{2b00}'..='\u{2bff}'
        | '\u{3012}' | '\u{3020}'
        | '\u{1f000}'..='\u{1faff}')
}

/// Returns whether a character changes the look of its neighbour and not its meaning: soft hyphen, joiners, byte order
/// mark, variation selectors.
pub(super) const fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{feff}' | '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}')
}

/// Returns whether a character belongs to a script that is written without spaces, or is a symbol.
pub(super) const fn is_unspaced(c: char) -> bool {
    is_symbol(c)
        || matches!(c,
            '\u{0e00}'..='\u{0eff}'     // Thai, Lao
            | '\u{1000}'..='\u{109f}'   // Burmese
            | '\u{1100}'..='\u{11ff}'   // Hangul letters
            | '\u{1780}'..='\u{17ff}'   // Khmer
            | '\u{3005}'..='\u{3007}'   // 々 〆 〇
            | '\u{3021}'..='\u{3029}'
            | '\u{3031}'..='\u{3035}'
            | '\u{3038}'..='\u{303c}'
            | '\u{3041}'..='\u{3096}'   // hiragana
            | '\u{3099}'..='\u{309a}'   // combining voice marks
            | '\u{309d}'..='\u{309f}'   // ゝ ゞ
            | '\u{30a1}'..='\u{30fa}'   // katakana, without the middle dot
            | '\u{30fc}'..='\u{30ff}'   // ー ヽ ヾ
            | '\u{3100}'..='\u{312f}'   // Bopomofo
            | '\u{31f0}'..='\u{31ff}'   // small katakana
            | '\u{3400}'..='\u{4dbf}'   // Han
            | '\u{4e00}'..='\u{9fff}'
            | '\u{ac00}'..='\u{d7a3}'   // Hangul: particles follow words without a space
            | '\u{f900}'..='\u{faff}'
            | '\u{1b000}'..='\u{1b16f}' // historic kana
            | '\u{20000}'..='\u{3fffd}' // rarer Han
        )
}

/// Returns whether a character is a kanji.
pub(super) const fn is_han(c: char) -> bool {
    matches!(c, '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3fffd}')
}

/// Returns whether a character is a hiragana letter.
pub(super) const fn is_hiragana(c: char) -> bool {
    matches!(c, '\u{3041}'..='\u{3096}')
}

/// Returns whether a character is a katakana letter or the prolonged sound mark.
pub(super) const fn is_katakana(c: char) -> bool {
    matches!(c, '\u{30a1}'..='\u{30fa}' | '\u{30fc}' | '\u{31f0}'..='\u{31ff}')
}

/// Returns whether a character is a kana, the prolonged sound mark, or an iteration mark of kana.
pub(super) const fn is_kana(c: char) -> bool {
    is_hiragana(c) || is_katakana(c) || matches!(c, 'ゝ' | 'ゞ' | 'ヽ' | 'ヾ')
}
