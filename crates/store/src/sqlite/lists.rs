//! Lists of images in every order, and their number.

use rusqlite::types::Value;
use rusqlite::{Connection, ParamsFromIter};

use super::condition::Condition;
use super::images;
use super::statements::{self, count_images};
use super::values::{count as number, unsigned};
use crate::{
    Filter, Image, ImageId, ListedImage, Page, RANDOM_MODULUS, Sort, SortCursor, SortKey, SortValue, StoreError, Total,
    random_parameters,
};

/// Lists the images that pass a filter and follow `after`.
pub(super) fn list(
    connection: &Connection,
    filter: &Filter,
    sort: Sort,
    after: Option<&SortCursor>,
    limit: usize,
) -> Result<Vec<ListedImage>, StoreError> {
    let ids = Order { connection, filter, sort }.ids(after, 0, limit)?;
    let images = images::images(connection, &ids)?;
    Ok(images.into_iter().map(|image| ListedImage { at: sort.place(&image), image }).collect())
}

/// Lists a page of the images that pass a filter.
pub(super) fn page(connection: &Connection, page: &Page, sort: Sort) -> Result<Vec<Image>, StoreError> {
    let ids = Order { connection, filter: &page.filter, sort }.ids(None, page.offset, page.limit)?;
    images::images(connection, &ids)
}

/// Counts the images that pass a filter.
pub(super) fn count(connection: &Connection, filter: &Filter) -> Result<Total, StoreError> {
    if filter.is_empty() {
        return Ok(Total::exactly(count_images(connection)?));
    }
    let (table, condition) = Condition::for_scan(connection, filter)?;
    let sql = format!("SELECT count(*) FROM {table} WHERE 1 {}", condition.sql());
    let mut statement = connection.prepare_cached(&sql)?;
    Ok(Total::exactly(statement.query_row(condition.parameters([], []), |row| unsigned(row, 0))?))
}

/// Lists the ids of the images that pass a filter and follow `after`, in ascending order.
pub(super) fn ids(
    connection: &Connection,
    filter: &Filter,
    after: Option<ImageId>,
    limit: usize,
) -> Result<Vec<ImageId>, StoreError> {
    let (table, condition) = Condition::for_scan(connection, filter)?;
    let sql =
        format!("SELECT i.image_id FROM {table} WHERE i.image_id > ? {} ORDER BY i.image_id LIMIT ?", condition.sql());
    let after = after.unwrap_or(ImageId::MIN);
    statements::ids(connection, &sql, condition.parameters([after.into()], [number(limit)]))
}

/// A column that lists are ordered by, and the index of its order.
#[derive(Debug, Clone, Copy)]
struct Column {
    name: &'static str,
    index: &'static str,
}

const UPLOADED: Column = Column { name: "upload_date", index: "images_newest" };
const TAKEN: Column = Column { name: "taken_local", index: "images_by_taken" };
const NAME: Column = Column { name: "file_name_key", index: "images_by_name" };
const BYTES: Column = Column { name: "byte_count", index: "images_by_bytes" };

/// An order of the images that pass a filter.
struct Order<'a> {
    connection: &'a Connection,
    filter: &'a Filter,
    sort: Sort,
}

impl Order<'_> {
    fn ids(&self, after: Option<&SortCursor>, offset: usize, limit: usize) -> Result<Vec<ImageId>, StoreError> {
        match self.sort.key {
            SortKey::Uploaded => self.by_column(UPLOADED, after, offset, limit),
            SortKey::Bytes => self.by_column(BYTES, after, offset, limit),
            SortKey::Name => self.by_column(NAME, after, offset, limit),
            SortKey::Taken => self.by_taken(after, offset, limit),
            SortKey::Random { seed } => self.shuffled(seed, after, offset, limit),
        }
    }

    /// Lists images in the order of a column. Images without a value are left out.
    fn by_column(
        &self,
        column: Column,
        after: Option<&SortCursor>,
        offset: usize,
        limit: usize,
    ) -> Result<Vec<ImageId>, StoreError> {
        let (sql, parameters) = self.column_statement(column, after, offset, limit)?;
        statements::ids(self.connection, &sql, parameters)
    }

    fn column_statement(
        &self,
        Column { name, index }: Column,
        after: Option<&SortCursor>,
        offset: usize,
        limit: usize,
    ) -> Result<(String, ParamsFromIter<Vec<Value>>), StoreError> {
        let (scan, condition) = Condition::for_scan(self.connection, self.filter)?;
        let table = if self.filter.is_empty() {
            format!("images i INDEXED BY {index}")
        } else if self.sort.key == SortKey::Name && !scan.contains("NOT INDEXED") {
            // The index that filters read does not hold the key of names.
            "images i".to_owned()
        } else {
            scan.to_owned()
        };
        let (direction, comparison) = self.direction();
        let (start, cursor) = match after.and_then(|after| Some((value(&after.value)?, after.image_id))) {
            Some((value, id)) => {
                (format!("(i.{name}, i.image_id) {comparison} (?, ?)"), vec![value, Value::Integer(id)])
            }
            None => (format!("i.{name} IS NOT NULL"), Vec::new()),
        };
        let sql = format!(
            "SELECT i.image_id FROM {table} WHERE {start} {} ORDER BY i.{name} {direction}, i.image_id {direction}
             LIMIT ? OFFSET ?",
            condition.sql()
        );
        Ok((sql, condition.parameters(cursor, [number(limit), number(offset)])))
    }

    /// Lists images by the time at which they were taken; those without it come last.
    fn by_taken(&self, after: Option<&SortCursor>, offset: usize, limit: usize) -> Result<Vec<ImageId>, StoreError> {
        let undated_after = after.filter(|after| after.value == SortValue::NoDate).map(|after| after.image_id);
        let mut ids = match undated_after {
            None => self.by_column(TAKEN, after, offset, limit)?,
            Some(_) => Vec::new(),
        };
        if ids.len() < limit {
            let skipped = if !ids.is_empty() || offset == 0 { 0 } else { offset.saturating_sub(self.dated()?) };
            ids.extend(self.undated(undated_after, skipped, limit - ids.len())?);
        }
        Ok(ids)
    }

    /// Counts the images whose time is known.
    fn dated(&self) -> Result<usize, StoreError> {
        let (table, condition) = Condition::for_scan(self.connection, self.filter)?;
        let sql = format!("SELECT count(*) FROM {table} WHERE i.taken_local IS NOT NULL {}", condition.sql());
        let mut statement = self.connection.prepare_cached(&sql)?;
        let dated = statement.query_row(condition.parameters([], []), |row| unsigned(row, 0))?;
        Ok(usize::try_from(dated).unwrap_or(usize::MAX))
    }

    /// Lists the images whose time is not known.
    fn undated(&self, after: Option<ImageId>, offset: usize, limit: usize) -> Result<Vec<ImageId>, StoreError> {
        let (scan, condition) = Condition::for_scan(self.connection, self.filter)?;
        let table = if self.filter.is_empty() { "images i INDEXED BY images_by_taken" } else { scan };
        let sql = format!(
            "SELECT i.image_id FROM {table} WHERE i.taken_local IS NULL AND i.image_id < ? {}
             ORDER BY i.image_id DESC LIMIT ? OFFSET ?",
            condition.sql()
        );
        let after = after.unwrap_or(ImageId::MAX);
        let parameters = condition.parameters([after.into()], [number(limit), number(offset)]);
        statements::ids(self.connection, &sql, parameters)
    }

    /// Lists images by [`random_key`](crate::random_key), which the statement computes.
    fn shuffled(
        &self,
        seed: u64,
        after: Option<&SortCursor>,
        offset: usize,
        limit: usize,
    ) -> Result<Vec<ImageId>, StoreError> {
        let (table, condition) = Condition::for_scan(self.connection, self.filter)?;
        let (direction, comparison) = self.direction();
        let (a, b) = random_parameters(seed);
        let mut rest = Vec::new();
        let start = match after.and_then(|after| Some((value(&after.value)?, after.image_id))) {
            Some((value, id)) => {
                rest.extend([value, Value::Integer(id)]);
                format!("(k.random_key, k.image_id) {comparison} (?, ?)")
            }
            None => "1".to_owned(),
        };
        rest.extend([number(limit), number(offset)]);
        let sql = format!(
            "SELECT k.image_id FROM (
                 SELECT x.image_id, (x.x * x.x % {RANDOM_MODULUS}) * x.x % {RANDOM_MODULUS} AS random_key FROM (
                     SELECT i.image_id, (i.image_id % {RANDOM_MODULUS} * ? + ?) % {RANDOM_MODULUS} AS x
                     FROM {table} WHERE 1 {}
                 ) x
             ) k WHERE {start} ORDER BY k.random_key {direction}, k.image_id {direction} LIMIT ? OFFSET ?",
            condition.sql()
        );
        let parameters = condition.parameters([integer(a), integer(b)], rest);
        statements::ids(self.connection, &sql, parameters)
    }

    fn direction(&self) -> (&'static str, &'static str) {
        if self.sort.descending { ("DESC", "<") } else { ("ASC", ">") }
    }
}

/// Returns the value of a cursor as a parameter; `None` for the mark of an image without a time.
fn value(value: &SortValue) -> Option<Value> {
    match value {
        SortValue::Micros(micros) => Some(Value::Integer(*micros)),
        SortValue::Bytes(number) | SortValue::Random(number) => Some(integer(*number)),
        SortValue::Name(key) => Some(Value::Blob(key.clone())),
        SortValue::NoDate => None,
    }
}

fn integer(number: u64) -> Value {
    Value::Integer(i64::try_from(number).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sqlite::migrate;

    #[test]
    fn a_list_of_all_images_walks_the_index_of_its_order() {
        let mut db = Connection::open_in_memory().unwrap();
        migrate::migrate(&mut db).unwrap();
        let filter = Filter::default();
        let micros = SortValue::Micros(7);
        let orders = [
            (SortKey::Uploaded, UPLOADED, micros.clone()),
            (SortKey::Taken, TAKEN, micros),
            (SortKey::Name, NAME, SortValue::Name(vec![7])),
            (SortKey::Bytes, BYTES, SortValue::Bytes(7)),
        ];
        for (key, column, value) in orders {
            let cursor = SortCursor { value, image_id: 3 };
            for (descending, after) in [(false, None), (true, None), (false, Some(&cursor)), (true, Some(&cursor))] {
                let order = Order { connection: &db, filter: &filter, sort: Sort { key, descending } };
                let (sql, parameters) = order.column_statement(column, after, 0, 5).unwrap();
                let mut statement = db.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
                let plan = statement.query_map(parameters, |row| row.get(3)).unwrap();
                let plan: Vec<String> = plan.collect::<Result<_, _>>().unwrap();
                assert_eq!(plan.len(), 1, "{plan:?}");
                assert!(plan[0].contains(&format!("USING COVERING INDEX {}", column.index)), "{plan:?}");
                if after.is_some() {
                    assert!(plan[0].starts_with("SEARCH"), "{plan:?}");
                }
            }
        }
    }
}
