//! The specification of captions and tags.

use proptest::prelude::*;

use super::*;
use crate::text_chunks::TextSource::*;
use crate::text_chunks::{TextChunk, TextSource};

fn captioned(texts: &[(TextSource, &str, &str)]) -> Captioned {
    let chunks: Vec<_> = texts.iter().map(|&(source, key, text)| TextChunk::new(key, text, source)).collect();
    read(&chunks)
}

fn caption(texts: &[(TextSource, &str)]) -> Option<String> {
    let texts: Vec<_> = texts.iter().map(|&(source, text)| (source, "Comment", text)).collect();
    captioned(&texts).caption
}

#[test]
fn the_texts_of_all_places_make_the_caption_in_the_order_of_the_places() {
    let texts = [
        (JpegComment, "taken from the ferry"),
        (XpComment, "low tide"),
        (ImageDescription, "boats on the mud"),
        (IptcCaption, "fishing boats"),
        (XmpDescription, "the harbour at dawn"),
        (XmpTitle, "Harbour"),
    ];
    assert_eq!(
        caption(&texts).as_deref(),
        Some("the harbour at dawn\nfishing boats\nboats on the mud\nlow tide\ntaken from the ferry"),
        "the title stands in the description"
    );
}

#[test]
fn a_title_comes_before_a_description() {
    let texts = [(PngText, "Description", "at Kamakura"), (PngText, "Title", "夕焼け"), (PngText, "Note", "windy")];
    assert_eq!(captioned(&texts).caption.as_deref(), Some("夕焼け\nat Kamakura\nwindy"));
}

#[test]
fn copies_of_a_text_count_once_whatever_their_width_case_and_spaces() {
    for copy in ["Harbour at  dawn", "HARBOUR AT DAWN ", "Ｈarbour at dawn", "harbour at"] {
        let texts = [(XmpDescription, "Harbour at dawn"), (ImageDescription, copy)];
        assert_eq!(caption(&texts).as_deref(), Some("Harbour at dawn"), "{copy}");
    }
    assert_eq!(
        caption(&[(XmpDescription, "a cat"), (IptcCaption, "a cat on a roof")]).as_deref(),
        Some("a cat on a roof")
    );
}

#[test]
fn texts_of_cameras_and_programs_are_no_captions() {
    for text in [
        "OLYMPUS DIGITAL CAMERA         ",
        "SONY DSC",
        "Exif_JPEG_PICTURE",
        "CREATOR: gd-jpeg v1.0 (using IJG JPEG v62), quality = 90\n",
        "Lavc58.134.100",
        "File written by Adobe Photoshop\u{a8} 5.0",
        "Created with GIMP",
        "Screenshot",
        "binary comment",
        "cof",
        "oppo_32",
        "IMG_2041",
        "DSC01234.JPG",
        "2024:05:01 12:34:56",
        "{\"steps\": 20}",
        "<svg></svg>",
        "????????",
        " \u{1}\u{2} ",
        "",
    ] {
        for source in [JpegComment, UserComment, ImageDescription, GifComment, IptcTitle] {
            assert_eq!(caption(&[(source, text)]), None, "{text:?}");
        }
    }
    for text in
        ["cat", "夕", "a cat named DSC01234", "Sony", "Screenshot of the new page", "untitled poem", "Was it worth it?"]
    {
        assert!(caption(&[(JpegComment, text)]).is_some(), "{text:?}");
    }
}

#[test]
fn png_keywords_of_programs_and_names_of_persons_are_no_captions() {
    for key in [
        "Software",
        "Creation Time",
        "Author",
        "Copyright",
        "Source",
        "date:create",
        "date:modify",
        "icc:description",
        "exif:Model",
        "png:tIME",
        "Thumb::URI",
        "xmp:CreateDate",
        "signature",
    ] {
        assert_eq!(captioned(&[(PngText, key, "some words")]), Captioned::default(), "{key}");
    }
    assert!(captioned(&[(PngText, "Comment", "some words")]).caption.is_some());
}

#[test]
fn the_names_of_program_camera_and_time_are_neither_caption_nor_tags() {
    let texts = [(Software, "GIMP 3"), (Make, "Canon"), (CameraModel, "EOS"), (TakenAt, "2024-05-01"), (Stealth, "x")];
    assert_eq!(caption(&texts), None);
}

#[test]
fn keywords_of_all_places_become_tags_once() {
    let texts = [
        (XmpHierarchicalSubject, "", "Places|Japan|Kyoto"),
        (XpKeywords, "", "kyoto; autumn;;"),
        (IptcKeyword, "", "ＫＹＯＴＯ"),
        (XmpSubject, "", "Kyoto"),
        (XmpSubject, "", "red leaves, temple"),
        (PngText, "Keywords", "紅葉、寺"),
    ];
    let found = captioned(&texts);
    assert_eq!(found.tags, ["Kyoto", "red leaves", "temple", "autumn", "Places", "Japan", "紅葉", "寺"]);
    assert_eq!(found.caption, None);
}

#[test]
fn tags_are_bounded_in_number_and_length() {
    let many: String = (0..1_000).map(|n| format!("tag{n};")).collect();
    let texts = [(XpKeywords, "", many.as_str()), (XmpSubject, "", &"x".repeat(101)), (XmpSubject, "", "- ;")];
    let found = captioned(&texts).tags;
    assert_eq!(found.len(), 256);
    assert_eq!(found[0], "tag0");
}

proptest! {
    #[test]
    fn any_texts_give_a_caption_that_holds_nothing_else(texts in proptest::collection::vec(".{0,12}", 0..6)) {
        let chunks: Vec<_> = texts.iter().map(|text| TextChunk::new("Comment", text, UserComment)).collect();
        for line in read(&chunks).caption.unwrap_or_default().lines() {
            prop_assert!(texts.iter().any(|text| text.contains(line)));
        }
    }
}
