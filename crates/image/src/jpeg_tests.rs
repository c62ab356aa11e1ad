//! The specification of JPEG: the kinds that are read, and the damage that is told.

use image::RgbImage;

use crate::decode::limits::DecodeLimits;
use crate::decode::request::{DecodeRequest, Enough};
use crate::error::ImageError;
use crate::fixtures::PROGRESSIVE_JPEG;
use crate::jpeg_writer::{FlatJpeg, QUARTERS, SIZE};
use crate::picture::{Decoded, decode};

const FULL: [(u8, u8); 3] = [(1, 1), (1, 1), (1, 1)];
const HALF: [(u8, u8); 3] = [(2, 2), (1, 1), (1, 1)];

fn pixels(bytes: &[u8]) -> RgbImage {
    decode(bytes, &DecodeLimits::default()).unwrap().pixels
}

fn is_corrupt(bytes: &[u8]) -> bool {
    matches!(decode(bytes, &DecodeLimits::default()), Err(ImageError::Corrupt { .. }))
}

/// Checks the middles of the quarters.
#[track_caller]
fn assert_quarters(picture: &RgbImage, about: &str) {
    let (width, height) = picture.dimensions();
    for (n, want) in (0..).zip(QUARTERS) {
        let got = picture.get_pixel(width / 4 + n % 2 * width / 2, height / 4 + n / 2 * height / 2).0;
        let worst = got.iter().zip(want).map(|(a, b)| a.abs_diff(b)).max().unwrap();
        assert!(worst <= 3, "{about}, quarter {n}: {got:?} where {want:?} was expected");
    }
}

#[test]
fn every_sampling_is_read_in_every_order_of_scans() {
    let samplings = [
        FULL,
        HALF,
        [(2, 1), (1, 1), (1, 1)],
        [(1, 2), (1, 1), (1, 1)],
        [(4, 1), (1, 1), (1, 1)],
        [(2, 2), (2, 1), (1, 2)],
        [(3, 1), (1, 1), (1, 1)],
        [(1, 1), (2, 2), (2, 2)],
        [(2, 2), (2, 2), (2, 2)],
    ];
    let orders: [&[&[usize]]; 4] = [&[&[0, 1, 2]], &[&[0], &[1], &[2]], &[&[1], &[2], &[0]], &[&[0], &[1, 2]]];
    for sampling in samplings {
        for order in orders {
            let blocks = |scan: &[usize]| scan.iter().map(|n| sampling[*n].0 * sampling[*n].1).sum::<u8>();
            if order.iter().any(|scan| scan.len() > 1 && blocks(scan) > 10) {
                continue;
            }
            let scans = order.iter().map(|scan| scan.to_vec()).collect();
            let (bytes, _) = FlatJpeg { scans, ..FlatJpeg::new(sampling) }.write();
            assert_quarters(&pixels(&bytes), &format!("{sampling:?} in scans {order:?}"));
        }
    }
}

#[test]
fn components_may_be_red_green_and_blue() {
    let (bytes, _) = FlatJpeg { is_rgb: true, ..FlatJpeg::new(FULL) }.write();
    assert_quarters(&pixels(&bytes), "RGB");
}

#[test]
fn a_picture_is_whole_without_its_end_marker_and_with_bytes_that_nobody_needs() {
    for scans in [vec![vec![0, 1, 2]], vec![vec![0], vec![1], vec![2]]] {
        for restart in [0, 5] {
            let (bytes, _) = FlatJpeg { scans: scans.clone(), restart, ..FlatJpeg::new(HALF) }.write();
            let whole = pixels(&bytes);
            assert_quarters(&whole, "whole");
            let (without_end, end) = bytes.split_at(bytes.len() - 2);
            for (about, changed) in [
                ("without end marker", without_end.to_vec()),
                ("zeros in the place of the end marker", [without_end, &[0; 5_000]].concat()),
                ("a text after the end marker", [&bytes, b"text".as_slice()].concat()),
                ("a second picture after the end marker", bytes.repeat(2)),
                ("stray bytes before the end marker", [without_end, b"stray", end].concat()),
                ("fill bytes before the end marker", [without_end, &[0xFF; 9], end].concat()),
            ] {
                assert_eq!(pixels(&changed), whole, "{about}");
            }
        }
    }
    let without_end = &PROGRESSIVE_JPEG[..PROGRESSIVE_JPEG.len() - 2];
    assert_eq!(pixels(without_end), pixels(PROGRESSIVE_JPEG));
}

#[test]
fn a_picture_of_which_a_part_is_missing_is_damaged() {
    for scans in [vec![vec![0, 1, 2]], vec![vec![0], vec![1], vec![2]], vec![vec![1], vec![2], vec![0]]] {
        let (bytes, data_at) = FlatJpeg { scans: scans.clone(), ..FlatJpeg::new(FULL) }.write();
        let data = bytes.len() - 2 - data_at;
        for kept in [0, data / 10, data / 2, data * 9 / 10] {
            let part = &bytes[..data_at + kept];
            assert!(is_corrupt(part), "{kept} of {data} bytes, scans {scans:?}");
            assert!(
                is_corrupt(&[part, b"\xFF\xD9"].concat()),
                "{kept} of {data} bytes and an end marker, scans {scans:?}"
            );
            assert!(is_corrupt(&[part, &[0; 9_000]].concat()), "{kept} of {data} bytes and zeros, scans {scans:?}");
        }
    }
    let scan = PROGRESSIVE_JPEG.windows(2).rposition(|bytes| bytes == b"\xFF\xDA").unwrap();
    for end in [scan, scan + 10, scan / 2] {
        assert!(is_corrupt(&PROGRESSIVE_JPEG[..end]), "progressive, cut at {end}");
    }
}

#[test]
fn a_component_without_a_scan_is_damage() {
    let (bytes, _) = FlatJpeg { scans: vec![vec![0], vec![1]], ..FlatJpeg::new(FULL) }.write();
    assert!(is_corrupt(&bytes));
}

#[test]
fn a_lost_restart_interval_is_damage() {
    let (bytes, data_at) = FlatJpeg { restart: 40, ..FlatJpeg::new(FULL) }.write();
    let marker =
        |number: u8| data_at + bytes[data_at..].windows(2).position(|bytes| bytes == [0xFF, 0xD0 + number]).unwrap();
    assert!(is_corrupt(&[&bytes[..marker(2)], &bytes[marker(3)..]].concat()));
}

#[test]
fn kinds_that_are_not_read_are_not_called_damaged() {
    let plain = FlatJpeg::new(FULL);
    for (about, jpeg) in [
        ("lossless", FlatJpeg { frame: 0xC3, ..plain.clone() }),
        ("hierarchical", FlatJpeg { frame: 0xC5, ..plain.clone() }),
        ("arithmetic", FlatJpeg { frame: 0xC9, ..plain.clone() }),
        ("progressive arithmetic", FlatJpeg { frame: 0xCA, ..plain.clone() }),
        ("12 bits", FlatJpeg { frame: 0xC1, precision: 12, ..plain.clone() }),
        ("height after the scan", FlatJpeg { height: 0, ..plain.clone() }),
        ("two components", FlatJpeg { sampling: vec![(1, 1); 2], scans: vec![vec![0, 1]], ..plain }),
    ] {
        let refused = decode(&jpeg.write().0, &DecodeLimits::default());
        assert!(matches!(refused, Err(ImageError::UnsupportedKind { .. })), "{about}: {refused:?}");
    }
}

#[test]
fn a_smaller_picture_is_decoded_where_it_suffices_and_the_facts_are_those_of_the_whole() {
    let (bytes, _) = FlatJpeg::new(HALF).write();
    for (shorter, longer, divisor) in [
        (128, 192, 1),
        (65, 0, 1),
        (0, 97, 1),
        (64, 96, 2),
        (33, 0, 2),
        (32, 48, 4),
        (16, 24, 8),
        (0, 0, 8),
        (999, 0, 1),
    ] {
        let request = DecodeRequest::at_least(&DecodeLimits::default(), Enough { shorter, longer });
        let Decoded { pixels, facts } = decode(&bytes, request).unwrap();
        assert_eq!(pixels.dimensions(), (SIZE.0 / divisor, SIZE.1 / divisor), "{shorter} and {longer} suffice");
        assert_eq!((facts.width, facts.height), SIZE);
        assert_quarters(&pixels, "smaller");
    }
}

#[test]
fn the_coefficients_of_several_scans_count_against_the_memory() {
    let (one, _) = FlatJpeg::new(FULL).write();
    let (several, _) = FlatJpeg { scans: vec![vec![0], vec![1], vec![2]], ..FlatJpeg::new(FULL) }.write();
    let samples = u64::from(SIZE.0 * SIZE.1 * 3);
    let limits = DecodeLimits { max_memory: samples, ..DecodeLimits::default() };
    assert!(decode(&one, &limits).is_ok());
    assert!(matches!(decode(&several, &limits), Err(ImageError::TooMuchMemory { .. })));
    let limits = DecodeLimits { max_memory: 3 * samples, ..limits };
    assert!(decode(&several, &limits).is_ok());
}
