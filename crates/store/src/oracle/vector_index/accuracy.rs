//! The accuracy of a vector index, measured by the database itself.

use oracle::Connection;

use super::ddl::index_name;
use super::rows::highest_id_sql;
use crate::oracle::connection::error::OracleError;
use crate::oracle::connection::session::query;
use crate::oracle::connection::value::Binds;
use crate::oracle::rows::models::VectorTable;

/// The number of stored embeddings that serve as queries.
const QUERIES: u64 = 5;

/// The number of nearest rows that are compared.
pub(crate) const NEAREST: u32 = 10;

/// The accuracies that were measured, in percent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Accuracy {
    percentages: Vec<u32>,
}

impl Accuracy {
    /// Returns the number of queries.
    pub(crate) fn queries(&self) -> usize {
        self.percentages.len()
    }

    /// Returns the mean, rounded down.
    pub(crate) fn mean(&self) -> u32 {
        let sum: u32 = self.percentages.iter().sum();
        u32::try_from(self.queries()).ok().and_then(|count| sum.checked_div(count)).unwrap_or_default()
    }

    /// Returns the lowest.
    pub(crate) fn lowest(&self) -> u32 {
        self.percentages.iter().copied().min().unwrap_or_default()
    }
}

/// Measures the accuracy of a table's index, with some stored embeddings as queries. They are spread over the image
/// ids. Each query also compares all embeddings.
pub(crate) fn measure(connection: &Connection, table: &VectorTable, target: u8) -> Result<Accuracy, OracleError> {
    let highest: u64 =
        query(connection, &highest_id_sql(table), &Binds::none(), 1, &mut |row| Ok(row.get::<_, Option<u64>>(0)?))?
            .pop()
            .flatten()
            .unwrap_or_default();
    let mut percentages = Vec::new();
    for n in 0..QUERIES {
        let after = highest * n / QUERIES;
        percentages.extend(query(connection, &report_sql(table, target), &binds(after), 1, &mut |row| {
            Ok(row.get::<_, Option<String>>(0)?.as_deref().and_then(percentage))
        })?);
    }
    Ok(Accuracy { percentages: percentages.into_iter().flatten().collect() })
}

fn binds(after: u64) -> Binds<'static> {
    Binds::none().with("after", i64::try_from(after).unwrap_or(i64::MAX))
}

/// Returns the query for the report about one stored embedding (AI Vector Search User's Guide, "INDEX_ACCURACY_QUERY").
fn report_sql(table: &VectorTable, target: u8) -> String {
    format!(
        "SELECT DBMS_VECTOR.INDEX_ACCURACY_QUERY(USER, '{}', e.embedding, {NEAREST}, {target}) FROM {} e \
         WHERE e.image_id = (SELECT MIN(f.image_id) FROM {} f WHERE f.image_id > :after)",
        index_name(table).to_uppercase(),
        table.name,
        table.name
    )
}

/// Returns the accuracy in a report, which begins like "Accuracy achieved (100%) is 10% higher than the Target Accuracy
/// requested (90%)" ("Index Accuracy Report").
fn percentage(report: &str) -> Option<u32> {
    let (_, rest) = report.split_once("achieved (")?;
    rest.split_once('%')?.0.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_accuracy_is_read_from_the_report() {
        let report = "Accuracy achieved (80%) is 10% lower than the Target Accuracy requested (90%)";
        assert_eq!(percentage(report), Some(80));
        assert_eq!(percentage("no accuracy"), None);
        let accuracy = Accuracy { percentages: vec![100, 80, 91] };
        assert_eq!((accuracy.mean(), accuracy.lowest(), accuracy.queries()), (90, 80, 3));
        assert_eq!(Accuracy { percentages: Vec::new() }.mean(), 0);
    }
}
