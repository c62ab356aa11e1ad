//! Pictures: whatever a file says, the pixels are as many as its facts say and within the limits.

use mitsuke_image::{
    DecodeLimits, DecodeRequest, Decoded, Enough, ImageError, decode as decoded, enough_for_thumbnail, sniff, thumbnail,
};

/// Limits that are so small that a changed header is mostly refused and no input is slow.
pub const LIMITS: DecodeLimits = DecodeLimits { max_pixels: 100_000, max_edge: 5_000, max_memory: 4_000_000 };

/// The longer edge of the thumbnails.
const THUMBNAIL: u32 = 32;

/// Decodes a picture in full and to the size of a thumbnail.
///
/// # Panics
/// When a decoder panics, the pixels do not fit the facts or the limits, or the thumbnail is no picture of its size.
pub fn decode(bytes: &[u8]) {
    let whole = read(bytes, DecodeRequest::whole(&LIMITS));
    let enough = enough_for_thumbnail(THUMBNAIL);
    let smaller = read(bytes, DecodeRequest::at_least(&LIMITS, enough));
    if let (Some(whole), Some(smaller)) = (&whole, &smaller) {
        assert_eq!(smaller.facts, whole.facts, "the facts are those of the whole picture");
        assert_eq!(whole.pixels.dimensions(), (whole.facts.width, whole.facts.height));
        assert!(is_enough(enough, smaller), "{:?} pixels of {:?}", smaller.pixels.dimensions(), smaller.facts);
    }
    let Some(picture) = smaller.or(whole) else { return };
    let small = thumbnail(&picture.pixels, THUMBNAIL).expect("pixels have a thumbnail");
    let small = decoded(&small, &LIMITS).expect("a thumbnail is a picture");
    assert!(small.facts.width.max(small.facts.height) <= THUMBNAIL, "{:?}", small.facts);
}

fn is_enough(enough: Enough, picture: &Decoded) -> bool {
    let size = picture.pixels.dimensions();
    size == (picture.facts.width, picture.facts.height) || enough.is_met_by(size)
}

fn read(bytes: &[u8], request: DecodeRequest) -> Option<Decoded> {
    match decoded(bytes, request) {
        Ok(picture) => {
            let (width, height) = picture.pixels.dimensions();
            assert_eq!(picture.pixels.as_raw().len() as u64, u64::from(width) * u64::from(height) * 3);
            let facts = picture.facts;
            assert_eq!(sniff(bytes), Ok(facts.file_type));
            assert!(facts.width > 0 && facts.height > 0);
            assert!(facts.width.max(facts.height) <= LIMITS.max_edge, "{facts:?}");
            assert!(u64::from(facts.width) * u64::from(facts.height) <= LIMITS.max_pixels, "{facts:?}");
            Some(picture)
        }
        Err(error) => {
            refused(&error);
            None
        }
    }
}

/// Checks that a decoder has refused a file by itself, and not by a panic that was caught.
fn refused(error: &ImageError) {
    let detail = error.detail().unwrap_or_default();
    assert!(!detail.contains("panicked"), "{error}: {detail}");
}
