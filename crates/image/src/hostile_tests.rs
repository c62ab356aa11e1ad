//! Hostile files: however a valid file is changed, no function panics or exceeds its limits.

use proptest::prelude::*;

use super::fixtures::{
    HALVES, exif, file, file_with_exif, gif, gif_with, iptc, itxt, jpeg_with, photoshop, png_with, text, webp_with,
    xmp, ztxt,
};
use super::*;

/// Files of every type, with metadata where the type has a place for it.
fn valid_files() -> Vec<Vec<u8>> {
    let blob = exif(true, &[(0x0112, 3, &[0, 6])], Some(b"ASCII\0\0\0Steps: 1, Seed: 2"));
    let mut files: Vec<_> = FileType::ALL.into_iter().map(|t| file_with_exif(t, &blob)).collect();
    let packet = xmp("<dc:title>a</dc:title><dc:subject><rdf:Bag><rdf:li>b</rdf:li></rdf:Bag></dc:subject>");
    let xmp_segment = [b"http://ns.adobe.com/xap/1.0/\0", packet.as_bytes()].concat();
    let iptc_segment = [b"Photoshop 3.0\0", photoshop(&iptc(&[(2, 25, b"a"), (2, 120, b"b")])).as_slice()].concat();
    files.extend([
        png_with(&[text("a", b"b"), ztxt("c", b"d")], &[itxt("e", "f", true)]),
        png_with(
            &[itxt("XML:com.adobe.xmp", &packet, true), text("Raw profile type iptc", b"\niptc\n 4\n1c020500")],
            &[],
        ),
        jpeg_with(&[(0xE1, &xmp_segment), (0xED, &iptc_segment), (0xFE, "港".as_bytes())]),
        webp_with(&[(b"XMP ", packet.as_bytes())]),
        gif_with(b"\x21\xFE\x03abc\0\x21\xFF\x0BXMP DataXMP\x01a\0"),
        gif((3, 2), &[(1, 0, 1, 1, &[0]), (0, 0, 3, 2, &[0, 1, 2, 3, 0, 1])]),
    ]);
    files.extend(HALVES.map(|(_, bytes)| bytes.to_vec()));
    files
}

/// Limits that are so small that a changed header is mostly refused and no case is slow.
const LIMITS: DecodeLimits = DecodeLimits { max_pixels: 100_000, max_edge: 5_000, max_memory: 4_000_000 };

/// Treats the bytes as the server treats an upload.
fn process(bytes: &[u8]) {
    if let Ok((decoded, texts)) = decode_with_texts(bytes, &LIMITS, &TextLimits::default()) {
        let _ = describe(&texts);
        let (width, height) = decoded.pixels.dimensions();
        assert!(u64::from(width) * u64::from(height) <= LIMITS.max_pixels);
        assert!(thumbnail(&decoded.pixels, 32).is_ok());
    }
    if let Ok(file_type) = sniff(bytes) {
        let found = text_chunks(bytes, file_type, &TextLimits::default());
        let _ = describe(&found);
    }
}

#[test]
fn the_files_are_valid_before_they_are_changed() {
    for bytes in valid_files() {
        assert!(decode(&bytes, &LIMITS).is_ok());
    }
    assert_eq!(sniff(&file(FileType::Gif)), Ok(FileType::Gif));
}

/// Returns a strategy for valid files in which some bytes are changed and the end may be cut off.
fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let change = (any::<proptest::sample::Index>(), any::<u8>());
    (
        proptest::sample::select(valid_files()),
        proptest::collection::vec(change, 0..6),
        proptest::option::weighted(0.2, any::<proptest::sample::Index>()),
    )
        .prop_map(|(mut bytes, changes, cut)| {
            // Headers do the most harm, so every second change is among the first 64 bytes.
            for (i, (at, value)) in changes.into_iter().enumerate() {
                let end = if i % 2 == 0 { bytes.len() } else { bytes.len().min(64) };
                bytes[at.index(end)] = value;
            }
            if let Some(cut) = cut {
                bytes.truncate(cut.index(bytes.len()));
            }
            bytes
        })
}

proptest! {
    // The variable PROPTEST_CASES can ask for more cases.
    #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases.max(2_000)))]

    #[test]
    fn no_changed_file_panics(bytes in mutated()) {
        process(&bytes);
    }
}
