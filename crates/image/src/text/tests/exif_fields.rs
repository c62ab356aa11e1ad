//! The texts in EXIF fields, in every format that has EXIF.

use super::*;
use crate::fixtures::{exif_with, file, webp_with};

type Entry<'a> = (u16, u16, &'a [u8]);

const ASCII: u16 = 2;
const BYTE: u16 = 1;

fn found(first: &[Entry<'_>], second: &[Entry<'_>]) -> TextChunks {
    let file = file_with_exif(FileType::Jpeg, &exif_with(false, first, second));
    text_chunks(&file, FileType::Jpeg, &TextLimits::default())
}

#[test]
fn the_description_is_read_in_the_encodings_in_which_it_comes() {
    let shift_jis = encoding_rs::SHIFT_JIS.encode("縁側の猫").0.into_owned();
    for (value, text) in [
        (b"a heron\0".to_vec(), "a heron"),
        (b"a heron\0\0rest of a longer text".to_vec(), "a heron"),
        ("縁側の猫\0".as_bytes().to_vec(), "縁側の猫"),
        (shift_jis, "縁側の猫"),
        (b"caf\xE9\0".to_vec(), "café"),
        (utf16("a heron", false), "a heron"),
    ] {
        for kind in [ASCII, BYTE, 7, 129] {
            let found = found(&[(0x010E, kind, &value)], &[]);
            assert_eq!(pairs(&found), [("ImageDescription", text)]);
        }
    }
}

#[test]
fn the_fields_of_windows_are_utf_16() {
    let value = |text| [utf16(text, false), vec![0, 0]].concat();
    let [title, comment, keywords, subject] = ["題", "comment", "a;b", "subject"].map(value);
    let found = found(
        &[(0x9C9B, BYTE, &title), (0x9C9C, BYTE, &comment), (0x9C9E, BYTE, &keywords), (0x9C9F, BYTE, &subject)],
        &[],
    );
    assert_eq!(
        pairs(&found),
        [("XPTitle", "題"), ("XPSubject", "subject"), ("XPComment", "comment"), ("XPKeywords", "a;b")]
    );
}

#[test]
fn the_names_of_the_author_and_the_place_are_not_read() {
    let author = utf16("Jane Doe", false);
    let found = found(&[(0x9C9D, BYTE, &author), (0x013B, ASCII, b"Jane Doe\0"), (0x8298, ASCII, b"Jane Doe\0")], &[]);
    assert_eq!(pairs(&found), []);
}

#[test]
fn a_user_comment_may_stand_in_the_first_directory() {
    let comment = [b"UNICODE\0".as_slice(), &utf16(PARAMETERS, true)].concat();
    for kind in [BYTE, 7] {
        assert_eq!(pairs(&found(&[(0x9286, kind, &comment)], &[])), [("UserComment", PARAMETERS)]);
    }
}

#[test]
fn the_time_is_that_of_the_shutter_with_fraction_and_offset() {
    let time: Entry<'_> = (0x9003, ASCII, b"2024:05:01 12:34:56\0");
    let taken = |entries: &[Entry<'_>]| found(&[], entries).get("DateTimeOriginal").map(str::to_owned);
    assert_eq!(taken(&[time]).as_deref(), Some("2024-05-01T12:34:56"));
    let all = [time, (0x9011, ASCII, b"+09:00\0"), (0x9291, ASCII, b"78\0")];
    assert_eq!(taken(&all).as_deref(), Some("2024-05-01T12:34:56.78+09:00"));
    assert_eq!(taken(&[(0x9003, ASCII, b"\0")]), None);
    assert_eq!(taken(&[(0x9003, ASCII, b"no time")]), None);
}

#[test]
fn every_exif_structure_of_a_file_is_read_wherever_it_stands() {
    let [camera, comment] =
        [(0x010F, b"Canon\0"), (0x010E, b"a fox\0")].map(|(tag, value)| exif(true, &[(tag, ASCII, value)], None));
    let [camera, comment] = [camera, comment].map(|blob| [b"Exif\0\0", blob.as_slice()].concat());
    let jpeg =
        jpeg_with(&[(0xE0, b"JFIF\0\x01\x01\0\0\x01\0\x01\0\0"), (0xE1, &camera), (0xFE, b"x"), (0xE1, &comment)]);
    let found = text_chunks(&jpeg, FileType::Jpeg, &TextLimits::default());
    assert_eq!(pairs(&found), [("Comment", "x"), ("Make", "Canon"), ("ImageDescription", "a fox")]);
}

#[test]
fn exif_of_webp_is_read_under_every_spelling_of_its_chunk() {
    let blob = exif(false, &[(0x010E, ASCII, b"a fox\0")], None);
    let with_head = [b"Exif\0\0".as_slice(), &blob].concat();
    let texts = |file: &[u8]| {
        let found = text_chunks(file, FileType::WebP, &TextLimits::default());
        found.get("ImageDescription").map(str::to_owned)
    };
    for name in [b"EXIF", b"Exif", b"exif"] {
        for blob in [&blob, &with_head] {
            assert_eq!(texts(&webp_with(&[(name, blob)])).as_deref(), Some("a fox"));
        }
    }
    let length = u32::try_from(blob.len()).unwrap().to_le_bytes();
    let loose = [&file(FileType::WebP), b"EXIF".as_slice(), &length, &blob].concat();
    assert_eq!(texts(&loose).as_deref(), Some("a fox"), "after a simple picture");
}

#[test]
fn profiles_as_text_are_read_if_a_png_has_no_better_place() {
    let blob = exif(false, &[(0x010E, ASCII, b"a fox\0")], None);
    let hex = |head: &[u8], bytes: &[u8]| {
        let digits: String = [head, bytes].concat().iter().map(|b| format!("{b:02x}")).collect();
        format!("\nexif\n    {}\n{digits}\n", head.len() + bytes.len())
    };
    let profile = hex(b"Exif\0\0", &blob);
    for chunk in [
        text("Raw profile type exif", profile.as_bytes()),
        ztxt("Raw profile type APP1", profile.as_bytes()),
        itxt("Raw Profile Type EXIF", &profile, true),
    ] {
        assert_eq!(pairs(&png_texts(&[chunk], &[])), [("ImageDescription", "a fox")]);
    }
    let better = chunk(b"eXIf", &exif(false, &[(0x010E, ASCII, b"a hare\0")], None));
    let found = png_texts(&[text("Raw profile type exif", profile.as_bytes())], &[better]);
    assert_eq!(found.get("ImageDescription"), Some("a hare"));
}
