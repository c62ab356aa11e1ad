//! Scalar functions written here, called by SQLite.

use std::ffi::{CString, c_int, c_void};

use rusqlite::Connection;
use rusqlite::ffi;
use rusqlite::types::{Value, ValueRef};

use crate::errors::{OraError, Result};

/// A function of SQL values.
pub type Scalar = fn(&[ValueRef<'_>]) -> Result<Value>;

/// Makes a function known to a connection. It must answer the same for the same arguments.
///
/// # Errors
/// The errors of SQLite.
pub fn register(connection: &Connection, name: &str, arguments: i32, function: Scalar) -> Result<()> {
    let c_name = CString::new(name).map_err(|_| OraError::new(600, "a function's name holds a zero byte"))?;
    // SAFETY: the handle is valid while `connection` is borrowed; the name is copied by SQLite; the user data is a
    // function pointer, which lives for ever and needs no destructor; `call` reads it back as what it is.
    let code = unsafe {
        ffi::sqlite3_create_function_v2(
            connection.handle(),
            c_name.as_ptr(),
            arguments,
            ffi::SQLITE_UTF8 | ffi::SQLITE_DETERMINISTIC,
            function as *mut c_void,
            Some(call),
            None,
            None,
            None,
        )
    };
    if code == ffi::SQLITE_OK {
        Ok(())
    } else {
        Err(OraError::new(600, format_args!("cannot register {name}: {code}")))
    }
}

/// The function that SQLite calls. It finds the Rust function in the user data.
unsafe extern "C" fn call(context: *mut ffi::sqlite3_context, count: c_int, values: *mut *mut ffi::sqlite3_value) {
    // SAFETY: `register` stored a `Scalar` as the user data, and SQLite passes `count` valid values that stay as they
    // are until this function returns; the result functions copy what they are given (SQLITE_TRANSIENT).
    unsafe {
        let function = std::mem::transmute::<*mut c_void, Scalar>(ffi::sqlite3_user_data(context));
        let arguments: Vec<ValueRef<'_>> =
            (0..usize::try_from(count).unwrap_or(0)).map(|i| argument(*values.add(i))).collect();
        match function(&arguments) {
            Ok(Value::Null) => ffi::sqlite3_result_null(context),
            Ok(Value::Integer(n)) => ffi::sqlite3_result_int64(context, n),
            Ok(Value::Real(n)) => ffi::sqlite3_result_double(context, n),
            Ok(Value::Text(text)) => ffi::sqlite3_result_text64(
                context,
                text.as_ptr().cast(),
                text.len() as u64,
                ffi::SQLITE_TRANSIENT(),
                u8::try_from(ffi::SQLITE_UTF8).unwrap_or(1),
            ),
            Ok(Value::Blob(bytes)) => {
                ffi::sqlite3_result_blob64(context, bytes.as_ptr().cast(), bytes.len() as u64, ffi::SQLITE_TRANSIENT());
            }
            Err(error) => {
                let length = c_int::try_from(error.message.len()).unwrap_or(0);
                ffi::sqlite3_result_error(context, error.message.as_ptr().cast(), length);
            }
        }
    }
}

/// # Safety
/// `value` must be valid, and stay so while the answer is used.
unsafe fn argument<'a>(value: *mut ffi::sqlite3_value) -> ValueRef<'a> {
    // SAFETY: the caller vouches for `value`; text and blob are asked for before their length, as SQLite wants it.
    unsafe {
        match ffi::sqlite3_value_type(value) {
            ffi::SQLITE_INTEGER => ValueRef::Integer(ffi::sqlite3_value_int64(value)),
            ffi::SQLITE_FLOAT => ValueRef::Real(ffi::sqlite3_value_double(value)),
            ffi::SQLITE_TEXT => {
                let start = ffi::sqlite3_value_text(value);
                ValueRef::Text(slice(start, ffi::sqlite3_value_bytes(value)))
            }
            ffi::SQLITE_BLOB => {
                let start = ffi::sqlite3_value_blob(value);
                ValueRef::Blob(slice(start.cast(), ffi::sqlite3_value_bytes(value)))
            }
            _ => ValueRef::Null,
        }
    }
}

/// # Safety
/// `start` must point to `length` bytes that live as long as the answer, or be null.
unsafe fn slice<'a>(start: *const u8, length: c_int) -> &'a [u8] {
    match usize::try_from(length) {
        Ok(length) if length > 0 && !start.is_null() => {
            // SAFETY: not null, and the caller vouches for the bytes.
            unsafe { std::slice::from_raw_parts(start, length) }
        }
        _ => &[],
    }
}
