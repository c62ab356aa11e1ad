//! The one table from what SQLite reports to [`StoreError`].

use rusqlite::ffi::ErrorCode;

use crate::StoreError;

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        match &error {
            rusqlite::Error::SqliteFailure(failure, _) => of_code(failure.code, error.to_string()),
            rusqlite::Error::SqlInputError { error: failure, .. } => of_code(failure.code, error.to_string()),
            // A value in a row is not what this program writes there.
            rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::IntegralValueOutOfRange(..)
            | rusqlite::Error::InvalidColumnType(..)
            | rusqlite::Error::Utf8Error(..) => Self::Damaged(error.to_string()),
            // What is left are mistakes in this program's own statements. The enumeration is open-ended,
            // so the compiler cannot ask for each of them.
            _ => Self::Internal(error.to_string()),
        }
    }
}

/// Every result code, one by one: a new one in SQLite is `Internal` until somebody has looked at it.
fn of_code(code: ErrorCode, text: String) -> StoreError {
    match code {
        ErrorCode::DiskFull => StoreError::DiskFull(text),
        // Conditions outside the database that may pass: another program holds a lock, the disk is read-only or
        // gone, memory or file handles ran out.
        ErrorCode::DatabaseBusy
        | ErrorCode::DatabaseLocked
        | ErrorCode::SystemIoFailure
        | ErrorCode::CannotOpen
        | ErrorCode::ReadOnly
        | ErrorCode::PermissionDenied
        | ErrorCode::OutOfMemory
        | ErrorCode::OperationInterrupted
        | ErrorCode::FileLockingProtocolFailed
        | ErrorCode::NoLargeFileSupport => StoreError::Unavailable(text),
        ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => StoreError::Damaged(text),
        // A broken rule of the schema or a statement that is wrong: this program's mistake.
        ErrorCode::InternalMalfunction
        | ErrorCode::OperationAborted
        | ErrorCode::NotFound
        | ErrorCode::SchemaChanged
        | ErrorCode::TooBig
        | ErrorCode::ConstraintViolation
        | ErrorCode::TypeMismatch
        | ErrorCode::ApiMisuse
        | ErrorCode::AuthorizationForStatementDenied
        | ErrorCode::ParameterOutOfRange
        | ErrorCode::Unknown
        | _ => StoreError::Internal(text),
    }
}

/// The same for the file operations around the database.
pub(super) fn of_io(doing: &str, error: &std::io::Error) -> StoreError {
    let text = format!("{doing}: {error}");
    match error.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => StoreError::DiskFull(text),
        _ => StoreError::Unavailable(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn classified(result_code: std::ffi::c_int) -> StoreError {
        rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(result_code), None).into()
    }

    #[test]
    fn result_codes_become_what_a_caller_can_act_on() {
        use rusqlite::ffi;
        assert!(matches!(classified(ffi::SQLITE_FULL), StoreError::DiskFull(_)));
        assert!(matches!(classified(ffi::SQLITE_IOERR_WRITE), StoreError::Unavailable(_)));
        assert!(matches!(classified(ffi::SQLITE_BUSY_SNAPSHOT), StoreError::Unavailable(_)));
        assert!(matches!(classified(ffi::SQLITE_CORRUPT_VTAB), StoreError::Damaged(_)));
        assert!(matches!(classified(ffi::SQLITE_NOTADB), StoreError::Damaged(_)));
        assert!(matches!(classified(ffi::SQLITE_CONSTRAINT_UNIQUE), StoreError::Internal(_)));
    }

    #[test]
    fn a_full_disk_is_told_apart_from_other_trouble_with_files() {
        let error = |kind| of_io("writing", &std::io::Error::from(kind));
        assert!(matches!(error(std::io::ErrorKind::StorageFull), StoreError::DiskFull(_)));
        assert!(matches!(error(std::io::ErrorKind::PermissionDenied), StoreError::Unavailable(_)));
    }
}
