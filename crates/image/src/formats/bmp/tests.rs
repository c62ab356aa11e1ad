//! The specification of BMP: each kind with a small file made here.

use crate::decode::limits::DecodeLimits;
use crate::error::ImageError;
use crate::picture::decode;

const RED: [u8; 3] = [255, 0, 0];
const BLUE: [u8; 3] = [0, 0, 255];
const GREEN: [u8; 3] = [0, 255, 0];
const BLACK: [u8; 3] = [0; 3];
const WHITE: [u8; 3] = [255; 3];

/// The headers of a file.
#[derive(Clone, Copy)]
struct Said<'a> {
    width: u32,
    height: i32,
    bits: u16,
    compression: u32,
    /// The length of the second header.
    header: u32,
    masks: &'a [u32],
    palette: &'a [[u8; 3]],
    /// The offset of the pixels; `None` for the right one.
    offset: Option<u32>,
}

const PLAIN: Said<'_> =
    Said { width: 2, height: 2, bits: 24, compression: 0, header: 40, masks: &[], palette: &[], offset: None };

fn file(said: Said<'_>, data: &[u8]) -> Vec<u8> {
    let Said { width, height, bits, compression, header, masks, palette, offset } = said;
    let mut info = header.to_le_bytes().to_vec();
    if header == 12 {
        info.extend([(width as u16).to_le_bytes(), (height as u16).to_le_bytes(), [1, 0], bits.to_le_bytes()].concat());
    } else {
        info.extend([width.to_le_bytes(), height.to_le_bytes()].concat());
        info.extend([[1, 0], bits.to_le_bytes()].concat());
        info.extend([compression, data.len() as u32, 0, 0, palette.len() as u32, 0].map(u32::to_le_bytes).concat());
        info.extend(masks.iter().flat_map(|mask| mask.to_le_bytes()));
        if header > 40 {
            info.resize(header as usize, 0);
        }
    }
    for [r, g, b] in palette {
        info.extend([*b, *g, *r]);
        info.extend(if header == 12 { [].as_slice() } else { &[0] });
    }
    let start = 14 + info.len() as u32;
    let sizes = [start + data.len() as u32, 0, offset.unwrap_or(start)].map(u32::to_le_bytes).concat();
    [b"BM".as_slice(), &sizes, &info, data].concat()
}

fn pixels(bytes: &[u8]) -> Vec<[u8; 3]> {
    decode(bytes, &DecodeLimits::default()).unwrap().pixels.pixels().map(|pixel| pixel.0).collect()
}

fn error(bytes: &[u8]) -> ImageError {
    decode(bytes, &DecodeLimits::default()).unwrap_err()
}

/// Red and blue above black and white, rows from the bottom, padded.
const FOUR: [u8; 16] = [0, 0, 0, 255, 255, 255, 0, 0, 0, 0, 255, 255, 0, 0, 0, 0];
const SHOWN: [[u8; 3]; 4] = [RED, BLUE, BLACK, WHITE];

#[test]
fn headers_of_every_length_are_read() {
    for header in [12, 40, 52, 56, 64, 108, 124] {
        assert_eq!(pixels(&file(Said { header, ..PLAIN }, &FOUR)), SHOWN, "header of {header}");
    }
}

#[test]
fn rows_may_come_from_the_top() {
    let data = [&FOUR[8..], &FOUR[..8]].concat();
    assert_eq!(pixels(&file(Said { height: -2, ..PLAIN }, &data)), SHOWN);
}

#[test]
fn pixels_follow_the_headers_when_their_offset_is_0() {
    assert_eq!(pixels(&file(Said { offset: Some(0), ..PLAIN }, &FOUR)), SHOWN);
    let said = Said { bits: 8, palette: &[RED, BLUE, BLACK, WHITE], offset: Some(0), ..PLAIN };
    assert_eq!(pixels(&file(said, &[2, 3, 0, 0, 0, 1, 0, 0])), SHOWN);
}

#[test]
fn indices_have_1_to_8_bits_and_those_beyond_the_palette_are_black() {
    for (bits, top, bottom) in [(1, 0b0100_0000, 0), (2, 0b0001_0000, 0b1011_0000), (4, 0x01, 0x23)] {
        let said = Said { bits, palette: &[RED, BLUE], ..PLAIN };
        let want = if bits == 1 { [RED, BLUE, RED, RED] } else { [RED, BLUE, BLACK, BLACK] };
        assert_eq!(pixels(&file(said, &[bottom, 0, 0, 0, top, 0, 0, 0])), want, "{bits} bits");
    }
}

#[test]
fn samples_stand_where_the_masks_say() {
    let row = |values: [u16; 2]| values.map(u16::to_le_bytes).concat();
    let data = [row([0, 0x7FFF]), row([0x7C00, 0x001F])].concat();
    assert_eq!(pixels(&file(Said { bits: 16, ..PLAIN }, &data)), SHOWN);
    let data = [row([0, 0xFFFF]), row([0xF800, 0x001F])].concat();
    let said = Said { bits: 16, compression: 3, masks: &[0xF800, 0x07E0, 0x001F], ..PLAIN };
    assert_eq!(pixels(&file(said, &data)), SHOWN);
    let gap = Said { masks: &[0b101, 0, 0], ..said };
    assert!(matches!(error(&file(gap, &data)), ImageError::UnsupportedKind { .. }));
}

#[test]
fn the_fourth_byte_is_alpha_only_where_a_mask_says_so() {
    let said = Said { width: 2, height: 1, bits: 32, ..PLAIN };
    let data = [0, 0, 255, 0, 255, 0, 0, 255];
    assert_eq!(pixels(&file(said, &data)), [RED, BLUE], "no mask");
    let masks = &[0xFF_0000, 0xFF00, 0xFF, 0xFF00_0000];
    let with_alpha = Said { header: 124, compression: 3, masks, ..said };
    assert_eq!(pixels(&file(with_alpha, &data)), [WHITE, BLUE]);
    let unused = [0, 0, 255, 0, 255, 0, 0, 0];
    assert_eq!(pixels(&file(with_alpha, &unused)), [RED, BLUE], "alpha of 0 everywhere is an unused byte");
}

#[test]
fn runs_jump_over_pixels_and_may_end_without_a_code() {
    let palette = &[BLACK, RED, BLUE, GREEN];
    let eight = Said { width: 4, height: 2, bits: 8, compression: 1, palette, ..PLAIN };
    let top = [RED, BLUE, GREEN, RED];
    let bottom = [BLUE, BLUE, BLUE, BLUE];
    let data = [4, 2, 0, 0, 0, 3, 1, 2, 3, 0, 1, 1, 0, 1];
    assert_eq!(pixels(&file(eight, &data)), [top, bottom].concat());
    assert_eq!(pixels(&file(eight, &data[..12])), [top, bottom].concat(), "no code at the end");
    assert!(matches!(error(&file(eight, &data[..4])), ImageError::Corrupt { .. }), "half of the pixels");

    let four = Said { bits: 4, compression: 2, ..eight };
    let data = [4, 0x22, 0, 0, 0, 3, 0x12, 0x30, 1, 0x10, 0, 1];
    assert_eq!(pixels(&file(four, &data)), [top, bottom].concat());

    let jump = [0, 2, 1, 1, 2, 3, 0, 1];
    assert_eq!(pixels(&file(eight, &jump)), [[BLACK, GREEN, GREEN, BLACK], [BLACK; 4]].concat());

    let of_os2 = Said { width: 2, height: 1, bits: 24, compression: 4, header: 64, ..PLAIN };
    assert_eq!(pixels(&file(of_os2, &[1, 0, 0, 255, 1, 255, 0, 0, 0, 1])), [RED, BLUE]);
}

#[test]
fn other_formats_within_are_refused_as_a_kind() {
    for compression in [4, 5] {
        let said = Said { bits: 0, compression, ..PLAIN };
        assert!(matches!(error(&file(said, b"\x89PNG")), ImageError::UnsupportedKind { .. }));
    }
}

#[test]
fn the_padding_of_the_last_row_may_be_missing_but_no_row() {
    let whole = file(PLAIN, &FOUR);
    assert_eq!(pixels(&whole[..whole.len() - 2]), SHOWN);
    assert!(matches!(error(&whole[..whole.len() - 3]), ImageError::Corrupt { .. }));
}
