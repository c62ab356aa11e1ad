//! The facts of images that the embedding tables hold as well.
//!
//! The filter of a vector search compares these copies, so that the search is a query of one table. The optimizer then
//! chooses between filtering before the vector index, filtering after it, and reading a narrow filter from an ordinary
//! index (AI Vector Search User's Guide, "Optimizer Plans for IVF Vector Indexes").

use super::models::{self, VectorTable};
use crate::ImageId;
use crate::oracle::connection::error::OracleError;
use crate::oracle::connection::session::Session;
use crate::oracle::connection::value::Binds;

/// A fact that every embedding table holds.
pub(crate) struct CopiedFact {
    /// The column of the embedding tables.
    pub(crate) column: &'static str,
    /// The type of that column.
    sql_type: &'static str,
    /// The value, in terms of a row `i` of IMAGES.
    value: &'static str,
    /// Whether the column has an index of its own.
    indexed: bool,
    /// The version of the schema whose migration adds the column and fills it.
    pub(crate) since: i64,
}

/// The copied facts. A new fact is an entry here and its condition in `search::filter`. A migration adds the column to
/// IMAGES, and the next one runs `schema::copied_facts` for its own version.
///
/// Each index costs every upload an entry for each model, so only columns have one by which a filter may leave few
/// images of many: the seed, the generation model, the last days of uploads, and the days on which pictures were taken. The other facts have few values or are asked
/// for in wide ranges, and parts of names are not found by the order of an index.
pub(crate) const COPIED_FACTS: [CopiedFact; 14] = [
    CopiedFact { column: "file_type", sql_type: "VARCHAR2(50 CHAR)", value: "i.file_type", indexed: false, since: 10 },
    CopiedFact { column: "upload_date", sql_type: "TIMESTAMP(6)", value: "i.upload_date", indexed: true, since: 10 },
    CopiedFact { column: "width", sql_type: "NUMBER(10)", value: "i.width", indexed: false, since: 10 },
    CopiedFact { column: "height", sql_type: "NUMBER(10)", value: "i.height", indexed: false, since: 10 },
    CopiedFact { column: "byte_count", sql_type: "NUMBER(19)", value: "i.byte_count", indexed: false, since: 10 },
    CopiedFact {
        column: "generation_model",
        sql_type: "VARCHAR2(255 CHAR)",
        value: "i.generation_model",
        indexed: true,
        since: 10,
    },
    CopiedFact {
        column: "generation_sampler",
        sql_type: "VARCHAR2(255 CHAR)",
        value: "i.generation_sampler",
        indexed: false,
        since: 10,
    },
    CopiedFact {
        column: "generation_seed",
        sql_type: "NUMBER(20)",
        value: "i.generation_seed",
        indexed: true,
        since: 10,
    },
    CopiedFact {
        column: "has_generation_prompt",
        sql_type: "NUMBER(1)",
        value: "CASE WHEN i.generation_prompt IS NOT NULL THEN 1 ELSE 0 END",
        indexed: false,
        since: 10,
    },
    CopiedFact {
        column: "has_caption",
        sql_type: "NUMBER(1)",
        value: "CASE WHEN EXISTS (SELECT 1 FROM image_descriptions d \
                WHERE d.image_id = i.image_id AND d.description IS NOT NULL) THEN 1 ELSE 0 END",
        indexed: false,
        since: 10,
    },
    CopiedFact {
        column: "file_name_folded",
        sql_type: "VARCHAR2(1000 CHAR)",
        value: FOLDED_NAME,
        indexed: false,
        since: 13,
    },
    CopiedFact { column: "taken_local", sql_type: "TIMESTAMP(6)", value: "i.taken_local", indexed: true, since: 17 },
    CopiedFact {
        column: "camera_folded",
        sql_type: "VARCHAR2(255 CHAR)",
        value: "i.camera_folded",
        indexed: false,
        since: 17,
    },
    CopiedFact {
        column: "folder_folded",
        sql_type: "VARCHAR2(1000 CHAR)",
        value: "i.folder_folded",
        indexed: false,
        since: 17,
    },
];

/// The columns of the embedding tables that filters compare.
pub(crate) const FILTER_COLUMNS: [&str; COPIED_FACTS.len()] = {
    let mut columns = [""; COPIED_FACTS.len()];
    let mut n = 0;
    while n < columns.len() {
        columns[n] = COPIED_FACTS[n].column;
        n += 1;
    }
    columns
};

/// The folded form of the file name, which filters compare.
pub(crate) const FOLDED_NAME: &str = "i.file_name_folded";

impl CopiedFact {
    /// Returns the column and its type, as a definition of a table has them.
    pub(crate) fn definition(&self) -> String {
        format!("{} {}", self.column, self.sql_type)
    }
}

/// Returns the names of the columns, separated by commas.
pub(crate) fn columns() -> String {
    FILTER_COLUMNS.join(", ")
}

/// Returns the values of the columns for a row `i` of IMAGES, separated by commas.
pub(crate) fn values() -> String {
    COPIED_FACTS.iter().map(|fact| fact.value).collect::<Vec<_>>().join(", ")
}

/// Returns the statements that make the indexes of a table.
pub(crate) fn index_ddl(table: &VectorTable) -> Vec<String> {
    let name = &table.name;
    let indexed = COPIED_FACTS.iter().filter(|fact| fact.indexed);
    indexed.map(|CopiedFact { column, .. }| format!("CREATE INDEX {name}_{column} ON {name} ({column})")).collect()
}

/// Returns the start of the statement that copies these facts again. A WHERE with the rows `e` of the table follows it.
pub(crate) fn copy_sql<'a>(table: &VectorTable, facts: impl IntoIterator<Item = &'a CopiedFact>) -> String {
    let (columns, values): (Vec<_>, Vec<_>) = facts.into_iter().map(|fact| (fact.column, fact.value)).unzip();
    format!(
        "UPDATE {} e SET ({}) = (SELECT {} FROM images i WHERE i.image_id = e.image_id)",
        table.name,
        columns.join(", "),
        values.join(", ")
    )
}

/// Copies the facts of a changed image into its rows of all tables. The transaction that changes the image makes this
/// call, and holds the lock of the image's row.
pub(crate) fn copy(session: &Session<'_>, image_id: ImageId) -> Result<(), OracleError> {
    for table in models::tables(session)? {
        let sql = format!("{} WHERE e.image_id = :image_id", copy_sql(&table, &COPIED_FACTS));
        session.execute(&sql, &Binds::none().with("image_id", image_id))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A vector index takes at most 31 columns into itself (the error help of ORA-51977).
    #[test]
    fn the_columns_fit_a_vector_index() {
        let distinct: std::collections::BTreeSet<_> = FILTER_COLUMNS.iter().collect();
        assert_eq!(distinct.len(), COPIED_FACTS.len());
        assert!(distinct.len() <= 31);
    }

    #[test]
    fn the_statements_name_every_fact_once() {
        let table = VectorTable::new(7, 3);
        for column in FILTER_COLUMNS {
            assert_eq!(columns().split(", ").filter(|name| *name == column).count(), 1);
        }
        assert_eq!(
            index_ddl(&table)[0],
            "CREATE INDEX image_embeddings_7_upload_date ON image_embeddings_7 (upload_date)"
        );
        assert!(copy_sql(&table, &COPIED_FACTS).ends_with("FROM images i WHERE i.image_id = e.image_id)"));
    }
}
