//! Handles and descriptors: what the caller holds as `void *`.

use std::ffi::c_void;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::consts::*;
use super::define::Define;
use super::lob::Lob;
use super::statement::Statement;
use crate::engine::time::Fields;
use crate::engine::{OutColumn, Session};
use crate::errors::OraError;

/// Stands at the start of each live handle.
const MAGIC: u64 = 0x6d69_7473_756b_6531;

/// A handle and what it is.
pub struct Handle {
    magic: u64,
    pub data: Data,
}

pub enum Data {
    Environment,
    Error(Mutex<ErrorState>),
    Service(Mutex<Service>),
    Server(Mutex<Server>),
    User(Mutex<User>),
    Statement(Mutex<Statement>),
    Bind(Mutex<super::bind::BindState>),
    Define(Mutex<Define>),
    Parameter(OutColumn),
    Lob(Mutex<Lob>),
    Time(Mutex<Fields>),
    /// A transaction handle and the like: kept, never asked.
    Other,
}

/// The last error.
#[derive(Default)]
pub struct ErrorState {
    pub error: Option<OraError>,
    /// Rows of a batch that failed, for OCIParamGet.
    pub batch: Vec<(u32, OraError)>,
    /// The row that this error belongs to.
    pub row: u32,
}

/// A service context: what ties server and session together.
#[derive(Default)]
pub struct Service {
    pub server: usize,
    pub user: usize,
    pub session: Option<Arc<Mutex<Session>>>,
    pub interrupted: Option<Arc<AtomicBool>>,
    pub call_timeout: u32,
    pub cache_size: u32,
}

/// A connection to a server.
#[derive(Default)]
pub struct Server {
    pub path: Option<std::path::PathBuf>,
    /// False once the connection is lost.
    pub alive: Arc<AtomicBool>,
}

/// A session handle: who logs in.
#[derive(Default)]
pub struct User {
    pub name: String,
    pub password: String,
    pub session: Option<Arc<Mutex<Session>>>,
}

/// Locks, whatever happened to a thread that held it.
pub fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Handle {
    /// Gives a handle to the caller.
    pub fn give(data: Data) -> *mut c_void {
        Box::into_raw(Box::new(Self { magic: MAGIC, data })).cast()
    }

    pub fn allocate(kind: u32) -> Option<*mut c_void> {
        let data = match kind {
            HTYPE_ENV => Data::Environment,
            HTYPE_ERROR => Data::Error(Mutex::default()),
            HTYPE_SVCCTX => Data::Service(Mutex::default()),
            HTYPE_SERVER => Data::Server(Mutex::default()),
            HTYPE_SESSION => Data::User(Mutex::default()),
            HTYPE_TRANS => Data::Other,
            DTYPE_LOB => Data::Lob(Mutex::default()),
            DTYPE_TIMESTAMP | DTYPE_TIMESTAMP_TZ | DTYPE_TIMESTAMP_LTZ => Data::Time(Mutex::default()),
            _ => return None,
        };
        Some(Self::give(data))
    }

    /// Looks at a handle of the caller's.
    ///
    /// # Safety
    /// `handle` is null or was given by [`Self::give`] and has not been freed.
    pub unsafe fn of<'a>(handle: *const c_void) -> Option<&'a Self> {
        // SAFETY: the caller vouches for the pointer.
        let handle = unsafe { handle.cast::<Self>().as_ref() }?;
        (handle.magic == MAGIC).then_some(handle)
    }

    /// Takes a handle back.
    ///
    /// # Safety
    /// The conditions of [`Self::of`]; nothing uses the handle afterwards.
    pub unsafe fn free(handle: *mut c_void) -> i32 {
        // SAFETY: the caller vouches for the pointer.
        if unsafe { Self::of(handle) }.is_none() {
            return INVALID_HANDLE;
        }
        // SAFETY: it came from `Box::into_raw` in `give`, and the caller gives it up.
        let mut owned = unsafe { Box::from_raw(handle.cast::<Self>()) };
        owned.magic = 0;
        SUCCESS
    }
}

/// Notes an error in the caller's error handle.
///
/// # Safety
/// The conditions of [`Handle::of`].
pub unsafe fn fail(error_handle: *mut c_void, error: OraError) -> i32 {
    // SAFETY: the caller vouches for the handle.
    match unsafe { Handle::of(error_handle) } {
        Some(Handle { data: Data::Error(state), .. }) => {
            *locked(state) = ErrorState { error: Some(error), ..ErrorState::default() };
            ERROR
        }
        _ => INVALID_HANDLE,
    }
}

/// The service context behind a handle.
///
/// # Safety
/// The conditions of [`Handle::of`].
pub unsafe fn service<'a>(handle: *const c_void) -> Option<&'a Mutex<Service>> {
    // SAFETY: the caller vouches for the handle.
    match unsafe { Handle::of(handle) } {
        Some(Handle { data: Data::Service(service), .. }) => Some(service),
        _ => None,
    }
}

/// Writes a value where the caller wants it, if anywhere.
///
/// # Safety
/// `place` is null or points to room for a `T`, aligned or not.
pub unsafe fn put<T>(place: *mut c_void, value: T) {
    if !place.is_null() {
        // SAFETY: not null, and the caller vouches for the room.
        unsafe { place.cast::<T>().write_unaligned(value) }
    }
}

/// A text of the caller's.
///
/// # Safety
/// `start` is null or points to `length` bytes that do not change meanwhile.
pub unsafe fn text_of(start: *const u8, length: usize) -> String {
    if start.is_null() || length == 0 {
        return String::new();
    }
    // SAFETY: not null, and the caller vouches for the bytes.
    String::from_utf8_lossy(unsafe { std::slice::from_raw_parts(start, length) }).into_owned()
}
