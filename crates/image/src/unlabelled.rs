//! Text whose bytes do not say how they are encoded.

use std::borrow::Cow;

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};

/// Decodes bytes that do not say how they are encoded, such as the name of a file in an old archive or the text beside a
/// picture. A byte order mark decides; text without one is UTF-8 where it is valid UTF-8, and otherwise in the legacy
/// encoding that its bytes resemble most (Shift_JIS, EUC-JP, ISO-2022-JP, windows-1252, …). Bytes that are no text in
/// that encoding become U+FFFD, and the second value tells so.
#[must_use]
pub fn decode_unlabelled(bytes: &[u8]) -> (Cow<'_, str>, bool) {
    if let Some((encoding, mark)) = encoding_rs::Encoding::for_bom(bytes) {
        return encoding.decode_without_bom_handling(&bytes[mark..]);
    }
    // A text in ISO-2022-JP is also valid UTF-8, so the detector is asked about a text with escapes.
    if !bytes.contains(&0x1b)
        && let Ok(text) = std::str::from_utf8(bytes)
    {
        return (Cow::Borrowed(text), false);
    }
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Allow);
    detector.feed(bytes, true);
    // Most collections are Japanese, so a text that fits several encodings is taken for a Japanese one.
    detector.guess(Some(b"jp"), Utf8Detection::Allow).decode_without_bom_handling(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_in_every_usual_encoding_is_read() {
        let cases: [(&[u8], &str); 9] = [
            ("猫.png".as_bytes(), "猫.png"),
            (b"\xEF\xBB\xBF\xE7\x8C\xAB", "猫"),
            (b"\xFF\xFE\x2B\x73", "猫"),
            (b"\xFE\xFF\x73\x2B", "猫"),
            // Shift_JIS: 猫.png, 海の写真.jpg, and a name in half-width katakana.
            (b"\x94\x4C.png", "猫.png"),
            (b"\x8A\x43\x82\xCC\x8E\xCA\x90\x5E.jpg", "海の写真.jpg"),
            (b"\xB1\xB2\xB3\xC8\xBA.png", "ｱｲｳﾈｺ.png"),
            // EUC-JP and ISO-2022-JP: 夕焼けの海.
            (b"\xCD\xBC\xBE\xC6\xA4\xB1\xA4\xCE\xB3\xA4", "夕焼けの海"),
            (b"\x1B$BM<>F$1$N3$\x1B(B", "夕焼けの海"),
        ];
        for (bytes, expected) in cases {
            assert_eq!(decode_unlabelled(bytes), (Cow::from(expected), false), "{bytes:x?}");
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_told() {
        assert!(decode_unlabelled(b"\xFF\xFE\x00\xD8").1);
    }
}
