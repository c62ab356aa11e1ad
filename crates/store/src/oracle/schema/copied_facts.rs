//! Gives the embedding tables of earlier versions the columns of the copied facts, and fills them in batches.

use std::collections::HashSet;

use oracle::Connection;

use super::script::{Statement, execute_repeatable};
use crate::ImageId;
use crate::oracle::connection::codes::Code;
use crate::oracle::connection::error::{DriverError, OracleError};
use crate::oracle::connection::session::{execute, query};
use crate::oracle::connection::value::{Binds, Value};
use crate::oracle::rows::facts::{COPIED_FACTS, CopiedFact, copy_sql, index_ddl};
use crate::oracle::rows::models::VectorTable;

/// The number of rows that one transaction fills.
const BATCH: usize = 5_000;

/// Adds the columns of the copied facts that came with a version of the schema to the table of every model, and fills
/// them. EMBEDDING_MODELS.FACTS_VERSION names the version that a table was filled for last, and FACTS_FILLED_TO the last
/// image of its last batch, behind which the work goes on after an interruption.
pub(crate) fn fill(connection: &Connection, version: i64) -> Result<(), OracleError> {
    let marks = Statement {
        sql: "ALTER TABLE embedding_models ADD (facts_version NUMBER(10), facts_filled_to NUMBER)".to_owned(),
        ignored: vec![Code::Ora(1430)],
    };
    execute_repeatable(connection, &marks)?;
    let tables: Vec<(VectorTable, Option<i64>, Option<ImageId>)> = query(
        connection,
        "SELECT model_id, vector_dimension, facts_version, facts_filled_to FROM embedding_models \
         WHERE vector_table IS NOT NULL ORDER BY model_id",
        &Binds::none(),
        100,
        &mut |row| Ok((VectorTable::new(row.get(0)?, row.get(1)?), row.get(2)?, row.get(3)?)),
    )?;
    for (table, filled_for, filled_to) in tables {
        add_lacking(connection, &table)?;
        let after = if filled_for == Some(version) { filled_to.unwrap_or_default() } else { 0 };
        fill_table(connection, &table, version, after)?;
        make_indexes(connection, &table)?;
    }
    Ok(())
}

/// Adds the columns that a table lacks. An interrupted registration of an earlier version leaves such a table behind.
pub(crate) fn add_lacking(connection: &Connection, table: &VectorTable) -> Result<(), OracleError> {
    let present: HashSet<String> = query(
        connection,
        "SELECT column_name FROM user_tab_columns WHERE table_name = :table_name",
        &Binds::none().with("table_name", Value::Text(Some(table.name.to_uppercase().into()))),
        100,
        &mut |row| Ok(row.get(0)?),
    )?
    .into_iter()
    .collect();
    let lacking = COPIED_FACTS.iter().filter(|fact| !present.contains(&fact.column.to_uppercase()));
    let definitions: Vec<String> = lacking.map(CopiedFact::definition).collect();
    if !definitions.is_empty() {
        let sql = format!("ALTER TABLE {} ADD ({})", table.name, definitions.join(", "));
        execute(connection, &sql, &Binds::none())?;
    }
    Ok(())
}

/// Makes the indexes of the copied facts, unless they exist.
pub(crate) fn make_indexes(connection: &Connection, table: &VectorTable) -> Result<(), OracleError> {
    for sql in index_ddl(table) {
        execute_repeatable(connection, &Statement { sql, ignored: vec![Code::Ora(955), Code::Ora(1408)] })?;
    }
    Ok(())
}

fn fill_table(
    connection: &Connection,
    table: &VectorTable,
    version: i64,
    mut after: ImageId,
) -> Result<(), OracleError> {
    let name = &table.name;
    let next = format!(
        "SELECT MAX(b.image_id) FROM (SELECT e.image_id FROM {name} e WHERE e.image_id > :after \
         ORDER BY e.image_id FETCH FIRST :take ROWS ONLY) b"
    );
    let facts = COPIED_FACTS.iter().filter(|fact| fact.since == version);
    let update = format!("{} WHERE e.image_id > :after AND e.image_id <= :upto", copy_sql(table, facts));
    let mut filled = 0;
    loop {
        let binds = Binds::none().with("after", after).with("take", Value::count(BATCH));
        let last: Option<Option<ImageId>> = query(connection, &next, &binds, 1, &mut |row| Ok(row.get(0)?))?.pop();
        let Some(upto) = last.flatten() else { return Ok(()) };
        filled += execute(connection, &update, &Binds::none().with("after", after).with("upto", upto))?;
        execute(
            connection,
            "UPDATE embedding_models SET facts_version = :version, facts_filled_to = :upto WHERE model_id = :model_id",
            &Binds::none().with("version", version).with("upto", upto).with("model_id", table.model_id),
        )?;
        connection.commit().map_err(DriverError::from)?;
        log::info!("{filled} rows of {name} hold the facts of their images now, up to image {upto}");
        after = upto;
    }
}
