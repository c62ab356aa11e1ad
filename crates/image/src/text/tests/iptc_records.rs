//! The texts in IPTC records.

use super::*;
use crate::fixtures::{iptc, photoshop};

/// The character set of UTF-8.
const UTF_8: (u8, u8, &[u8]) = (1, 90, b"\x1B%G");

fn found(data_sets: &[(u8, u8, &[u8])]) -> TextChunks {
    let payload = [b"Photoshop 3.0\0".as_slice(), &photoshop(&iptc(data_sets))].concat();
    text_chunks(&jpeg_with(&[(0xED, &payload)]), FileType::Jpeg, &TextLimits::default())
}

#[test]
fn title_headline_caption_and_keywords_are_read_and_names_are_not() {
    let found = found(&[
        UTF_8,
        (2, 0, b"\0\x02"),
        (2, 5, "灯台".as_bytes()),
        (2, 25, b"sea"),
        (2, 25, "港".as_bytes()),
        (2, 80, b"Jane Doe"),
        (2, 90, b"Yokohama"),
        (2, 105, b"Light"),
        (2, 120, "港の灯台".as_bytes()),
        (2, 122, b"Jane Doe"),
    ]);
    assert_eq!(
        pairs(&found),
        [("ObjectName", "灯台"), ("Keyword", "sea"), ("Keyword", "港"), ("Headline", "Light"), ("Caption", "港の灯台")]
    );
}

#[test]
fn a_caption_is_read_in_the_encodings_in_which_it_comes() {
    let shift_jis = encoding_rs::SHIFT_JIS.encode("港の灯台").0.into_owned();
    let wide = utf16("港の灯台 é", true);
    for (charset, value, text) in [
        (&b""[..], b"caf\xE9".as_slice(), "café"),
        (b"\x1B.A", b"S\xE3o Paulo", "São Paulo"),
        (b"\x1B%G", b"caf\xE9", "café"),
        (b"", "港の灯台".as_bytes(), "港の灯台"),
        (b"\x1B.A", "港の灯台".as_bytes(), "港の灯台"),
        (b"", &shift_jis, "港の灯台"),
        (b"\x1B%/L", &wide, "港の灯台 é"),
    ] {
        let found = found(&[(1, 90, charset), (2, 120, value)]);
        assert_eq!(pairs(&found), [("Caption", text)], "{charset:?}");
    }
}

#[test]
fn a_caption_longer_than_a_short_data_set_is_read() {
    let long = "x".repeat(70_000);
    let value = [b"\x1C\x02\x78\x80\x04\0\x01\x11\x70".as_slice(), long.as_bytes()].concat();
    let tiff = exif(false, &[(33723, 7, &value)], None);
    let found = text_chunks(&tiff, FileType::Tiff, &TextLimits::default());
    assert_eq!(pairs(&found), [("Caption", long.as_str())]);
}

#[test]
fn records_are_found_in_every_place_of_every_format() {
    let records = iptc(&[(2, 120, b"a quay")]);
    let resources = photoshop(&records);
    let mut swapped = [records.as_slice(), &[0; 3]].concat();
    swapped.truncate(records.len().next_multiple_of(4));
    swapped.chunks_mut(4).for_each(<[u8]>::reverse);
    let hex: String = resources.iter().map(|b| format!("{b:02x}")).collect();
    let (head, tail) = resources.split_at(15);
    let parts = [head, tail].map(|part| [b"Photoshop 3.0\0", part].concat());
    for (file_type, file) in [
        (FileType::Jpeg, jpeg_with(&[(0xED, &parts[0]), (0xED, &parts[1])])),
        (FileType::Tiff, exif(true, &[(33723, 7, &records)], None)),
        (FileType::Tiff, exif(false, &[(33723, 7, &swapped)], None)),
        (FileType::Tiff, exif(false, &[(34377, 7, &resources)], None)),
        (
            FileType::Png,
            png_with(&[ztxt("Raw profile type iptc", format!("\niptc\n {}\n{hex}", hex.len() / 2).as_bytes())], &[]),
        ),
    ] {
        let found = text_chunks(&file, file_type, &TextLimits::default());
        assert_eq!(pairs(&found), [("Caption", "a quay")], "{file_type}");
    }
}

proptest! {
    #[test]
    fn no_records_panic(noise in proptest::collection::vec(any::<u8>(), 0..60), at in 0..40_usize) {
        let mut bytes = photoshop(&iptc(&[UTF_8, (2, 25, b"sea"), (2, 120, b"a quay")]));
        let end = bytes.len().min(at + noise.len());
        bytes[at..end].copy_from_slice(&noise[..end - at]);
        let payload = [b"Photoshop 3.0\0".as_slice(), &bytes].concat();
        let _ = text_chunks(&jpeg_with(&[(0xED, &payload)]), FileType::Jpeg, &TextLimits::default());
    }
}
