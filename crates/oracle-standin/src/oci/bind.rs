//! Placeholders: where their values come from and go to.

use std::ffi::c_void;

use rusqlite::types::Value;

use super::consts::*;
use super::datetime::fields;
use super::define::{Place, write};
use super::handle::*;
use super::lob::{self, Lob};
use super::number;
use crate::engine::{Bind, Ty, time::Fields};
use crate::errors::{OraError, Result};

/// Provides an IN value (OCICallbackInBind).
pub type InCallback = unsafe extern "C" fn(
    *mut c_void,
    *mut c_void,
    u32,
    u32,
    *mut *mut c_void,
    *mut u32,
    *mut u8,
    *mut *mut c_void,
) -> i32;
/// Provides room for an OUT value (OCICallbackOutBind).
pub type OutCallback = unsafe extern "C" fn(
    *mut c_void,
    *mut c_void,
    u32,
    u32,
    *mut *mut c_void,
    *mut *mut u32,
    *mut u8,
    *mut *mut c_void,
    *mut *mut u16,
) -> i32;

/// A bind as the caller set it up.
#[derive(Clone, Copy)]
pub struct BindState {
    pub values: *mut c_void,
    pub size: i64,
    pub kind: u16,
    pub indicators: *mut i16,
    pub lengths: *mut u32,
    pub codes: *mut u16,
    pub is_national: bool,
    pub input: Option<(*mut c_void, InCallback)>,
    pub output: Option<(*mut c_void, OutCallback)>,
    /// Asked for by output callbacks.
    pub rows_returned: u32,
}

/// Whether values of a type are descriptors, which arrays hold pointers to.
fn is_descriptor(kind: u16) -> bool {
    matches!(kind, SQLT_CLOB | SQLT_BLOB | SQLT_TIMESTAMP | SQLT_TIMESTAMP_TZ | SQLT_TIMESTAMP_LTZ)
}

/// One value of the caller's: where it is, how long, and whether it is there at all.
struct Source {
    data: *const c_void,
    length: usize,
    is_null: bool,
    /// The value was given piece by piece, as LONG data is.
    is_dynamic: bool,
}

impl BindState {
    /// # Safety
    /// The pointers that the caller set up are valid, and callbacks may be called.
    unsafe fn source(&self, handle: *mut c_void, iteration: u32) -> Result<Source> {
        let i = iteration as usize;
        // SAFETY: the caller of OCI vouches for what it bound: arrays of at least `iteration` + 1 items, callbacks that
        // fill in the places they are given.
        unsafe {
            if let Some((context, callback)) = self.input {
                let (mut data, mut length, mut piece) = (std::ptr::null_mut(), 0_u32, 0_u8);
                let mut indicator: *mut c_void = std::ptr::null_mut();
                let code = callback(
                    context,
                    handle,
                    iteration,
                    0,
                    &raw mut data,
                    &raw mut length,
                    &raw mut piece,
                    &raw mut indicator,
                );
                if code != CONTINUE {
                    return Err(OraError::new(1405, "the bind callback failed"));
                }
                let is_null = !indicator.is_null() && indicator.cast::<i16>().read_unaligned() == -1;
                return Ok(Source { data, length: length as usize, is_null, is_dynamic: true });
            }
            let is_null = !self.indicators.is_null() && self.indicators.add(i).read_unaligned() == -1;
            let size = usize::try_from(self.size).unwrap_or(0);
            let length = if self.lengths.is_null() { size } else { self.lengths.add(i).read_unaligned() as usize };
            let data: *const c_void = if is_descriptor(self.kind) {
                self.values.cast::<*const c_void>().add(i).read_unaligned()
            } else {
                self.values.cast::<u8>().add(i * size).cast()
            };
            Ok(Source { data, length, is_null, is_dynamic: false })
        }
    }

    /// The value for one iteration.
    ///
    /// # Safety
    /// The conditions of [`Self::source`].
    pub unsafe fn value(&self, handle: *mut c_void, name: &str, iteration: u32, is_returning: bool) -> Result<Bind> {
        // SAFETY: the caller vouches for the bind.
        let source = unsafe { self.source(handle, iteration)? };
        // A returning statement binds everything by callback; only what is too large for a buffer is a LONG then.
        let long = source.is_dynamic && !is_returning;
        // SAFETY: as above.
        let (value, ty) = unsafe { self.read(&source, long)? };
        let value = if source.is_null { Value::Null } else { value };
        Ok(Bind { name: name.to_owned(), value, ty })
    }

    /// # Safety
    /// `source` describes readable memory unless it is NULL.
    unsafe fn read(&self, source: &Source, long: bool) -> Result<(Value, Ty)> {
        let null = source.is_null || source.data.is_null();
        // SAFETY: every read below is of the type that the caller bound, from memory that it vouches for, and only
        // when the value is not NULL.
        unsafe {
            let bytes = || std::slice::from_raw_parts(source.data.cast::<u8>(), source.length);
            let declared = u32::try_from(self.size.clamp(1, 4000)).unwrap_or(4000);
            Ok(match self.kind {
                SQLT_CHR | SQLT_AFC => {
                    let text = if null { String::new() } else { String::from_utf8_lossy(bytes()).into_owned() };
                    let ty = if long || text.len() > 4000 {
                        Ty::Long
                    } else if self.is_national {
                        Ty::NVarchar2(declared)
                    } else {
                        Ty::Varchar2(declared)
                    };
                    // The empty text is NULL.
                    (if text.is_empty() { Value::Null } else { Value::Text(text) }, ty)
                }
                SQLT_BIN => {
                    let data = if null { Vec::new() } else { bytes().to_vec() };
                    let ty = if long || data.len() > 2000 { Ty::Long } else { Ty::Raw(declared.min(2000)) };
                    (if data.is_empty() { Value::Null } else { Value::Blob(data) }, ty)
                }
                SQLT_VNU | SQLT_NUM => {
                    let value = if null {
                        Value::Null
                    } else {
                        number::to_value(&source.data.cast::<[u8; number::SIZE]>().read_unaligned())
                    };
                    (value, Ty::Number { precision: 0, scale: -127 })
                }
                SQLT_INT | SQLT_UIN => {
                    let value = if null {
                        Value::Null
                    } else {
                        let n = source.data.cast::<i64>().read_unaligned();
                        #[expect(clippy::cast_precision_loss, reason = "beyond 63 bits a NUMBER is a float here")]
                        #[expect(clippy::cast_sign_loss, reason = "the bits are those of an unsigned number")]
                        if self.kind == SQLT_UIN && n < 0 { Value::Real(n as u64 as f64) } else { Value::Integer(n) }
                    };
                    (value, Ty::Number { precision: 38, scale: 0 })
                }
                SQLT_BDOUBLE | SQLT_IBDOUBLE => (
                    if null { Value::Null } else { Value::Real(source.data.cast::<f64>().read_unaligned()) },
                    Ty::BinaryDouble,
                ),
                SQLT_BFLOAT | SQLT_IBFLOAT => (
                    if null { Value::Null } else { Value::Real(source.data.cast::<f32>().read_unaligned().into()) },
                    Ty::BinaryFloat,
                ),
                SQLT_ODT => {
                    let value = if null {
                        Value::Null
                    } else {
                        let raw = std::slice::from_raw_parts(source.data.cast::<u8>(), 7);
                        let year = i16::from_ne_bytes([raw[0], raw[1]]);
                        let fields = Fields {
                            year,
                            month: raw[2],
                            day: raw[3],
                            hour: raw[4],
                            minute: raw[5],
                            second: raw[6],
                            ..Fields::default()
                        };
                        fields.check()?;
                        Value::Integer(fields.local_micros())
                    };
                    (value, Ty::Date)
                }
                SQLT_TIMESTAMP | SQLT_TIMESTAMP_TZ | SQLT_TIMESTAMP_LTZ => {
                    let fields = if null { None } else { fields(source.data).map(|fields| *locked(fields)) };
                    let (ty, zoned) = match self.kind {
                        SQLT_TIMESTAMP => (Ty::Timestamp(9), false),
                        SQLT_TIMESTAMP_TZ => (Ty::TimestampTz(9), true),
                        _ => (Ty::TimestampLtz(9), true),
                    };
                    let micros = fields.map(|fields| if zoned { fields.utc_micros() } else { fields.local_micros() });
                    (micros.map_or(Value::Null, Value::Integer), ty)
                }
                SQLT_CLOB | SQLT_BLOB => {
                    let value = if null { None } else { lob::value_of(source.data) };
                    let ty = match (self.kind, self.is_national) {
                        (SQLT_BLOB, _) => Ty::Blob,
                        (_, true) => Ty::NClob,
                        _ => Ty::Clob,
                    };
                    let value = match value {
                        Some(Lob::Text { text, .. }) => Value::Text(text),
                        Some(Lob::Bytes { bytes, .. }) => Value::Blob(bytes),
                        _ => Value::Null,
                    };
                    (value, ty)
                }
                other => return Err(OraError::unsupported(format_args!("binds of type {other}"))),
            })
        }
    }

    /// Writes an OUT value of a PL/SQL block into the bound buffer.
    ///
    /// # Safety
    /// The bound buffers have room for one value.
    pub unsafe fn write_back(&self, value: &Value, ty: &Ty) -> Result<()> {
        if self.values.is_null() {
            return Err(OraError::unsupported("OUT binds of this length in PL/SQL"));
        }
        // SAFETY: as the caller vouches; item 0 of the arrays that were bound.
        unsafe {
            let data =
                if is_descriptor(self.kind) { self.values.cast::<*mut c_void>().read_unaligned() } else { self.values };
            let place = Place {
                data,
                size: usize::try_from(self.size).unwrap_or(0),
                indicator: self.indicators,
                length: self.lengths,
                code: self.codes,
            };
            write(self.kind, &place, value, ty)
        }
    }
}

/// Gives the caller the values that RETURNING produced for one bind.
///
/// # Safety
/// `handle` is a live bind handle whose callbacks may be called.
pub unsafe fn give_returned(handle: *mut c_void, iteration: u32, values: &[(&Value, &Ty)]) -> Result<()> {
    // SAFETY: the caller vouches for the handle.
    let Some(Handle { data: Data::Bind(state), .. }) = (unsafe { Handle::of(handle) }) else {
        return Err(OraError::new(600, "internal error: no bind handle"));
    };
    let bind = {
        let mut state = locked(state);
        state.rows_returned = u32::try_from(values.len()).unwrap_or(u32::MAX);
        *state
    };
    let Some((context, callback)) = bind.output else {
        return Err(OraError::unsupported("RETURNING into a bind without a callback"));
    };
    for (index, (value, ty)) in values.iter().enumerate() {
        let index = u32::try_from(index).unwrap_or(u32::MAX);
        let (mut data, mut piece) = (std::ptr::null_mut(), 0_u8);
        let mut own_length = 0_u32;
        let mut length: *mut u32 = &raw mut own_length;
        let mut indicator: *mut c_void = std::ptr::null_mut();
        let mut code: *mut u16 = std::ptr::null_mut();
        // SAFETY: the callback is the caller's; all places live through the call.
        let answer = unsafe {
            callback(
                context,
                handle,
                iteration,
                index,
                &raw mut data,
                &raw mut length,
                &raw mut piece,
                &raw mut indicator,
                &raw mut code,
            )
        };
        if answer != CONTINUE {
            return Err(OraError::new(1405, "the bind callback failed"));
        }
        let size = if length.is_null() {
            usize::try_from(bind.size).unwrap_or(0)
        } else {
            // SAFETY: the callback set it to a number of its own, or left ours.
            unsafe { length.read_unaligned() as usize }
        };
        let place = Place { data, size, indicator: indicator.cast(), length, code };
        // SAFETY: the callback has just provided this room; a descriptor comes as itself, not in an array.
        unsafe { write(bind.kind, &place, value, ty)? };
    }
    Ok(())
}
