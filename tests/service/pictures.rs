//! Pictures for the tests. Each seed gives other bytes and other colours.

use std::io::Cursor;

use image::{ImageFormat, Rgb, RgbImage};

/// Makes a picture with a colour gradient that depends on the seed.
pub fn pixels(seed: u32, width: u32, height: u32) -> RgbImage {
    let base = seed.wrapping_mul(2_654_435_761);
    let [r, g, b, slope] = base.to_le_bytes();
    RgbImage::from_fn(width, height, |x, y| {
        let shade = u8::try_from((x * u32::from(slope % 5 + 1) + y * 3) % 97).unwrap_or(0);
        Rgb([r.wrapping_add(shade), g, b.wrapping_sub(shade)])
    })
}

pub fn encoded(pixels: &RgbImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    pixels.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

pub fn png(seed: u32) -> Vec<u8> {
    encoded(&pixels(seed, 48, 32), ImageFormat::Png)
}

pub fn jpeg(seed: u32) -> Vec<u8> {
    encoded(&pixels(seed, 64, 40), ImageFormat::Jpeg)
}

/// Makes a JPEG that names its camera in EXIF.
pub fn jpeg_of_camera(seed: u32, model: &str) -> Vec<u8> {
    let value = [model.as_bytes(), b"\0"].concat();
    let length = u32::try_from(value.len()).unwrap().to_le_bytes();
    // One directory at byte 8 with one entry, the model (0x0110, ASCII), whose text follows the directory.
    let directory = [b"II*\0\x08\0\0\0\x01\0\x10\x01\x02\0", length.as_slice(), b"\x1a\0\0\0\0\0\0\0", &value].concat();
    let exif = [b"Exif\0\0", directory.as_slice()].concat();
    let size = u16::try_from(exif.len() + 2).unwrap().to_be_bytes();
    let mut bytes = jpeg(seed);
    bytes.splice(2..2, [b"\xff\xe1", size.as_slice(), &exif].concat());
    bytes
}

pub const RED: [u8; 3] = [255, 0, 0];
pub const GREEN: [u8; 3] = [0, 255, 0];
pub const BLUE: [u8; 3] = [0, 0, 255];
pub const YELLOW: [u8; 3] = [255, 255, 0];
pub const PURPLE: [u8; 3] = [255, 0, 255];

/// Makes a PNG of one colour, which the tiny model sees. `copy` changes a few pixels by a shade, which gives other
/// bytes and, to the eye, the same picture.
pub fn colour(rgb: [u8; 3], copy: u8) -> Vec<u8> {
    let mut pixels = RgbImage::from_pixel(32, 32, Rgb(rgb));
    for x in 0..u32::from(copy) {
        pixels.put_pixel(x, 0, Rgb(rgb.map(|c| c ^ 1)));
    }
    encoded(&pixels, ImageFormat::Png)
}

/// Makes a PNG with tEXt (ASCII) or iTXt (other) chunks.
pub fn png_with_text(seed: u32, chunks: &[(&str, &str)]) -> Vec<u8> {
    let pixels = pixels(seed, 24, 24);
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, pixels.width(), pixels.height());
    encoder.set_color(png::ColorType::Rgb);
    for (key, text) in chunks {
        if text.is_ascii() {
            encoder.add_text_chunk((*key).to_owned(), (*text).to_owned()).unwrap();
        } else {
            encoder.add_itxt_chunk((*key).to_owned(), (*text).to_owned()).unwrap();
        }
    }
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(pixels.as_raw()).unwrap();
    writer.finish().unwrap();
    bytes
}

/// Makes a PNG whose head claims another size than its pixels have.
pub fn png_claiming(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = png(1);
    bytes[16..20].copy_from_slice(&width.to_be_bytes());
    bytes[20..24].copy_from_slice(&height.to_be_bytes());
    let crc = crc32(&bytes[12..29]);
    bytes[29..33].copy_from_slice(&crc.to_be_bytes());
    bytes
}

/// CRC-32 as the PNG specification (annex D) defines it.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| if crc & 1 == 1 { 0xedb8_8320 ^ (crc >> 1) } else { crc >> 1 })
    })
}
