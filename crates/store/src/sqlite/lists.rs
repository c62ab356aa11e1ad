//! Lists of images in every order, and their number.

use std::sync::Arc;

use mitsuke_index::IdSet;
use rusqlite::types::Value;
use rusqlite::{Connection, ParamsFromIter};

use super::condition::Condition;
use super::images;
use super::memory::Memory;
use super::statements::{self, count_images};
use super::values::{count as number, unsigned};
use crate::{
    Filter, Image, ImageId, ListedImage, Page, RANDOM_MODULUS, Shape, Sort, SortCursor, SortKey, SortValue, StoreError,
    Total, random_key, random_parameters,
};

/// The largest number of images whose names are compared in memory. Of more, a page is found after a small part of the
/// index of all names.
const FEW_NAMES: usize = 2_000;

/// The largest number of rows of an index that are walked for a page of filtered images. Where that is not enough, the
/// facts of all images that pass the filter are compared.
const FEW_ROWS: usize = 1_024;

/// Lists the images that pass a filter and follow `after`, with texts of `max_chars` characters if that is given.
pub(super) fn list(
    memory: &Memory,
    connection: &Connection,
    filter: &Filter,
    sort: Sort,
    after: Option<&SortCursor>,
    limit: usize,
    max_chars: Option<usize>,
) -> Result<Vec<ListedImage>, StoreError> {
    let ids = Order { connection, filter, sort }.ids(memory, after, 0, limit)?;
    let images = match max_chars {
        Some(max_chars) => images::images_short(connection, &ids, max_chars)?,
        None => images::images(connection, &ids)?,
    };
    Ok(images.into_iter().map(|image| ListedImage { at: sort.place(&image), image }).collect())
}

/// Lists the shapes of the images that pass a filter and follow `after`.
pub(super) fn shapes(
    memory: &Memory,
    connection: &Connection,
    filter: &Filter,
    sort: Sort,
    after: Option<&SortCursor>,
    limit: usize,
) -> Result<Vec<Shape>, StoreError> {
    let ids = Order { connection, filter, sort }.ids(memory, after, 0, limit)?;
    let column = match sort.key {
        SortKey::Uploaded => UPLOADED.name,
        SortKey::Taken => TAKEN.name,
        SortKey::Name => NAME.name,
        SortKey::Bytes => BYTES.name,
        SortKey::Random { .. } => "NULL",
    };
    let sql = format!("SELECT width, height, {column} FROM images WHERE image_id = ?");
    let mut statement = connection.prepare_cached(&sql)?;
    let mut shapes = Vec::with_capacity(ids.len());
    for image_id in ids {
        let mut rows = statement.query([image_id])?;
        let Some(row) = rows.next()? else { continue };
        let value = match sort.key {
            SortKey::Uploaded => SortValue::Micros(row.get(2)?),
            SortKey::Taken => row.get::<_, Option<i64>>(2)?.map_or(SortValue::NoDate, SortValue::Micros),
            SortKey::Name => SortValue::Name(row.get(2)?),
            SortKey::Bytes => SortValue::Bytes(unsigned(row, 2)?),
            SortKey::Random { seed } => SortValue::Random(random_key(seed, image_id)),
        };
        shapes.push(Shape { at: SortCursor { value, image_id }, width: row.get(0)?, height: row.get(1)? });
    }
    Ok(shapes)
}

/// Lists a page of the images that pass a filter.
pub(super) fn page(
    memory: &Memory,
    connection: &Connection,
    page: &Page,
    sort: Sort,
) -> Result<Vec<Image>, StoreError> {
    images::images(connection, &page_ids(memory, connection, page, sort)?)
}

/// Lists the ids of a page of the images that pass a filter.
pub(super) fn page_ids(
    memory: &Memory,
    connection: &Connection,
    page: &Page,
    sort: Sort,
) -> Result<Vec<ImageId>, StoreError> {
    Order { connection, filter: &page.filter, sort }.ids(memory, None, page.offset, page.limit)
}

/// Counts the images that pass a filter.
pub(super) fn count(memory: &Memory, connection: &Connection, filter: &Filter) -> Result<Total, StoreError> {
    let allowed = memory.allowed(connection, filter)?;
    Ok(Total::exactly(match allowed {
        Some(allowed) => allowed.len() as u64,
        None => count_images(connection)?,
    }))
}

/// Lists the ids of the images that pass a filter and follow `after`, in ascending order.
pub(super) fn ids(
    memory: &Memory,
    connection: &Connection,
    filter: &Filter,
    after: Option<ImageId>,
    limit: usize,
) -> Result<Vec<ImageId>, StoreError> {
    let after = after.unwrap_or(ImageId::MIN);
    match memory.allowed(connection, filter)? {
        Some(allowed) => Ok(allowed.iter().filter(|image_id| *image_id > after).take(limit).collect()),
        None => {
            let sql = "SELECT image_id FROM images WHERE image_id > ? ORDER BY image_id LIMIT ?";
            statements::ids(connection, sql, (after, number(limit)))
        }
    }
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
    fn ids(
        &self,
        memory: &Memory,
        after: Option<&SortCursor>,
        offset: usize,
        limit: usize,
    ) -> Result<Vec<ImageId>, StoreError> {
        if let Some(ids) = self.by_facts(memory, after, offset, limit)? {
            return Ok(ids);
        }
        match self.sort.key {
            SortKey::Uploaded => self.by_column(UPLOADED, after, offset, limit),
            SortKey::Bytes => self.by_column(BYTES, after, offset, limit),
            SortKey::Name => self.by_column(NAME, after, offset, limit),
            SortKey::Taken => self.by_taken(after, offset, limit),
            SortKey::Random { seed } => self.shuffled(seed, after, offset, limit),
        }
    }

    /// Lists images by the facts in memory; `None` where the rows are to be read: of all images in an order that an index
    /// has, and until the facts have been read.
    fn by_facts(
        &self,
        memory: &Memory,
        after: Option<&SortCursor>,
        offset: usize,
        limit: usize,
    ) -> Result<Option<Vec<ImageId>>, StoreError> {
        if self.filter.is_empty() && !matches!(self.sort.key, SortKey::Random { .. }) {
            return Ok(None);
        }
        let found = memory.with_allowed(self.filter, |facts, allowed| {
            let share = facts.len() / allowed.len().max(1);
            let by_facts = match self.sort.key {
                SortKey::Random { .. } => facts.first(allowed, self.sort, after, offset, limit),
                SortKey::Name if allowed.len() <= FEW_NAMES => {
                    Some(facts.by_name(allowed, self.sort, after, offset, limit))
                }
                SortKey::Name => None,
                _ if offset.saturating_add(limit).saturating_mul(share) <= FEW_ROWS / 2 => None,
                _ => facts.first(allowed, self.sort, after, offset, limit),
            };
            by_facts.ok_or_else(|| Arc::clone(allowed))
        })?;
        let allowed = match found {
            None => return Ok(None),
            Some(Ok(ids)) => return Ok(Some(ids)),
            Some(Err(allowed)) => allowed,
        };
        let walked = match self.sort.key {
            SortKey::Uploaded => self.walk(UPLOADED, &allowed, after, offset, limit, FEW_ROWS)?,
            SortKey::Taken => self.walk(TAKEN, &allowed, after, offset, limit, FEW_ROWS)?,
            SortKey::Bytes => self.walk(BYTES, &allowed, after, offset, limit, FEW_ROWS)?,
            SortKey::Name => self.walk(NAME, &allowed, after, offset, limit, usize::MAX)?,
            SortKey::Random { .. } => None,
        };
        if walked.is_some() {
            return Ok(walked);
        }
        // The images of the filter lie deep in the index.
        Ok(memory
            .with_allowed(self.filter, |facts, allowed| facts.first(allowed, self.sort, after, offset, limit))?
            .flatten())
    }

    /// Lists `allowed` images in the order of a column: walks the index of the order until the page is full. Returns
    /// `None` when the page is not full after `most` rows, and when the page may go on with images without a value.
    fn walk(
        &self,
        Column { name, index }: Column,
        allowed: &IdSet,
        after: Option<&SortCursor>,
        offset: usize,
        limit: usize,
        most: usize,
    ) -> Result<Option<Vec<ImageId>>, StoreError> {
        let (direction, comparison) = self.direction();
        let (start, cursor) = match after.map(|after| (value(&after.value), after.image_id)) {
            Some((Some(value), id)) => {
                (format!("({name}, image_id) {comparison} (?, ?)"), vec![value, Value::Integer(id)])
            }
            Some((None, _)) => return Ok(None),
            None => (format!("{name} IS NOT NULL"), Vec::new()),
        };
        let sql = format!(
            "SELECT image_id FROM images INDEXED BY {index} WHERE {start}
             ORDER BY {name} {direction}, image_id {direction}"
        );
        let mut statement = self.connection.prepare_cached(&sql)?;
        let mut rows = statement.query(rusqlite::params_from_iter(cursor))?;
        let (mut ids, mut skipped, mut read) = (Vec::new(), 0, 0);
        while ids.len() < limit {
            if read == most {
                return Ok(None);
            }
            read += 1;
            let Some(row) = rows.next()? else {
                return Ok((self.sort.key != SortKey::Taken).then_some(ids));
            };
            let image_id = row.get(0)?;
            if !allowed.contains(image_id) {
                continue;
            }
            if skipped < offset {
                skipped += 1;
            } else {
                ids.push(image_id);
            }
        }
        Ok(Some(ids))
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
