//! Small files for the tests of this crate: builders, and files of kinds that Rust encoders cannot write.

use std::io::{Cursor, Write as _};

use image::codecs::jpeg::JpegEncoder;
use image::{ImageFormat, Rgb, RgbImage};

use crate::formats::FileType;

/// A file of tests/fixtures by name.
macro_rules! fixture {
    ($name:literal) => {
        include_bytes!(concat!("../tests/fixtures/", $name)).as_slice()
    };
}
pub(crate) use fixture;

/// A JPEG with several scans.
pub const PROGRESSIVE_JPEG: &[u8] = fixture!("progressive.jpg");

/// Files of 32 × 16 pixels with a description of each. The left half is (200, 40, 40), the right half is white.
pub const HALVES: [(&str, &[u8]); 25] = [
    ("progressive JPEG", PROGRESSIVE_JPEG),
    ("CMYK JPEG, inverted as Adobe writes it", fixture!("cmyk.jpg")),
    ("YCCK JPEG", fixture!("ycck.jpg")),
    ("CMYK TIFF", fixture!("cmyk.tif")),
    ("TIFF with a palette", fixture!("palette.tif")),
    ("TIFF with a palette, big-endian", fixture!("palette_be.tif")),
    ("lossy WebP", fixture!("lossy.webp")),
    ("lossy WebP with alpha", fixture!("lossy_alpha.webp")),
    ("animated WebP, whose first frame counts", fixture!("animated.webp")),
    ("APNG, whose default image counts", fixture!("animated.png")),
    ("HEIC with a quarter of the chroma", fixture!("420.heic")),
    ("HEIC of 10 bits in the limited range", fixture!("422_10bit.heic")),
    ("HEIC with the matrix of BT.709", fixture!("444_bt709.heic")),
    ("HEIC with alpha", fixture!("alpha.heic")),
    ("HEIC whose colours are multiplied by alpha", fixture!("multiplied.heic")),
    ("HEIC sequence, whose first picture counts", fixture!("sequence.heic")),
    ("AVIF in the limited range", fixture!("420.avif")),
    ("AVIF of 12 bits", fixture!("444_12bit.avif")),
    ("AVIF with alpha", fixture!("alpha.avif")),
    ("AVIF whose colours are multiplied by alpha", fixture!("multiplied.avif")),
    ("AVIF sequence, whose first picture counts", fixture!("sequence.avif")),
    ("lossy JPEG XL", fixture!("lossy.jxl")),
    ("lossy JPEG XL in modular mode", fixture!("modular.jxl")),
    ("JPEG XL with alpha", fixture!("alpha.jxl")),
    ("animated JPEG XL, whose first frame counts", fixture!("animation.jxl")),
];

/// Files that are made of parts, with their size. The left half is (200, 40, 40), the right half is white.
pub const TILES: [(&str, &[u8], (u32, u32)); 2] =
    [("HEIC of tiles", fixture!("tiles.heic"), (128, 64)), ("AVIF of a grid", fixture!("grid.avif"), (256, 128))];

/// A file with its name, its size, and the colours of its corners row by row: red, green, blue and x for grey.
type Turned = (&'static str, &'static [u8], (u32, u32), &'static str);

/// Files that state a turn, a mirroring or a crop. The orientation in EXIF does not count.
pub const TURNED: [Turned; 7] = [
    ("turned HEIC", fixture!("turned.heic"), (24, 32), "rbgx"),
    ("turned AVIF", fixture!("turned.avif"), (24, 32), "xgbr"),
    ("cropped AVIF", fixture!("cropped.avif"), (16, 24), "ggxx"),
    ("HEIC with another orientation in EXIF", fixture!("texts.heic"), (32, 24), "rgbx"),
    ("AVIF whose encoder made a turn of the orientation in EXIF", fixture!("texts.avif"), (24, 32), "brxg"),
    ("JPEG XL with another orientation in EXIF", fixture!("texts.jxl"), (32, 24), "rgbx"),
    ("JPEG XL of a turned JPEG", fixture!("jpeg.jxl"), (24, 32), "brxg"),
];

/// Files with parameters in EXIF and a description in XMP.
pub const TEXTS: [(&str, &[u8]); 3] =
    [("HEIC", fixture!("texts.heic")), ("AVIF", fixture!("texts.avif")), ("JPEG XL", fixture!("texts.jxl"))];

/// Returns a picture of 6 × 4 pixels, each of another colour, so that every orientation looks different.
pub fn patchwork() -> RgbImage {
    RgbImage::from_fn(6, 4, |x, y| Rgb([x as u8 * 50, y as u8 * 80, 255 - x as u8 * 20]))
}

/// Returns the [`patchwork`] enlarged to blocks of 8 × 8 pixels, which JPEG keeps nearly exact.
pub fn blocks() -> RgbImage {
    let small = patchwork();
    RgbImage::from_fn(48, 32, |x, y| *small.get_pixel(x / 8, y / 8))
}

/// Returns a file of this type: [`blocks`] as JPEG, [`patchwork`] as any other type.
pub fn file(file_type: FileType) -> Vec<u8> {
    match file_type {
        FileType::Jpeg => jpeg(&blocks()),
        FileType::Heic => fixture!("patchwork.heic").to_vec(),
        FileType::Avif => fixture!("patchwork.avif").to_vec(),
        FileType::JpegXl => fixture!("patchwork.jxl").to_vec(),
        _ => encode(&patchwork(), ImageFormat::from_mime_type(file_type.media_type()).unwrap()),
    }
}

/// Encodes a picture with the image crate.
pub fn encode(picture: &RgbImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

fn jpeg(picture: &RgbImage) -> Vec<u8> {
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, 98).encode_image(picture).unwrap();
    bytes
}

/// Returns a PNG of raw samples.
pub fn png(
    (width, height): (u32, u32),
    color: png::ColorType,
    depth: png::BitDepth,
    samples: &[u8],
    palette: Option<&[u8]>,
    trns: Option<&[u8]>,
) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(color);
    encoder.set_depth(depth);
    if let Some(palette) = palette {
        encoder.set_palette(palette.to_vec());
    }
    if let Some(trns) = trns {
        encoder.set_trns(trns.to_vec());
    }
    encoder.write_header().unwrap().write_image_data(samples).unwrap();
    bytes
}

/// Returns a PNG chunk with its checksum.
pub fn chunk(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let mut crc = flate2::Crc::new();
    crc.update(kind);
    crc.update(data);
    let length = u32::try_from(data.len()).unwrap();
    [&length.to_be_bytes(), kind.as_slice(), data, &crc.sum().to_be_bytes()].concat()
}

/// Returns a PNG with chunks before and after its pixels.
pub fn png_with(before: &[Vec<u8>], after: &[Vec<u8>]) -> Vec<u8> {
    let plain = file(FileType::Png);
    let (head, rest) = plain.split_at(8 + 25);
    let (pixels, end) = rest.split_at(rest.len() - 12);
    [head, &before.concat(), pixels, &after.concat(), end].concat()
}

/// Returns a tEXt chunk.
pub fn text(key: &str, value: &[u8]) -> Vec<u8> {
    chunk(b"tEXt", &[key.as_bytes(), b"\0", value].concat())
}

/// Returns a zTXt chunk.
pub fn ztxt(key: &str, value: &[u8]) -> Vec<u8> {
    chunk(b"zTXt", &[key.as_bytes(), b"\0\0", &deflate(value)].concat())
}

/// Returns an iTXt chunk.
pub fn itxt(key: &str, value: &str, compressed: bool) -> Vec<u8> {
    let body = if compressed { deflate(value.as_bytes()) } else { value.as_bytes().to_vec() };
    let flag = [u8::from(compressed), 0];
    chunk(b"iTXt", &[key.as_bytes(), b"\0", &flag, b"ja\0", b"\0", &body].concat())
}

/// Returns a zlib stream.
pub fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Returns an EXIF structure of entries `(tag, type, value bytes)` of the first directory and a user comment.
pub fn exif(big_endian: bool, entries: &[(u16, u16, &[u8])], comment: Option<&[u8]>) -> Vec<u8> {
    let comment: Vec<_> = comment.map(|comment| (0x9286, 7, comment)).into_iter().collect();
    exif_with(big_endian, entries, &comment)
}

/// Returns an EXIF structure of entries `(tag, type, value bytes)` of the first directory and of the EXIF directory.
pub fn exif_with(big_endian: bool, entries: &[(u16, u16, &[u8])], exif_entries: &[(u16, u16, &[u8])]) -> Vec<u8> {
    let two = |v: u16| if big_endian { v.to_be_bytes() } else { v.to_le_bytes() };
    let four = |v: usize| {
        let v = u32::try_from(v).unwrap();
        if big_endian { v.to_be_bytes() } else { v.to_le_bytes() }
    };
    let size = |entries: usize| if entries == 0 { 0 } else { 2 + 12 * entries + 4 };
    let count = entries.len() + usize::from(!exif_entries.is_empty());
    let first_end = 8 + 2 + 12 * count + 4;
    let mut values_at = first_end + size(exif_entries.len());
    let mut values = Vec::new();
    let mut entry = |&(tag, kind, value): &(u16, u16, &[u8])| {
        let unit = if kind == 3 { 2 } else { 1 };
        let mut field = [two(tag).as_slice(), &two(kind), &four(value.len() / unit)].concat();
        if value.len() <= 4 {
            field.extend_from_slice(value);
            field.resize(12, 0);
        } else {
            field.extend_from_slice(&four(values_at));
            values.extend_from_slice(value);
            values_at += value.len();
        }
        field
    };
    let mut first: Vec<u8> = entries.iter().flat_map(&mut entry).collect();
    let mut second = Vec::new();
    if !exif_entries.is_empty() {
        first.extend([two(0x8769).as_slice(), &two(4), &four(1), &four(first_end)].concat());
        let fields: Vec<u8> = exif_entries.iter().flat_map(entry).collect();
        second = [two(exif_entries.len() as u16).as_slice(), &fields, &four(0)].concat();
    }
    let mark: &[u8] = if big_endian { b"MM\0*" } else { b"II*\0" };
    [mark, &four(8), &two(count as u16), &first, &four(0), &second, &values].concat()
}

/// Returns an EXIF structure that holds nothing but an orientation.
pub fn exif_orientation(value: u8) -> Vec<u8> {
    exif(true, &[(0x0112, 3, &[0, value])], None)
}

/// Returns a file of this type with an EXIF structure. GIF and BMP have no place for the structure and get none;
/// neither does TIFF, which is an EXIF structure itself.
pub fn file_with_exif(file_type: FileType, exif: &[u8]) -> Vec<u8> {
    let plain = file(file_type);
    match file_type {
        FileType::Jpeg => jpeg_with(&[(0xE1, &[b"Exif\0\0", exif].concat())]),
        FileType::Png => png_with(&[chunk(b"eXIf", exif)], &[]),
        FileType::WebP => webp_extended(&plain, &[(b"EXIF", exif)]),
        _ => plain,
    }
}

/// Returns a JPEG with segments `(marker, payload)` before its picture.
pub fn jpeg_with(segments: &[(u8, &[u8])]) -> Vec<u8> {
    let plain = file(FileType::Jpeg);
    let (start, picture) = plain.split_at(2);
    let mut bytes = start.to_vec();
    for (marker, payload) in segments {
        bytes.extend([0xFF, *marker]);
        bytes.extend(u16::try_from(payload.len() + 2).unwrap().to_be_bytes());
        bytes.extend(*payload);
    }
    [&bytes, picture].concat()
}

/// Returns a WebP file with further chunks.
pub fn webp_with(chunks: &[(&[u8; 4], &[u8])]) -> Vec<u8> {
    webp_extended(&file(FileType::WebP), chunks)
}

/// Returns a GIF with extensions (label, then sub-blocks) before its picture.
pub fn gif_with(extensions: &[u8]) -> Vec<u8> {
    let plain = gif((3, 2), &[(0, 0, 3, 2, &[0, 1, 2, 3, 0, 1])]);
    [&plain[..25], extensions, &plain[25..]].concat()
}

/// Returns IPTC records of data sets `(record, number, value)`.
pub fn iptc(data_sets: &[(u8, u8, &[u8])]) -> Vec<u8> {
    let mut records = Vec::new();
    for (record, number, value) in data_sets {
        records.extend([0x1C, *record, *number]);
        records.extend(u16::try_from(value.len()).unwrap().to_be_bytes());
        records.extend(*value);
    }
    records
}

/// Returns IPTC records among the resources of Photoshop.
pub fn photoshop(iptc: &[u8]) -> Vec<u8> {
    let length = u32::try_from(iptc.len()).unwrap().to_be_bytes();
    [b"8BIM\x04\x04\0\0", length.as_slice(), iptc, &[0][..iptc.len() % 2]].concat()
}

/// Returns an XMP packet of properties.
pub fn xmp(properties: &str) -> String {
    let names = [
        ("dc", "http://purl.org/dc/elements/1.1/"),
        ("lr", "http://ns.adobe.com/lightroom/1.0/"),
        ("photoshop", "http://ns.adobe.com/photoshop/1.0/"),
        ("exif", "http://ns.adobe.com/exif/1.0/"),
        ("xmp", "http://ns.adobe.com/xap/1.0/"),
        ("mwg-rs", "http://www.metadataworkinggroup.com/schemas/regions/"),
        ("Iptc4xmpExt", "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"),
    ];
    let names: String = names.map(|(prefix, uri)| format!(" xmlns:{prefix}=\"{uri}\"")).concat();
    format!(
        "<?xpacket begin=\"\u{feff}\"?><x:xmpmeta xmlns:x=\"adobe:ns:meta/\">\
         <rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\">\
         <rdf:Description rdf:about=\"\"{names}>{properties}</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end=\"w\"?>"
    )
}

/// Extends a simple WebP file of [`patchwork`]'s size by further chunks.
fn webp_extended(simple: &[u8], chunks: &[(&[u8; 4], &[u8])]) -> Vec<u8> {
    let riff = |kind: &[u8; 4], data: &[u8]| {
        let length = u32::try_from(data.len()).unwrap().to_le_bytes();
        [kind.as_slice(), &length, data, &[0][..data.len() % 2]].concat()
    };
    let (width, height) = patchwork().dimensions();
    let [w, h] = [width - 1, height - 1].map(u32::to_le_bytes);
    let header = [&[0x08, 0, 0, 0], &w[..3], &h[..3]].concat();
    let mut body = [b"WEBP", riff(b"VP8X", &header).as_slice(), &simple[12..]].concat();
    for (kind, data) in chunks {
        body.extend(riff(kind, data));
    }
    riff(b"RIFF", &body)
}

/// Returns a GIF of one colour table (black, red, white, green), of which index 3 is transparent. The frames are given
/// as `(left, top, width, height, palette indices)`.
pub fn gif(screen: (u16, u16), frames: &[(u16, u16, u16, u16, &[u8])]) -> Vec<u8> {
    let mut bytes = b"GIF89a".to_vec();
    bytes.extend(screen.0.to_le_bytes());
    bytes.extend(screen.1.to_le_bytes());
    bytes.extend([0x91, 0, 0]);
    bytes.extend([0, 0, 0, 255, 0, 0, 255, 255, 255, 0, 255, 0]);
    for &(left, top, width, height, indices) in frames {
        bytes.extend([0x21, 0xF9, 4, 1, 10, 0, 3, 0, 0x2C]);
        for value in [left, top, width, height] {
            bytes.extend(value.to_le_bytes());
        }
        // The codes have three bits; a clear code before each index keeps them at three.
        let codes: Vec<u8> = indices.iter().flat_map(|&index| [4, index]).chain([5]).collect();
        let mut data = vec![0_u8; (codes.len() * 3).div_ceil(8)];
        for (i, code) in codes.iter().enumerate() {
            for bit in 0..3 {
                data[(i * 3 + bit) / 8] |= (code >> bit & 1) << ((i * 3 + bit) % 8);
            }
        }
        bytes.extend([0, 2, u8::try_from(data.len()).unwrap()]);
        bytes.extend(data);
        bytes.push(0);
    }
    bytes.push(0x3B);
    bytes
}
