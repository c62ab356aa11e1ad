//! OCIDateTime.

use std::ffi::c_void;
use std::sync::Mutex;

use super::consts::*;
use super::handle::{Data, Handle, fail, locked, put, text_of};
use crate::engine::time::{Fields, parse_offset};
use crate::errors::OraError;

/// The fields behind a descriptor.
///
/// # Safety
/// The conditions of [`Handle::of`].
pub unsafe fn fields<'a>(descriptor: *const c_void) -> Option<&'a Mutex<Fields>> {
    // SAFETY: the caller vouches for the descriptor.
    match unsafe { Handle::of(descriptor) } {
        Some(Handle { data: Data::Time(fields), .. }) => Some(fields),
        _ => None,
    }
}

/// # Safety
/// `datetime` and `error` are live, `zone` points to `zone_length` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCIDateTimeConstruct(
    _handle: *mut c_void,
    error: *mut c_void,
    datetime: *mut c_void,
    year: i16,
    month: u8,
    day: u8,
    hour: u8,
    minute: u8,
    second: u8,
    nanosecond: u32,
    zone: *const u8,
    zone_length: usize,
) -> i32 {
    // SAFETY: the caller vouches for the pointers.
    unsafe {
        let Some(place) = fields(datetime) else { return INVALID_HANDLE };
        let zone = text_of(zone, zone_length);
        let offset_minutes = if zone.is_empty() { Some(0) } else { parse_offset(&zone) };
        let Some(offset_minutes) = offset_minutes else {
            return fail(error, OraError::new(1882, "timezone region not found"));
        };
        let new = Fields { year, month, day, hour, minute, second, nanosecond, offset_minutes };
        if let Err(problem) = new.check() {
            return fail(error, problem);
        }
        *locked(place) = new;
    }
    SUCCESS
}

/// # Safety
/// `datetime` is live, the other pointers have room.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCIDateTimeGetDate(
    _handle: *mut c_void,
    _error: *mut c_void,
    datetime: *const c_void,
    year: *mut i16,
    month: *mut u8,
    day: *mut u8,
) -> i32 {
    // SAFETY: the caller vouches for the pointers.
    unsafe {
        let Some(place) = fields(datetime) else { return INVALID_HANDLE };
        let fields = *locked(place);
        put::<i16>(year.cast(), fields.year);
        put::<u8>(month.cast(), fields.month);
        put::<u8>(day.cast(), fields.day);
    }
    SUCCESS
}

/// # Safety
/// The conditions of [`OCIDateTimeGetDate`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCIDateTimeGetTime(
    _handle: *mut c_void,
    _error: *mut c_void,
    datetime: *const c_void,
    hour: *mut u8,
    minute: *mut u8,
    second: *mut u8,
    nanosecond: *mut u32,
) -> i32 {
    // SAFETY: the caller vouches for the pointers.
    unsafe {
        let Some(place) = fields(datetime) else { return INVALID_HANDLE };
        let fields = *locked(place);
        put::<u8>(hour.cast(), fields.hour);
        put::<u8>(minute.cast(), fields.minute);
        put::<u8>(second.cast(), fields.second);
        put::<u32>(nanosecond.cast(), fields.nanosecond);
    }
    SUCCESS
}

/// # Safety
/// The conditions of [`OCIDateTimeGetDate`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCIDateTimeGetTimeZoneOffset(
    _handle: *mut c_void,
    _error: *mut c_void,
    datetime: *const c_void,
    hours: *mut i8,
    minutes: *mut i8,
) -> i32 {
    // SAFETY: the caller vouches for the pointers.
    unsafe {
        let Some(place) = fields(datetime) else { return INVALID_HANDLE };
        let offset = locked(place).offset_minutes;
        put::<i8>(hours.cast(), i8::try_from(offset / 60).unwrap_or(0));
        put::<i8>(minutes.cast(), i8::try_from(offset % 60).unwrap_or(0));
    }
    SUCCESS
}
