//! Listing images in every order, and counting them.

use oracle::Row;
use oracle::sql_type::Timestamp;

use super::MAX_OFFSET;
use super::filter::Condition;
use crate::oracle::connection::error::OracleError;
use crate::oracle::connection::session::Session;
use crate::oracle::connection::value::{self, Binds, Value};
use crate::oracle::rows::columns::key_value;
use crate::oracle::rows::images::images;
use crate::sort::{RANDOM_MODULUS, random_key, random_parameters};
use crate::taken::micros;
use crate::{EXACT_TOTAL, Filter, Image, ImageId, Shape, Sort, SortCursor, SortKey, SortValue, Total};

/// A part of a list: the images after `after`, without the first `offset`, at most `limit`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Part<'a> {
    pub(crate) filter: &'a Filter,
    pub(crate) sort: Sort,
    pub(crate) after: Option<&'a SortCursor>,
    pub(crate) offset: usize,
    pub(crate) limit: usize,
}

/// The columns that a statement reads of each image, and the way to read them.
struct Selected<T> {
    columns: &'static [&'static str],
    read: fn(&Row, Sort) -> Result<T, OracleError>,
}

impl<T> Selected<T> {
    /// Returns the columns of the table `alias`.
    fn of(&self, alias: &str) -> String {
        self.columns.iter().map(|column| format!("{alias}.{column}")).collect::<Vec<_>>().join(", ")
    }
}

const IDS: Selected<ImageId> = Selected { columns: &["image_id"], read: |row, _| Ok(row.get(0)?) };

const SHAPES: Selected<Shape> = Selected {
    columns: &["image_id", "width", "height", "upload_date", "taken_local", "file_name_key", "byte_count"],
    read: shape,
};

/// Returns the images of a part.
pub(crate) fn page(session: &Session<'_>, part: Part<'_>) -> Result<Vec<Image>, OracleError> {
    images(session, &in_order(session, &IDS, part)?)
}

/// Returns the shapes of the images of a part.
pub(crate) fn shapes(session: &Session<'_>, part: Part<'_>) -> Result<Vec<Shape>, OracleError> {
    in_order(session, &SHAPES, part)
}

fn in_order<T>(session: &Session<'_>, selected: &Selected<T>, part: Part<'_>) -> Result<Vec<T>, OracleError> {
    if part.limit == 0 || part.offset > MAX_OFFSET {
        return Ok(Vec::new());
    }
    match part.sort.key {
        SortKey::Uploaded => by_column(session, selected, "i.upload_date", "", part),
        SortKey::Name => by_column(session, selected, "i.file_name_key", "", part),
        SortKey::Bytes => by_column(session, selected, "i.byte_count", "", part),
        SortKey::Taken => by_taken(session, selected, part),
        SortKey::Random { seed } => shuffled(session, selected, seed, part),
    }
}

/// Reads a row of [`SHAPES`]. An image whose facts another program has not stated has no width and height yet.
fn shape(row: &Row, sort: Sort) -> Result<Shape, OracleError> {
    let image_id = row.get(0)?;
    let edge = |column: usize| -> Result<u32, OracleError> {
        Ok(u32::try_from(row.get::<_, Option<u64>>(column)?.unwrap_or_default()).unwrap_or(u32::MAX))
    };
    let time = |column: usize| -> Result<Option<i64>, OracleError> {
        Ok(row.get::<_, Option<Timestamp>>(column)?.map(|at| value::to_date(&at)).transpose()?.map(micros))
    };
    let value = match sort.key {
        SortKey::Uploaded => SortValue::Micros(time(3)?.unwrap_or_default()),
        SortKey::Taken => time(4)?.map_or(SortValue::NoDate, SortValue::Micros),
        SortKey::Name => SortValue::Name(row.get::<_, Option<Vec<u8>>>(5)?.unwrap_or_default()),
        SortKey::Bytes => SortValue::Bytes(row.get::<_, Option<u64>>(6)?.unwrap_or_default()),
        SortKey::Random { seed } => SortValue::Random(random_key(seed, image_id)),
    };
    Ok(Shape { at: SortCursor { value, image_id }, width: edge(1)?, height: edge(2)? })
}

/// Returns the word and the two comparisons of an order.
fn direction(sort: Sort) -> (&'static str, &'static str, &'static str) {
    if sort.descending { ("DESC", "<=", "<") } else { ("ASC", ">=", ">") }
}

/// Returns the condition of the images after a cursor, and its values. The first bound alone is a range of the index; an OR
/// by itself would let the page begin at the first image.
fn start(part: Part<'_>, column: &str, image_id: &str) -> (String, Binds<'static>) {
    let (_, from, beyond) = direction(part.sort);
    match part.after.and_then(|after| Some((bound(&after.value)?, after.image_id))) {
        Some((value, at_id)) => (
            format!(" AND {column} {from} :edge AND ({column} {beyond} :edge OR {image_id} {beyond} :edge_id)"),
            Binds::none().with("edge", value).with("edge_id", at_id),
        ),
        None => (String::new(), Binds::none()),
    }
}

/// Returns the value of a cursor; `None` for the mark of an image without a time.
fn bound(value: &SortValue) -> Option<Value<'static>> {
    match value {
        SortValue::Micros(micros) => Some(value::timestamp_of(*micros)),
        SortValue::Bytes(number) | SortValue::Random(number) => Some(Value::Unsigned(Some(*number))),
        SortValue::Name(key) => Some(key_value(key.clone())),
        SortValue::NoDate => None,
    }
}

fn page_binds(offset: usize, limit: usize) -> Binds<'static> {
    Binds::none().with("skip", Value::count(offset)).with("take", Value::count(limit.min(MAX_OFFSET)))
}

/// Lists images by a column, which an index holds together with the id.
fn by_column<T>(
    session: &Session<'_>,
    selected: &Selected<T>,
    column: &str,
    required: &str,
    part: Part<'_>,
) -> Result<Vec<T>, OracleError> {
    let condition = Condition::new(part.filter)?;
    let (word, ..) = direction(part.sort);
    let (start, at) = start(part, column, "i.image_id");
    let sql = format!(
        "SELECT {} FROM images i WHERE 1 = 1{required}{}{start} ORDER BY {column} {word}, i.image_id {word} \
         OFFSET :skip ROWS FETCH NEXT :take ROWS ONLY",
        selected.of("i"),
        condition.sql
    );
    let binds = condition.binds.and(at).and(page_binds(part.offset, part.limit));
    session.rows(&sql, &binds, part.limit, |row| (selected.read)(row, part.sort))
}

/// Lists images by the time at which they were taken; those without it come last.
fn by_taken<T>(session: &Session<'_>, selected: &Selected<T>, part: Part<'_>) -> Result<Vec<T>, OracleError> {
    let undated_after = part.after.filter(|after| after.value == SortValue::NoDate).map(|after| after.image_id);
    let mut listed = match undated_after {
        None => by_column(session, selected, "i.taken_local", " AND i.taken_local IS NOT NULL", part)?,
        Some(_) => Vec::new(),
    };
    if listed.len() < part.limit {
        let all_skipped = listed.is_empty() && part.offset > 0;
        let offset = if all_skipped { part.offset.saturating_sub(dated(session, part.filter)?) } else { 0 };
        let rest = Part { offset, limit: part.limit - listed.len(), ..part };
        listed.extend(undated(session, selected, undated_after, rest)?);
    }
    Ok(listed)
}

/// Counts the images whose time is known.
fn dated(session: &Session<'_>, filter: &Filter) -> Result<usize, OracleError> {
    let condition = Condition::new(filter)?;
    let sql = format!("SELECT COUNT(*) FROM images i WHERE i.taken_local IS NOT NULL{}", condition.sql);
    Ok(session.row(&sql, &condition.binds, |row| Ok(row.get(0)?))?.unwrap_or_default())
}

/// Lists the images whose time is not known.
fn undated<T>(
    session: &Session<'_>,
    selected: &Selected<T>,
    after: Option<ImageId>,
    part: Part<'_>,
) -> Result<Vec<T>, OracleError> {
    let condition = Condition::new(part.filter)?;
    let mut binds = condition.binds.and(page_binds(part.offset, part.limit));
    let mut start = "";
    if let Some(after) = after {
        start = " AND i.image_id < :edge_id";
        binds = binds.with("edge_id", after);
    }
    let sql = format!(
        "SELECT {} FROM images i WHERE i.taken_local IS NULL{}{start} ORDER BY i.image_id DESC \
         OFFSET :skip ROWS FETCH NEXT :take ROWS ONLY",
        selected.of("i"),
        condition.sql
    );
    session.rows(&sql, &binds, part.limit, |row| (selected.read)(row, part.sort))
}

/// Lists images by [`random_key`](crate::random_key), which the statement computes. NUMBER holds every product exactly.
fn shuffled<T>(
    session: &Session<'_>,
    selected: &Selected<T>,
    seed: u64,
    part: Part<'_>,
) -> Result<Vec<T>, OracleError> {
    let condition = Condition::new(part.filter)?;
    let (word, ..) = direction(part.sort);
    let (start, at) = start(part, "k.random_key", "k.image_id");
    let (a, b) = random_parameters(seed);
    let sql = format!(
        "SELECT {} FROM (SELECT {}, \
         MOD(MOD(m.mixed * m.mixed, {RANDOM_MODULUS}) * m.mixed, {RANDOM_MODULUS}) AS random_key \
         FROM (SELECT {}, \
         MOD(MOD(i.image_id, {RANDOM_MODULUS}) * :factor + :addend, {RANDOM_MODULUS}) AS mixed \
         FROM images i WHERE 1 = 1{}) m) k WHERE 1 = 1{start} ORDER BY k.random_key {word}, k.image_id {word} \
         OFFSET :skip ROWS FETCH NEXT :take ROWS ONLY",
        selected.of("k"),
        selected.of("m"),
        selected.of("i"),
        condition.sql
    );
    let binds = condition
        .binds
        .with("factor", Value::Unsigned(Some(a)))
        .with("addend", Value::Unsigned(Some(b)))
        .and(at)
        .and(page_binds(part.offset, part.limit));
    session.rows(&sql, &binds, part.limit, |row| (selected.read)(row, part.sort))
}

/// Counts the images that pass a filter. The count ends above [`EXACT_TOTAL`].
pub(crate) fn count(session: &Session<'_>, filter: &Filter) -> Result<Total, OracleError> {
    let condition = Condition::new(filter)?;
    let sql = format!(
        "SELECT COUNT(*) FROM (SELECT i.image_id FROM images i WHERE 1 = 1{} FETCH FIRST :most ROWS ONLY) n",
        condition.sql
    );
    let binds = condition.binds.with("most", Value::Unsigned(Some(EXACT_TOTAL + 1)));
    let found: u64 = session.row(&sql, &binds, |row| Ok(row.get(0)?))?.unwrap_or_default();
    Ok(Total { count: found.min(EXACT_TOTAL), exact: found <= EXACT_TOTAL })
}

/// Returns ids of images that pass a filter, in ascending order.
pub(crate) fn ids(
    session: &Session<'_>,
    filter: &Filter,
    after: Option<ImageId>,
    limit: usize,
) -> Result<Vec<ImageId>, OracleError> {
    if limit == 0 {
        return Ok(Vec::new());
    }
    let condition = Condition::new(filter)?;
    let sql = format!(
        "SELECT i.image_id FROM images i WHERE i.image_id > :after{} ORDER BY i.image_id FETCH FIRST :take ROWS ONLY",
        condition.sql
    );
    let binds =
        condition.binds.with("after", after.unwrap_or_default()).with("take", Value::count(limit.min(MAX_OFFSET)));
    session.rows(&sql, &binds, limit, |row| Ok(row.get(0)?))
}
