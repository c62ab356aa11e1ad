//! Texts that image generators hide in the lowest bits of the pixels, so that they survive sites that strip text chunks.
//!
//! The bits run down the columns, the first column first; of a pixel either the lowest bit of alpha counts or those of
//! red, green and blue. They hold a mark of 15 bytes, the length of the text in bits as 32 bits, and the text as UTF-8 or
//! compressed with gzip. The sd_webui_stealth_pnginfo extension and NovelAI write such texts.

use std::io::Read as _;
use std::ops::Range;

use flate2::read::GzDecoder;

use crate::decode::raster::{Layout, Raster};

/// The number of bytes of a mark.
const MARK_BYTES: usize = 15;

/// The channels that hold the bits, by the mark, and whether the text is compressed.
const MARKS: [(&[u8; MARK_BYTES], Channels, bool); 4] = [
    (b"stealth_pnginfo", Channels::Alpha, false),
    (b"stealth_pngcomp", Channels::Alpha, true),
    (b"stealth_rgbinfo", Channels::Colors, false),
    (b"stealth_rgbcomp", Channels::Colors, true),
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Channels {
    Alpha,
    Colors,
}

/// Samples of 8 bits as the file stores them: not turned, not composited, rows from the top without padding.
#[derive(Clone, Copy)]
pub struct Samples<'s> {
    /// The samples of all pixels, interleaved.
    pub samples: &'s [u8],
    /// Width in pixels.
    pub width: usize,
    /// Height in pixels.
    pub height: usize,
    /// The samples of one pixel: 1 (grey), 2 (grey and alpha), 3 (red, green, blue) or 4 (with alpha).
    pub channels: usize,
}

impl<'s> Samples<'s> {
    /// Returns the samples of a raster; `None` for samples that hide no text: those of 16 bits, and inks.
    pub fn of(raster: &'s Raster) -> Option<Self> {
        let channels = match raster.layout {
            Layout::Grey8 | Layout::GreyAlpha8 | Layout::Rgb8 | Layout::Rgba8 => raster.layout.pixel_bytes(),
            Layout::Cmyk8 | Layout::Grey16 | Layout::GreyAlpha16 | Layout::Rgb16 | Layout::Rgba16 => return None,
        };
        let (width, height) = (raster.width as usize, raster.height as usize);
        Some(Self { samples: &raster.samples, width, height, channels })
    }
}

/// A hidden text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hidden {
    /// The text.
    pub text: String,
    /// Whether the text was longer than was asked for.
    pub truncated: bool,
}

/// Returns the text that is hidden in a picture, at most `max_bytes` of it; `None` when there is none. Only the pixels of
/// a mark are looked at when there is no mark.
pub fn read(picture: Samples<'_>, max_bytes: usize) -> Option<Hidden> {
    let (channels, is_compressed) = [Channels::Alpha, Channels::Colors].into_iter().find_map(|channels| {
        let mark: Vec<_> = picture.hidden_bytes(channels, 0)?.take(MARK_BYTES).collect();
        let (_, _, is_compressed) = MARKS.iter().find(|(known, of, _)| *of == channels && mark == known.as_slice())?;
        Some((channels, *is_compressed))
    })?;
    let mut bytes = picture.hidden_bytes(channels, MARK_BYTES)?;
    let mut length = [0; 4];
    for byte in &mut length {
        *byte = bytes.next()?;
    }
    let length = usize::try_from(u32::from_be_bytes(length) / 8).ok()?;
    if length > picture.capacity(channels) {
        return None;
    }
    // A compressed text is shorter than the text that is asked for, unless it is cut.
    let stored: Vec<u8> = bytes.take(length.min(max_bytes)).collect();
    let mut text = Vec::new();
    if is_compressed {
        // A text whose end is damaged is read up to there.
        let limit = u64::try_from(max_bytes).unwrap_or(u64::MAX).saturating_add(1);
        let _ = GzDecoder::new(stored.as_slice()).take(limit).read_to_end(&mut text);
    } else {
        text.clone_from(&stored);
    }
    let truncated = length > max_bytes || text.len() > max_bytes;
    text.truncate(max_bytes);
    let text = String::from_utf8_lossy(&text).replace('\0', "");
    (!text.trim().is_empty()).then_some(Hidden { text, truncated })
}

impl<'s> Samples<'s> {
    /// Returns the bytes in the lowest bits of some channels, from byte `from` on; `None` when the picture has no such
    /// channels.
    fn hidden_bytes(self, channels: Channels, from: usize) -> Option<impl Iterator<Item = u8> + use<'s>> {
        let range = self.range(channels)?;
        let bits = range.len();
        let bit = move |at: usize| {
            let (pixel, channel) = (at / bits, range.start + at % bits);
            let (x, y) = (pixel / self.height, pixel % self.height);
            let sample = self.samples.get((y * self.width + x) * self.channels + channel)?;
            (x < self.width).then_some(sample & 1)
        };
        let mut at = from * 8;
        Some(std::iter::from_fn(move || {
            let mut byte = 0;
            for _ in 0..8 {
                byte = byte << 1 | bit(at)?;
                at += 1;
            }
            Some(byte)
        }))
    }

    /// Returns the number of bytes that some channels can hold.
    fn capacity(self, channels: Channels) -> usize {
        self.range(channels).map_or(0, |range| self.samples.len() / self.channels * range.len() / 8)
    }

    /// Returns the positions of some channels within a pixel.
    fn range(self, channels: Channels) -> Option<Range<usize>> {
        match (channels, self.channels) {
            (_, _) if self.height == 0 => None,
            (Channels::Alpha, 2) => Some(1..2),
            (Channels::Alpha, 4) => Some(3..4),
            (Channels::Colors, 3 | 4) => Some(0..3),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::GzEncoder;
    use proptest::prelude::*;

    use super::*;
    use crate::{DecodeLimits, TextChunk, TextChunks, TextLimits, TextSource, describe};

    const WIDTH: usize = 40;

    /// Hides bytes in the lowest bits of grey pixels and returns height and samples.
    fn hide(bytes: &[u8], channels: usize, used: Range<usize>) -> (usize, Vec<u8>) {
        let bits: Vec<u8> = bytes.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1)).collect();
        let height = bits.len().div_ceil(used.len() * WIDTH).max(1);
        let mut samples = vec![254; WIDTH * height * channels];
        for (at, bit) in bits.iter().enumerate() {
            let (pixel, channel) = (at / used.len(), used.start + at % used.len());
            samples[(pixel % height * WIDTH + pixel / height) * channels + channel] |= bit;
        }
        (height, samples)
    }

    fn marked(mark: &str, stored: &[u8]) -> Vec<u8> {
        let length = u32::try_from(stored.len() * 8).unwrap().to_be_bytes();
        [mark.as_bytes(), &length, stored].concat()
    }

    fn gzip(text: &str) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    }

    fn found(bytes: &[u8], channels: usize, used: Range<usize>, max_bytes: usize) -> Option<Hidden> {
        let (height, samples) = hide(bytes, channels, used);
        read(Samples { samples: &samples, width: WIDTH, height, channels }, max_bytes)
    }

    #[test]
    fn texts_in_alpha_and_in_colours_are_read_plain_and_compressed() {
        let text = "a hare, 池のそば\nSteps: 20, Seed: 7";
        for (mark, channels, used, stored) in [
            ("stealth_pnginfo", 4, 3..4, text.as_bytes().to_vec()),
            ("stealth_pngcomp", 4, 3..4, gzip(text)),
            ("stealth_pngcomp", 2, 1..2, gzip(text)),
            ("stealth_rgbinfo", 4, 0..3, text.as_bytes().to_vec()),
            ("stealth_rgbcomp", 3, 0..3, gzip(text)),
        ] {
            let hidden = found(&marked(mark, &stored), channels, used, 1_000);
            assert_eq!(hidden, Some(Hidden { text: text.to_owned(), truncated: false }), "{mark} in {channels}");
        }
    }

    #[test]
    fn a_hidden_text_is_a_generation_prompt() {
        let chunk = TextChunk::new("stealth", "a hare\nSteps: 20, Seed: 7", TextSource::Stealth);
        let described = describe(&TextChunks { chunks: vec![chunk], truncated: false }, usize::MAX);
        assert_eq!(described.generation.unwrap().seed, Some(7));
        assert_eq!(described.generation_prompt.as_deref(), Some("stealth_pnginfo:a hare\nSteps: 20, Seed: 7"));
        assert_eq!(described.caption, None);
    }

    #[test]
    fn a_text_hidden_in_a_png_file_is_found_at_upload_and_when_the_file_is_read_again() {
        let (height, samples) = hide(&marked("stealth_pngcomp", &gzip("a hare\nSteps: 20, Seed: 7")), 4, 3..4);
        let pixels = image::RgbaImage::from_raw(WIDTH as u32, height as u32, samples).unwrap();
        let mut bytes = std::io::Cursor::new(Vec::new());
        pixels.write_to(&mut bytes, image::ImageFormat::Png).unwrap();
        let (bytes, limits) = (bytes.into_inner(), DecodeLimits::default());
        let (_, texts) = crate::decode_with_texts(&bytes, &limits, &TextLimits::default()).unwrap();
        let uploaded = describe(&texts, usize::MAX);
        assert_eq!(uploaded.generation.as_ref().unwrap().seed, Some(7));
        assert_eq!(crate::read_texts(&bytes, usize::MAX, &limits).unwrap().described, uploaded);
    }

    #[test]
    fn a_long_text_is_cut() {
        let text = "x".repeat(5_000);
        for stored in [marked("stealth_pnginfo", text.as_bytes()), marked("stealth_pngcomp", &gzip(&text))] {
            let hidden = found(&stored, 4, 3..4, 100).unwrap();
            assert_eq!((hidden.text.as_str(), hidden.truncated), (&text[..100], true));
        }
    }

    #[test]
    fn pictures_without_a_whole_text_hide_nothing() {
        for bytes in [
            marked("stealth_pnginfx", b"text"),
            marked("stealth_pnginfo", b""),
            marked("stealth_pngcomp", b"not gzip"),
            marked("stealth_rgbinfo", b"text"),
            [b"stealth_pnginfo".as_slice(), &[0xFF; 8]].concat(),
            b"stealth_pnginfo".to_vec(),
        ] {
            assert_eq!(found(&bytes, 4, 3..4, 100), None, "{bytes:?}");
        }
        for channels in 1..=4 {
            assert_eq!(read(Samples { samples: &[], width: 0, height: 0, channels }, 100), None);
            assert_eq!(read(Samples { samples: &[1; 4], width: 1, height: 1, channels }, 100), None);
        }
    }

    proptest! {
        #[test]
        fn no_picture_panics(
            samples in proptest::collection::vec(any::<u8>(), 0..600),
            width in 0_usize..20,
            height in 0_usize..20,
            channels in 1_usize..=4,
        ) {
            let _ = read(Samples { samples: &samples, width, height, channels }, 50);
        }

        #[test]
        fn no_hidden_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..60), is_compressed in any::<bool>()) {
            let mark: &[u8] = if is_compressed { b"stealth_pngcomp" } else { b"stealth_pnginfo" };
            let _ = found(&[mark, &bytes].concat(), 4, 3..4, 50);
        }
    }
}
