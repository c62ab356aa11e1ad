//! Library, environments, handles, threads, character sets, errors.

use std::collections::HashMap;
use std::ffi::{c_char, c_int, c_void};
use std::sync::{LazyLock, Mutex};

use super::consts::*;
use super::handle::*;

/// The client's version: 19 can set call timeouts and asks for no more than the stand-in knows.
///
/// # Safety
/// The pointers have room for an `int` each.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCIClientVersion(
    major: *mut c_int,
    minor: *mut c_int,
    update: *mut c_int,
    patch: *mut c_int,
    port: *mut c_int,
) {
    for (place, value) in [(major, 19), (minor, 3), (update, 0), (patch, 0), (port, 0)] {
        // SAFETY: the caller vouches for the pointers.
        unsafe { put::<c_int>(place.cast(), value) }
    }
}

/// # Safety
/// `environment` has room for a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCIEnvNlsCreate(
    environment: *mut *mut c_void,
    _mode: u32,
    _context: *mut c_void,
    _malloc: *mut c_void,
    _realloc: *mut c_void,
    _free: *mut c_void,
    _extra: usize,
    _user: *mut *mut c_void,
    _charset: u16,
    _ncharset: u16,
) -> i32 {
    // SAFETY: the caller vouches for the pointer.
    unsafe { put(environment.cast(), Handle::give(Data::Environment)) }
    SUCCESS
}

/// # Safety
/// `handle` has room for a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCIHandleAlloc(
    _parent: *const c_void,
    handle: *mut *mut c_void,
    kind: u32,
    _extra: usize,
    _user: *mut *mut c_void,
) -> i32 {
    match Handle::allocate(kind) {
        Some(new) => {
            // SAFETY: the caller vouches for the pointer.
            unsafe { put(handle.cast(), new) }
            SUCCESS
        }
        None => INVALID_HANDLE,
    }
}

/// # Safety
/// The conditions of [`Handle::free`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCIHandleFree(handle: *mut c_void, _kind: u32) -> i32 {
    // SAFETY: the caller vouches for the handle.
    unsafe { Handle::free(handle) }
}

/// # Safety
/// The conditions of [`OCIHandleAlloc`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCIDescriptorAlloc(
    parent: *const c_void,
    descriptor: *mut *mut c_void,
    kind: u32,
    extra: usize,
    user: *mut *mut c_void,
) -> i32 {
    // SAFETY: the caller vouches for the pointers.
    unsafe { OCIHandleAlloc(parent, descriptor, kind, extra, user) }
}

/// # Safety
/// The conditions of [`Handle::free`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCIDescriptorFree(descriptor: *mut c_void, _kind: u32) -> i32 {
    // SAFETY: the caller vouches for the handle.
    unsafe { Handle::free(descriptor) }
}

/// Descriptors that were made together, by the first of them: OCIArrayDescriptorFree is told no number.
static ARRAYS: LazyLock<Mutex<HashMap<usize, Vec<usize>>>> = LazyLock::new(Mutex::default);

/// # Safety
/// `descriptors` has room for `count` pointers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCIArrayDescriptorAlloc(
    _parent: *const c_void,
    descriptors: *mut *mut c_void,
    kind: u32,
    count: u32,
    _extra: usize,
    _user: *mut *mut c_void,
) -> i32 {
    let mut all = Vec::new();
    for i in 0..count as usize {
        let Some(new) = Handle::allocate(kind) else { return INVALID_HANDLE };
        // SAFETY: the caller vouches for room for `count` pointers.
        unsafe { descriptors.add(i).write(new) }
        all.push(new as usize);
    }
    if let Some(first) = all.first() {
        locked(&ARRAYS).insert(*first, all);
    }
    SUCCESS
}

/// # Safety
/// `descriptors` points to what [`OCIArrayDescriptorAlloc`] filled.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCIArrayDescriptorFree(descriptors: *mut *mut c_void, _kind: u32) -> i32 {
    // SAFETY: the caller vouches for the pointer.
    let first = unsafe { descriptors.read() } as usize;
    let Some(all) = locked(&ARRAYS).remove(&first) else { return INVALID_HANDLE };
    for descriptor in all {
        // SAFETY: it was made together with the first one and is freed here only.
        unsafe { Handle::free(descriptor as *mut c_void) };
    }
    SUCCESS
}

/// # Safety
/// `handle` is live; `code` and `buffer` have the room that is said.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCIErrorGet(
    handle: *mut c_void,
    record: u32,
    _state: *mut c_char,
    code: *mut i32,
    buffer: *mut u8,
    size: u32,
    _kind: u32,
) -> i32 {
    // SAFETY: the caller vouches for the handle.
    let Some(Handle { data: Data::Error(state), .. }) = (unsafe { Handle::of(handle) }) else { return INVALID_HANDLE };
    let state = locked(state);
    let Some(error) = state.error.as_ref().filter(|_| record == 1) else { return NO_DATA };
    let room = (size as usize).saturating_sub(1);
    let mut end = error.message.len().min(room);
    while !error.message.is_char_boundary(end) {
        end -= 1;
    }
    // SAFETY: `end` is below the size of the buffer, whose room the caller vouches for.
    unsafe {
        put::<i32>(code.cast(), error.code);
        if size > 0 {
            std::ptr::copy_nonoverlapping(error.message.as_ptr(), buffer, end);
            buffer.add(end).write(0);
        }
    }
    SUCCESS
}

#[unsafe(no_mangle)]
pub extern "C" fn OCIThreadProcessInit() {}

/// # Safety
/// `key` has room for a pointer; `destructor` is null or takes a value of that key.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCIThreadKeyInit(
    _handle: *mut c_void,
    _error: *mut c_void,
    key: *mut *mut c_void,
    destructor: Option<unsafe extern "C" fn(*mut c_void)>,
) -> i32 {
    let mut made: libc::pthread_key_t = 0;
    // SAFETY: `made` lives through the call; the caller vouches for the destructor.
    if unsafe { libc::pthread_key_create(&raw mut made, destructor) } != 0 {
        return ERROR;
    }
    // SAFETY: the caller vouches for the pointer.
    unsafe { put(key.cast(), Box::into_raw(Box::new(made)).cast::<c_void>()) }
    SUCCESS
}

/// # Safety
/// `key` comes from [`OCIThreadKeyInit`]; `value` has room for a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCIThreadKeyGet(
    _handle: *mut c_void,
    _error: *mut c_void,
    key: *mut c_void,
    value: *mut *mut c_void,
) -> i32 {
    // SAFETY: the caller vouches for key and pointer.
    unsafe { put(value.cast(), libc::pthread_getspecific(*key.cast::<libc::pthread_key_t>())) }
    SUCCESS
}

/// # Safety
/// `key` comes from [`OCIThreadKeyInit`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCIThreadKeySet(
    _handle: *mut c_void,
    _error: *mut c_void,
    key: *mut c_void,
    value: *mut c_void,
) -> i32 {
    // SAFETY: the caller vouches for the key.
    if unsafe { libc::pthread_setspecific(*key.cast::<libc::pthread_key_t>(), value) } == 0 { SUCCESS } else { ERROR }
}

/// # Safety
/// `key` points to a key of [`OCIThreadKeyInit`] that is used no more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCIThreadKeyDestroy(_handle: *mut c_void, _error: *mut c_void, key: *mut *mut c_void) -> i32 {
    // SAFETY: the caller gives the key up.
    unsafe {
        let owned = Box::from_raw((*key).cast::<libc::pthread_key_t>());
        libc::pthread_key_delete(*owned);
        *key = std::ptr::null_mut();
    }
    SUCCESS
}

/// Most bytes of a character: 4 in AL32UTF8.
///
/// # Safety
/// `value` has room for an `int`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCINlsNumericInfoGet(
    _environment: *mut c_void,
    _error: *mut c_void,
    value: *mut i32,
    _item: u16,
) -> i32 {
    // SAFETY: the caller vouches for the pointer.
    unsafe { put::<i32>(value.cast(), 4) }
    SUCCESS
}
