//! Decoding AV1 pictures. The decoder rav1d is dav1d, translated to Rust, behind the interface of the C library.
//!
//! re_rav1d is rav1d with mended errors: rav1d 1.1 ends the process at some damaged pictures.

use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::ptr::NonNull;

use re_rav1d::Dav1dResult;
use re_rav1d::include::dav1d::data::Dav1dData;
use re_rav1d::include::dav1d::dav1d::{Dav1dContext, Dav1dLogger, Dav1dSettings};
use re_rav1d::include::dav1d::headers::{DAV1D_PIXEL_LAYOUT_I400, DAV1D_PIXEL_LAYOUT_I420, DAV1D_PIXEL_LAYOUT_I422};
use re_rav1d::include::dav1d::picture::Dav1dPicture;
use re_rav1d::src::lib::{
    dav1d_close, dav1d_data_create, dav1d_data_unref, dav1d_default_settings, dav1d_get_picture, dav1d_open,
    dav1d_picture_unref, dav1d_send_data,
};

use super::planes::{Chroma, Coding, Plane, Planes};
use crate::container::isobmff::Reader;
use crate::decode::refusal::Refusal;

/// Decodes a picture of `max_pixels` at most. `operating_point` chooses among the pictures of a layered file.
///
/// # Errors
/// [`Refusal::UnsupportedKind`] for features that the decoder does not know, [`Refusal::Corrupt`] for damaged data.
pub fn decode(operating_point: u8, data: &[u8], max_pixels: u64) -> Result<Planes, Refusal> {
    if frames(data) > MAX_FRAMES {
        return Err(Refusal::unsupported_kind("more frames than a still picture has"));
    }
    let decoder = Decoder::open(operating_point, max_pixels)?;
    decoder.send(data)?;
    decoder.picture()?.planes()
}

/// Returns the chroma that `config`, a box `av1C`, announces.
pub fn chroma(config: &[u8]) -> Chroma {
    match config.get(2).map(|byte| (byte & 0x10 != 0, byte & 8 != 0, byte & 4 != 0)) {
        Some((true, ..)) => Chroma::Grey,
        Some((_, true, true)) => Chroma::Quarter,
        Some((_, true, false)) => Chroma::Half,
        _ => Chroma::Full,
    }
}

/// The most frames, hidden ones included, that are decoded for one picture. A still picture has one, a layered one four.
const MAX_FRAMES: usize = 16;

/// Counts the frames in a sequence of OBUs (AV1 specification, 5.3), because each frame costs as much as the picture.
fn frames(data: &[u8]) -> usize {
    const FRAME_HEADER: u8 = 3;
    const FRAME: u8 = 6;
    let mut frames = 0;
    let mut reader = Reader::new(data);
    while let Some(head) = reader.u8() {
        frames += usize::from(matches!(head >> 3 & 15, FRAME_HEADER | FRAME));
        let has_extension = head & 4 != 0;
        let has_size = head & 2 != 0;
        if has_extension && reader.u8().is_none() || !has_size {
            // An OBU without a size reaches to the end.
            break;
        }
        let size = leb128(&mut reader).and_then(|size| usize::try_from(size).ok());
        if size.and_then(|size| reader.bytes(size)).is_none() {
            break;
        }
    }
    frames
}

/// Reads a number in groups of seven bits, the lowest first.
fn leb128(reader: &mut Reader<'_>) -> Option<u64> {
    let mut number = 0;
    for group in 0..8 {
        let byte = reader.u8()?;
        number |= u64::from(byte & 0x7F) << (7 * group);
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

/// Turns a result of the decoder into an error.
fn check(result: Dav1dResult) -> Result<(), Refusal> {
    match result.0 {
        0 => Ok(()),
        code if code == -libc::ENOPROTOOPT => Err(Refusal::unsupported_kind("AV1 features that rav1d does not know")),
        code => Err(Refusal::corrupt(format!("rav1d error {code}"))),
    }
}

struct Decoder(Dav1dContext);

impl Decoder {
    fn open(operating_point: u8, max_pixels: u64) -> Result<Self, Refusal> {
        let mut settings = MaybeUninit::<Dav1dSettings>::uninit();
        // SAFETY: the pointer leads to room for the settings, which the function writes whole.
        let mut settings = unsafe {
            dav1d_default_settings(NonNull::from(&mut settings).cast());
            settings.assume_init()
        };
        // One thread decodes in the calling thread: the intake runs one decoder on each core.
        settings.n_threads = 1;
        settings.max_frame_delay = 1;
        settings.operating_point = operating_point.into();
        settings.all_layers = 0;
        settings.frame_size_limit = u32::try_from(max_pixels).unwrap_or(u32::MAX);
        // SAFETY: without a callback there is nothing to call. The default one would write to the service's own log.
        settings.logger = unsafe { Dav1dLogger::new(None, None) };

        let mut context = None;
        // SAFETY: both pointers lead to values that live longer than the call.
        check(unsafe { dav1d_open(Some(NonNull::from(&mut context)), Some(NonNull::from(&mut settings))) })?;
        context.map(Self).ok_or_else(|| Refusal::corrupt("rav1d did not open"))
    }

    /// Hands the coded picture over.
    fn send(&self, bytes: &[u8]) -> Result<(), Refusal> {
        let mut data = Dav1dData::default();
        // SAFETY: the pointer leads to a value that lives longer than the call.
        let room = unsafe { dav1d_data_create(Some(NonNull::from(&mut data)), bytes.len()) };
        if room.is_null() {
            return Err(Refusal::corrupt("no AV1 data"));
        }
        // SAFETY: the decoder has just allocated this many bytes there, and nothing else knows them yet.
        unsafe { room.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) };
        // SAFETY: the context is open, and the pointer leads to data that the decoder made.
        let result = unsafe { dav1d_send_data(Some(self.0), Some(NonNull::from(&mut data))) };
        // Data that the decoder has not taken, because a picture is ready or it failed, is not needed.
        // SAFETY: the pointer leads to data that the decoder made, or to what is left of it.
        unsafe { dav1d_data_unref(Some(NonNull::from(&mut data))) };
        check(result)
    }

    fn picture(&self) -> Result<Picture, Refusal> {
        let mut picture = Picture(Dav1dPicture::default());
        // SAFETY: the context is open, and the pointer leads to a value that lives longer than the call.
        check(unsafe { dav1d_get_picture(Some(self.0), Some(NonNull::from(&mut picture.0))) })?;
        Ok(picture)
    }
}

impl Drop for Decoder {
    fn drop(&mut self) {
        // SAFETY: the context is open, and nothing uses it afterwards.
        unsafe { dav1d_close(Some(NonNull::from(&mut Some(self.0)))) };
    }
}

struct Picture(Dav1dPicture);

impl Picture {
    fn planes(&self) -> Result<Planes, Refusal> {
        let picture = &self.0;
        let chroma = match picture.p.layout {
            DAV1D_PIXEL_LAYOUT_I400 => Chroma::Grey,
            DAV1D_PIXEL_LAYOUT_I420 => Chroma::Quarter,
            DAV1D_PIXEL_LAYOUT_I422 => Chroma::Half,
            _ => Chroma::Full,
        };
        // SAFETY: the header lives as long as the picture.
        let header = picture.seq_hdr.map(|header| unsafe { header.as_ref() });
        let header = header.ok_or_else(|| Refusal::corrupt("AV1 without a sequence header"))?;
        let coding = Coding { matrix: header.mtrx as u16, full_range: header.color_range != 0 };

        let (width, height) = (picture.p.w as usize, picture.p.h as usize);
        let depth = picture.p.bpc as u8;
        let (right, down) = chroma.shifts();
        let planes = [0, 1, 2].map(|n| {
            let (width, height) = match n {
                0 => (width, height),
                _ if chroma == Chroma::Grey => (0, 0),
                _ => ((width + right as usize) >> right, (height + down as usize) >> down),
            };
            let rows = (picture.data[n], picture.stride[usize::from(n > 0)]);
            // SAFETY: the decoder has written `height` rows of `width` samples of this depth there, and keeps them as
            // long as the picture.
            let samples = unsafe { copy(rows, (width, height), depth) };
            Plane { width, height, depth, samples }
        });
        Ok(Planes { chroma, planes, coding })
    }
}

impl Drop for Picture {
    fn drop(&mut self) {
        // SAFETY: the picture is empty or the decoder's, and nothing uses it afterwards.
        unsafe { dav1d_picture_unref(Some(NonNull::from(&mut self.0))) };
    }
}

/// Copies the rows of a plane, each of which begins `stride` bytes behind the one before.
///
/// # Safety
/// The pointer, if there is one, leads to `height` such rows of `width` samples, of one byte each if the depth is 8 and
/// of two otherwise.
unsafe fn copy(
    (data, stride): (Option<NonNull<c_void>>, isize),
    (width, height): (usize, usize),
    depth: u8,
) -> Vec<u16> {
    let Some(data) = data else { return Vec::new() };
    let mut samples = Vec::with_capacity(width * height);
    for y in 0..height {
        // SAFETY: the caller promises this row.
        unsafe {
            let row = data.as_ptr().byte_offset(y as isize * stride);
            if depth == 8 {
                samples.extend(std::slice::from_raw_parts(row.cast::<u8>(), width).iter().copied().map(u16::from));
            } else {
                samples.extend_from_slice(std::slice::from_raw_parts(row.cast::<u16>(), width));
            }
        }
    }
    samples
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_counted_without_decoding_them() {
        let delimiter = [0x12, 0];
        let frame = [0x32, 3, 1, 2, 3];
        let header_with_extension = [0x1E, 0, 1, 9];
        let last = [0x30, 1, 2, 3];
        assert_eq!(frames(&[&delimiter[..], &frame, &header_with_extension, &last].concat()), 3);
        assert_eq!(frames(&frame.repeat(100)), 100);
        assert_eq!(frames(&[0x32, 200, 1, 1]), 1, "a frame that is cut off");
        assert_eq!(frames(&[]), 0);
    }
}
