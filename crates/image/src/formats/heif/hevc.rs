//! Decoding HEVC pictures (ITU-T H.265).

use heifer_hevc_dec::decoder::{DecodeOptions, decode_picture};
use heifer_hevc_dec::Error;

use super::planes::{Chroma, Coding, Plane, Planes};
use crate::container::isobmff::Reader;
use crate::decode::refusal::Refusal;

/// Decodes a picture whose parameter sets stand in `config`, a box `hvcC`, of `max_pixels` at most.
///
/// # Errors
/// [`Refusal::UnsupportedKind`] for features that the decoder does not know, [`Refusal::Corrupt`] for damaged data.
pub fn decode(config: &[u8], data: &[u8], max_pixels: u64) -> Result<Planes, Refusal> {
    let stream = annex_b(config, data).ok_or_else(|| Refusal::corrupt("the HEVC data is cut off"))?;
    let options = DecodeOptions { max_pixels, ..DecodeOptions::default() };
    let frame = decode_picture(&stream, options).map_err(|error| match error {
        Error::Unimplemented(_) => Refusal::unsupported_kind(error),
        _ => Refusal::corrupt(error),
    })?;

    let chroma = match frame.chroma_format {
        1 => Chroma::Quarter,
        2 => Chroma::Half,
        3 => Chroma::Full,
        _ => Chroma::Grey,
    };
    let coding = Coding { matrix: frame.matrix_coeffs.into(), full_range: frame.full_range };
    let [luma_depth, chroma_depth] = frame.bit_depth;
    let mut sizes = frame.widths.into_iter().zip(frame.heights).zip([luma_depth, chroma_depth, chroma_depth]);
    let planes = frame.planes.map(|samples| {
        let ((width, height), depth) = sizes.next().unwrap_or_default();
        Plane { width: width as usize, height: height as usize, depth, samples }
    });
    Ok(Planes { chroma, planes, coding })
}

/// Joins the parameter sets and the data to one stream, in which each unit follows a start code (Annex B) instead of
/// its length.
fn annex_b(config: &[u8], data: &[u8]) -> Option<Vec<u8>> {
    const START: [u8; 4] = [0, 0, 0, 1];
    let mut stream = Vec::with_capacity(config.len() + data.len() + 64);
    let mut unit = |bytes: &[u8]| {
        stream.extend_from_slice(&START);
        stream.extend_from_slice(bytes);
    };

    // ISO/IEC 14496-15, 8.3.3.1: the size of lengths and the number of arrays stand behind 21 bytes.
    let mut reader = Reader::new(config.get(21..)?);
    let length_size = (reader.u8()? & 3) + 1;
    let arrays = reader.u8()?;
    for _ in 0..arrays {
        reader.u8()?;
        let units = reader.u16()?;
        for _ in 0..units {
            let length = reader.u16()?;
            unit(reader.bytes(length.into())?);
        }
    }

    let mut reader = Reader::new(data);
    while !reader.rest.is_empty() {
        let length = match length_size {
            // No other box has numbers of 3 bytes.
            3 => reader.array().map(|[a, b, c]| u32::from_be_bytes([0, a, b, c]).into())?,
            size => reader.uint(size)?,
        };
        unit(reader.bytes(usize::try_from(length).ok()?)?);
    }
    Some(stream)
}
