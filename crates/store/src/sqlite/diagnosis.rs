//! Checks of a data directory that may be in use by a server.

use std::path::Path;

use mitsuke_image::READER_VERSION;
use rusqlite::{Connection, OpenFlags};

use super::readings;
use crate::Finding;

/// Says whether a data directory holds texts that an older version of the reader has read. `None` when there is no
/// database, or one that cannot be read, or one that the server has not brought up to date yet. Leaves everything as it
/// was.
#[must_use]
pub fn diagnose_texts(directory: &Path) -> Option<Finding> {
    let database = directory.join("mitsuke.db");
    if !database.is_file() {
        return None;
    }
    let connection =
        Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)
            .ok()?;
    let outdated = readings::count_read_before(&connection, READER_VERSION).ok()?;
    Some(Finding::of_outdated_texts(outdated))
}
