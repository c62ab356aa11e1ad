//! LOB locators. The value travels with the locator; a LOB read from a table is a copy, as a consistent read is.

use std::ffi::c_void;
use std::sync::Mutex;

use super::connect::{count_trip, on_session};
use super::consts::*;
use super::handle::{Data, Handle, fail, locked, put};
use crate::engine::{Point, Trip};
use crate::errors::{OraError, Result};

/// The value of a locator.
#[derive(Debug, Default, Clone)]
pub enum Lob {
    /// Nothing yet: OCI calls the handle invalid.
    #[default]
    Uninitialised,
    Text {
        text: String,
        temporary: bool,
    },
    Bytes {
        bytes: Vec<u8>,
        temporary: bool,
    },
}

impl Lob {
    /// Length as OCI counts: UTF-16 units of a CLOB, bytes of a BLOB.
    fn length(&self) -> usize {
        match self {
            Self::Uninitialised => 0,
            Self::Text { text, .. } => text.encode_utf16().count(),
            Self::Bytes { bytes, .. } => bytes.len(),
        }
    }

    fn is_temporary(&self) -> bool {
        matches!(self, Self::Text { temporary: true, .. } | Self::Bytes { temporary: true, .. })
    }

    fn writable(&self) -> Result<()> {
        if self.is_temporary() {
            return Ok(());
        }
        Err(OraError::new(
            22920,
            "row containing the LOB value is not locked (the stand-in client writes to temporary LOBs only)",
        ))
    }
}

/// The byte where a UTF-16 unit starts.
fn byte_of_unit(text: &str, unit: usize) -> usize {
    let mut units = 0;
    for (at, c) in text.char_indices() {
        if units >= unit {
            return at;
        }
        units += c.len_utf16();
    }
    text.len()
}

/// # Safety
/// The conditions of [`Handle::of`].
unsafe fn lob<'a>(locator: *const c_void) -> Option<&'a Mutex<Lob>> {
    // SAFETY: the caller vouches for the locator.
    match unsafe { Handle::of(locator) } {
        Some(Handle { data: Data::Lob(lob), .. }) => Some(lob),
        _ => None,
    }
}

/// A copy of a locator's value.
///
/// # Safety
/// The conditions of [`Handle::of`].
pub unsafe fn value_of(locator: *const c_void) -> Option<Lob> {
    // SAFETY: the caller vouches for the locator.
    unsafe { lob(locator) }.map(|lob| locked(lob).clone())
}

/// Gives a locator a value.
///
/// # Safety
/// The conditions of [`Handle::of`].
pub unsafe fn set_value(locator: *const c_void, value: Lob) -> bool {
    // SAFETY: the caller vouches for the locator.
    match unsafe { lob(locator) } {
        Some(place) => {
            *locked(place) = value;
            true
        }
        None => false,
    }
}

/// Makes the call of a LOB function that goes to the server.
///
/// # Safety
/// The conditions of [`on_session`].
unsafe fn go_to_server(service: *const c_void) -> Result<()> {
    // SAFETY: the caller vouches for the handle.
    unsafe {
        count_trip(service, Trip::Lob)?;
        on_session(service, |session| session.round_trip(Point::Lob, ""))
    }
}

/// # Safety
/// All handles are live.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCILobCreateTemporary(
    service: *mut c_void,
    error: *mut c_void,
    locator: *mut c_void,
    _charset: u16,
    _form: u8,
    kind: u8,
    _cache: i32,
    _duration: u16,
) -> i32 {
    // SAFETY: the caller vouches for the handles.
    unsafe {
        if let Err(problem) = go_to_server(service) {
            return fail(error, problem);
        }
        // 1: BLOB, 2: CLOB.
        let value = if kind == 1 {
            Lob::Bytes { bytes: Vec::new(), temporary: true }
        } else {
            Lob::Text { text: String::new(), temporary: true }
        };
        if set_value(locator, value) { SUCCESS } else { INVALID_HANDLE }
    }
}

/// # Safety
/// All handles are live.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCILobFreeTemporary(service: *mut c_void, error: *mut c_void, locator: *mut c_void) -> i32 {
    // SAFETY: the caller vouches for the handles.
    unsafe {
        if let Err(problem) = count_trip(service, Trip::Lob) {
            return fail(error, problem);
        }
        if set_value(locator, Lob::Uninitialised) { SUCCESS } else { INVALID_HANDLE }
    }
}

/// # Safety
/// `locator` is live, `flag` has room.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCILobIsTemporary(
    _environment: *mut c_void,
    _error: *mut c_void,
    locator: *mut c_void,
    flag: *mut i32,
) -> i32 {
    // SAFETY: the caller vouches for the pointers.
    unsafe {
        let Some(lob) = lob(locator) else { return INVALID_HANDLE };
        put::<i32>(flag.cast(), locked(lob).is_temporary().into());
    }
    SUCCESS
}

/// # Safety
/// `service` and `locator` are live, `length` has room.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCILobGetLength2(
    service: *mut c_void,
    error: *mut c_void,
    locator: *mut c_void,
    length: *mut u64,
) -> i32 {
    // SAFETY: the caller vouches for the pointers.
    unsafe {
        if let Err(problem) = count_trip(service, Trip::Lob) {
            return fail(error, problem);
        }
        let Some(lob) = lob(locator) else { return INVALID_HANDLE };
        put::<u64>(length.cast(), locked(lob).length() as u64);
    }
    SUCCESS
}

/// # Safety
/// `service` is live, `size` has room.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCILobGetChunkSize(
    service: *mut c_void,
    error: *mut c_void,
    _locator: *mut c_void,
    size: *mut u32,
) -> i32 {
    // SAFETY: the caller vouches for the pointers.
    unsafe {
        if let Err(problem) = count_trip(service, Trip::Lob) {
            return fail(error, problem);
        }
        put::<u32>(size.cast(), 8132);
    }
    SUCCESS
}

/// # Safety
/// All handles are live.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCILobTrim2(
    service: *mut c_void,
    error: *mut c_void,
    locator: *mut c_void,
    length: u64,
) -> i32 {
    // SAFETY: the caller vouches for the handles.
    unsafe {
        let Some(lob) = lob(locator) else { return INVALID_HANDLE };
        let mut lob = locked(lob);
        // A locator without a value is refused by the client itself.
        if matches!(*lob, Lob::Uninitialised) {
            return INVALID_HANDLE;
        }
        if let Err(problem) = count_trip(service, Trip::Lob) {
            return fail(error, problem);
        }
        if let Err(problem) = lob.writable() {
            return fail(error, problem);
        }
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        match &mut *lob {
            Lob::Text { text, .. } => text.truncate(byte_of_unit(text, length)),
            Lob::Bytes { bytes, .. } => bytes.truncate(length),
            Lob::Uninitialised => {}
        }
    }
    SUCCESS
}

/// # Safety
/// All handles are live; `buffer` holds `*byte_amount` bytes; the amounts have room.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCILobWrite2(
    service: *mut c_void,
    error: *mut c_void,
    locator: *mut c_void,
    byte_amount: *mut u64,
    _char_amount: *mut u64,
    offset: u64,
    buffer: *const u8,
    length: u64,
    _piece: u8,
    _context: *mut c_void,
    _callback: *mut c_void,
    _charset: u16,
    _form: u8,
) -> i32 {
    // SAFETY: the caller vouches for the pointers.
    unsafe {
        if let Err(problem) = go_to_server(service) {
            return fail(error, problem);
        }
        let Some(lob) = lob(locator) else { return INVALID_HANDLE };
        let mut lob = locked(lob);
        if let Err(problem) = lob.writable() {
            return fail(error, problem);
        }
        let data = std::slice::from_raw_parts(buffer, usize::try_from(length.min(*byte_amount)).unwrap_or(0));
        let start = usize::try_from(offset.saturating_sub(1)).unwrap_or(0);
        match &mut *lob {
            Lob::Bytes { bytes, .. } => {
                if bytes.len() < start {
                    bytes.resize(start, 0);
                }
                let end = (start + data.len()).min(bytes.len());
                bytes.splice(start..end, data.iter().copied());
            }
            Lob::Text { text, .. } => {
                let Ok(data) = std::str::from_utf8(data) else {
                    return fail(error, OraError::new(22282, "the stand-in client takes whole characters only"));
                };
                let from = byte_of_unit(text, start);
                let to = byte_of_unit(text, start + data.encode_utf16().count());
                text.replace_range(from..to, data);
            }
            Lob::Uninitialised => return INVALID_HANDLE,
        }
    }
    SUCCESS
}

/// # Safety
/// All handles are live; `buffer` has room for `size` bytes; the amounts are set.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCILobRead2(
    service: *mut c_void,
    error: *mut c_void,
    locator: *mut c_void,
    byte_amount: *mut u64,
    char_amount: *mut u64,
    offset: u64,
    buffer: *mut u8,
    size: u64,
    _piece: u8,
    _context: *mut c_void,
    _callback: *mut c_void,
    _charset: u16,
    _form: u8,
) -> i32 {
    // SAFETY: the caller vouches for the pointers.
    unsafe {
        if let Err(problem) = go_to_server(service) {
            return fail(error, problem);
        }
        let Some(lob) = lob(locator) else { return INVALID_HANDLE };
        let lob = locked(lob);
        let start = usize::try_from(offset.saturating_sub(1)).unwrap_or(0);
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        let (data, chars) = match &*lob {
            Lob::Uninitialised => return INVALID_HANDLE,
            Lob::Bytes { bytes, .. } => {
                let wanted = usize::try_from(*byte_amount).unwrap_or(usize::MAX).min(size);
                let end = start.saturating_add(wanted).min(bytes.len());
                (&bytes[start.min(end)..end], 0)
            }
            Lob::Text { text, .. } => {
                let from = byte_of_unit(text, start);
                let wanted = usize::try_from(*char_amount).unwrap_or(usize::MAX);
                let mut to = from + byte_of_unit(&text[from..], wanted);
                to = to.min(from.saturating_add(size));
                while !text.is_char_boundary(to) {
                    to -= 1;
                }
                (&text.as_bytes()[from..to], text[from..to].encode_utf16().count())
            }
        };
        std::ptr::copy_nonoverlapping(data.as_ptr(), buffer, data.len());
        put::<u64>(byte_amount.cast(), data.len() as u64);
        put::<u64>(char_amount.cast(), chars as u64);
    }
    SUCCESS
}

/// # Safety
/// All handles are live.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCILobLocatorAssign(
    _service: *mut c_void,
    _error: *mut c_void,
    source: *const c_void,
    target: *mut *mut c_void,
) -> i32 {
    // SAFETY: the caller vouches for the handles.
    unsafe {
        let Some(value) = value_of(source) else { return INVALID_HANDLE };
        if set_value(*target, value) { SUCCESS } else { INVALID_HANDLE }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_counted_in_utf16_units() {
        let lob = Lob::Text { text: "a猫😀b".into(), temporary: true };
        assert_eq!(lob.length(), 5);
        assert_eq!(byte_of_unit("a猫😀b", 2), 4);
        assert_eq!(byte_of_unit("a猫😀b", 4), 8);
    }
}
