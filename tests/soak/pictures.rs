//! Pictures to upload.

use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use crate::chance::Chance;

/// A filled shape of a made picture.
struct Shape {
    kind: usize,
    centre: (f64, f64),
    radius: f64,
    colour: [u8; 3],
}

impl Shape {
    fn random(chance: &mut Chance, size: f64) -> Self {
        Self {
            kind: chance.whole(0..=2),
            centre: (chance.between(0.0, size), chance.between(0.0, size)),
            radius: chance.between(size / 16.0, size / 3.0),
            colour: random_colour(chance, 0.9, 0.2),
        }
    }

    fn covers(&self, x: f64, y: f64) -> bool {
        let (across, down) = ((x - self.centre.0).abs(), (y - self.centre.1).abs());
        match self.kind {
            0 => across.hypot(down) <= self.radius,
            1 => down <= self.radius,
            _ => across <= self.radius && down <= self.radius,
        }
    }
}

/// Returns a PNG file of `size` × `size` pixels that differs from every other number's in bytes and in looks. Its text
/// chunk `Comment` holds the number.
pub fn picture(number: u64, size: u32) -> Bytes {
    let mut chance = Chance::new(number);
    let saturation = chance.between(0.2, 1.0);
    let ground = random_colour(&mut chance, saturation, 0.3);
    let count = chance.whole(2..=6);
    let shapes: Vec<_> = (0..count).map(|_| Shape::random(&mut chance, f64::from(size))).collect();
    let mut pixels = Vec::with_capacity(3 * size as usize * size as usize);
    for (y, x) in (0..size).flat_map(|y| (0..size).map(move |x| (y, x))) {
        let top = shapes.iter().rev().find(|shape| shape.covers(f64::from(x), f64::from(y)));
        pixels.extend(top.map_or(ground, |shape| shape.colour));
    }
    encode(size, &pixels, comment(number)).expect("a PNG file in memory").into()
}

/// Returns the comment in the file of a picture, which becomes its caption.
pub fn comment(number: u64) -> String {
    format!("test picture {number}")
}

fn encode(size: u32, pixels: &[u8], comment: String) -> Result<Vec<u8>, png::EncodingError> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, size, size);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.add_text_chunk("Comment".to_owned(), comment)?;
    let mut writer = encoder.write_header()?;
    writer.write_image_data(pixels)?;
    writer.finish()?;
    Ok(file)
}

/// Returns a PNG file of noise, which no compression makes smaller: 3 × `size`² bytes and a few more.
pub fn noise(number: u64, size: u32) -> Bytes {
    let mut chance = Chance::new(number);
    let pixels: Vec<u8> = (0..3 * size as usize * size as usize).map(|_| chance.whole(0..=255) as u8).collect();
    encode(size, &pixels, format!("noise {number}")).expect("a PNG file in memory").into()
}

/// Returns a colour of any hue, of this saturation and at least this brightness (both from 0 to 1).
fn random_colour(chance: &mut Chance, saturation: f64, darkest: f64) -> [u8; 3] {
    let (hue, brightness) = (chance.between(0.0, 6.0), chance.between(darkest, 1.0));
    // HSV to RGB: each channel is a trapezoid over the hue, a third of the circle apart.
    [5.0, 3.0, 1.0].map(|offset| {
        let place = (offset + hue) % 6.0;
        let share = place.min(4.0 - place).clamp(0.0, 1.0);
        (255.0 * brightness * (1.0 - saturation * share)) as u8
    })
}

/// Returns the SHA-256 of a file as the API writes it: 64 hexadecimal digits.
pub fn sha256(data: &[u8]) -> String {
    Sha256::digest(data).iter().map(|byte| format!("{byte:02x}")).collect()
}
