//! JPEG.

use std::borrow::Cow;

use image::{ImageFormat, RgbImage};

use super::format::Format;
use super::jpeg_profile::JpegProfile;
use super::jpeg_xmp::ExtendedXmp;
use crate::container::jpeg::{marker, segments};
use crate::container::photoshop;
use crate::decode::image_crate;
use crate::decode::limits::DecodeLimits;
use crate::decode::refusal::Refusal;
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

/// The largest number of scans of a picture. A progressive picture has about ten. Each scan costs a pass over the whole
/// picture, however few bytes the scan has, so thousands of tiny scans would keep a core busy for hours.
const MAX_SCANS: usize = 100;

fn decode(bytes: &[u8], limits: &DecodeLimits) -> Result<RgbImage, Refusal> {
    check(bytes, limits)?;
    image_crate::decode(bytes, ImageFormat::Jpeg, limits)
}

/// Checks that the file is whole and that decoding it costs no more than the limits. The decoder checks neither.
///
/// The decoder fills the missing part of a file that is cut off with grey and reports success, so a JPEG must reach its
/// end marker, as Pillow demands too. The decoder also keeps the coefficients of the whole picture when the picture has
/// several scans, and does not count them against its own limits.
fn check(bytes: &[u8], limits: &DecodeLimits) -> Result<(), Refusal> {
    let mut scans = 0;
    let mut complete = false;
    for segment in segments(bytes) {
        match segment.payload {
            &[_, h0, h1, w0, w1, components, ..] if segment.is_frame_header() => {
                let height = u32::from(u16::from_be_bytes([h0, h1]));
                let width = u32::from(u16::from_be_bytes([w0, w1]));
                let samples = u64::from(width) * u64::from(height) * u64::from(components);
                let kept = if segment.marker == marker::SOF2 { 2 * samples } else { 0 };
                limits.check((width, height), samples + kept)?;
            }
            _ if segment.marker == marker::SOS => scans += 1,
            _ => complete |= segment.marker == marker::EOI,
        }
    }
    if !complete {
        return Err(Refusal::corrupt("no end marker: the file is cut off"));
    }
    if scans > MAX_SCANS {
        return Err(Refusal::unsupported_kind(format!("{scans} scans")));
    }
    Ok(())
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
