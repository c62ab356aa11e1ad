//! OCIAttrGet and OCIAttrSet.

use std::collections::HashSet;
use std::ffi::c_void;
use std::sync::atomic::Ordering;
use std::sync::{LazyLock, Mutex};

use super::consts::*;
use super::handle::*;
use crate::engine::{OutColumn, Ty};

/// Names that callers may keep for ever: ODPI-C holds on to a column's name after it has freed the parameter.
static NAMES: LazyLock<Mutex<HashSet<&'static str>>> = LazyLock::new(Mutex::default);

/// A name that is never freed.
pub fn interned(name: &str) -> &'static str {
    let mut names = locked(&NAMES);
    if let Some(known) = names.get(name) {
        return known;
    }
    let leaked: &'static str = Box::leak(name.to_owned().into_boxed_str());
    names.insert(leaked);
    leaked
}

/// The type number that a describe shows.
fn described(ty: &Ty) -> u16 {
    match ty {
        Ty::Number { .. } => SQLT_NUM,
        Ty::BinaryFloat => SQLT_IBFLOAT,
        Ty::BinaryDouble => SQLT_IBDOUBLE,
        Ty::Char(_) => SQLT_AFC,
        Ty::Raw(_) => SQLT_BIN,
        Ty::Clob | Ty::NClob | Ty::Json => SQLT_CLOB,
        Ty::Blob => SQLT_BLOB,
        Ty::Date => SQLT_DAT,
        Ty::Timestamp(_) => SQLT_TIMESTAMP,
        Ty::TimestampTz(_) => SQLT_TIMESTAMP_TZ,
        Ty::TimestampLtz(_) => SQLT_TIMESTAMP_LTZ,
        Ty::Rowid => SQLT_RDD,
        _ => SQLT_CHR,
    }
}

/// # Safety
/// `place` has room for the attribute, `size` for its length or is null.
unsafe fn parameter(column: &OutColumn, attribute: u32, place: *mut c_void, size: *mut u32) -> i32 {
    let length = match &column.ty {
        Ty::Varchar2(n) | Ty::NVarchar2(n) | Ty::Char(n) | Ty::Raw(n) => (*n).clamp(1, 32767),
        Ty::Number { .. } => 22,
        _ => 4000,
    };
    let length = u16::try_from(length).unwrap_or(4000);
    let (precision, scale) = match column.ty {
        Ty::Number { precision, scale } => (precision, scale),
        Ty::Timestamp(n) | Ty::TimestampTz(n) | Ty::TimestampLtz(n) => (0, i8::try_from(n).unwrap_or(6)),
        _ => (0, 0),
    };
    // SAFETY: the caller vouches for the places.
    unsafe {
        match attribute {
            ATTR_NAME => {
                let name = interned(&column.name);
                put(place, name.as_ptr());
                put::<u32>(size.cast(), u32::try_from(name.len()).unwrap_or(0));
            }
            ATTR_DATA_TYPE => put::<u16>(place, described(&column.ty)),
            ATTR_CHARSET_FORM => {
                put::<u8>(place, if matches!(column.ty, Ty::NVarchar2(_) | Ty::NClob) { CSFORM_NCHAR } else { 1 });
            }
            ATTR_PRECISION => put::<i16>(place, precision),
            ATTR_SCALE => put::<i8>(place, scale),
            ATTR_DATA_SIZE | ATTR_CHAR_SIZE => put::<u16>(place, length),
            ATTR_IS_NULL => put::<u8>(place, column.nullable.into()),
            ATTR_JSON_COL => put::<u8>(place, (column.ty == Ty::Json).into()),
            _ => return ERROR,
        }
    }
    SUCCESS
}

/// # Safety
/// The handle is live, `place` has room for the attribute, `size` for its length or is null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCIAttrGet(
    handle: *const c_void,
    _kind: u32,
    place: *mut c_void,
    size: *mut u32,
    attribute: u32,
    error: *mut c_void,
) -> i32 {
    // SAFETY: the caller vouches for the pointers; each attribute is written as the type that OCI documents for it.
    unsafe {
        let Some(handle) = Handle::of(handle) else { return INVALID_HANDLE };
        let known = match (&handle.data, attribute) {
            (Data::Environment, ATTR_CHARSET_ID | ATTR_NCHARSET_ID) => {
                put::<u16>(place, AL32UTF8);
                true
            }
            (Data::Service(service), _) => {
                let service = locked(service);
                match attribute {
                    ATTR_SERVER => put::<usize>(place, service.server),
                    ATTR_SESSION => put::<usize>(place, service.user),
                    ATTR_CALL_TIMEOUT => put::<u32>(place, service.call_timeout),
                    ATTR_STMTCACHESIZE => put::<u32>(place, service.cache_size),
                    ATTR_MAX_IDENTIFIER_LEN => put::<u8>(place, 128),
                    _ => return unknown(error, attribute),
                }
                true
            }
            (Data::Server(_), ATTR_CHARSET_ID) => {
                put::<u16>(place, AL32UTF8);
                true
            }
            (Data::Server(server), ATTR_SERVER_STATUS) => {
                put::<u32>(place, locked(server).alive.load(Ordering::Relaxed).into());
                true
            }
            (Data::Server(_), _) if !size.is_null() => {
                let name = interned("STANDIN");
                put(place, name.as_ptr());
                put::<u32>(size.cast(), 7);
                true
            }
            (Data::User(user), ATTR_TRANSACTION_IN_PROGRESS) => {
                let session = locked(user).session.clone();
                let open = session.is_some_and(|session| locked(&session).in_transaction());
                put::<i32>(place, open.into());
                true
            }
            (Data::User(_), ATTR_MAX_OPEN_CURSORS) => {
                put::<u32>(place, 300);
                true
            }
            (Data::Statement(statement), _) => {
                let statement = locked(statement);
                match attribute {
                    ATTR_STMT_TYPE => put::<u16>(place, statement.outline.kind as u16),
                    // The driver looks whether object types have changed, which there are none of.
                    ATTR_SQLFNCODE => put::<u16>(place, 0),
                    ATTR_STMT_IS_RETURNING => put::<u8>(place, statement.outline.is_returning.into()),
                    ATTR_PARAM_COUNT => put::<u32>(place, u32::try_from(statement.columns.len()).unwrap_or(0)),
                    ATTR_ROWS_FETCHED => put::<u32>(place, statement.rows_fetched),
                    ATTR_UB8_ROW_COUNT => put::<u64>(place, statement.row_count),
                    ATTR_ROW_COUNT => put::<u32>(place, u32::try_from(statement.row_count).unwrap_or(u32::MAX)),
                    ATTR_NUM_DML_ERRORS => put::<u32>(place, statement.batch_errors),
                    ATTR_BIND_COUNT => put::<u32>(place, u32::try_from(statement.outline.binds.len()).unwrap_or(0)),
                    ATTR_PARSE_ERROR_OFFSET => put::<u16>(place, 0),
                    ATTR_STATEMENT => {
                        put(place, statement.sql.as_ptr());
                        put::<u32>(size.cast(), u32::try_from(statement.sql.len()).unwrap_or(0));
                    }
                    _ => return unknown(error, attribute),
                }
                true
            }
            (Data::Bind(bind), ATTR_ROWS_RETURNED) => {
                put::<u32>(place, locked(bind).rows_returned);
                true
            }
            (Data::Error(state), ATTR_DML_ROW_OFFSET) => {
                put::<u32>(place, locked(state).row);
                true
            }
            (Data::Error(_), ATTR_ERROR_IS_RECOVERABLE) => {
                // False even for lost connections, as the genuine client says.
                put::<u8>(place, 0);
                true
            }
            (Data::Parameter(column), _) => return parameter(column, attribute, place, size),
            _ => false,
        };
        if known { SUCCESS } else { unknown(error, attribute) }
    }
}

/// # Safety
/// The conditions of [`fail`].
unsafe fn unknown(error: *mut c_void, attribute: u32) -> i32 {
    let problem = crate::errors::OraError::new(
        24315,
        format_args!("illegal attribute type {attribute} (for the stand-in client)"),
    );
    // SAFETY: the caller vouches for the handle.
    unsafe { fail(error, problem) }
}

/// # Safety
/// The handle is live; `value` is the attribute's value or points to it, as OCI documents.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCIAttrSet(
    handle: *mut c_void,
    _kind: u32,
    value: *mut c_void,
    size: u32,
    attribute: u32,
    _error: *mut c_void,
) -> i32 {
    // SAFETY: the caller vouches for the pointers; each attribute is read as the type that OCI documents for it.
    unsafe {
        let Some(handle) = Handle::of(handle) else { return INVALID_HANDLE };
        match (&handle.data, attribute) {
            (Data::Service(service), ATTR_SERVER) => locked(service).server = value as usize,
            (Data::Service(service), ATTR_SESSION) => locked(service).user = value as usize,
            (Data::Service(service), ATTR_CALL_TIMEOUT) => {
                locked(service).call_timeout = value.cast::<u32>().read_unaligned()
            }
            (Data::Service(service), ATTR_STMTCACHESIZE) => {
                locked(service).cache_size = value.cast::<u32>().read_unaligned()
            }
            (Data::User(user), ATTR_USERNAME) => locked(user).name = text_of(value.cast(), size as usize),
            (Data::User(user), ATTR_PASSWORD) => locked(user).password = text_of(value.cast(), size as usize),
            (Data::Bind(bind), ATTR_CHARSET_FORM) => {
                locked(bind).is_national = value.cast::<u8>().read() == CSFORM_NCHAR;
            }
            (Data::Statement(statement), ATTR_PREFETCH_ROWS) => {
                locked(statement).prefetch = value.cast::<u32>().read_unaligned();
            }
            // Driver name, module and the like change nothing here.
            _ => {}
        }
    }
    SUCCESS
}
