//! Gives the embedding tables of earlier versions the columns of the copied facts, and fills them.

use std::collections::HashSet;

use oracle::Connection;

use super::script::{Statement, execute_repeatable};
use crate::ImageId;
use crate::oracle::connection::codes::Code;
use crate::oracle::connection::error::{DriverError, OracleError};
use crate::oracle::connection::session::{execute, query};
use crate::oracle::connection::value::{Binds, Value};
use crate::oracle::rows::facts::{COPIED_FACTS, CopiedFact, copy_sql, index_ddl};
use crate::oracle::rows::foreign::Examine;
use crate::oracle::rows::models::VectorTable;
use crate::oracle::settings::OracleSettings;

/// The number of rows that one transaction fills.
const BATCH: usize = 5_000;

/// Adds and fills the columns that the table of any model lacks. A later step that adds facts is this function again.
/// After an interruption the work goes on behind the last batch: EMBEDDING_MODELS.FACTS_FILLED_TO names its last image.
pub(crate) fn fill(connection: &Connection, _: &OracleSettings, _: &Examine) -> Result<(), OracleError> {
    let marker = Statement {
        sql: "ALTER TABLE embedding_models ADD (facts_filled_to NUMBER)".to_owned(),
        ignored: vec![Code::Ora(1430)],
    };
    execute_repeatable(connection, &marker)?;
    let tables: Vec<(VectorTable, Option<ImageId>)> = query(
        connection,
        "SELECT model_id, vector_dimension, facts_filled_to FROM embedding_models WHERE vector_table IS NOT NULL \
         ORDER BY model_id",
        &Binds::none(),
        100,
        &mut |row| Ok((VectorTable::new(row.get(0)?, row.get(1)?), row.get(2)?)),
    )?;
    for (table, filled_to) in tables {
        let lacking = lacking(connection, &table)?;
        let mut after = filled_to.unwrap_or_default();
        if !lacking.is_empty() {
            // This commit comes before the columns do, so a table with all columns and a mark is filled up to the mark.
            mark(connection, &table, 0)?;
            connection.commit().map_err(DriverError::from)?;
            after = 0;
            add(connection, &table, &lacking)?;
        }
        fill_table(connection, &table, after)?;
        make_indexes(connection, &table)?;
    }
    Ok(())
}

/// Adds the columns that a table lacks. An interrupted registration of an earlier version leaves such a table behind.
pub(crate) fn add_lacking(connection: &Connection, table: &VectorTable) -> Result<(), OracleError> {
    match lacking(connection, table)?.as_slice() {
        [] => Ok(()),
        lacking => add(connection, table, lacking),
    }
}

/// Makes the indexes of the copied facts, unless they exist.
pub(crate) fn make_indexes(connection: &Connection, table: &VectorTable) -> Result<(), OracleError> {
    for sql in index_ddl(table) {
        execute_repeatable(connection, &Statement { sql, ignored: vec![Code::Ora(955), Code::Ora(1408)] })?;
    }
    Ok(())
}

fn lacking(connection: &Connection, table: &VectorTable) -> Result<Vec<&'static CopiedFact>, OracleError> {
    let present: HashSet<String> = query(
        connection,
        "SELECT column_name FROM user_tab_columns WHERE table_name = :table_name",
        &Binds::none().with("table_name", Value::Text(Some(table.name.to_uppercase().into()))),
        100,
        &mut |row| Ok(row.get(0)?),
    )?
    .into_iter()
    .collect();
    Ok(COPIED_FACTS.iter().filter(|fact| !present.contains(&fact.column.to_uppercase())).collect())
}

fn add(connection: &Connection, table: &VectorTable, facts: &[&CopiedFact]) -> Result<(), OracleError> {
    let definitions: Vec<String> = facts.iter().map(|fact| fact.definition()).collect();
    let sql = format!("ALTER TABLE {} ADD ({})", table.name, definitions.join(", "));
    execute(connection, &sql, &Binds::none())?;
    Ok(())
}

fn fill_table(connection: &Connection, table: &VectorTable, mut after: ImageId) -> Result<(), OracleError> {
    let name = &table.name;
    let next = format!(
        "SELECT MAX(b.image_id) FROM (SELECT e.image_id FROM {name} e WHERE e.image_id > :after \
         ORDER BY e.image_id FETCH FIRST :take ROWS ONLY) b"
    );
    let update = format!("{} WHERE e.image_id > :after AND e.image_id <= :upto", copy_sql(table));
    let mut filled = 0;
    loop {
        let binds = Binds::none().with("after", after).with("take", Value::count(BATCH));
        let last: Option<Option<ImageId>> = query(connection, &next, &binds, 1, &mut |row| Ok(row.get(0)?))?.pop();
        let Some(upto) = last.flatten() else { return Ok(()) };
        filled += execute(connection, &update, &Binds::none().with("after", after).with("upto", upto))?;
        mark(connection, table, upto)?;
        connection.commit().map_err(DriverError::from)?;
        log::info!("{filled} rows of {name} hold the facts of their images now, up to image {upto}");
        after = upto;
    }
}

fn mark(connection: &Connection, table: &VectorTable, filled_to: ImageId) -> Result<(), OracleError> {
    execute(
        connection,
        "UPDATE embedding_models SET facts_filled_to = :filled_to WHERE model_id = :model_id",
        &Binds::none().with("filled_to", filled_to).with("model_id", table.model_id),
    )?;
    Ok(())
}
