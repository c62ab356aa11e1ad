//! The specification of decoding HEIC, AVIF and JPEG XL: parts, turns, crops, texts.

use image::RgbImage;

use crate::decode::limits::DecodeLimits;
use crate::error::ImageError;
use crate::fixtures::{TEXTS, TILES, TURNED, fixture};
use crate::formats::FileType;
use crate::picture::{Decoded, decode, decode_with_texts};
use crate::sniff::sniff;
use crate::text::TextLimits;

fn decoded(bytes: &[u8]) -> Decoded {
    decode(bytes, &DecodeLimits::default()).unwrap()
}

/// Tells whether a pixel looks like a colour.
fn is(pixels: &RgbImage, (x, y): (u32, u32), want: [u8; 3]) -> bool {
    pixels.get_pixel(x, y).0.iter().zip(want).all(|(a, b)| a.abs_diff(b) <= 6)
}

#[test]
fn a_picture_is_put_together_of_its_tiles() {
    for (name, bytes, (width, height)) in TILES {
        let Decoded { pixels, facts } = decoded(bytes);
        assert_eq!((facts.width, facts.height), (width, height), "{name}");
        for (x, y) in [(4, 4), (width / 2 - 4, height - 4)] {
            assert!(is(&pixels, (x, y), [200, 40, 40]), "{name} at {x}, {y}");
        }
        assert!(is(&pixels, (width - 4, height - 4), [255; 3]), "{name}");
    }
}

#[test]
fn turns_come_from_the_container_and_not_from_exif() {
    const RED: [u8; 3] = [200, 40, 40];
    const GREEN: [u8; 3] = [40, 200, 40];
    const BLUE: [u8; 3] = [40, 40, 200];
    const GREY: [u8; 3] = [128; 3];
    // The picture is 32 × 24 pixels: red and green above blue and grey.
    for (name, bytes, (width, height), corners) in TURNED {
        let Decoded { pixels, facts } = decoded(bytes);
        assert_eq!((facts.width, facts.height), (width, height), "{name}");
        let places = [(3, 3), (width - 4, 3), (3, height - 4), (width - 4, height - 4)];
        for (place, corner) in places.into_iter().zip(corners.chars()) {
            let want = match corner {
                'r' => RED,
                'g' => GREEN,
                'b' => BLUE,
                _ => GREY,
            };
            assert!(is(&pixels, place, want), "{name} at {place:?}: {:?}", pixels.get_pixel(place.0, place.1));
        }
    }
}

#[test]
fn texts_are_found_in_exif() {
    for (name, bytes) in TEXTS {
        let (_, texts) = decode_with_texts(bytes, &DecodeLimits::default(), &TextLimits::default()).unwrap();
        assert!(texts.chunks.iter().any(|chunk| chunk.text.starts_with("a lighthouse at dusk")), "{name}: {texts:?}");
        let packets = sniff(bytes).unwrap().metadata(bytes, 0).xmp;
        assert!(packets.iter().any(|packet| packet.windows(10).any(|w| w == b"Cape Inubo")), "{name}");
    }
}

#[test]
fn a_file_whose_parts_are_more_than_the_picture_is_refused() {
    // The grid says that it is larger than its parts.
    let mut bytes = fixture!("tiles.heic").to_vec();
    let grid = bytes.windows(8).position(|w| w == [0, 0, 0, 1, 0, 128, 0, 64]).expect("the description of the grid");
    bytes[grid + 5] = 200;
    assert!(matches!(decode(&bytes, &DecodeLimits::default()), Err(ImageError::Corrupt { .. })));
}

#[test]
fn a_codec_that_is_not_read_is_named_as_such() {
    let bytes = fixture!("patchwork.avif");
    let item = bytes.windows(4).position(|w| w == b"av01").expect("an item of AV1");
    let other = [&bytes[..item], b"jpeg", &bytes[item + 4..]].concat();
    let error = decode(&other, &DecodeLimits::default()).unwrap_err();
    assert!(matches!(error, ImageError::UnsupportedKind { file_type: FileType::Avif, .. }), "{error:?}");
}

#[test]
fn the_limits_on_memory_count_what_the_decoders_need() {
    for bytes in [fixture!("tiles.heic"), fixture!("grid.avif"), fixture!("lossy.jxl")] {
        let limits = DecodeLimits { max_memory: 3000, ..DecodeLimits::default() };
        assert!(matches!(decode(bytes, &limits), Err(ImageError::TooMuchMemory { max_bytes: 3000, .. })));
    }
}
