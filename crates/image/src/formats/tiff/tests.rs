//! The specification of TIFF: each kind with a small file made here.

use fax::Color;
use image::Rgb;
use weezl::{BitOrder, encode::Encoder};

use crate::decode::limits::DecodeLimits;
use crate::error::ImageError;
use crate::fixtures::deflate;
use crate::picture::decode;

const RED: [u8; 3] = [255, 0, 0];
const BLUE: [u8; 3] = [0, 0, 255];
const BLACK: [u8; 3] = [0; 3];
const WHITE: [u8; 3] = [255; 3];

/// A tag with its numbers. Numbers up to 65,535 are stored as shorts, larger ones as longs.
pub type Entry<'a> = (u16, &'a [u32]);

/// Returns a page of `size` with these tags and strips, or tiles if it has a tile width, at the offset `at` of a file,
/// followed by the directory at `next`.
pub fn page(at: usize, size: (u32, u32), tags: &[Entry<'_>], strips: &[&[u8]], next: usize) -> Vec<u8> {
    let is_tiled = tags.iter().any(|(tag, _)| *tag == 322);
    let mut entries: Vec<(u16, Vec<u32>)> = vec![(256, vec![size.0]), (257, vec![size.1])];
    entries.extend(tags.iter().map(|(tag, numbers)| (*tag, numbers.to_vec())));
    entries.push((if is_tiled { 325 } else { 279 }, strips.iter().map(|strip| strip.len() as u32).collect()));
    entries.push((if is_tiled { 324 } else { 273 }, vec![0; strips.len()]));
    let mut values_at = at + 2 + 12 * entries.len() + 4;
    let values_length = |numbers: &[u32]| numbers.len() * if numbers.iter().any(|n| *n > 0xFFFF) { 4 } else { 2 };
    let in_all: usize = entries.iter().map(|(_, n)| values_length(n)).filter(|length| *length > 4).sum();
    let mut strip_at = values_at + in_all;
    entries.last_mut().unwrap().1.iter_mut().zip(strips).for_each(|(offset, strip)| {
        *offset = strip_at as u32;
        strip_at += strip.len();
    });
    entries.sort_unstable_by_key(|(tag, _)| *tag);
    let (mut directory, mut values) = ((entries.len() as u16).to_le_bytes().to_vec(), Vec::new());
    for (tag, numbers) in entries {
        let is_long = numbers.iter().any(|n| *n > 0xFFFF);
        let data: Vec<u8> =
            numbers.iter().flat_map(|n| n.to_le_bytes().into_iter().take(if is_long { 4 } else { 2 })).collect();
        directory.extend(tag.to_le_bytes());
        directory.extend(if is_long { [4, 0] } else { [3, 0] });
        directory.extend((numbers.len() as u32).to_le_bytes());
        if data.len() <= 4 {
            directory.extend(&data);
            directory.extend(&[0; 4][data.len()..]);
        } else {
            directory.extend((values_at as u32).to_le_bytes());
            values_at += data.len();
            values.extend(data);
        }
    }
    directory.extend((next as u32).to_le_bytes());
    [directory, values, strips.concat()].concat()
}

pub fn file(size: (u32, u32), tags: &[Entry<'_>], strips: &[&[u8]]) -> Vec<u8> {
    [b"II*\0\x08\0\0\0".as_slice(), &page(8, size, tags, strips, 0)].concat()
}

/// The tags of 8-bit RGB.
pub const RGB: [Entry<'_>; 3] = [(258, &[8, 8, 8]), (262, &[2]), (277, &[3])];

/// The tags of grey of 8 bits.
pub const GREY: [Entry<'_>; 2] = [(258, &[8]), (262, &[1])];

pub fn with<'a>(base: &[Entry<'a>], more: &[Entry<'a>]) -> Vec<Entry<'a>> {
    [base, more].concat()
}

fn pixels(bytes: &[u8]) -> Vec<[u8; 3]> {
    decode(bytes, &DecodeLimits::default()).unwrap().pixels.pixels().map(|pixel| pixel.0).collect()
}

fn error(bytes: &[u8]) -> ImageError {
    decode(bytes, &DecodeLimits::default()).unwrap_err()
}

fn reversed(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().map(|byte| byte.reverse_bits()).collect()
}

fn lzw(bytes: &[u8]) -> Vec<u8> {
    Encoder::with_tiff_size_switch(BitOrder::Msb, 8).encode(bytes).unwrap()
}

#[test]
fn bits_may_begin_at_the_lower_end_of_a_byte() {
    let colors = [255, 0, 0, 0, 0, 255, 1, 2, 4, 9, 9, 9];
    let want = [RED, BLUE, [1, 2, 4], [9; 3]];
    for (compression, data) in [([1], colors.to_vec()), ([5], lzw(&colors)), ([8], deflate(&colors))] {
        let tags = with(&RGB, &[(259, &compression), (266, &[2])]);
        assert_eq!(pixels(&file((2, 2), &tags, &[&reversed(&data)])), want, "compression {compression:?}");
    }
}

#[test]
fn grey_levels_of_any_bits_reach_from_black_to_white() {
    for (bits, data, want) in [
        ([1], vec![0b0110_0000], [0, 255, 255]),
        ([2], vec![0b0001_1100], [0, 85, 255]),
        ([4], vec![0x06, 0xF0], [0, 102, 255]),
        ([12], vec![0x00, 0x08, 0x00, 0xFF, 0xF0], [0, 128, 255]),
        ([16], vec![0, 0, 0x80, 0x80, 0xFF, 0xFF], [0, 128, 255]),
    ] {
        let tags = [(258, bits.as_slice()), (262, &[1])];
        assert_eq!(pixels(&file((3, 1), &tags, &[&data])), want.map(|level| [level; 3]), "{bits:?} bits");
        let inverted = [(258, bits.as_slice()), (262, &[0])];
        assert_eq!(pixels(&file((3, 1), &inverted, &[&data])), want.map(|level| [255 - level; 3]), "{bits:?} bits");
    }
}

#[test]
fn a_palette_has_colors_for_indices_of_any_bits() {
    let map: Vec<u32> = (0..48).map(|i| if i / 16 == 0 && i % 16 == 9 { 0xFFFF } else { 0x0100 }).collect();
    let tags = [(258, [4].as_slice()), (262, &[3]), (320, &map)];
    assert_eq!(pixels(&file((2, 1), &tags, &[&[0x93]])), [[255, 1, 1], [1, 1, 1]]);
}

#[test]
fn alpha_is_straight_or_associated_and_other_samples_are_none() {
    let four = [(258, [8, 8, 8, 8].as_slice()), (262, &[2]), (277, &[4])];
    let half = [128, 0, 0, 128];
    for (meaning, want) in [(0, [128, 0, 0]), (1, [255, 127, 127]), (2, [191, 127, 127])] {
        let bytes = file((1, 1), &with(&four, &[(338, &[meaning])]), &[&half]);
        let got = pixels(&bytes)[0];
        assert!(got.iter().zip(want).all(|(a, b)| a.abs_diff(b) <= 1), "meaning {meaning}: {got:?}");
    }
    assert_eq!(pixels(&file((1, 1), &four, &[&[1, 2, 3, 0]])), [WHITE], "a fourth sample without a meaning is alpha");
    let grey = [(258, [8, 8].as_slice()), (262, &[1]), (277, &[2]), (338, &[2])];
    assert_eq!(pixels(&file((2, 1), &grey, &[&[7, 255, 7, 0]])), [[7; 3], WHITE]);
}

#[test]
fn planes_strips_and_tiles_are_put_together() {
    let planes = with(&RGB, &[(284, &[2]), (278, &[1])]);
    let bytes = file((2, 2), &planes, &[&[255, 0], &[0, 1], &[0, 0], &[0, 2], &[0, 255], &[0, 3]]);
    assert_eq!(pixels(&bytes), [RED, BLUE, BLACK, [1, 2, 3]]);

    let tile = |level: u8| vec![level; 16 * 16];
    let tags = with(&GREY, &[(322, &[16]), (323, &[16])]);
    let bytes = file((20, 17), &tags, &[&tile(1), &tile(2), &tile(3), &tile(4)]);
    let got = pixels(&bytes);
    assert_eq!([got[0], got[19], got[16 * 20], got[16 * 20 + 19]], [[1; 3], [2; 3], [3; 3], [4; 3]]);
}

#[test]
fn predictors_are_undone() {
    let tags = with(&RGB, &[(259, &[8]), (317, &[2])]);
    let bytes = file((2, 1), &tags, &[&deflate(&[255, 0, 0, 1, 0, 255])]);
    assert_eq!(pixels(&bytes), [RED, BLUE]);

    let tags = [(258, [16].as_slice()), (259, &[5]), (262, &[1]), (317, &[2])];
    let bytes = file((2, 1), &tags, &[&lzw(&[0x80, 0x80, 0x7F, 0x7F])]);
    assert_eq!(pixels(&bytes), [[128; 3], WHITE]);

    // The bytes of 0.0 and 1.0 (3F800000), sorted by significance, each with the one to the left subtracted.
    let tags = [(258, [32].as_slice()), (259, &[8]), (262, &[1]), (317, &[3]), (339, &[3])];
    let bytes = file((2, 1), &tags, &[&deflate(&[0, 0x3F, 0xC1, 0x80, 0x80, 0, 0, 0])]);
    assert_eq!(pixels(&bytes), [BLACK, WHITE]);
}

#[test]
fn pack_bits_repeats_and_copies() {
    let tags = with(&GREY, &[(259, &[32_773])]);
    let bytes = file((6, 1), &tags, &[&[0xFE, 9, 0x80, 2, 1, 2, 3]]);
    assert_eq!(pixels(&bytes), [9, 9, 9, 1, 2, 3].map(|level| [level; 3]));
}

/// The rows of the fax tests: black where the bit is 1.
const FAX_ROWS: [u16; 3] = [0b0000_1111_0000_1110, 0b0000_0111_0000_1110, 0xFFFF];

fn fax_pixels() -> Vec<[u8; 3]> {
    let is_black = |row: u16, x: u32| row >> (15 - x) & 1 == 1;
    FAX_ROWS.iter().flat_map(|row| (0..16).map(move |x| if is_black(*row, x) { BLACK } else { WHITE })).collect()
}

#[test]
fn faxes_of_group_4_are_read_in_both_orders_of_bits() {
    let mut encoder = fax::encoder::Encoder::new(fax::VecWriter::new());
    for row in FAX_ROWS {
        let pels = (0..16).map(|x| if row >> (15 - x) & 1 == 1 { Color::Black } else { Color::White });
        encoder.encode_line(pels, 16).unwrap();
    }
    let data = encoder.finish().unwrap().finish();
    let tags = [(259, [4].as_slice()), (262, &[0])];
    assert_eq!(pixels(&file((16, 3), &tags, &[&data])), fax_pixels());
    let turned = with(&tags, &[(266, &[2])]);
    assert_eq!(pixels(&file((16, 3), &turned, &[&reversed(&data)])), fax_pixels());
}

/// Returns the bytes of a text of bits. A bar fills the last byte with zeros.
fn bits(text: &str) -> Vec<u8> {
    let mut bits: Vec<u8> = Vec::new();
    for c in text.chars() {
        match c {
            '|' => bits.resize(bits.len().next_multiple_of(8), 0),
            '0' | '1' => bits.push(c as u8 - b'0'),
            _ => {}
        }
    }
    bits.chunks(8).map(|byte| byte.iter().enumerate().fold(0, |value, (i, bit)| value | bit << (7 - i))).collect()
}

#[test]
fn faxes_of_group_3_are_read_with_and_without_references() {
    // White runs: 1 = 000111, 4 = 1011, 5 = 1100, 0 = 00110101. Black runs: 3 = 10, 4 = 011, 16 = 0000010111.
    let (first, second, third) = ("1011 011 1011 10 000111", "1100 10 1011 10 000111", "00110101 0000010111");
    let end = "000000000001";
    let one = bits(&format!("{end}{first}{end}{second}{end}{third}{}|", end.repeat(6)));
    let tags = [(259, [3].as_slice()), (262, &[0])];
    assert_eq!(pixels(&file((16, 3), &tags, &[&one])), fax_pixels());
    // The second row refers to the first: its first change is one to the right, the others are where they were.
    let two = bits(&format!("{end}1 {first}{end}0 011 1 1 1 1{end}1 {third}{}|", format!("{end}1").repeat(6)));
    let two_dimensional = with(&tags, &[(292, &[1])]);
    assert_eq!(pixels(&file((16, 3), &two_dimensional, &[&two])), fax_pixels());
    // Modified Huffman coding has no end-of-line codes; its rows begin at bytes.
    let rows = bits(&format!("{first}|{second}|{third}|"));
    let tags = [(259, [2].as_slice()), (262, &[0])];
    assert_eq!(pixels(&file((16, 3), &tags, &[&rows])), fax_pixels());
}

#[test]
fn chroma_may_be_stored_once_for_several_pixels() {
    let tags = [(258, [8, 8, 8].as_slice()), (262, &[6]), (277, &[3]), (530, &[2, 2])];
    // Two blocks of four lumas and both chromas for three columns and two rows.
    let bytes = file((3, 2), &tags, &[&[76, 76, 76, 76, 85, 255, 255, 0, 0, 0, 128, 128]]);
    assert_eq!(pixels(&bytes), [[254, 0, 0], [254, 0, 0], WHITE, [254, 0, 0], [254, 0, 0], BLACK]);
}

#[test]
fn inks_and_lab_become_what_they_look_like() {
    let inks = [(258, [8, 8, 8, 8].as_slice()), (262, &[5]), (277, &[4])];
    assert_eq!(pixels(&file((2, 1), &inks, &[&[0, 255, 255, 0, 0, 0, 0, 255]])), [RED, BLACK]);

    let lab = [(258, [8, 8, 8].as_slice()), (262, &[8]), (277, &[3])];
    // L*a*b* of sRGB red (L* 54.3, a* 80.8, b* 69.9 for the white of print), of white and of black.
    let got = pixels(&file((3, 1), &lab, &[&[138, 81, 70, 255, 0, 0, 0, 0, 0]]));
    for (got, want) in got.iter().zip([RED, WHITE, BLACK]) {
        assert!(got.iter().zip(want).all(|(a, b)| a.abs_diff(b) <= 8), "{got:?} where {want:?} was expected");
    }
}

#[test]
fn floats_from_0_to_1_are_read_and_others_refused() {
    let floats = |values: [f32; 3]| values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>();
    let tags = [(258, [32].as_slice()), (262, &[1]), (339, &[3])];
    let bytes = file((3, 1), &tags, &[&floats([0.0, 0.5, 1.0])]);
    assert_eq!(pixels(&bytes), [BLACK, [128; 3], WHITE]);
    let bytes = file((3, 1), &tags, &[&floats([0.0, 200.0, 65_535.0])]);
    assert!(matches!(error(&bytes), ImageError::UnsupportedKind { .. }));
}

#[test]
fn strips_of_jpeg_share_tables_in_the_directory() {
    let mut jpeg = Vec::new();
    let picture = image::RgbImage::from_pixel(16, 16, Rgb([200, 40, 40]));
    image::codecs::jpeg::JpegEncoder::new_with_quality(&mut jpeg, 98).encode_image(&picture).unwrap();
    let start = jpeg.windows(2).position(|marker| marker == [0xFF, 0xC0]).unwrap();
    let whole =
        |photometric: &'static [u32]| with(&[(258, &[8, 8, 8]), (277, &[3]), (259, &[7])], &[(262, photometric)]);
    let bytes = file((16, 16), &whole(&[6]), &[&jpeg]);
    let near = |got: &[[u8; 3]]| got.iter().all(|p| p.iter().zip([200, 40, 40]).all(|(a, b)| a.abs_diff(b) <= 4));
    assert!(near(&pixels(&bytes)));

    // The quantisation tables stand before the frame; they may be in the directory.
    let tables = [&jpeg[..start], &[0xFF, 0xD9]].concat();
    let data = [&[0xFF, 0xD8], &jpeg[start..]].concat();
    let tables: Vec<u32> = tables.iter().map(|byte| u32::from(*byte)).collect();
    let mut bytes = file((16, 16), &with(&whole(&[6]), &[(347, &tables)]), &[&data]);
    shorts_to_bytes(&mut bytes, 347);
    assert!(near(&pixels(&bytes)));
}

/// Turns the values of a tag from shorts into bytes.
fn shorts_to_bytes(bytes: &mut [u8], tag: u16) {
    let count = usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    let entry = (0..count).map(|i| 10 + 12 * i).find(|at| bytes[*at..at + 2] == tag.to_le_bytes()).unwrap();
    let long = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
    let (length, start) = (long(entry + 4), long(entry + 8));
    (0..length).for_each(|i| bytes[start + i] = bytes[start + 2 * i]);
    bytes[entry + 2] = 1;
}

#[test]
fn kinds_that_cannot_be_read_right_are_refused_as_such() {
    for (what, tags) in [
        ("JPEG of the older form", with(&RGB, &[(259, &[6])])),
        ("Zstandard", with(&RGB, &[(259, &[50_000])])),
        ("signed samples", with(&GREY, &[(339, &[2])])),
        ("whole numbers of 32 bits", vec![(258, [32].as_slice()), (262, &[1])]),
        ("samples of several depths", vec![(258, [5, 6, 5].as_slice()), (262, &[2]), (277, &[3])]),
        ("inks other than four", vec![(258, [8; 5].as_slice()), (262, &[5]), (277, &[5]), (332, &[2])]),
    ] {
        let bytes = file((1, 1), &tags, &[&[0; 16]]);
        let refused = error(&bytes);
        assert!(matches!(refused, ImageError::UnsupportedKind { .. }), "{what}: {refused:?}");
    }
}

#[test]
fn the_first_page_that_is_no_smaller_version_is_shown() {
    let small = |next| page(8, (1, 1), &with(&RGB, &[(254, &[1])]), &[&BLUE], next);
    let next = 8 + small(0).len();
    let real = page(next, (2, 1), &RGB, &[&[255, 0, 0, 255, 255, 255]], 0);
    let bytes = [b"II*\0\x08\0\0\0".as_slice(), &small(next), &real].concat();
    assert_eq!(pixels(&bytes), [RED, WHITE]);
}

#[test]
fn a_strip_that_is_missing_or_cut_off_refuses_the_picture() {
    let tags = with(&GREY, &[(278, &[1])]);
    let rows = [[7; 10]; 10];
    let all: Vec<&[u8]> = rows.iter().map(|row| row.as_slice()).collect();
    let whole = file((10, 10), &tags, &all);
    assert_eq!(pixels(&whole), [[7; 3]; 100]);
    assert!(matches!(error(&file((10, 10), &tags, &all[..9])), ImageError::Corrupt { .. }));
    assert!(matches!(error(&whole[..whole.len() - 3]), ImageError::Corrupt { .. }));
    // Two of a hundred pixels may be missing.
    assert_eq!(pixels(&whole[..whole.len() - 2])[..98], [[7; 3]; 98]);
}

#[test]
fn directories_without_what_is_not_needed_are_read() {
    let data = [255, 0, 0, 0, 0, 255];
    let plain = file((2, 1), &RGB, &[&data]);
    for (tag, what) in [(279, "byte counts"), (262, "photometric interpretation")] {
        let count = usize::from(u16::from_le_bytes([plain[8], plain[9]]));
        let entry = (0..count).map(|i| 10 + 12 * i).find(|at| plain[*at..at + 2] == u16::to_le_bytes(tag)).unwrap();
        let mut without = plain.clone();
        without[entry..entry + 2].copy_from_slice(&60_000_u16.to_le_bytes());
        assert_eq!(pixels(&without), [RED, BLUE], "{what}");
    }
}

#[test]
fn a_big_tiff_is_turned_upright_too() {
    // Two pixels, one above the other, and the orientation of a picture that is turned to the left.
    let entry = |tag: u16, kind: u16, count: u64, value: u64| {
        [&tag.to_le_bytes()[..], &kind.to_le_bytes(), &count.to_le_bytes(), &value.to_le_bytes()].concat()
    };
    let bits = u64::from_le_bytes([8, 0, 8, 0, 8, 0, 0, 0]);
    let entries = [
        entry(256, 3, 1, 1),
        entry(257, 3, 1, 2),
        entry(258, 3, 3, bits),
        entry(262, 3, 1, 2),
        entry(273, 16, 1, 16),
        entry(274, 3, 1, 6),
        entry(277, 3, 1, 3),
    ];
    let pixels_then_directory =
        [&[255, 0, 0, 0, 0, 255, 0, 0][..], &7_u64.to_le_bytes(), &entries.concat(), &[0; 8]].concat();
    let bytes = [b"II\x2B\0\x08\0\0\0".as_slice(), &24_u64.to_le_bytes(), &pixels_then_directory].concat();
    let decoded = decode(&bytes, &DecodeLimits::default()).unwrap();
    assert_eq!((decoded.facts.width, decoded.facts.height), (2, 1));
    assert_eq!(pixels(&bytes), [BLUE, RED]);
}

#[test]
fn many_tiles_of_the_same_bytes_are_refused_before_they_are_decompressed() {
    let tiles = 200 * 200;
    // Each tile refers to the same run of clear codes, which decompress to nothing.
    let clears = bits(&"100000000".repeat(8_000));
    let tags = with(&GREY, &[(259, &[5]), (322, &[1]), (323, &[1])]);
    let strips: Vec<&[u8]> =
        std::iter::once(clears.as_slice()).chain(std::iter::repeat_n([].as_slice(), tiles - 1)).collect();
    let mut bytes = file((200, 200), &tags, &strips);
    let count = usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    for (tag, value) in [(324_u16, None), (325, Some(clears.len() as u32))] {
        let entry = (0..count).map(|i| 10 + 12 * i).find(|at| bytes[*at..at + 2] == tag.to_le_bytes()).unwrap();
        let start = u32::from_le_bytes(bytes[entry + 8..entry + 12].try_into().unwrap()) as usize;
        let size = if bytes[entry + 2] == 4 { 4 } else { 2 };
        let first = bytes[start..start + size].to_vec();
        for i in 0..tiles {
            let value = value.map_or_else(|| first.clone(), |value| value.to_le_bytes()[..size].to_vec());
            bytes[start + i * size..start + (i + 1) * size].copy_from_slice(&value);
        }
    }
    assert!(matches!(error(&bytes), ImageError::UnsupportedKind { .. }));
}
