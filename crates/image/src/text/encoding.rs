//! The decoding of text whose encoding is unknown, or is stated wrongly.
//!
//! Files name the encodings of their texts rarely and often wrongly. Each function here therefore looks at the bytes
//! first. Legacy encodings are decoded by encoding_rs; UTF-16 is decoded here, because its byte order is guessed.

use encoding_rs::{EUC_JP, Encoding, ISO_2022_JP, SHIFT_JIS, WINDOWS_1252};

/// Decodes bytes that do not say how they are encoded: Unicode by its mark, UTF-16 by its many zero bytes, ISO-2022-JP by its escape
/// sequences, UTF-8 if the bytes are valid UTF-8, then Shift_JIS or EUC-JP if the result looks Japanese, else
/// Windows-1252, of which Latin-1 is a part. NUL characters are removed: no text needs them, and databases refuse them.
pub fn decode(bytes: &[u8]) -> String {
    without_nul(guess(bytes))
}

/// Decodes bytes of an unknown encoding of Europe: like [`decode`], but without the guess that the text is Japanese.
pub fn decode_western(bytes: &[u8]) -> String {
    without_nul(unicode(bytes).unwrap_or_else(|| by(WINDOWS_1252, bytes)))
}

/// Decodes UTF-16. The byte order is that of the mark, else the one in which the text is more legible, else
/// `big_endian`.
pub fn decode_utf16(bytes: &[u8], big_endian: bool) -> String {
    without_nul(utf16(bytes, big_endian))
}

/// Decodes text that its writer calls Unicode. Most such text is UTF-16, but some writers mean UTF-8, and EXIF 3 allows
/// both.
pub fn decode_unicode(bytes: &[u8], big_endian: bool) -> String {
    match utf8(trim_end(bytes)) {
        Some(text) if !looks_like_utf16(text.as_bytes()) => text.to_owned(),
        _ => decode_utf16(bytes, big_endian),
    }
}

/// Decodes text that its writer calls JIS: ISO-2022-JP with its escape sequences or without, Unicode, Shift_JIS or
/// EUC-JP.
pub fn decode_jis(bytes: &[u8]) -> String {
    let bytes = trim_end(bytes);
    match bare_jis(bytes) {
        Some(text) => text,
        None => decode(bytes),
    }
}

/// Removes the NUL bytes at the end, with which fields of a fixed length are filled.
pub fn trim_end(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().rposition(|&b| b != 0).map_or(0, |last| last + 1);
    &bytes[..end]
}

fn without_nul(text: String) -> String {
    if text.contains('\0') { text.replace('\0', "") } else { text }
}

fn guess(bytes: &[u8]) -> String {
    if let Some(text) = unicode(bytes) {
        return text;
    }
    if kana_in_utf16(bytes) {
        return utf16(bytes, true);
    }
    let bytes = trim_end(bytes);
    japanese(SHIFT_JIS, bytes).or_else(|| japanese(EUC_JP, bytes)).unwrap_or_else(|| by(WINDOWS_1252, bytes))
}

/// Decodes the encodings that prove themselves.
fn unicode(bytes: &[u8]) -> Option<String> {
    if matches!(bytes, [0xFE, 0xFF, ..] | [0xFF, 0xFE, ..]) || has_many_zeros(bytes) {
        return Some(utf16(bytes, true));
    }
    let bytes = trim_end(bytes);
    if bytes.windows(3).any(|w| matches!(w, b"\x1B$B" | b"\x1B$@"))
        && let (text, _, false) = ISO_2022_JP.decode(bytes)
    {
        return Some(text.into_owned());
    }
    std::str::from_utf8(bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes)).ok().map(str::to_owned)
}

/// Returns whether the bytes have many zeros in the same half of their pairs, as UTF-16 has for Latin letters.
fn has_many_zeros(bytes: &[u8]) -> bool {
    let bytes = trim_end(bytes);
    let zeros = |first: usize| bytes.iter().skip(first).step_by(2).filter(|&&b| b == 0).count();
    let (high, low) = (zeros(0).max(zeros(1)), zeros(0).min(zeros(1)));
    high * 4 > bytes.len() && low * 4 <= high
}

/// Reads bytes as UTF-8 without NUL; `None` when they are anything else.
fn utf8(bytes: &[u8]) -> Option<&str> {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    std::str::from_utf8(bytes).ok().filter(|text| !text.contains('\0'))
}

/// Returns whether bytes that are valid UTF-8 look more like UTF-16. Hiragana in UTF-16 are a zero digit and another
/// ASCII character each, so that short Japanese texts are valid UTF-8 too; control characters betray others.
fn looks_like_utf16(bytes: &[u8]) -> bool {
    bytes.iter().any(|&b| b < b' ' && !matches!(b, b'\t' | b'\n' | b'\r')) || kana_in_utf16(bytes)
}

/// Returns whether the bytes, read as UTF-16, are to a third kana.
fn kana_in_utf16(bytes: &[u8]) -> bool {
    let (pairs, rest) = bytes.as_chunks::<2>();
    let kana = |read: fn([u8; 2]) -> u16| {
        pairs.iter().filter(|&&pair| matches!(read(pair), 0x3000..=0x3002 | 0x3041..=0x30FE)).count()
    };
    let kana = kana(u16::from_be_bytes).max(kana(u16::from_le_bytes));
    rest.is_empty() && kana > 0 && kana * 3 >= pairs.len()
}

fn utf16(bytes: &[u8], big_endian: bool) -> String {
    let (pairs, _) = bytes.as_chunks::<2>();
    let (read, pairs): (fn([u8; 2]) -> u16, _) = match pairs {
        [[0xFE, 0xFF], rest @ ..] => (u16::from_be_bytes, rest),
        [[0xFF, 0xFE], rest @ ..] => (u16::from_le_bytes, rest),
        _ => {
            let (be, le) = (legibility(pairs, u16::from_be_bytes), legibility(pairs, u16::from_le_bytes));
            let is_be = if be == le { big_endian } else { be > le };
            (if is_be { u16::from_be_bytes } else { u16::from_le_bytes }, pairs)
        }
    };
    char::decode_utf16(pairs.iter().map(|&pair| read(pair)))
        .map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect()
}

/// Rates how much UTF-16 looks like text. Texts are full of spaces, ASCII letters and kana, which turn into rare symbols
/// when the bytes are swapped. Ideographs prove little, because many are ideographs in either order.
fn legibility(pairs: &[[u8; 2]], read: fn([u8; 2]) -> u16) -> u64 {
    pairs
        .iter()
        .map(|&pair| match read(pair) {
            0x09 | 0x0A | 0x0D | 0x20..=0x7E => 4,
            0x3000..=0x30FF => 4,
            0x4E00..=0x9FFF | 0xFF01..=0xFF5E | 0xA0..=0x17F | 0x370..=0x4FF => 1,
            _ => 0,
        })
        .sum()
}

/// Decodes bytes in a Japanese encoding, if they are valid in the encoding and the result looks Japanese: it has kana,
/// or more than half of its characters beyond ASCII stand next to one another or apart from letters (`猫.png`). The
/// accented letters and quotation marks of European text, read in these encodings, are lonely ideographs within words.
fn japanese(encoding: &'static Encoding, bytes: &[u8]) -> Option<String> {
    let (text, _, is_damaged) = encoding.decode(bytes);
    if is_damaged {
        return None;
    }
    let (mut wide, mut joined, mut kana, mut rare) = (0, 0, 0, 0);
    let mut before = None;
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        let beside = [before.replace(c), characters.peek().copied()];
        if c.is_ascii() {
            continue;
        }
        wide += 1;
        let has_wide_neighbour = beside.iter().flatten().any(|c| !c.is_ascii());
        let is_within_word = beside.iter().flatten().any(char::is_ascii_alphabetic);
        joined += usize::from(has_wide_neighbour || !is_within_word);
        kana += usize::from(matches!(c, '\u{3041}'..='\u{30FE}'));
        rare += usize::from(matches!(c, '\u{FF61}'..='\u{FF9F}' | '\u{E000}'..='\u{F8FF}' | '\u{80}'..='\u{FF}'));
    }
    let looks_japanese = kana * 4 >= wide || joined * 2 >= wide;
    (looks_japanese && rare * 2 <= wide).then(|| text.into_owned())
}

/// Decodes the double bytes of JIS X 0208 without their escape sequences, as some cameras write them. All bytes are
/// printable ASCII then; kana begin with `$` or `%`.
fn bare_jis(bytes: &[u8]) -> Option<String> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    let kana = pairs.iter().filter(|pair| matches!(pair[0], b'$' | b'%')).count();
    let is_jis = rest.is_empty() && kana * 4 >= pairs.len() && kana > 0;
    if !is_jis || !bytes.iter().all(|b| (0x21..=0x7E).contains(b)) {
        return None;
    }
    let euc: Vec<u8> = bytes.iter().map(|b| b | 0x80).collect();
    match EUC_JP.decode(&euc) {
        (text, _, false) => Some(text.into_owned()),
        _ => None,
    }
}

fn by(encoding: &'static Encoding, bytes: &[u8]) -> String {
    encoding.decode_without_bom_handling(bytes).0.into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_files_are_read_in_the_encoding_that_they_have() {
        for name in ["犬.png", "空 1.png", "海の写真.jpg"] {
            for encoding in [SHIFT_JIS, EUC_JP, encoding_rs::UTF_8] {
                assert_eq!(decode(&encoded(encoding, name)), name, "{}", encoding.name());
            }
        }
        for name in ["Cafés.png", "it’s late.png", "été.png", "Straße.gif"] {
            assert_eq!(decode(&encoded(WINDOWS_1252, name)), name);
        }
    }

    fn encoded(encoding: &'static Encoding, text: &str) -> Vec<u8> {
        encoding.encode(text).0.into_owned()
    }

    #[test]
    fn japanese_is_read_in_each_of_its_encodings() {
        for text in ["京都の紅葉", "カメラ", "港 port 灯台", "東京都庁展望室", "Kyoto 祇園祭、山鉾巡行。"]
        {
            for encoding in [SHIFT_JIS, EUC_JP, ISO_2022_JP] {
                assert_eq!(decode(&encoded(encoding, text)), text, "{}", encoding.name());
            }
            assert_eq!(decode(text.as_bytes()), text);
        }
    }

    #[test]
    fn european_text_is_not_mistaken_for_japanese() {
        for text in
            ["café", "São Paulo", "Zürich, Königsstraße", "Don’t", "L’été à la plage", "“quoted” – text…", "Ångström"]
        {
            assert_eq!(decode(&encoded(WINDOWS_1252, text)), text);
            assert_eq!(decode_western(&encoded(WINDOWS_1252, text)), text);
        }
    }

    #[test]
    fn unicode_that_is_utf_8_is_told_from_utf_16() {
        let utf16 = |text: &str| text.encode_utf16().flat_map(u16::to_be_bytes).collect::<Vec<u8>>();
        for text in ["a cat at noon", "かさ", "あいうえお", "朝の庭", "夕焼け, 30 minutes"] {
            assert_eq!(decode_unicode(text.as_bytes(), true), text);
            assert_eq!(decode_unicode(&utf16(text), true), text);
        }
    }

    #[test]
    fn a_tie_between_the_byte_orders_goes_to_that_of_the_file() {
        let bytes = [0x4E, 0xAC, 0x50, 0x75];
        assert_eq!(decode_utf16(&bytes, true), "京偵");
        assert_eq!(decode_utf16(&[0x75, 0x50, 0x50, 0x75], false), "偵畐".chars().collect::<String>());
    }

    #[test]
    fn jis_is_read_with_and_without_escape_sequences() {
        assert_eq!(decode_jis(b"a \x1B$BCS$N$=$P\x1B(B b"), "a 池のそば b");
        assert_eq!(decode_jis(b"CS$N$=$P\0\0"), "池のそば");
        assert_eq!(decode_jis(&encoded(SHIFT_JIS, "池のそば")), "池のそば");
        assert_eq!(decode_jis("池のそば".as_bytes()), "池のそば");
        assert_eq!(decode_jis(b"plain text"), "plain text");
    }
}
