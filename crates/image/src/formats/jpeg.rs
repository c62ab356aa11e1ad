//! JPEG.

use std::borrow::Cow;

use super::format::Format;
use super::jpeg_profile::JpegProfile;
use super::jpeg_xmp::ExtendedXmp;
use crate::container::jpeg::{marker, segments};
use crate::container::photoshop;
use crate::decode::libjpeg;
use crate::decode::limits::DecodeLimits;
use crate::decode::raster::Raster;
use crate::decode::refusal::Refusal;
use crate::decode::request::DecodeRequest;
use crate::metadata::{Metadata, RawText};
use crate::text_chunks::TextSource;

/// Describes JPEG.
pub const FORMAT: Format = Format {
    media_type: "image/jpeg",
    name: "JPEG",
    extensions: &["jpg", "jpeg"],
    matches: |bytes| bytes.starts_with(b"\xFF\xD8\xFF"),
    decode,
    metadata,
};

/// The beginning of an APP1 segment that holds EXIF.
const EXIF: &[u8] = b"Exif\0\0";

/// The beginning of an APP1 segment that holds XMP.
const XMP: &[u8] = b"http://ns.adobe.com/xap/1.0/\0";

/// The beginning of an APP13 segment that holds Photoshop resources.
const PHOTOSHOP: &[u8] = b"Photoshop 3.0\0";

/// The number of bits of a sample that is read.
const PRECISION: u8 = 8;

fn decode(bytes: &[u8], request: &DecodeRequest) -> Result<Raster, Refusal> {
    check(bytes, &request.limits)?;
    libjpeg::decode(bytes, request)
}

/// Checks in the headers that the picture is of a kind that is read and that decoding it costs no more than the limits.
/// The decoder keeps the coefficients of the whole picture, two bytes each, when the picture has several scans.
fn check(bytes: &[u8], limits: &DecodeLimits) -> Result<(), Refusal> {
    let mut frame = None;
    for segment in segments(bytes) {
        match (segment.payload, &frame) {
            (&[precision, h0, h1, w0, w1, components, ..], None) if segment.is_frame_header() => {
                check_kind(segment.marker, precision)?;
                let size = (u16::from_be_bytes([w0, w1]), u16::from_be_bytes([h0, h1]));
                if size.1 == 0 {
                    return Err(Refusal::unsupported_kind("the height follows the first scan"));
                }
                let size = (u32::from(size.0), u32::from(size.1));
                let samples = u64::from(size.0) * u64::from(size.1) * u64::from(components);
                limits.check(size, samples)?;
                frame = Some((segment.marker, size, samples, components));
            }
            (&[in_scan, ..], &Some((marker, size, samples, components))) if segment.marker == marker::SOS => {
                let several_scans = marker == marker::SOF2 || in_scan < components;
                return limits.check(size, if several_scans { 3 * samples } else { samples });
            }
            _ => {}
        }
    }
    Ok(())
}

/// Checks that a frame is Huffman-coded, with 8 bits a sample. Other frames are rare, and hardly any viewer shows them.
fn check_kind(marker: u8, precision: u8) -> Result<(), Refusal> {
    let kind = match marker {
        marker::SOF0 | marker::SOF1 | marker::SOF2 if precision == PRECISION => return Ok(()),
        marker::SOF0 | marker::SOF1 | marker::SOF2 => format!("{precision} bits a sample"),
        0xC3 | 0xC7 | 0xCB | 0xCF => "lossless coding".to_owned(),
        0xC9..=0xCF => "arithmetic coding".to_owned(),
        _ => format!("a frame of type {marker:02X}"),
    };
    Err(Refusal::unsupported_kind(kind))
}

/// Reads EXIF, XMP, IPTC, the colour profile and comments, wherever they stand before the end marker.
fn metadata(bytes: &[u8], max_texts: usize) -> Metadata<'_> {
    let mut found = Metadata::default();
    let mut profile = JpegProfile::default();
    let mut extended_xmp = ExtendedXmp::default();
    let mut resources = Vec::new();
    for segment in segments(bytes) {
        let payload = segment.payload;
        match segment.marker {
            marker::APP1 => {
                if payload.get(..EXIF.len()).is_some_and(|head| head.eq_ignore_ascii_case(EXIF)) {
                    found.add_exif(&payload[EXIF.len()..]);
                } else if let Some(xmp) = payload.strip_prefix(XMP) {
                    found.add_xmp(xmp);
                } else {
                    extended_xmp.add(payload);
                }
            }
            marker::APP2 => profile.add(payload),
            marker::APP13 => resources.extend(payload.strip_prefix(PHOTOSHOP)),
            marker::COM => found.add_text(max_texts, || Some(RawText::comment(payload, TextSource::JpegComment))),
            _ => {}
        }
    }
    found.icc = profile.join();
    found.iptc = iptc(&resources);
    if let Some(packet) = extended_xmp.join() {
        found.add_xmp(packet);
    }
    found
}

/// Finds the IPTC records in the resources of the segments. Resources that are longer than a segment continue in the
/// next.
fn iptc<'a>(resources: &[&'a [u8]]) -> Option<Cow<'a, [u8]>> {
    match resources {
        [] => None,
        [one] => photoshop::iptc(one).map(Cow::Borrowed),
        [first, ..] if photoshop::iptc(first).is_some() => photoshop::iptc(first).map(Cow::Borrowed),
        several => photoshop::iptc(&several.concat()).map(|records| Cow::Owned(records.to_vec())),
    }
}
