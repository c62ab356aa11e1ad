//! Statements: preparing, binding, executing, fetching.

use std::collections::HashMap;
use std::ffi::c_void;
use std::sync::Mutex;

use rusqlite::types::Value;

use super::attributes::interned;
use super::bind::{BindState, InCallback, OutCallback, give_returned};
use super::connect::{count_trip, on_session};
use super::consts::*;
use super::define::{Define, DefineCallback};
use super::handle::*;
use crate::engine::{Bind, Family, OutColumn, Outcome, Point, Trip, Ty};
use crate::errors::{OraError, Result};
use crate::sql::{Outline, StatementType};

/// A placeholder as the caller names it.
#[derive(Debug, Clone, PartialEq)]
enum Key {
    Name(String),
    Position(u32),
}

/// A prepared statement.
pub struct Statement {
    pub sql: String,
    pub outline: Outline,
    /// The service context it was prepared for.
    service: usize,
    binds: Vec<(Key, usize)>,
    defines: HashMap<u32, usize>,
    pub columns: Vec<OutColumn>,
    rows: Vec<Vec<Value>>,
    next_row: usize,
    /// OCI_ATTR_PREFETCH_ROWS.
    pub prefetch: u32,
    arrived: Arrived,
    pub rows_fetched: u32,
    pub row_count: u64,
    pub batch_errors: u32,
}

/// The rows of a query that have come to the client's side, for the count of round trips.
#[derive(Debug, Default, Clone, Copy)]
struct Arrived {
    rows: usize,
    /// The server has said that there are no more.
    all: bool,
}

impl Arrived {
    /// The rows that come along with the answer to an execute: as many as are prefetched, and none when the query has a
    /// LOB among its columns.
    fn with_execute(prefetch: u32, columns: &[OutColumn], total: usize) -> Self {
        if columns.iter().any(|column| column.ty.family() == Family::Lob) {
            return Self::default();
        }
        let rows = prefetch as usize;
        Self { rows, all: total < rows }
    }

    /// Returns whether the next `count` rows after `next` have to be fetched from the server, and notes that they were.
    fn fetch(&mut self, next: usize, count: usize, total: usize) -> bool {
        if self.all || self.rows >= next + count {
            return false;
        }
        self.rows += count;
        self.all = total < self.rows;
        true
    }
}

impl Drop for Statement {
    fn drop(&mut self) {
        for handle in self.binds.iter().map(|(_, handle)| *handle).chain(self.defines.values().copied()) {
            // SAFETY: bind and define handles belong to their statement, and only it frees them.
            unsafe { Handle::free(handle as *mut c_void) };
        }
    }
}

impl Statement {
    /// The bind handle of each placeholder, in the order of the text.
    fn bind_handles(&self) -> Result<Vec<(String, usize)>> {
        let is_block = matches!(self.outline.kind, StatementType::Begin | StatementType::Declare);
        let mut positions: Vec<&String> = Vec::new();
        let mut out = Vec::new();
        for name in &self.outline.binds {
            // In PL/SQL a name is one position, however often it occurs.
            let position = if is_block {
                match positions.iter().position(|known| *known == name) {
                    Some(known) => known,
                    None => {
                        positions.push(name);
                        positions.len() - 1
                    }
                }
            } else {
                out.len()
            };
            let position = u32::try_from(position + 1).unwrap_or(u32::MAX);
            let handle = self.binds.iter().find(|(key, _)| match key {
                Key::Name(known) => known == name,
                Key::Position(known) => *known == position,
            });
            match handle {
                Some((_, handle)) => out.push((name.clone(), *handle)),
                None => return Err(OraError::new(1008, format_args!("not all variables bound (:{name})"))),
            }
        }
        Ok(out)
    }
}

/// # Safety
/// The conditions of [`Handle::of`].
unsafe fn statement<'a>(handle: *const c_void) -> Option<&'a Mutex<Statement>> {
    // SAFETY: the caller vouches for the handle.
    match unsafe { Handle::of(handle) } {
        Some(Handle { data: Data::Statement(statement), .. }) => Some(statement),
        _ => None,
    }
}

/// # Safety
/// Handles are live, `text` points to `length` bytes, `out` has room for a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCIStmtPrepare2(
    service: *mut c_void,
    out: *mut *mut c_void,
    _error: *mut c_void,
    text: *const u8,
    length: u32,
    _key: *const u8,
    _key_length: u32,
    _language: u32,
    _mode: u32,
) -> i32 {
    // SAFETY: the caller vouches for the pointers.
    unsafe {
        let sql = text_of(text, length as usize);
        let statement = Statement {
            outline: Outline::of(&sql),
            sql,
            service: service as usize,
            binds: Vec::new(),
            defines: HashMap::new(),
            columns: Vec::new(),
            rows: Vec::new(),
            next_row: 0,
            prefetch: 1,
            arrived: Arrived::default(),
            rows_fetched: 0,
            row_count: 0,
            batch_errors: 0,
        };
        put(out.cast(), Handle::give(Data::Statement(Mutex::new(statement))));
    }
    SUCCESS
}

/// # Safety
/// The handle is live and used no more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCIStmtRelease(
    handle: *mut c_void,
    _error: *mut c_void,
    _key: *const u8,
    _key_length: u32,
    _mode: u32,
) -> i32 {
    // SAFETY: the caller gives the handle up.
    unsafe { Handle::free(handle) }
}

/// # Safety
/// The handle is live; each array has room for `size` items.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCIStmtGetBindInfo(
    handle: *mut c_void,
    _error: *mut c_void,
    size: u32,
    start: u32,
    found: *mut i32,
    names: *mut *const u8,
    name_lengths: *mut u8,
    _indicators: *mut *const u8,
    indicator_lengths: *mut u8,
    duplicates: *mut u8,
    handles: *mut *mut c_void,
) -> i32 {
    // SAFETY: the caller vouches for the pointers.
    unsafe {
        let Some(statement) = statement(handle) else { return INVALID_HANDLE };
        let statement = locked(statement);
        let all = &statement.outline.binds;
        if all.is_empty() {
            return NO_DATA;
        }
        let first = (start as usize).saturating_sub(1);
        let shown = all.iter().enumerate().skip(first).take(size as usize);
        let mut last = first;
        for (i, (place, name)) in shown.enumerate() {
            let name = interned(name);
            names.add(i).write(name.as_ptr());
            name_lengths.add(i).write(u8::try_from(name.len()).unwrap_or(u8::MAX));
            indicator_lengths.add(i).write(0);
            duplicates.add(i).write(all[..place].iter().any(|other| other == name).into());
            handles.add(i).write(std::ptr::null_mut());
            last = place + 1;
        }
        let count = i32::try_from(all.len()).unwrap_or(i32::MAX);
        put::<i32>(found.cast(), if last < all.len() { -count } else { count });
    }
    SUCCESS
}

/// # Safety
/// Handles are live; what is bound stays valid until the statement is executed or released.
unsafe fn add_bind(handle: *mut c_void, out: *mut *mut c_void, error: *mut c_void, key: Key, state: BindState) -> i32 {
    // SAFETY: the caller vouches for the pointers.
    unsafe {
        let Some(statement) = statement(handle) else { return INVALID_HANDLE };
        let mut statement = locked(statement);
        let known = match &key {
            Key::Name(name) => statement.outline.binds.contains(name),
            Key::Position(position) => (1..=statement.outline.binds.len()).contains(&(*position as usize)),
        };
        if !known {
            return fail(error, OraError::new(1036, "illegal variable name/number"));
        }
        let made = Handle::give(Data::Bind(Mutex::new(state)));
        if let Some(place) = statement.binds.iter().position(|(other, _)| *other == key) {
            let (_, old) = statement.binds.swap_remove(place);
            Handle::free(old as *mut c_void);
        }
        statement.binds.push((key, made as usize));
        put(out.cast(), made);
    }
    SUCCESS
}

/// # Safety
/// The conditions of [`add_bind`]; `name` points to `name_length` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCIBindByName2(
    handle: *mut c_void,
    out: *mut *mut c_void,
    error: *mut c_void,
    name: *const u8,
    name_length: i32,
    values: *mut c_void,
    size: i64,
    kind: u16,
    indicators: *mut i16,
    lengths: *mut u32,
    codes: *mut u16,
    _array_size: u32,
    _array_length: *mut u32,
    _mode: u32,
) -> i32 {
    let state = BindState {
        values,
        size,
        kind,
        indicators,
        lengths,
        codes,
        is_national: false,
        input: None,
        output: None,
        rows_returned: 0,
    };
    // SAFETY: the caller vouches for the pointers.
    unsafe {
        let name = text_of(name, usize::try_from(name_length).unwrap_or(0));
        let name = name.trim_start_matches(':').to_uppercase();
        add_bind(handle, out, error, Key::Name(name), state)
    }
}

/// # Safety
/// The conditions of [`add_bind`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCIBindByPos2(
    handle: *mut c_void,
    out: *mut *mut c_void,
    error: *mut c_void,
    position: u32,
    values: *mut c_void,
    size: i64,
    kind: u16,
    indicators: *mut i16,
    lengths: *mut u32,
    codes: *mut u16,
    _array_size: u32,
    _array_length: *mut u32,
    _mode: u32,
) -> i32 {
    let state = BindState {
        values,
        size,
        kind,
        indicators,
        lengths,
        codes,
        is_national: false,
        input: None,
        output: None,
        rows_returned: 0,
    };
    // SAFETY: the caller vouches for the pointers.
    unsafe { add_bind(handle, out, error, Key::Position(position), state) }
}

/// # Safety
/// The handle is live; the callbacks may be called with their contexts while the statement is executed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCIBindDynamic(
    bind: *mut c_void,
    _error: *mut c_void,
    in_context: *mut c_void,
    input: Option<InCallback>,
    out_context: *mut c_void,
    output: Option<OutCallback>,
) -> i32 {
    // SAFETY: the caller vouches for the handle.
    match unsafe { Handle::of(bind) } {
        Some(Handle { data: Data::Bind(state), .. }) => {
            let mut state = locked(state);
            state.input = input.map(|callback| (in_context, callback));
            state.output = output.map(|callback| (out_context, callback));
            SUCCESS
        }
        _ => INVALID_HANDLE,
    }
}

/// # Safety
/// Handles are live; what is defined stays valid while rows are fetched.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCIDefineByPos2(
    handle: *mut c_void,
    out: *mut *mut c_void,
    error: *mut c_void,
    position: u32,
    values: *mut c_void,
    size: u64,
    kind: u16,
    indicators: *mut i16,
    lengths: *mut u32,
    codes: *mut u16,
    _mode: u32,
) -> i32 {
    let define = Define { values, size, kind, indicators, lengths, codes, callback: None };
    // SAFETY: the caller vouches for the pointers.
    unsafe {
        let Some(statement) = statement(handle) else { return INVALID_HANDLE };
        let mut statement = locked(statement);
        if position == 0 || position as usize > statement.columns.len() {
            return fail(error, OraError::new(1007, "variable not in select list"));
        }
        let made = Handle::give(Data::Define(Mutex::new(define)));
        if let Some(old) = statement.defines.insert(position, made as usize) {
            Handle::free(old as *mut c_void);
        }
        put(out.cast(), made);
    }
    SUCCESS
}

/// # Safety
/// The handle is live; the callback may be called with its context while rows are fetched.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCIDefineDynamic(
    define: *mut c_void,
    _error: *mut c_void,
    context: *mut c_void,
    callback: Option<DefineCallback>,
) -> i32 {
    // SAFETY: the caller vouches for the handle.
    match unsafe { Handle::of(define) } {
        Some(Handle { data: Data::Define(state), .. }) => {
            locked(state).callback = callback.map(|callback| (context, callback));
            SUCCESS
        }
        _ => INVALID_HANDLE,
    }
}

/// Reads the values for one iteration.
///
/// # Safety
/// The bind handles are live and what is bound is valid.
unsafe fn read_binds(handles: &[(String, usize)], outline: &Outline, iteration: u32) -> Result<Vec<Bind>> {
    let mut binds: Vec<Bind> = Vec::with_capacity(handles.len());
    for (name, handle) in handles {
        if outline.out_binds.contains(name) {
            binds.push(Bind { name: name.clone(), value: Value::Null, ty: Ty::Null });
            continue;
        }
        if let Some(same) = binds.iter().find(|bind| bind.name == *name).cloned() {
            binds.push(same);
            continue;
        }
        let handle = *handle as *mut c_void;
        // SAFETY: the caller vouches for the handle; the state is copied so that callbacks may look at it.
        let Some(Handle { data: Data::Bind(state), .. }) = (unsafe { Handle::of(handle) }) else {
            return Err(OraError::new(1008, "not all variables bound"));
        };
        let state = *locked(state);
        // SAFETY: as above.
        binds.push(unsafe { state.value(handle, name, iteration, outline.is_returning)? });
    }
    Ok(binds)
}

/// Runs one iteration and gives OUT values to the caller. Returns the affected rows.
///
/// # Safety
/// The conditions of [`read_binds`].
unsafe fn run_once(
    service: *mut c_void,
    handle: &Mutex<Statement>,
    handles: &[(String, usize)],
    iteration: u32,
) -> Result<u64> {
    let (sql, outline) = {
        let statement = locked(handle);
        (statement.sql.clone(), statement.outline.clone())
    };
    // SAFETY: the caller vouches for handles and binds.
    unsafe {
        let binds = read_binds(handles, &outline, iteration)?;
        match on_session(service, |session| session.execute(&sql, &binds))? {
            Outcome::Rows { columns, rows } => {
                let mut statement = locked(handle);
                statement.arrived = Arrived::with_execute(statement.prefetch, &columns, rows.len());
                (statement.columns, statement.rows, statement.next_row) = (columns, rows, 0);
                Ok(0)
            }
            Outcome::Affected(affected) => {
                for (column, name) in outline.out_binds.iter().enumerate() {
                    let Some((_, bind)) = handles.iter().find(|(known, _)| known == name) else { continue };
                    let values: Vec<(&Value, &Ty)> = affected
                        .returned
                        .iter()
                        .filter_map(|row| Some((row.get(column)?, affected.returned_types.get(column)?)))
                        .collect();
                    give_returned(*bind as *mut c_void, iteration, &values)?;
                }
                Ok(affected.count)
            }
            Outcome::Block(assigned) => {
                for (place, value, ty) in assigned {
                    let Some((_, bind)) = handles.get(place) else { continue };
                    if let Some(Handle { data: Data::Bind(state), .. }) = Handle::of(*bind as *const c_void) {
                        let state = *locked(state);
                        state.write_back(&value, &ty)?;
                    }
                }
                Ok(0)
            }
            Outcome::Done => Ok(0),
        }
    }
}

/// # Safety
/// Handles are live; what is bound is valid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCIStmtExecute(
    service: *mut c_void,
    handle: *mut c_void,
    error: *mut c_void,
    iterations: u32,
    _row_offset: u32,
    _snapshot_in: *const c_void,
    _snapshot_out: *mut c_void,
    mode: u32,
) -> i32 {
    // SAFETY: the caller vouches for the pointers.
    unsafe {
        let Some(statement) = statement(handle) else { return INVALID_HANDLE };
        let handles = match locked(statement).bind_handles() {
            Ok(handles) => handles,
            Err(problem) => return fail(error, problem),
        };
        // All iterations go in one trip, and so does a commit on success.
        if let Err(problem) = count_trip(service, Trip::Execute) {
            return fail(error, problem);
        }
        let is_query = locked(statement).outline.kind == StatementType::Select;
        let (mut count, mut failed) = (0, Vec::new());
        for iteration in 0..if is_query { 1 } else { iterations.max(1) } {
            match run_once(service, statement, &handles, iteration) {
                Ok(affected) => count += affected,
                Err(problem) if mode & MODE_BATCH_ERRORS != 0 && !problem.ends_session => {
                    failed.push((iteration, problem))
                }
                Err(problem) => {
                    locked(statement).row_count = count;
                    return fail(error, problem);
                }
            }
        }
        {
            let mut statement = locked(statement);
            statement.row_count = count;
            statement.rows_fetched = 0;
            statement.batch_errors = u32::try_from(failed.len()).unwrap_or(u32::MAX);
        }
        if !failed.is_empty() {
            if let Some(Handle { data: Data::Error(state), .. }) = Handle::of(error) {
                let head = OraError::new(24381, "error(s) in array DML");
                *locked(state) = ErrorState { error: Some(head), batch: failed, row: 0 };
            }
            return SUCCESS_WITH_INFO;
        }
        if mode & MODE_COMMIT_ON_SUCCESS != 0
            && !is_query
            && let Err(problem) = on_session(service, crate::engine::Session::commit)
        {
            return fail(error, problem);
        }
    }
    SUCCESS
}

/// # Safety
/// Handles are live; `out` has room for a pointer, or for a batch error holds an error handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCIParamGet(
    handle: *const c_void,
    _kind: u32,
    error: *mut c_void,
    out: *mut *mut c_void,
    position: u32,
) -> i32 {
    // SAFETY: the caller vouches for the pointers.
    unsafe {
        match Handle::of(handle) {
            Some(Handle { data: Data::Statement(statement), .. }) => {
                let statement = locked(statement);
                match statement.columns.get((position as usize).wrapping_sub(1)) {
                    Some(column) => {
                        put(out.cast(), Handle::give(Data::Parameter(column.clone())));
                        SUCCESS
                    }
                    None => fail(error, OraError::new(24334, "no descriptor for this position")),
                }
            }
            Some(Handle { data: Data::Error(state), .. }) => {
                let Some((row, problem)) = locked(state).batch.get(position as usize).cloned() else {
                    return NO_DATA;
                };
                let Some(Handle { data: Data::Error(target), .. }) = Handle::of(*out) else { return INVALID_HANDLE };
                *locked(target) = ErrorState { error: Some(problem), batch: Vec::new(), row };
                SUCCESS
            }
            _ => INVALID_HANDLE,
        }
    }
}

/// # Safety
/// Handles are live; what is defined has room for `count` rows.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCIStmtFetch2(
    handle: *mut c_void,
    error: *mut c_void,
    count: u32,
    _orientation: u16,
    _offset: i32,
    _mode: u32,
) -> i32 {
    // SAFETY: the caller vouches for the pointers.
    unsafe {
        let Some(statement) = statement(handle) else { return INVALID_HANDLE };
        let (service, sql) = {
            let statement = locked(statement);
            (statement.service, statement.sql.clone())
        };
        if let Err(problem) = on_session(service as *const c_void, |session| session.round_trip(Point::Fetch, &sql)) {
            return fail(error, problem);
        }
        let mut state = locked(statement);
        let first = state.next_row;
        let total = state.rows.len();
        if state.arrived.fetch(first, count as usize, total)
            && let Err(problem) = count_trip(service as *const c_void, Trip::Fetch)
        {
            drop(state);
            return fail(error, problem);
        }
        let last = (first + count as usize).min(state.rows.len());
        let rows: Vec<Vec<Value>> = state.rows[first..last].iter_mut().map(std::mem::take).collect();
        let columns = state.columns.clone();
        let defines = state.defines.clone();
        state.next_row = last;
        state.rows_fetched = u32::try_from(rows.len()).unwrap_or(0);
        state.row_count = last as u64;
        // Callbacks may ask for attributes of the statement.
        drop(state);
        for (position, define) in defines {
            let Some(Handle { data: Data::Define(define_state), .. }) = Handle::of(define as *const c_void) else {
                continue;
            };
            let define_state = *locked(define_state);
            let column = position as usize - 1;
            for (i, row) in rows.iter().enumerate() {
                if let Err(problem) = define_state.write(define as *mut c_void, i, &row[column], &columns[column].ty) {
                    return fail(error, problem);
                }
            }
        }
        if rows.len() < count as usize { NO_DATA } else { SUCCESS }
    }
}
