//! The specification of decoding, format by format.

use ::png::{BitDepth, ColorType};
use image::imageops::{flip_horizontal, flip_vertical, rotate90, rotate180, rotate270};
use image::{Rgb, RgbImage};

use crate::decode::limits::DecodeLimits;
use crate::error::ImageError;
use crate::fixtures::{
    HALVES, PROGRESSIVE_JPEG, blocks, chunk, exif_orientation, file, file_with_exif, gif, patchwork, png, png_with,
    text,
};
use crate::formats::FileType;
use crate::picture::{Decoded, decode, decode_with_texts};
use crate::text::{TextLimits, text_chunks};

fn decoded(bytes: &[u8]) -> RgbImage {
    decode(bytes, &DecodeLimits::default()).unwrap().pixels
}

fn error(bytes: &[u8]) -> ImageError {
    decode(bytes, &DecodeLimits::default()).unwrap_err()
}

fn row(bytes: &[u8]) -> Vec<[u8; 3]> {
    decoded(bytes).pixels().map(|pixel| pixel.0).collect()
}

fn assert_close(a: &RgbImage, b: &RgbImage, tolerance: u8) {
    assert_eq!(a.dimensions(), b.dimensions());
    let worst = a.iter().zip(b.iter()).map(|(a, b)| a.abs_diff(*b)).max().unwrap();
    assert!(worst <= tolerance, "off by {worst}");
}

#[test]
fn every_type_gives_its_pixels_and_facts() {
    for file_type in FileType::ALL {
        let bytes = file(file_type);
        let Decoded { pixels, facts } = decode(&bytes, &DecodeLimits::default()).unwrap();
        assert_eq!(facts.file_type, file_type);
        assert_eq!((facts.width, facts.height), pixels.dimensions());
        match file_type {
            FileType::Jpeg => assert_close(&pixels, &blocks(), 12),
            // 24 colours do not survive the GIF encoder's palette exactly.
            FileType::Gif => assert_close(&pixels, &patchwork(), 4),
            _ => assert_eq!(pixels, patchwork(), "{file_type}"),
        }
    }
}

#[test]
fn files_of_other_encoders_look_as_they_do_in_pillow() {
    for (name, bytes) in HALVES {
        let pixels = decoded(bytes);
        assert_eq!(pixels.dimensions(), (32, 16), "{name}");
        for (x, want) in [(4, [200, 40, 40]), (28, [255, 255, 255])] {
            let got = pixels.get_pixel(x, 8).0;
            let worst = got.iter().zip(want).map(|(a, b)| a.abs_diff(b)).max().unwrap();
            assert!(worst <= 3, "{name} at {x}: {got:?} where {want:?} was expected");
        }
    }
}

#[test]
fn a_grey_jpeg_stays_grey() {
    let mut bytes = Vec::new();
    let grey = image::GrayImage::from_pixel(16, 16, image::Luma([90]));
    image::codecs::jpeg::JpegEncoder::new(&mut bytes).encode_image(&grey).unwrap();
    assert_close(&decoded(&bytes), &RgbImage::from_pixel(16, 16, Rgb([90; 3])), 2);
}

#[test]
fn png_samples_of_every_depth_become_eight_bits() {
    let line = |color, depth, samples: &[u8], width| row(&png((width, 1), color, depth, samples, None, None));
    let grey = ColorType::Grayscale;
    assert_eq!(line(grey, BitDepth::One, &[0b0100_0000], 2), [[0; 3], [255; 3]]);
    assert_eq!(line(grey, BitDepth::Two, &[0b0110_0000], 2), [[85; 3], [170; 3]]);
    assert_eq!(line(grey, BitDepth::Four, &[0x1F], 2), [[17; 3], [255; 3]]);
    assert_eq!(line(grey, BitDepth::Sixteen, &[0x80, 0x81, 0, 128], 2), [[128; 3], [0; 3]]);
    // 129 ÷ 257 is nearer to 1 than to 0; cutting off the low byte would give 0.
    assert_eq!(line(grey, BitDepth::Sixteen, &[0, 129], 1), [[1; 3]]);
    let samples = [0xFF, 0xFF, 0, 0, 0x12, 0x12];
    assert_eq!(line(ColorType::Rgb, BitDepth::Sixteen, &samples, 1), [[255, 0, 18]]);
}

#[test]
fn transparency_is_composited_over_white() {
    let rgba = [10, 20, 30, 255, 10, 20, 30, 0, 0, 0, 0, 128];
    let bytes = png((3, 1), ColorType::Rgba, BitDepth::Eight, &rgba, None, None);
    assert_eq!(row(&bytes), [[10, 20, 30], [255; 3], [127; 3]]);

    let bytes = png((2, 1), ColorType::GrayscaleAlpha, BitDepth::Eight, &[7, 255, 7, 0], None, None);
    assert_eq!(row(&bytes), [[7; 3], [255; 3]]);

    let palette = [1, 2, 3, 4, 5, 6];
    let bytes = png((2, 1), ColorType::Indexed, BitDepth::One, &[0b0100_0000], Some(&palette), Some(&[255, 0]));
    assert_eq!(row(&bytes), [[1, 2, 3], [255; 3]], "tRNS of a palette");

    let bytes = png((2, 1), ColorType::Grayscale, BitDepth::Eight, &[7, 8], None, Some(&[0, 8]));
    assert_eq!(row(&bytes), [[7; 3], [255; 3]], "tRNS of a grey level");
}

#[test]
fn a_gif_is_its_first_frame_on_a_white_screen() {
    let frames: &[(u16, u16, u16, u16, &[u8])] = &[(0, 0, 2, 1, &[1, 3]), (0, 0, 2, 1, &[0, 0])];
    assert_eq!(row(&gif((2, 1), frames)), [[255, 0, 0], [255; 3]]);
    assert_eq!(
        row(&gif((3, 1), &[(1, 0, 1, 1, &[0])])),
        [[255; 3], [0; 3], [255; 3]],
        "a frame smaller than the screen"
    );
}

#[test]
fn orientation_is_applied_as_exif_defines_it() {
    type Turn = fn(&RgbImage) -> RgbImage;
    let cases: [(u8, Turn); 9] = [
        (1, Clone::clone),
        (2, flip_horizontal),
        (3, rotate180),
        (4, flip_vertical),
        (5, |i| flip_horizontal(&rotate90(i))),
        (6, rotate90),
        (7, |i| flip_horizontal(&rotate270(i))),
        (8, rotate270),
        (9, Clone::clone),
    ];
    for (value, meant) in cases {
        let exif = exif_orientation(value);
        for file_type in [FileType::Png, FileType::WebP] {
            let bytes = file_with_exif(file_type, &exif);
            assert_eq!(decoded(&bytes), meant(&patchwork()), "{file_type}, orientation {value}");
        }
        let Decoded { pixels, facts } =
            decode(&file_with_exif(FileType::Jpeg, &exif), &DecodeLimits::default()).unwrap();
        assert_close(&pixels, &meant(&blocks()), 12);
        assert_eq!((facts.width, facts.height), pixels.dimensions(), "facts are as shown");
    }
}

#[test]
fn the_orientation_of_a_tiff_is_in_its_first_directory() {
    // The encoder writes the file, and the test replaces the entry of SampleFormat (339) by an orientation.
    // SampleFormat has its default value, so the picture stays the same.
    let mut bytes = file(FileType::Tiff);
    let entry = [0x53, 0x01, 3, 0];
    let at = bytes.windows(4).position(|w| w == entry).expect("SampleFormat is written");
    bytes[at..at + 12].copy_from_slice(&[0x12, 0x01, 3, 0, 1, 0, 0, 0, 6, 0, 0, 0]);
    assert_eq!(decoded(&bytes), rotate90(&patchwork()));
}

#[test]
fn the_orientation_of_a_png_is_also_found_after_the_pixels_in_text_and_in_xmp() {
    let turned = rotate90(&patchwork());
    let exif = exif_orientation(6);
    assert_eq!(decoded(&png_with(&[], &[chunk(b"eXIf", &exif)])), turned);

    let hex: String = exif.iter().map(|byte| format!("{byte:02x}")).collect();
    let profile = format!("Raw profile type exif\0\nexif\n{:8}\n{hex}\n", exif.len());
    assert_eq!(decoded(&png_with(&[chunk(b"tEXt", profile.as_bytes())], &[])), turned);

    let xmp = b"XML:com.adobe.xmp\0\0\0\0\0<x:xmpmeta tiff:Orientation=\"6\"/>";
    assert_eq!(decoded(&png_with(&[chunk(b"iTXt", xmp)], &[])), turned);
}

#[test]
fn limits_are_checked_before_pixels_and_errors_name_the_size() {
    let exact = DecodeLimits { max_pixels: 24, max_edge: 6, ..DecodeLimits::default() };
    // A JPEG of this size is one of whole blocks, and so is a HEIC, which is cropped afterwards.
    for file_type in FileType::ALL.into_iter().filter(|t| ![FileType::Jpeg, FileType::Heic].contains(t)) {
        let bytes = file(file_type);
        assert!(decode(&bytes, &exact).is_ok(), "{file_type}: at the limit is within it");
        assert_eq!(
            decode(&bytes, &DecodeLimits { max_pixels: 23, ..exact }),
            Err(ImageError::TooManyPixels { width: 6, height: 4, max_pixels: 23 }),
        );
        assert_eq!(
            decode(&bytes, &DecodeLimits { max_edge: 5, ..exact }),
            Err(ImageError::EdgeTooLong { width: 6, height: 4, max_edge: 5 }),
        );
        assert_eq!(
            decode(&bytes, &DecodeLimits { max_memory: 60, ..exact }),
            Err(ImageError::TooMuchMemory { file_type, max_bytes: 60 }),
        );
    }
    let tight = DecodeLimits { max_pixels: 48 * 32 - 1, ..DecodeLimits::default() };
    assert!(matches!(
        decode(&file(FileType::Jpeg), &tight),
        Err(ImageError::TooManyPixels { width: 48, height: 32, .. })
    ));
}

#[test]
fn a_pixel_bomb_is_refused_by_its_header() {
    // A file of 100 bytes announces 60,000 × 60,000 pixels.
    let mut header = vec![0, 0, 0xEA, 0x60, 0, 0, 0xEA, 0x60];
    header.extend([8, 2, 0, 0, 0]);
    let bomb =
        [b"\x89PNG\r\n\x1A\n".as_slice(), &chunk(b"IHDR", &header), &chunk(b"IDAT", &[0; 20]), &chunk(b"IEND", &[])]
            .concat();
    let limits = DecodeLimits { max_edge: u32::MAX, ..DecodeLimits::default() };
    assert!(matches!(decode(&bomb, &limits), Err(ImageError::TooManyPixels { width: 60_000, height: 60_000, .. })));
    let bomb = gif((65_535, 65_535), &[(0, 0, 1, 1, &[0])]);
    assert!(matches!(decode(&bomb, &limits), Err(ImageError::TooManyPixels { .. })));
}

#[test]
fn a_jpeg_of_endless_scans_is_refused() {
    let bytes = PROGRESSIVE_JPEG;
    let scan = bytes.windows(2).rposition(|w| w == b"\xFF\xDA").unwrap();
    let (head, tail) = bytes.split_at(scan);
    let slow = [head, &tail[..tail.len() - 2].repeat(500), b"\xFF\xD9"].concat();
    assert!(matches!(error(&slow), ImageError::UnsupportedKind { .. }));
}

#[test]
fn a_file_cut_off_anywhere_is_an_error() {
    for file_type in FileType::ALL {
        let bytes = file(file_type);
        // Some of the pixels are missing. A file that lacks only its end marker (IEND, GIF's trailer) may be read.
        for end in [bytes.len() / 2, bytes.len() * 3 / 4] {
            let cut = decode(&bytes[..end], &DecodeLimits::default());
            assert!(
                matches!(cut, Err(ImageError::Corrupt { .. })),
                "{file_type} cut to {end} of {}: {cut:?}",
                bytes.len()
            );
        }
    }
    let jpeg = file(FileType::Jpeg);
    assert_eq!(decoded(&jpeg[..jpeg.len() - 2]), decoded(&jpeg), "nothing but the end marker is missing");
}

#[test]
fn a_picture_without_pixels_is_an_error() {
    assert!(matches!(error(&gif((0, 0), &[])), ImageError::Corrupt { .. }));
    assert!(matches!(error(&gif((3, 3), &[])), ImageError::Corrupt { .. }), "no frame");
    let header = chunk(b"IHDR", &[0, 0, 0, 0, 0, 0, 0, 4, 8, 2, 0, 0, 0]);
    let bytes = [b"\x89PNG\r\n\x1A\n".as_slice(), &header, &chunk(b"IEND", &[])].concat();
    assert!(matches!(error(&bytes), ImageError::Corrupt { .. }));
}

#[test]
fn text_and_profiles_of_any_size_or_shape_never_refuse_a_picture() {
    let bytes = png_with(
        &[chunk(b"tEXt", &vec![b'x'; 3_000_000]), chunk(b"iCCP", b"broken"), chunk(b"zTXt", b"")],
        &[chunk(b"iTXt", b"\0\0")],
    );
    let limits = DecodeLimits { max_memory: 100_000, ..DecodeLimits::default() };
    assert_eq!(decode(&bytes, &limits).unwrap().pixels, patchwork());
}

#[test]
fn a_message_is_for_the_sender_and_a_detail_for_the_log() {
    let error = error(&file(FileType::Png)[..60]);
    assert_eq!(
        error.to_string(),
        "the PNG file is damaged or incomplete; open it, export it again and send the new file"
    );
    assert!(error.detail().is_some());
}

#[test]
fn texts_may_be_extracted_with_the_pixels_or_left_out() {
    let exif = exif_orientation(6);
    let bytes = png_with(&[text("a", b"one")], &[text("b", b"two"), chunk(b"eXIf", &exif)]);
    let (limits, text_limits) = (DecodeLimits::default(), TextLimits { max_chunks: 1, ..TextLimits::default() });
    let (decoded, texts) = decode_with_texts(&bytes, &limits, &text_limits).unwrap();
    assert_eq!(decoded, decode(&bytes, &limits).unwrap());
    assert_eq!(decoded.pixels, rotate90(&patchwork()));
    assert_eq!((texts.get("a"), texts.get("b"), texts.truncated), (Some("one"), None, true));
    assert_eq!(texts, text_chunks(&bytes, FileType::Png, &text_limits));
}
