//! The specification of the extraction of text.

use proptest::prelude::*;

use super::*;
use crate::fixtures::{chunk, deflate, exif, file_with_exif, gif_with, itxt, jpeg_with, png_with, text, ztxt};
use crate::formats::FileType;
use crate::text_chunks::{TextChunks, TextSource};

mod exif_fields;
mod iptc_records;
mod xmp_packets;

fn png_texts(before: &[Vec<u8>], after: &[Vec<u8>]) -> TextChunks {
    text_chunks(&png_with(before, after), FileType::Png, &TextLimits::default())
}

fn pairs(chunks: &TextChunks) -> Vec<(&str, &str)> {
    chunks.chunks.iter().map(|c| (c.key.as_str(), c.text.as_str())).collect()
}

#[test]
fn the_three_kinds_of_chunks_are_read_in_file_order_before_and_after_the_pixels() {
    let found = png_texts(
        &[text("a", b"one"), itxt("b", "二", false), ztxt("c", b"three")],
        &[itxt("d", "四", true), text("a", b"five"), text("empty", b"")],
    );
    assert_eq!(pairs(&found), [("a", "one"), ("b", "二"), ("c", "three"), ("d", "四"), ("a", "five"), ("empty", "")]);
    assert!(!found.truncated);
    assert_eq!(found.get("a"), Some("one"));
}

#[test]
fn text_is_latin_1_unless_it_is_valid_utf_8() {
    let found = png_texts(&[text("a", b"caf\xE9"), text("b", "夕焼け".as_bytes())], &[]);
    assert_eq!(pairs(&found), [("a", "café"), ("b", "夕焼け")]);
}

#[test]
fn nul_characters_are_removed() {
    assert_eq!(pairs(&png_texts(&[text("a", b"x\0yz\0w")], &[])), [("a", "xyzw")]);
}

#[test]
fn damaged_chunks_are_skipped() {
    let mut wrong_sum = text("bad", b"x");
    *wrong_sum.last_mut().unwrap() ^= 1;
    let found = png_texts(
        &[
            wrong_sum,
            chunk(b"tEXt", b"no separator"),
            chunk(b"tEXt", b"\0no keyword"),
            chunk(b"zTXt", b"bad\0\0no zlib"),
            chunk(b"zTXt", b"bad\0\x07unknown method"),
            chunk(b"zTXt", &[b"cut\0\0", &deflate(&[b'x'; 999])[..9]].concat()),
            chunk(b"iTXt", b"bad\0\0"),
            chunk(b"iTXt", b"bad\0\x05\0\0\0unknown flag"),
            text("good", b"y"),
        ],
        &[],
    );
    assert_eq!(pairs(&found), [("good", "y")]);
    assert!(!found.truncated);
}

#[test]
fn metadata_that_may_tell_where_the_picture_was_taken_is_left_out() {
    let found = png_texts(
        &[
            itxt("XML:com.adobe.xmp", "<x exif:GPSLatitude='35,39N'/>", false),
            text("Raw profile type exif", b"\nexif\n 4\n8825"),
            ztxt("Raw profile type APP1", b"\nexif\n 4\n8825"),
            text("Comment", b"kept"),
        ],
        &[],
    );
    assert_eq!(pairs(&found), [("Comment", "kept")]);
}

#[test]
fn text_beyond_the_limits_is_cut_and_flagged() {
    let limits = TextLimits { max_chunk_bytes: 10, max_total_bytes: 25, max_chunks: 4 };
    let cut = |chunks: &[Vec<u8>]| text_chunks(&png_with(chunks, &[]), FileType::Png, &limits);

    let exact = cut(&[text("a", b"0123456789"), ztxt("b", b"0123456789")]);
    assert_eq!(pairs(&exact), [("a", "0123456789"), ("b", "0123456789")]);
    assert!(!exact.truncated, "at the cap nothing is missing");

    for long in [text("a", b"0123456789X"), ztxt("a", &[b'0'; 5000]), itxt("a", "0123456789X", true)] {
        let found = cut(&[long]);
        assert!(found.truncated);
        assert_eq!(found.chunks[0].text.len(), 10);
    }

    let found = cut(&[text("a", b"0123456789"), text("b", b"0123456789"), text("c", b"0123456789")]);
    assert_eq!(found.chunks[2].text, "01234", "the total is shared");
    assert!(found.truncated);

    let found = cut(&vec![text("k", b"v"); 5]);
    assert_eq!(found.chunks.len(), 4);
    assert!(found.truncated);

    let found = cut(&[text("a", "あいうえお".as_bytes())]);
    assert_eq!(found.chunks[0].text, "あいう", "a cut does not go through a character");
}

#[test]
fn a_decompression_bomb_costs_no_more_than_the_limits() {
    let bomb = ztxt("a", &vec![0; 50 << 20]);
    let found = png_texts(&vec![bomb; 20], &[]);
    assert!(found.truncated);
    assert_eq!(found.chunks.len(), 2, "16 MiB in all, 8 MiB each");
}

#[test]
fn comments_of_jpeg_and_gif_are_read() {
    let file = jpeg_with(&[(0xFE, b"at the lake\0"), (0xFE, "湖畔".as_bytes())]);
    let found = text_chunks(&file, FileType::Jpeg, &TextLimits::default());
    assert_eq!(pairs(&found), [("Comment", "at the lake"), ("Comment", "湖畔")]);
    assert_eq!(found.chunks[0].source, TextSource::JpegComment);

    let found = text_chunks(&gif_with(b"\x21\xFE\x03at \x08the lake\0"), FileType::Gif, &TextLimits::default());
    assert_eq!(pairs(&found), [("Comment", "at the lake")]);
    assert_eq!(found.chunks[0].source, TextSource::GifComment);
}

const PARAMETERS: &str = "a cat, 夕焼け\nNegative prompt: dog\nSteps: 20, Seed: 1";

fn utf16(text: &str, big_endian: bool) -> Vec<u8> {
    let bytes = |unit: u16| if big_endian { unit.to_be_bytes() } else { unit.to_le_bytes() };
    text.encode_utf16().flat_map(bytes).collect()
}

#[test]
fn the_user_comment_is_read_in_every_encoding() {
    let mark_le = [b"\xFF\xFE".as_slice(), &utf16(PARAMETERS, false)].concat();
    for comment in [
        [b"UNICODE\0".as_slice(), &utf16(PARAMETERS, true)].concat(),
        [b"UNICODE\0".as_slice(), &utf16(PARAMETERS, false)].concat(),
        [b"UNICODE\0".as_slice(), &mark_le].concat(),
        [b"ASCII\0\0\0".as_slice(), PARAMETERS.as_bytes()].concat(),
        [&[0; 8], PARAMETERS.as_bytes()].concat(),
        [&[0; 8], utf16(PARAMETERS, true).as_slice()].concat(),
        PARAMETERS.as_bytes().to_vec(),
    ] {
        for big_endian in [true, false] {
            let blob = exif(big_endian, &[], Some(&comment));
            for file_type in [FileType::Jpeg, FileType::WebP, FileType::Png] {
                let file = file_with_exif(file_type, &blob);
                let found = text_chunks(&file, file_type, &TextLimits::default());
                assert_eq!(pairs(&found), [("UserComment", PARAMETERS)], "{file_type}");
            }
        }
    }
    let blob = exif(false, &[], Some(&[b"ASCII\0\0\0", PARAMETERS.as_bytes()].concat()));
    let found = text_chunks(&blob, FileType::Tiff, &TextLimits::default());
    assert_eq!(pairs(&found), [("UserComment", PARAMETERS)], "TIFF is its own EXIF");
}

#[test]
fn any_other_user_comment_keeps_its_name_and_a_blank_one_gives_no_text() {
    let found = |comment: &[u8]| {
        let file = file_with_exif(FileType::Jpeg, &exif(true, &[], Some(comment)));
        text_chunks(&file, FileType::Jpeg, &TextLimits::default())
    };
    let japanese = [b"UNICODE\0".as_slice(), &utf16("京都の紅葉", true)].concat();
    assert_eq!(pairs(&found(&japanese)), [("UserComment", "京都の紅葉")]);
    assert!(found(b"ASCII\0\0\0      ").chunks.is_empty());
    assert!(found(&[0; 200]).chunks.is_empty());
    assert!(found(b"").chunks.is_empty());
}

#[test]
fn the_camera_fields_are_read_because_generators_write_there() {
    let blob = exif(false, &[(0x010F, 2, b"workflow:{\"nodes\": []}\0"), (0x0110, 2, b"prompt:{\"3\": {}}\0")], None);
    let file = file_with_exif(FileType::WebP, &blob);
    let found = text_chunks(&file, FileType::WebP, &TextLimits::default());
    assert_eq!(pairs(&found), [("Model", "prompt:{\"3\": {}}"), ("Make", "workflow:{\"nodes\": []}")]);
}

proptest! {
    #[test]
    fn any_bytes_give_bounded_text(
        bytes in proptest::collection::vec(any::<u8>(), 0..400),
        kind in 0..FileType::ALL.len(),
    ) {
        let limits = TextLimits { max_chunk_bytes: 50, max_total_bytes: 120, max_chunks: 3 };
        let found = text_chunks(&bytes, FileType::ALL[kind], &limits);
        prop_assert!(found.chunks.len() <= 3);
    }

    #[test]
    fn any_chunk_content_gives_bounded_text(
        bodies in proptest::collection::vec(
            ("tEXt|zTXt|iTXt", proptest::collection::vec(any::<u8>(), 0..80)), 0..6),
    ) {
        let limits = TextLimits { max_chunk_bytes: 20, max_total_bytes: 50, max_chunks: 4 };
        let chunks: Vec<_> = bodies
            .iter()
            .map(|(kind, body)| chunk(kind.as_bytes().first_chunk().unwrap(), body))
            .collect();
        let found = text_chunks(&png_with(&chunks, &[]), FileType::Png, &limits);
        prop_assert!(found.chunks.len() <= 4);
        let characters: usize = found.chunks.iter().map(|c| c.text.chars().count()).sum();
        prop_assert!(characters <= 50);
    }

    #[test]
    fn no_exif_panics(
        mut noise in proptest::collection::vec(any::<u8>(), 8..200),
        big_endian in any::<bool>(),
    ) {
        let mark: &[u8; 4] = if big_endian { b"MM\0*" } else { b"II*\0" };
        noise[..4].copy_from_slice(mark);
        let file = file_with_exif(FileType::Jpeg, &noise);
        let _ = text_chunks(&file, FileType::Jpeg, &TextLimits::default());
        let _ = crate::orientation::orientation(&FileType::Jpeg.metadata(&file, 0));
    }
}
