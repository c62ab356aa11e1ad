//! Columns: where their values go to.

use std::ffi::c_void;

use rusqlite::types::Value;

use super::consts::*;
use super::datetime::fields;
use super::handle::locked;
use super::lob::{self, Lob};
use super::number;
use crate::engine::{Ty, time::Fields};
use crate::errors::{OraError, Result};

/// Provides room for a piece of a long value (OCICallbackDefine).
pub type DefineCallback = unsafe extern "C" fn(
    *mut c_void,
    *mut c_void,
    u32,
    *mut *mut c_void,
    *mut *mut u32,
    *mut u8,
    *mut *mut c_void,
    *mut *mut u16,
) -> i32;

/// A define as the caller set it up.
#[derive(Clone, Copy)]
pub struct Define {
    pub values: *mut c_void,
    pub size: u64,
    pub kind: u16,
    pub indicators: *mut i16,
    pub lengths: *mut u32,
    pub codes: *mut u16,
    pub callback: Option<(*mut c_void, DefineCallback)>,
}

/// Room for one value.
pub struct Place {
    /// A descriptor itself for types that have one.
    pub data: *mut c_void,
    pub size: usize,
    pub indicator: *mut i16,
    pub length: *mut u32,
    pub code: *mut u16,
}

impl Define {
    /// Writes a row's value.
    ///
    /// # Safety
    /// The pointers that the caller defined have room for `row` + 1 values; callbacks may be called.
    pub unsafe fn write(&self, handle: *mut c_void, row: usize, value: &Value, ty: &Ty) -> Result<()> {
        // SAFETY: the caller vouches for what it defined.
        unsafe {
            if let Some(callback) = self.callback {
                return self.write_pieces(handle, callback, row, value, ty);
            }
            let size = usize::try_from(self.size).unwrap_or(0);
            let is_descriptor =
                matches!(self.kind, SQLT_CLOB | SQLT_BLOB | SQLT_TIMESTAMP | SQLT_TIMESTAMP_TZ | SQLT_TIMESTAMP_LTZ);
            let data = if is_descriptor {
                self.values.cast::<*mut c_void>().add(row).read_unaligned()
            } else {
                self.values.cast::<u8>().add(row * size).cast()
            };
            let at = |pointer: *mut u16| if pointer.is_null() { pointer } else { pointer.add(row) };
            let place = Place {
                data,
                size,
                indicator: if self.indicators.is_null() { self.indicators } else { self.indicators.add(row) },
                length: if self.lengths.is_null() { self.lengths } else { self.lengths.add(row) },
                code: at(self.codes),
            };
            write(self.kind, &place, value, ty)
        }
    }

    /// # Safety
    /// The conditions of [`Self::write`].
    unsafe fn write_pieces(
        &self,
        handle: *mut c_void,
        (context, callback): (*mut c_void, DefineCallback),
        row: usize,
        value: &Value,
        ty: &Ty,
    ) -> Result<()> {
        let bytes = bytes_of(value, ty)?;
        let mut rest = bytes.as_slice();
        loop {
            let (mut data, mut piece) = (std::ptr::null_mut(), 0_u8);
            let mut length: *mut u32 = std::ptr::null_mut();
            let mut indicator: *mut c_void = std::ptr::null_mut();
            let mut code: *mut u16 = std::ptr::null_mut();
            // SAFETY: the callback is the caller's; it provides room for as many bytes as it says in `length`.
            unsafe {
                let answer = callback(
                    context,
                    handle,
                    u32::try_from(row).unwrap_or(u32::MAX),
                    &raw mut data,
                    &raw mut length,
                    &raw mut piece,
                    &raw mut indicator,
                    &raw mut code,
                );
                if answer != CONTINUE || length.is_null() || data.is_null() {
                    return Err(OraError::new(1405, "the define callback failed"));
                }
                let room = length.read_unaligned() as usize;
                let now = rest.len().min(room);
                std::ptr::copy_nonoverlapping(rest.as_ptr(), data.cast::<u8>(), now);
                length.write_unaligned(u32::try_from(now).unwrap_or(0));
                if !indicator.is_null() {
                    indicator.cast::<i16>().write_unaligned(if *value == Value::Null { -1 } else { 0 });
                }
                rest = &rest[now..];
            }
            if rest.is_empty() {
                return Ok(());
            }
        }
    }
}

/// A value as character or binary data.
fn bytes_of(value: &Value, ty: &Ty) -> Result<Vec<u8>> {
    Ok(match value {
        Value::Null => Vec::new(),
        Value::Text(text) => text.as_bytes().to_vec(),
        Value::Blob(bytes) => bytes.clone(),
        other => match (ty, number::decimal_of(other)) {
            (Ty::Number { .. } | Ty::BinaryDouble | Ty::BinaryFloat, Some(decimal)) => decimal.into_bytes(),
            _ => return Err(wrong(ty)),
        },
    })
}

fn wrong(ty: &Ty) -> OraError {
    OraError::new(932, format_args!("inconsistent datatypes: the column is {}", ty.dictionary_name()))
}

/// Writes one value in the form that the caller asked for.
///
/// # Safety
/// `place` has room for a value of that form.
pub unsafe fn write(kind: u16, place: &Place, value: &Value, ty: &Ty) -> Result<()> {
    // SAFETY: every write below is of the type that the caller asked for, into room that it vouches for.
    unsafe {
        let note = |indicator: i16, code: u16| {
            if !place.indicator.is_null() {
                place.indicator.write_unaligned(indicator);
            }
            if !place.code.is_null() {
                place.code.write_unaligned(code);
            }
        };
        let length = |bytes: usize| {
            if !place.length.is_null() {
                place.length.write_unaligned(u32::try_from(bytes).unwrap_or(u32::MAX));
            }
        };
        if *value == Value::Null {
            note(-1, 0);
            return Ok(());
        }
        note(0, 0);
        let as_real = || match value {
            #[expect(clippy::cast_precision_loss, reason = "a BINARY_DOUBLE was asked for")]
            Value::Integer(n) => Some(*n as f64),
            Value::Real(n) => Some(*n),
            _ => None,
        };
        match kind {
            SQLT_CHR | SQLT_AFC | SQLT_BIN => {
                let bytes = bytes_of(value, ty)?;
                let fits = bytes.len().min(place.size);
                std::ptr::copy_nonoverlapping(bytes.as_ptr(), place.data.cast::<u8>(), fits);
                length(fits);
                if fits < bytes.len() {
                    note(i16::try_from(bytes.len()).unwrap_or(-2), 1406);
                }
            }
            SQLT_VNU => {
                let decimal = number::decimal_of(value).ok_or_else(|| wrong(ty))?;
                place.data.cast::<[u8; number::SIZE]>().write_unaligned(number::encode(&decimal));
            }
            SQLT_INT | SQLT_UIN => {
                let Value::Integer(n) = value else { return Err(wrong(ty)) };
                place.data.cast::<i64>().write_unaligned(*n);
            }
            SQLT_BDOUBLE => place.data.cast::<f64>().write_unaligned(as_real().ok_or_else(|| wrong(ty))?),
            #[expect(clippy::cast_possible_truncation, reason = "a BINARY_FLOAT was asked for")]
            SQLT_BFLOAT => place.data.cast::<f32>().write_unaligned(as_real().ok_or_else(|| wrong(ty))? as f32),
            SQLT_ODT => {
                let Value::Integer(micros) = value else { return Err(wrong(ty)) };
                let fields = Fields::from_micros(*micros);
                let raw = place.data.cast::<u8>();
                raw.cast::<i16>().write_unaligned(fields.year);
                for (i, byte) in
                    [fields.month, fields.day, fields.hour, fields.minute, fields.second].into_iter().enumerate()
                {
                    raw.add(2 + i).write(byte);
                }
            }
            SQLT_TIMESTAMP | SQLT_TIMESTAMP_TZ | SQLT_TIMESTAMP_LTZ => {
                let Value::Integer(micros) = value else { return Err(wrong(ty)) };
                let target = fields(place.data).ok_or_else(|| wrong(ty))?;
                *locked(target) = Fields::from_micros(*micros);
            }
            SQLT_CLOB | SQLT_BLOB => {
                let lob = match value {
                    Value::Text(text) => Lob::Text { text: text.clone(), temporary: false },
                    Value::Blob(bytes) => Lob::Bytes { bytes: bytes.clone(), temporary: false },
                    _ => return Err(wrong(ty)),
                };
                if !lob::set_value(place.data, lob) {
                    return Err(wrong(ty));
                }
            }
            other => return Err(OraError::unsupported(format_args!("values of type {other}"))),
        }
        Ok(())
    }
}
