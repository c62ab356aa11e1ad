//! Servers and sessions.

use std::ffi::{c_char, c_void};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::consts::*;
use super::handle::*;
use crate::engine::{Session, Trip, attach};
use crate::errors::{OraError, Result};

/// The host that stands for this stand-in.
const HOST: &str = "standin.test";

/// `[tcp:][//]standin.test[:port]/path[?parameters]` → the path of the database file and the connect timeout.
fn parse_connect_string(text: &str) -> Result<(PathBuf, Option<Duration>)> {
    let rest = text.trim().trim_start_matches("tcp:").trim_start_matches("//");
    let bad = || {
        OraError::new(12154, format_args!("Cannot connect to database. Could not find alias {text} in tnsnames.ora."))
    };
    let (host, path) = rest.split_once('/').ok_or_else(bad)?;
    let host = host.split(':').next().unwrap_or(host);
    if host != HOST {
        return Err(OraError::new(
            12541,
            format_args!(
                "Cannot connect. No listener at host {host} (this is Mitsuke's stand-in client, which knows {HOST} only)."
            ),
        ));
    }
    let (path, parameters) = path.split_once('?').unwrap_or((path, ""));
    let path = PathBuf::from(format!("/{path}"));
    let mut timeout = None;
    for parameter in parameters.split('&').filter(|parameter| !parameter.is_empty()) {
        let (name, value) = parameter.split_once('=').ok_or_else(bad)?;
        if matches!(name.to_lowercase().as_str(), "connect_timeout" | "transport_connect_timeout") {
            let digits: String = value.chars().take_while(char::is_ascii_digit).collect();
            let count: u64 = digits.parse().map_err(|_| bad())?;
            timeout =
                Some(if value.ends_with("ms") { Duration::from_millis(count) } else { Duration::from_secs(count) });
        }
    }
    Ok((path, timeout))
}

/// Runs work with the session of a service context.
///
/// # Errors
/// ORA-03114 without a session, and what the work answers. The server counts as lost when the session has ended.
///
/// # Safety
/// The conditions of [`Handle::of`].
pub unsafe fn on_session<T>(service_handle: *const c_void, work: impl FnOnce(&mut Session) -> Result<T>) -> Result<T> {
    // SAFETY: the caller vouches for the handle.
    let Some(service) = (unsafe { service(service_handle) }) else {
        return Err(OraError::new(1012, "not logged on"));
    };
    // The service context is not locked while the session works: OCIBreak has to get through.
    let (session, server, call_timeout) = {
        let service = locked(service);
        (service.session.clone(), service.server, service.call_timeout)
    };
    let session = session.ok_or_else(|| OraError::new(3114, "not connected to ORACLE"))?;
    let mut session = locked(&session);
    session.call_timeout = (call_timeout > 0).then(|| Duration::from_millis(call_timeout.into()));
    let result = work(&mut session);
    if session.is_dead() {
        // SAFETY: the server handle was set by the caller and outlives the service context.
        if let Some(Handle { data: Data::Server(server), .. }) = unsafe { Handle::of(server as *const c_void) } {
            locked(server).alive.store(false, Ordering::Relaxed);
        }
    }
    result
}

/// Counts a call that goes to the server.
///
/// # Errors
/// The errors of [`on_session`].
///
/// # Safety
/// The conditions of [`Handle::of`].
pub unsafe fn count_trip(service: *const c_void, trip: Trip) -> Result<()> {
    // SAFETY: the caller vouches for the handle.
    unsafe { on_session(service, |session| session.count_trip(trip)) }
}

/// # Safety
/// Handles are live; `name` points to `length` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCIServerAttach(
    server: *mut c_void,
    error: *mut c_void,
    name: *const u8,
    length: i32,
    _mode: u32,
) -> i32 {
    // SAFETY: the caller vouches for the pointers.
    unsafe {
        let Some(Handle { data: Data::Server(server), .. }) = Handle::of(server) else { return INVALID_HANDLE };
        let name = text_of(name, usize::try_from(length).unwrap_or(0));
        // Sessions that set failures up must not meet them, and at this point it is not known yet who logs in.
        let spared = name.ends_with("?control=yes");
        let attached = parse_connect_string(&name)
            .and_then(|(path, timeout)| if spared { Ok(path) } else { attach(&path, timeout).map(|()| path) });
        match attached {
            Ok(path) => {
                let mut server = locked(server);
                server.path = Some(path);
                server.alive.store(true, Ordering::Relaxed);
                SUCCESS
            }
            Err(problem) => fail(error, problem),
        }
    }
}

/// # Safety
/// Handles are live.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCIServerDetach(server: *mut c_void, _error: *mut c_void, _mode: u32) -> i32 {
    // SAFETY: the caller vouches for the handle.
    match unsafe { Handle::of(server) } {
        Some(Handle { data: Data::Server(server), .. }) => {
            locked(server).alive.store(false, Ordering::Relaxed);
            SUCCESS
        }
        _ => INVALID_HANDLE,
    }
}

/// # Safety
/// Handles are live, and so are those that the service context refers to.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCISessionBegin(
    service_handle: *mut c_void,
    error: *mut c_void,
    user: *mut c_void,
    _credentials: u32,
    _mode: u32,
) -> i32 {
    // SAFETY: the caller vouches for the handles.
    unsafe {
        let (Some(service), Some(Handle { data: Data::User(user), .. })) = (service(service_handle), Handle::of(user))
        else {
            return INVALID_HANDLE;
        };
        let server = locked(service).server;
        let Some(Handle { data: Data::Server(server), .. }) = Handle::of(server as *const c_void) else {
            return INVALID_HANDLE;
        };
        let Some(path) = locked(server).path.clone() else {
            return fail(error, OraError::new(12153, "TNS:not connected"));
        };
        let (name, password) = {
            let user = locked(user);
            (user.name.clone(), user.password.clone())
        };
        match Session::open(&path, &name, &password) {
            Ok(session) => {
                let mut service = locked(service);
                service.interrupted = Some(Arc::clone(&session.interrupted));
                let session = Arc::new(Mutex::new(session));
                locked(user).session = Some(Arc::clone(&session));
                service.session = Some(session);
                SUCCESS
            }
            Err(problem) => fail(error, problem),
        }
    }
}

/// # Safety
/// Handles are live.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCISessionEnd(
    service_handle: *mut c_void,
    _error: *mut c_void,
    user: *mut c_void,
    _mode: u32,
) -> i32 {
    // SAFETY: the caller vouches for the handles.
    unsafe {
        if let Some(Handle { data: Data::User(user), .. }) = Handle::of(user) {
            locked(user).session = None;
        }
        match service(service_handle) {
            Some(service) => {
                locked(service).session = None;
                SUCCESS
            }
            None => INVALID_HANDLE,
        }
    }
}

/// # Safety
/// The handle is live, `buffer` has room for `size` bytes, `version` for a number.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCIServerRelease2(
    service_handle: *mut c_void,
    error: *mut c_void,
    buffer: *mut c_char,
    size: u32,
    _kind: u8,
    version: *mut u32,
    _mode: u32,
) -> i32 {
    // SAFETY: the caller vouches for the pointers.
    unsafe {
        let asked = count_trip(service_handle, Trip::Ping).and_then(|()| on_session(service_handle, Session::ping));
        let (major, minor) = match asked.and_then(|()| on_session(service_handle, |session| session.side.release())) {
            Ok(release) => release,
            Err(problem) => return fail(error, problem),
        };
        put::<u32>(version.cast(), (major << 24) | (minor << 16));
        if !buffer.is_null() && size > 0 {
            let length = crate::BANNER.len().min(size as usize - 1);
            std::ptr::copy_nonoverlapping(crate::BANNER.as_ptr(), buffer.cast(), length);
            buffer.add(length).write(0);
        }
    }
    SUCCESS
}

/// Answers with success or notes the error.
///
/// # Safety
/// The conditions of [`on_session`] and [`fail`].
unsafe fn simple(
    service: *mut c_void,
    error: *mut c_void,
    trip: Trip,
    work: impl FnOnce(&mut Session) -> Result<()>,
) -> i32 {
    // SAFETY: the caller vouches for the handles.
    unsafe {
        match count_trip(service, trip).and_then(|()| on_session(service, work)) {
            Ok(()) => SUCCESS,
            Err(problem) => fail(error, problem),
        }
    }
}

/// # Safety
/// Handles are live.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCIPing(service: *mut c_void, error: *mut c_void, _mode: u32) -> i32 {
    // SAFETY: the caller vouches for the handles.
    unsafe { simple(service, error, Trip::Ping, Session::ping) }
}

/// # Safety
/// Handles are live.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCITransCommit(service: *mut c_void, error: *mut c_void, _flags: u32) -> i32 {
    // SAFETY: the caller vouches for the handles.
    unsafe { simple(service, error, Trip::Commit, Session::commit) }
}

/// # Safety
/// Handles are live.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCITransRollback(service: *mut c_void, error: *mut c_void, _flags: u32) -> i32 {
    // SAFETY: the caller vouches for the handles.
    unsafe { simple(service, error, Trip::Rollback, Session::rollback) }
}

/// # Safety
/// The handle is live.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCIBreak(service_handle: *mut c_void, _error: *mut c_void) -> i32 {
    // SAFETY: the caller vouches for the handle.
    match unsafe { service(service_handle) } {
        Some(service) => {
            if let Some(interrupted) = &locked(service).interrupted {
                interrupted.store(true, Ordering::Relaxed);
            }
            SUCCESS
        }
        None => INVALID_HANDLE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connect_strings_name_a_file_and_a_timeout() {
        let (path, timeout) =
            parse_connect_string("//standin.test:1521/tmp/a/b?connect_timeout=3&retry_count=0").unwrap();
        assert_eq!((path, timeout), (PathBuf::from("/tmp/a/b"), Some(Duration::from_secs(3))));
        assert_eq!(parse_connect_string("standin.test/tmp/a").unwrap(), (PathBuf::from("/tmp/a"), None));
        assert_eq!(parse_connect_string("localhost:1521/FREEPDB1").unwrap_err().code, 12541);
        assert_eq!(parse_connect_string("FREEPDB1").unwrap_err().code, 12154);
    }
}
