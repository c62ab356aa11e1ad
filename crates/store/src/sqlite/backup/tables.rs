//! The rows of a store without the bytes of its pictures, as a database of their own.
//!
//! SQLite's own copy of a database copies pages and with them every picture each time. Here rows are copied, table by table
//! and out of one snapshot, so that only the rows are written again.

use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use crate::StoreError;

/// The name that the store has while it is attached to the copy.
pub(super) const SOURCE: &str = "source";

/// The tables that stay empty: originals are files of the backup, thumbnails are made again when they are asked for, and a
/// restored folder of originals has no file that is still to be removed.
const LEFT_OUT: [&str; 3] = ["image_contents", "image_thumbnails", "removed_files"];

/// The objects of a schema, in the order in which they have to be made.
pub(super) struct Schema {
    tables: Vec<Table>,
    /// Indexes, triggers and views, which are made when the rows are there: the triggers must not count rows again.
    later: Vec<String>,
    has_statistics: bool,
}

struct Table {
    name: String,
    sql: String,
    is_virtual: bool,
}

/// Makes an empty database beside which the store at `source` is attached.
pub(super) fn open(copy: &Path, source: &Path) -> Result<Connection, StoreError> {
    let connection = Connection::open_with_flags(
        copy,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    // A copy that breaks off is made anew, so it needs no journal. Its bytes are synced once, when it is finished.
    connection.execute_batch(
        "PRAGMA main.auto_vacuum = INCREMENTAL;
         PRAGMA main.journal_mode = OFF;
         PRAGMA main.synchronous = OFF;
         PRAGMA foreign_keys = OFF;
         PRAGMA cache_size = -32768;",
    )?;
    // A path is bytes. An absolute one begins with a slash, so it is never read as a URI.
    let source = std::path::absolute(source).unwrap_or_else(|_| source.to_owned());
    connection.execute(&format!("ATTACH ? AS {SOURCE}"), [source.as_os_str().as_encoded_bytes()])?;
    Ok(connection)
}

impl Schema {
    /// Reads the schema of the attached store.
    pub(super) fn read(connection: &Connection) -> Result<Self, StoreError> {
        // A virtual table makes its shadow tables itself, and the table of zeros over deleted bytes holds nothing.
        let mut statement = connection.prepare(&format!(
            "SELECT s.name, s.sql, l.type = 'virtual' FROM {SOURCE}.sqlite_schema s
             JOIN pragma_table_list l ON l.schema = '{SOURCE}' AND l.name = s.name
             WHERE s.type = 'table' AND s.name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND l.type <> 'shadow'
               AND s.name <> 'wiped_pages'
             ORDER BY s.rowid"
        ))?;
        let tables = statement
            .query_map([], |row| Ok(Table { name: row.get(0)?, sql: row.get(1)?, is_virtual: row.get(2)? }))?
            .collect::<Result<_, _>>()?;
        let mut statement = connection.prepare(&format!(
            "SELECT sql FROM {SOURCE}.sqlite_schema WHERE type IN ('index', 'trigger', 'view') AND sql IS NOT NULL
             ORDER BY type = 'trigger', type = 'view', rowid"
        ))?;
        let later = statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
        let has_statistics = connection.query_row(
            &format!("SELECT count(*) FROM {SOURCE}.sqlite_schema WHERE name = 'sqlite_stat1'"),
            [],
            |row| row.get(0),
        )?;
        Ok(Self { tables, later, has_statistics })
    }

    /// Makes the tables and fills them. The caller holds the transaction whose snapshot is copied.
    pub(super) fn copy_rows(&self, connection: &Connection) -> Result<(), StoreError> {
        for table in &self.tables {
            connection.execute_batch(&table.sql)?;
            if !table.is_virtual && !LEFT_OUT.contains(&table.name.as_str()) {
                let name = table.name.replace('"', "\"\"");
                connection.execute_batch(&format!("INSERT INTO main.\"{name}\" SELECT * FROM {SOURCE}.\"{name}\""))?;
            }
        }
        // The words are indexed anew when the copy is first opened as a store.
        connection.execute_batch(&format!(
            "DELETE FROM main.sqlite_sequence;
             INSERT INTO main.sqlite_sequence SELECT * FROM {SOURCE}.sqlite_sequence;
             UPDATE main.store_facts SET value = 0 WHERE name = 'segmentation_version';"
        ))?;
        if self.has_statistics {
            connection.execute_batch(&format!(
                "ANALYZE main.sqlite_schema; DELETE FROM main.sqlite_stat1;
                 INSERT INTO main.sqlite_stat1 SELECT * FROM {SOURCE}.sqlite_stat1;"
            ))?;
        }
        for name in ["application_id", "user_version"] {
            let value: i64 = connection.query_row(&format!("PRAGMA {SOURCE}.{name}"), [], |row| row.get(0))?;
            connection.execute_batch(&format!("PRAGMA main.{name} = {value}"))?;
        }
        Ok(())
    }

    /// Makes everything else, when the snapshot is no longer needed.
    pub(super) fn finish(&self, connection: &Connection) -> Result<(), StoreError> {
        self.later.iter().try_for_each(|sql| Ok(connection.execute_batch(sql)?))
    }
}
