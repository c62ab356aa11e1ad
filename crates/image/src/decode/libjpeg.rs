//! The binding of libjpeg (its libjpeg-turbo line, as the mozjpeg-sys crate builds it): reads a JPEG whole, or at a half,
//! a quarter or an eighth of its size.
//!
//! libjpeg reports errors and warnings through callbacks. The callbacks of this file leave the library by unwinding,
//! which its C code is compiled for; nothing else of the library's error handling is used, and no message is printed.
//!
//! # Damage
//! libjpeg shows as much of a damaged picture as it can and only warns. A picture is refused here when
//! - the data of a scan ends before its blocks do, and more of its rows are missing than [`completeness`] allows;
//! - a Huffman code does not exist;
//! - a component has no scan, or the file ends without an end marker before every coefficient is known.
//!
//! A picture is whole without its end marker, with padding after its data, and with stray bytes between segments.

use std::any::Any;
use std::mem::MaybeUninit;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::ptr::{from_mut, null_mut};

use mozjpeg_sys::{
    DCTSIZE, J_COLOR_SPACE, JERR_ARITH_NOTIMPL, JERR_BAD_PRECISION, JERR_CCIR601_NOTIMPL, JERR_CONVERSION_NOTIMPL,
    JERR_FRACT_SAMPLE_NOTIMPL, JERR_NOTIMPL, JERR_OUT_OF_MEMORY, JERR_SOF_UNSUPPORTED, JWRN_HIT_MARKER,
    JWRN_HUFF_BAD_CODE, JWRN_JPEG_EOF, jpeg_common_struct, jpeg_create_decompress, jpeg_decompress_struct,
    jpeg_destroy_decompress, jpeg_error_mgr, jpeg_has_multiple_scans, jpeg_mem_src, jpeg_progress_mgr,
    jpeg_read_header, jpeg_read_scanlines, jpeg_start_decompress, jpeg_std_error,
};

use super::completeness;
use super::raster::{Layout, Raster};
use super::refusal::Refusal;
use super::request::DecodeRequest;

/// The largest number of scans of a picture. A progressive picture has about ten. Each scan costs a pass over the whole
/// picture, however few bytes the scan has, so thousands of tiny scans would keep a core busy for hours.
const MAX_SCANS: i32 = 100;

/// A run of zeros at the end of a file is padding when it is at least this long.
const MIN_PADDING: usize = 64;

/// The number of bytes that libjpeg reads ahead, rounded up.
const AHEAD: usize = 16;

/// Rows that are read at once; libjpeg makes four at most.
const ROWS: usize = 4;

/// Decodes a picture of 8-bit samples whose cost was checked. The scale is the smallest that `request` allows.
///
/// # Errors
/// [`Refusal`] when the picture is damaged or of a kind that libjpeg does not read.
pub fn decode(bytes: &[u8], request: &DecodeRequest) -> Result<Raster, Refusal> {
    let mut session = Session::new(bytes);
    // The session is not used after an unwinding but to be dropped, and libjpeg can always free what it holds.
    catch_unwind(AssertUnwindSafe(|| session.decode(bytes, request))).unwrap_or_else(|stop| Err(explain(stop, request)))
}

/// An error that ended libjpeg's work.
struct Stop {
    code: i32,
    message: String,
}

/// Returns the refusal that belongs to an unwinding.
fn explain(stop: Box<dyn Any + Send>, request: &DecodeRequest) -> Refusal {
    let Ok(stop) = stop.downcast::<Stop>() else { return Refusal::corrupt("the decoder panicked") };
    match stop.code {
        JERR_OUT_OF_MEMORY => request.limits.too_much_memory(),
        JERR_ARITH_NOTIMPL
        | JERR_BAD_PRECISION
        | JERR_CCIR601_NOTIMPL
        | JERR_CONVERSION_NOTIMPL
        | JERR_FRACT_SAMPLE_NOTIMPL
        | JERR_NOTIMPL
        | JERR_SOF_UNSUPPORTED
        | TOO_MANY_SCANS => Refusal::unsupported_kind(stop.message),
        _ => Refusal::corrupt(stop.message),
    }
}

/// The code of an error of this file, beyond those of libjpeg.
const TOO_MANY_SCANS: i32 = i32::MAX;

/// A decompressor of libjpeg with the structs that it points to. It lives in a box, because libjpeg keeps their
/// addresses.
struct Session {
    cinfo: jpeg_decompress_struct,
    errors: jpeg_error_mgr,
    progress: jpeg_progress_mgr,
    /// The address of the padding at the end of the file, if there is any.
    padding: Option<usize>,
    /// Whether the file ended without an end marker.
    cut_off: bool,
}

impl Session {
    fn new(bytes: &[u8]) -> Box<Self> {
        // SAFETY: the structs are plain C data, for which zeros are valid: null pointers, `None` and first variants.
        let mut session: Box<Self> = unsafe { Box::new(MaybeUninit::zeroed().assume_init()) };
        session.padding = padding(bytes).map(<[u8]>::as_ptr).map(<*const u8>::addr);
        // SAFETY: the pointers are to fields of the box, which outlives the decompressor.
        unsafe {
            session.cinfo.common.err = jpeg_std_error(&mut *from_mut(&mut session.errors));
            session.errors.error_exit = Some(on_error);
            session.errors.emit_message = Some(on_message);
            jpeg_create_decompress(&mut session.cinfo);
        }
        session.progress.progress_monitor = Some(on_progress);
        session.cinfo.common.progress = &mut session.progress;
        session.cinfo.common.client_data = from_mut(&mut *session).cast();
        session
    }

    fn decode(&mut self, bytes: &[u8], request: &DecodeRequest) -> Result<Raster, Refusal> {
        let cinfo = &mut self.cinfo;
        let length = bytes.len().try_into().map_err(|_| request.limits.too_much_memory())?;
        // SAFETY: `bytes` outlives the calls below, and the decompressor reads nothing after them.
        unsafe {
            jpeg_mem_src(cinfo, bytes.as_ptr(), length);
            jpeg_read_header(cinfo, 1);
        }
        let (color, layout) = match cinfo.jpeg_color_space {
            J_COLOR_SPACE::JCS_GRAYSCALE => (J_COLOR_SPACE::JCS_GRAYSCALE, Layout::Grey8),
            J_COLOR_SPACE::JCS_RGB | J_COLOR_SPACE::JCS_YCbCr => (J_COLOR_SPACE::JCS_RGB, Layout::Rgb8),
            J_COLOR_SPACE::JCS_CMYK | J_COLOR_SPACE::JCS_YCCK => (J_COLOR_SPACE::JCS_CMYK, Layout::Cmyk8),
            _ => return Err(Refusal::unsupported_kind(format!("{} components", cinfo.num_components))),
        };
        let full_size = (cinfo.image_width, cinfo.image_height);
        cinfo.out_color_space = color;
        (cinfo.scale_num, cinfo.scale_denom) = (1, scale(full_size, request));
        // SAFETY: the header is read. A picture of several scans is read to its end here.
        unsafe { jpeg_start_decompress(cinfo) };
        self.check_scans()?;
        let samples = self.read_rows(layout)?;
        let size = (self.cinfo.output_width, self.cinfo.output_height);
        Ok(Raster { full_size, ..Raster::new(size, layout, samples)? })
    }

    /// Checks that a picture of several scans has them all.
    fn check_scans(&self) -> Result<(), Refusal> {
        let cinfo = &self.cinfo;
        // SAFETY: the decompressor is valid.
        if unsafe { jpeg_has_multiple_scans(cinfo) } == 0 {
            return Ok(());
        }
        let count = usize::try_from(cinfo.num_components).unwrap_or(0);
        // SAFETY: libjpeg keeps one struct for each component.
        let components = unsafe { std::slice::from_raw_parts(cinfo.comp_info, count) };
        if components.iter().any(|component| component.quant_table.is_null()) {
            return Err(Refusal::corrupt("a component has no scan"));
        }
        if self.cut_off && !cinfo.coef_bits.is_null() {
            // SAFETY: libjpeg keeps one table of 64 numbers for each component, the bits that are still unknown.
            let unknown = unsafe { std::slice::from_raw_parts(cinfo.coef_bits.cast::<[i32; 64]>(), count) };
            if unknown.as_flattened().iter().any(|bits| *bits != 0) {
                return Err(Refusal::corrupt("the file ends before its last scan"));
            }
        }
        Ok(())
    }

    /// Reads every row into one buffer.
    fn read_rows(&mut self, layout: Layout) -> Result<Vec<u8>, Refusal> {
        let cinfo = &mut self.cinfo;
        let row_bytes = cinfo.output_width as usize * layout.pixel_bytes();
        let height = cinfo.output_height as usize;
        if usize::try_from(cinfo.output_components) != Ok(layout.pixel_bytes()) {
            return Err(Refusal::corrupt(format!("{} samples a pixel", cinfo.output_components)));
        }
        let mut samples = vec![0; row_bytes * height];
        while (cinfo.output_scanline as usize) < height {
            let mut rows = [null_mut(); ROWS];
            let unread = samples[cinfo.output_scanline as usize * row_bytes..].chunks_exact_mut(row_bytes);
            let count = rows.iter_mut().zip(unread).map(|(row, space)| *row = space.as_mut_ptr()).count();
            // SAFETY: `rows` holds `count` pointers, each to the space of one row. `count` is at most `ROWS`.
            if unsafe { jpeg_read_scanlines(cinfo, rows.as_mut_ptr(), count as u32) } == 0 {
                return Err(Refusal::corrupt("the decoder stands still"));
            }
        }
        if layout == Layout::Cmyk8 {
            // Every program that writes CMYK as JPEG follows Adobe and inverts the inks.
            samples.iter_mut().for_each(|sample| *sample = !*sample);
        }
        Ok(samples)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // SAFETY: the decompressor was created, and nothing uses it afterwards.
        unsafe { jpeg_destroy_decompress(&mut self.cinfo) };
    }
}

/// Returns the divisor of the smallest scale that suffices. libjpeg knows other fractions, but only these are fast.
fn scale((width, height): (u32, u32), request: &DecodeRequest) -> u32 {
    let Some(enough) = request.enough else { return 1 };
    let suffices = |divisor: &u32| enough.is_met_by((width.div_ceil(*divisor), height.div_ceil(*divisor)));
    [8, 4, 2].into_iter().find(suffices).unwrap_or(1)
}

/// Returns the zeros at the end of a file that has no end marker before them.
fn padding(bytes: &[u8]) -> Option<&[u8]> {
    let end = bytes.iter().rposition(|byte| *byte != 0)? + 1;
    let (data, zeros) = bytes.split_at(end);
    (zeros.len() >= MIN_PADDING && !data.ends_with(b"\xFF\xD9")).then_some(zeros)
}

/// Returns the decompressor and its session.
///
/// # Safety
/// `common` must be the beginning of a session's decompressor.
unsafe fn session(common: &mut jpeg_common_struct) -> &mut Session {
    // SAFETY: the session put its address there, and the box has not moved.
    unsafe { &mut *common.client_data.cast() }
}

/// Tells whether the current scan still lacks more rows than may be missing.
fn lacks_rows(cinfo: &jpeg_decompress_struct) -> bool {
    // libjpeg counts rows of blocks, of which the component with the finest sampling has several.
    let row = (DCTSIZE as u32).saturating_mul(cinfo.max_v_samp_factor.max(1).cast_unsigned());
    let rows = cinfo.image_height.div_ceil(row);
    let missing = rows.saturating_sub(cinfo.input_iMCU_row);
    completeness::check(missing.into(), rows.into()).is_err()
}

fn stop(code: i32, message: impl ToString) -> ! {
    // The unwinding prints nothing, other than a panic.
    resume_unwind(Box::new(Stop { code, message: message.to_string() }))
}

/// Ends the decoding at an error of libjpeg.
unsafe extern "C-unwind" fn on_error(common: &mut jpeg_common_struct) {
    // SAFETY: libjpeg calls this function with the decompressor that it was registered in.
    let errors = unsafe { &*common.err };
    let text = [0; 80];
    if let Some(format) = errors.format_message {
        // SAFETY: the buffer has the size that libjpeg demands.
        unsafe { format(common, &text) };
    }
    let end = text.iter().position(|byte| *byte == 0).unwrap_or(text.len());
    stop(errors.msg_code, String::from_utf8_lossy(&text[..end]))
}

/// Takes note of a warning, and ends the decoding at one that means damage.
unsafe extern "C-unwind" fn on_message(common: &mut jpeg_common_struct, level: i32) {
    if level >= 0 {
        return;
    }
    // SAFETY: libjpeg calls this function with the decompressor that it was registered in.
    let (code, session) = unsafe { ((*common.err).msg_code, session(common)) };
    match code {
        JWRN_JPEG_EOF => session.cut_off = true,
        JWRN_HIT_MARKER if lacks_rows(&session.cinfo) => stop(code, "the data of a scan ends too early"),
        JWRN_HUFF_BAD_CODE => stop(code, "a Huffman code does not exist"),
        _ => {}
    }
}

/// Ends the decoding at too many scans, and where padding takes the place of data.
unsafe extern "C-unwind" fn on_progress(common: &mut jpeg_common_struct) {
    // SAFETY: libjpeg calls this function with the decompressor that it was registered in.
    let session = unsafe { session(common) };
    if session.cinfo.input_scan_number > MAX_SCANS {
        stop(TOO_MANY_SCANS, format!("more than {MAX_SCANS} scans"));
    }
    if let Some(padding) = session.padding {
        // SAFETY: the source was set before the first progress.
        let at = unsafe { (*session.cinfo.src).next_input_byte }.addr();
        if at > padding + AHEAD && lacks_rows(&session.cinfo) {
            stop(JWRN_HIT_MARKER, "the rest of the data is zeros");
        }
    }
}
