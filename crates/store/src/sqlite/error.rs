//! The table that turns errors of SQLite and of files into [`StoreError`].

use rusqlite::ffi::ErrorCode;

use crate::StoreError;

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        match &error {
            rusqlite::Error::SqliteFailure(failure, _)
                if is_at_size_limit(failure) || failure.extended_code == rusqlite::ffi::SQLITE_IOERR_SHMSIZE =>
            {
                Self::DiskFull(error.to_string())
            }
            rusqlite::Error::SqliteFailure(failure, _) => from_code(failure.code, error.to_string()),
            rusqlite::Error::SqlInputError { error: failure, .. } => from_code(failure.code, error.to_string()),
            // A value in a row is of a kind that this program never writes there.
            rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::IntegralValueOutOfRange(..)
            | rusqlite::Error::InvalidColumnType(..)
            | rusqlite::Error::Utf8Error(..) => Self::Damaged(error.to_string()),
            // All other errors are mistakes in this program's own statements. The enumeration is open-ended, so the
            // compiler cannot demand an arm for each.
            _ => Self::Internal(error.to_string()),
        }
    }
}

/// Returns whether a write failed because the file may not grow. SQLite reports the limit of the process for the size of a
/// file (EFBIG) like any other error of a write.
fn is_at_size_limit(failure: &rusqlite::ffi::Error) -> bool {
    let written = [rusqlite::ffi::SQLITE_IOERR_WRITE, rusqlite::ffi::SQLITE_IOERR_TRUNCATE];
    written.contains(&failure.extended_code) && file_size_is_limited()
}

#[cfg(unix)]
fn file_size_is_limited() -> bool {
    rustix::process::getrlimit(rustix::process::Resource::Fsize).current.is_some()
}

#[cfg(not(unix))]
fn file_size_is_limited() -> bool {
    false
}

/// Classifies a result code. The table names every code, and a code new in SQLite is `Internal` until the table names
/// it.
fn from_code(code: ErrorCode, text: String) -> StoreError {
    match code {
        ErrorCode::DiskFull => StoreError::DiskFull(text),
        // These are conditions outside the database that may pass: another program holds a lock, the disk is read-only
        // or gone, memory or file handles ran out.
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
        // These are mistakes of this program: a broken rule of the schema, or a wrong statement.
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

/// Classifies an error of a file operation; `doing` says which operation.
pub(super) fn from_io(doing: &str, error: &std::io::Error) -> StoreError {
    let text = format!("{doing}: {error}");
    match error.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded | std::io::ErrorKind::FileTooLarge => {
            StoreError::DiskFull(text)
        }
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
    fn result_codes_become_errors_that_a_caller_can_act_on() {
        use rusqlite::ffi;
        assert!(matches!(classified(ffi::SQLITE_FULL), StoreError::DiskFull(_)));
        // The file beside the database that readers and the writer share could not grow.
        assert!(matches!(classified(ffi::SQLITE_IOERR_SHMSIZE), StoreError::DiskFull(_)));
        assert!(matches!(classified(ffi::SQLITE_IOERR_WRITE), StoreError::Unavailable(_)));
        assert!(matches!(classified(ffi::SQLITE_BUSY_SNAPSHOT), StoreError::Unavailable(_)));
        assert!(matches!(classified(ffi::SQLITE_CORRUPT_VTAB), StoreError::Damaged(_)));
        assert!(matches!(classified(ffi::SQLITE_NOTADB), StoreError::Damaged(_)));
        assert!(matches!(classified(ffi::SQLITE_CONSTRAINT_UNIQUE), StoreError::Internal(_)));
    }

    #[test]
    fn a_full_disk_is_told_apart_from_other_errors_of_files() {
        let error = |kind| from_io("writing", &std::io::Error::from(kind));
        assert!(matches!(error(std::io::ErrorKind::StorageFull), StoreError::DiskFull(_)));
        assert!(matches!(error(std::io::ErrorKind::FileTooLarge), StoreError::DiskFull(_)));
        assert!(matches!(error(std::io::ErrorKind::PermissionDenied), StoreError::Unavailable(_)));
    }
}
