//! Decoding HEVC pictures (ITU-T H.265).

use heifer_hevc_dec::Error;
use heifer_hevc_dec::nal::NalUnit;
use heifer_hevc_dec::params::{ParameterSets, Sps};
use heifer_hevc_dec::recon::{Frame, Reconstructor};
use heifer_hevc_dec::slice::SliceHeader;
use heifer_hevc_dec::syntax::{Picture, decode_slice_segment};

use super::planes::{Chroma, Coding, Plane, Planes};
use crate::container::isobmff::Reader;
use crate::decode::refusal::Refusal;

/// Decodes a picture whose parameter sets stand in `config`, a box `hvcC`, of `max_pixels` at most.
///
/// # Errors
/// [`Refusal::UnsupportedKind`] for features that the decoder does not know, [`Refusal::Corrupt`] for damaged data.
pub fn decode(config: &[u8], data: &[u8], max_pixels: u64) -> Result<Planes, Refusal> {
    let [config, data] = units(config, data).ok_or_else(|| Refusal::corrupt("the HEVC data is cut off"))?;
    decode_units(&config, &data, max_pixels).map_err(|error| match error {
        Error::Unimplemented(_) => Refusal::unsupported_kind(error),
        _ => Refusal::corrupt(error),
    })
}

/// Returns the chroma that `config` announces.
pub fn chroma(config: &[u8]) -> Chroma {
    match config.get(16).map(|byte| byte & 3) {
        Some(0) => Chroma::Grey,
        Some(1) => Chroma::Quarter,
        Some(2) => Chroma::Half,
        _ => Chroma::Full,
    }
}

/// Splits the configuration and the data into units (ISO/IEC 14496-15, 8.3.3.1).
fn units<'a>(config: &'a [u8], data: &'a [u8]) -> Option<[Vec<&'a [u8]>; 2]> {
    let mut sets = Vec::new();
    let mut reader = Reader::new(config.get(21..)?);
    let length_size = (reader.u8()? & 3) + 1;
    let arrays = reader.u8()?;
    for _ in 0..arrays {
        reader.u8()?;
        for _ in 0..reader.u16()? {
            let length = reader.u16()?;
            sets.push(reader.bytes(length.into())?);
        }
    }

    let mut pictures = Vec::new();
    let mut reader = Reader::new(data);
    while !reader.rest.is_empty() {
        let length = match length_size {
            3 => reader.array().map(|[a, b, c]| u32::from_be_bytes([0, a, b, c]).into())?,
            size => reader.uint(size)?,
        };
        pictures.push(reader.bytes(usize::try_from(length).ok()?)?);
    }
    Some([sets, pictures])
}

/// Decodes the first picture. It is one of a sequence in some files, so what follows it is not looked at.
fn decode_units(config: &[&[u8]], data: &[&[u8]], max_pixels: u64) -> Result<Planes, Error> {
    let mut sets = ParameterSets::default();
    for unit in config {
        sets.add(&NalUnit::parse(unit)?)?;
    }
    let mut slices = Vec::new();
    for unit in data {
        let unit = NalUnit::parse(unit)?;
        if unit.header.unit_type.is_slice() {
            slices.push(unit);
        } else if slices.is_empty() {
            sets.add(&unit)?;
        }
    }

    let mut state: Option<(Picture<'_>, Reconstructor<'_>)> = None;
    let mut previous: Option<SliceHeader> = None;
    for unit in &slices {
        // The first bit of a slice says that a picture begins.
        if state.is_some() && unit.rbsp.first().is_some_and(|byte| byte & 0x80 != 0) {
            break;
        }
        let header = SliceHeader::parse(&unit.rbsp, &unit.header, &sets, previous.as_ref())?;
        let (pps, sps) = sets.get(usize::from(header.slice_pic_parameter_set_id))?;
        if u64::from(sps.pic_width_in_luma_samples) * u64::from(sps.pic_height_in_luma_samples) > max_pixels {
            return Err(Error::Invalid("the coded picture is larger than announced"));
        }
        let (picture, frame) = state.get_or_insert_with(|| (Picture::new(sps, pps), Reconstructor::new(sps, pps)));
        // Each slice goes on where the one before ended, so that no block is decoded twice, however many slices there are.
        let place = picture.layout.rs_to_ts.get(header.slice_segment_address as usize);
        if place != Some(&picture.decoded_ctbs) {
            return Err(Error::Invalid("a slice does not begin where the one before ends"));
        }
        frame.start_slice(&header);
        let bits = unit.rbsp.get(header.header_size..).ok_or(Error::UnexpectedEof)?;
        decode_slice_segment(picture, &header, header.slice_qp_y(&sets)?, bits, frame)?;
        if let Some(error) = frame.error.take() {
            return Err(error);
        }
        if !header.dependent_slice_segment_flag {
            previous = Some(header);
        }
    }
    let (picture, frame) = state.filter(|(picture, _)| picture.is_complete()).ok_or(Error::UnexpectedEof)?;
    let sps = picture.sps;
    drop(picture);
    planes(frame.finish(false), sps)
}

/// Cuts a decoded frame to its conformance window.
fn planes(frame: Frame, sps: &Sps) -> Result<Planes, Error> {
    let chroma = match frame.chroma_format {
        1 => Chroma::Quarter,
        2 => Chroma::Half,
        3 => Chroma::Full,
        _ => Chroma::Grey,
    };
    let coding = Coding { matrix: frame.matrix_coeffs.into(), full_range: frame.full_range };
    let [luma_depth, chroma_depth] = frame.bit_depth;
    // The window is given in samples of chroma.
    let [left, right, top, bottom] = sps.conf_win_offsets.map(|offset| offset as usize);
    let (wide, high) = chroma.shifts();
    let mut planes = [const { Plane::EMPTY }; 3];
    for (n, samples) in frame.planes.into_iter().enumerate() {
        let (wide, high) = if n == 0 { (1 << wide, 1 << high) } else { (1, 1) };
        let depth = if n == 0 { luma_depth } else { chroma_depth };
        let plane = Plane { width: frame.widths[n] as usize, height: frame.heights[n] as usize, depth, samples };
        planes[n] = plane
            .cut([left * wide, right * wide], [top * high, bottom * high])
            .ok_or(Error::Invalid("the conformance window is empty"))?;
    }
    Ok(Planes { chroma, planes, coding })
}
