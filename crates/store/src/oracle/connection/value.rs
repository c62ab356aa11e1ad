//! Values bound to statements, each with the Oracle type that it is sent as.
//!
//! The types that the driver chooses by itself do not fit this schema: `&str` becomes NVARCHAR2, which keeps an index
//! on a VARCHAR2 column from being used. A timestamp becomes WITH TIME ZONE, and comparing a TIMESTAMP column with that
//! depends on the session's time zone. A value for a LOB column is bound as LONG or LONG RAW, which goes along with its
//! statement: a temporary LOB would have to be created, written and freed, which takes three round trips. `TO_VECTOR`
//! refuses a LONG, so vectors are bound in pieces that fit VARCHAR2.

use std::borrow::Cow;

use oracle::sql_type::{OracleType, Timestamp, ToSql};
use oracle::{Connection, SqlValue};
use time::OffsetDateTime;

use crate::{Sha256, StoreError};
use mitsuke_index::UnitVector;

/// A value for a placeholder.
#[derive(Debug, Clone)]
pub(crate) enum Value<'a> {
    /// NUMBER.
    Number(Option<i64>),
    /// NUMBER without a sign, because seeds have 64 bits.
    Unsigned(Option<u64>),
    /// VARCHAR2, at most 4,000 bytes.
    Text(Option<Cow<'a, str>>),
    /// A value of a CLOB column, however short the text is: a column always gets values of one type.
    Clob(Option<Cow<'a, str>>),
    /// A value of a BLOB column.
    Blob(&'a [u8]),
    /// A value of a CLOB column as a temporary LOB, for a database that refuses it as LONG.
    TemporaryClob(Option<Cow<'a, str>>),
    /// A value of a BLOB column as a temporary LOB.
    TemporaryBlob(&'a [u8]),
    /// RAW, at most 255 bytes.
    Raw(Option<Vec<u8>>),
    /// RAW(32).
    Hash(Option<Sha256>),
    /// TIMESTAMP(6) in UTC.
    Date(Option<Timestamp>),
    /// A NUMBER that the statement returns (RETURNING … INTO).
    OutNumber,
}

impl<'a> Value<'a> {
    /// Makes a value of a text that fits VARCHAR2.
    pub(crate) fn text(text: &'a str) -> Self {
        Self::Text(Some(Cow::Borrowed(text)))
    }

    /// Makes a value of a text of any length, or NULL.
    pub(crate) fn clob(text: Option<&'a str>) -> Self {
        Self::Clob(text.map(Cow::Borrowed))
    }

    /// Makes a value of a count. A count beyond the largest `i64` is bound as the largest.
    pub(crate) fn count(n: usize) -> Self {
        Self::Number(Some(i64::try_from(n).unwrap_or(i64::MAX)))
    }

    /// Returns whether the value is for a LOB column. Oracle refuses text of more than about a thousand bytes after
    /// such a value (ORA-24816).
    fn is_lob(&self) -> bool {
        matches!(self, Self::Clob(_) | Self::Blob(_) | Self::TemporaryClob(_) | Self::TemporaryBlob(_))
    }
}

impl From<i64> for Value<'_> {
    fn from(number: i64) -> Self {
        Self::Number(Some(number))
    }
}

impl ToSql for Value<'_> {
    fn oratype(&self, _connection: &Connection) -> oracle::Result<OracleType> {
        Ok(match self {
            Self::Number(_) | Self::Unsigned(_) | Self::OutNumber => OracleType::Number(0, 0),
            Self::Text(text) => OracleType::Varchar2(buffer_size(text.as_deref().unwrap_or_default().len())),
            Self::Clob(_) => OracleType::Long,
            Self::Blob(_) => OracleType::LongRaw,
            Self::TemporaryClob(_) => OracleType::CLOB,
            Self::TemporaryBlob(_) => OracleType::BLOB,
            Self::Raw(_) => OracleType::Raw(255),
            Self::Hash(_) => OracleType::Raw(32),
            Self::Date(_) => OracleType::Timestamp(6),
        })
    }

    fn to_sql(&self, value: &mut SqlValue) -> oracle::Result<()> {
        match self {
            Self::Number(number) => number.to_sql(value),
            Self::Unsigned(number) => number.to_sql(value),
            // Oracle treats an empty text as NULL. It is bound as NULL, so that no driver has to know.
            Self::Text(text) | Self::Clob(text) | Self::TemporaryClob(text) => {
                text.as_deref().filter(|text| !text.is_empty()).to_sql(value)
            }
            Self::Blob(bytes) | Self::TemporaryBlob(bytes) => bytes.to_sql(value),
            Self::Raw(bytes) => bytes.to_sql(value),
            Self::Hash(hash) => hash.as_ref().map(|hash| hash.0.as_slice()).to_sql(value),
            Self::Date(date) => date.to_sql(value),
            Self::OutNumber => value.set_null(),
        }
    }
}

/// Returns the size of the buffer for a text. The sizes are those at which Oracle makes a new cursor, so texts of
/// similar length share a cursor.
fn buffer_size(bytes: usize) -> u32 {
    match bytes {
        0..=32 => 32,
        33..=128 => 128,
        129..=1000 => 1000,
        1001..=2000 => 2000,
        _ => 4000,
    }
}

/// The values of one statement, by the names of its placeholders.
#[derive(Debug, Clone, Default)]
pub(crate) struct Binds<'a>(Vec<(Cow<'static, str>, Value<'a>)>);

impl<'a> Binds<'a> {
    /// Makes an empty set of values.
    pub(crate) fn none() -> Self {
        Self::default()
    }

    /// Adds one value.
    pub(crate) fn with(mut self, name: impl Into<Cow<'static, str>>, value: impl Into<Value<'a>>) -> Self {
        self.push(name, value);
        self
    }

    /// Adds one value.
    pub(crate) fn push(&mut self, name: impl Into<Cow<'static, str>>, value: impl Into<Value<'a>>) {
        self.0.push((name.into(), value.into()));
    }

    /// Adds a vector for the expression of [`to_vector`].
    pub(crate) fn with_vector(mut self, name: &str, vector: &UnitVector) -> Self {
        for (n, piece) in vector_pieces(vector).into_iter().enumerate() {
            self.push(format!("{name}{n}"), Value::Text(Some(Cow::Owned(piece))));
        }
        self
    }

    /// Adds all values of `other`.
    pub(crate) fn and(mut self, other: Binds<'a>) -> Self {
        self.0.extend(other.0);
        self
    }

    /// Returns whether a value is for a LOB column.
    pub(crate) fn have_lobs(&self) -> bool {
        self.0.iter().any(|(_, value)| value.is_lob())
    }

    /// Returns the same values, those for LOB columns as temporary LOBs.
    pub(crate) fn with_temporary_lobs(&self) -> Self {
        let values = self.0.iter().map(|(name, value)| {
            let value = match value {
                Value::Clob(text) => Value::TemporaryClob(text.clone()),
                Value::Blob(bytes) => Value::TemporaryBlob(bytes),
                other => other.clone(),
            };
            (name.clone(), value)
        });
        Self(values.collect())
    }

    /// Returns the values in the form that the driver takes, LOBs last.
    pub(crate) fn parameters(&self) -> Vec<(&str, &dyn ToSql)> {
        let (lobs, others): (Vec<_>, Vec<_>) = self.0.iter().partition(|(_, value)| value.is_lob());
        others.into_iter().chain(lobs).map(|(name, value)| (name.as_ref(), value as &dyn ToSql)).collect()
    }
}

/// Binds a list of `values` for IN and returns its placeholders, separated by commas. The list is padded to one of a
/// few lengths, so that few statements serve lists of all lengths.
pub(crate) fn in_list<'a, T: Clone + Into<Value<'a>>>(prefix: &str, values: &[T], binds: &mut Binds<'a>) -> String {
    let length = [1, 4, 16, 64, MAX_IN_LIST].into_iter().find(|length| values.len() <= *length).unwrap_or(values.len());
    let Some(last) = values.last() else { return "NULL".to_owned() };
    let mut names = String::new();
    for (n, value) in values.iter().chain(std::iter::repeat(last)).take(length).enumerate() {
        let separator = if n == 0 { "" } else { ", " };
        names.push_str(&format!("{separator}:{prefix}{n}"));
        binds.push(format!("{prefix}{n}"), value.clone());
    }
    names
}

/// The largest number of values in one IN list.
pub(crate) const MAX_IN_LIST: usize = 256;

impl From<Sha256> for Value<'_> {
    fn from(hash: Sha256) -> Self {
        Self::Hash(Some(hash))
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::text(text)
    }
}

/// The largest number of components in one piece of a vector's text. No component takes more than 16 bytes with its
/// comma, so a piece takes less than 1,000 bytes. The driver reserves four bytes for each character; with longer pieces
/// the reserved size would pass the 4,000 bytes of VARCHAR2, beyond which a database may take a value for a LONG.
const PIECE_COMPONENTS: usize = 60;

/// The number of pieces that fit VARCHAR2 together.
const PIECES_IN_TEXT: usize = 4;

/// Returns the expression of a vector that [`Binds::with_vector`] binds by this name: `TO_VECTOR` of its text.
pub(crate) fn to_vector(name: &str, dimension: usize) -> String {
    let pieces: Vec<String> = (0..dimension.div_ceil(PIECE_COMPONENTS).max(1)).map(|n| format!(":{name}{n}")).collect();
    let texts: Vec<String> = pieces.chunks(PIECES_IN_TEXT).map(|pieces| pieces.join(" || ")).collect();
    let text = match texts.as_slice() {
        [text] => text.clone(),
        // The concatenation of a CLOB with a text is a CLOB, which has no limit of length.
        texts => format!("TO_CLOB({})", texts.join(") || (")),
    };
    format!("TO_VECTOR({text}, {dimension}, FLOAT32)")
}

/// Writes a vector as a JSON array, in as many pieces as [`to_vector`] expects for its dimension.
fn vector_pieces(vector: &UnitVector) -> Vec<String> {
    let mut pieces: Vec<String> = vector
        .as_slice()
        .chunks(PIECE_COMPONENTS)
        .enumerate()
        .map(|(n, chunk)| {
            let mut piece = String::with_capacity(chunk.len() * 13 + 2);
            piece.push(if n == 0 { '[' } else { ',' });
            for (i, component) in chunk.iter().enumerate() {
                if i > 0 {
                    piece.push(',');
                }
                piece.push_str(&component_text(*component));
            }
            piece
        })
        .collect();
    if let Some(last) = pieces.last_mut() {
        last.push(']');
    }
    pieces
}

/// Writes a component in the shorter of its two forms. Reading either returns the same 32-bit float.
fn component_text(component: f32) -> String {
    let (plain, exponential) = (component.to_string(), format!("{component:e}"));
    if plain.len() <= exponential.len() { plain } else { exponential }
}

/// Reads a vector that `FROM_VECTOR` wrote.
pub(crate) fn parse_vector(text: &str) -> Result<UnitVector, StoreError> {
    let damaged = |reason: &dyn std::fmt::Display| StoreError::Damaged(format!("an embedding: {reason}"));
    let components = text
        .trim()
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'))
        .ok_or_else(|| damaged(&"it is not a dense vector"))?
        .split(',')
        .map(|component| component.trim().parse::<f32>())
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| damaged(&error))?;
    UnitVector::normalize(components).map_err(|error| damaged(&error))
}

/// Returns a date in the form that is stored: in UTC, rounded down to the microsecond.
pub(crate) fn timestamp(date: OffsetDateTime) -> Value<'static> {
    Value::Date(utc(date.unix_timestamp_nanos().div_euclid(1000)))
}

/// Returns a bound on dates, rounded up to the microsecond. Stored dates are whole microseconds, so the rounded bound
/// lets the same dates through as the exact one.
pub(crate) fn timestamp_ceil(date: OffsetDateTime) -> Value<'static> {
    Value::Date(utc((date.unix_timestamp_nanos() + 999).div_euclid(1000)))
}

/// Returns a date that is stored as microseconds since 1970.
pub(crate) fn timestamp_of(micros: i64) -> Value<'static> {
    Value::Date(utc(micros.into()))
}

fn utc(micros: i128) -> Option<Timestamp> {
    let date = OffsetDateTime::from_unix_timestamp_nanos(micros * 1000).ok()?;
    Timestamp::new(
        date.year(),
        u8::from(date.month()).into(),
        date.day().into(),
        date.hour().into(),
        date.minute().into(),
        date.second().into(),
        date.nanosecond(),
    )
    .ok()
}

/// Returns the date of a stored timestamp.
pub(crate) fn to_date(timestamp: &Timestamp) -> Result<OffsetDateTime, StoreError> {
    let small = |number: u32| u8::try_from(number).unwrap_or(u8::MAX);
    let damaged = |error: &dyn std::fmt::Display| StoreError::Damaged(format!("the date {timestamp}: {error}"));
    let month = time::Month::try_from(small(timestamp.month())).map_err(|error| damaged(&error))?;
    let date = time::Date::from_calendar_date(timestamp.year(), month, small(timestamp.day()));
    let micros = timestamp.nanosecond() / 1000;
    let time = time::Time::from_hms_micro(
        small(timestamp.hour()),
        small(timestamp.minute()),
        small(timestamp.second()),
        micros,
    );
    Ok(date.map_err(|error| damaged(&error))?.with_time(time.map_err(|error| damaged(&error))?).assume_utc())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::Duration;

    use super::*;

    fn date(value: &Value<'_>) -> OffsetDateTime {
        let Value::Date(Some(timestamp)) = value else { panic!("{value:?}") };
        to_date(timestamp).unwrap()
    }

    #[test]
    fn dates_keep_their_microseconds_in_any_zone_and_century() {
        for (seconds, nanos) in [(0, 0), (1_700_000_000, 123_456_789), (-2_592_000_000, 999), (-1, 999_999_999)] {
            let at = OffsetDateTime::UNIX_EPOCH + Duration::new(seconds, nanos);
            let zoned = at.to_offset(time::macros::offset!(+9));
            let floor = at - Duration::nanoseconds(at.nanosecond().rem_euclid(1000).into());
            assert_eq!(date(&timestamp(zoned)), floor);
            let above = if floor == at { floor } else { floor + Duration::microseconds(1) };
            assert_eq!(date(&timestamp_ceil(zoned)), above);
        }
    }

    #[test]
    fn lobs_are_bound_last() {
        let binds = Binds::none()
            .with("a", Value::clob(Some("x")))
            .with("b", 1)
            .with("c", Value::Blob(b"y"))
            .with("d", Value::text("z"));
        let names: Vec<_> = binds.parameters().iter().map(|(name, _)| *name).collect();
        assert_eq!(names, ["b", "d", "a", "c"]);
    }

    #[test]
    fn lists_are_filled_up_to_a_few_lengths() {
        let mut binds = Binds::none();
        assert_eq!(in_list("id", &[7_i64, 8], &mut binds), ":id0, :id1, :id2, :id3");
        let numbers: Vec<_> = binds
            .0
            .iter()
            .map(|(_, value)| match value {
                Value::Number(Some(n)) => *n,
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(numbers, [7, 8, 8, 8]);
    }

    proptest! {
        #[test]
        fn vectors_survive_the_way_through_text(components in proptest::collection::vec(-1e3_f32..1e3, 1..40)) {
            prop_assume!(components.iter().any(|x| x.abs() > 1e-3));
            let vector = UnitVector::normalize(components).unwrap();
            let read = parse_vector(&vector_pieces(&vector).concat()).unwrap();
            prop_assert!(read.similarity(&vector) > 0.999_999);
        }
    }

    #[test]
    fn the_pieces_of_a_vector_fit_varchar2_and_their_number_depends_on_the_dimension_alone() {
        for dimension in [1, 60, 61, 240, 241, 768, 4_096] {
            for scale in [1.0_f32, -1.2345678e-30, f32::MIN_POSITIVE] {
                let components = (0..dimension).map(|n| if n == 0 { 1.0 } else { scale * (n as f32).sin() }).collect();
                let pieces = vector_pieces(&UnitVector::normalize(components).unwrap());
                assert!(pieces.iter().all(|piece| buffer_size(piece.len()) <= 1_000));
                assert!(pieces.chunks(PIECES_IN_TEXT).all(|pieces| pieces.concat().len() <= 4_000));
                assert_eq!(to_vector("q", dimension).matches(":q").count(), pieces.len());
            }
        }
        assert_eq!(to_vector("q", 3), "TO_VECTOR(:q0, 3, FLOAT32)");
        assert_eq!(to_vector("q", 100), "TO_VECTOR(:q0 || :q1, 100, FLOAT32)");
        let long = "TO_VECTOR(TO_CLOB(:q0 || :q1 || :q2 || :q3) || (:q4 || :q5), 360, FLOAT32)";
        assert_eq!(to_vector("q", 360), long);
    }

    #[test]
    fn a_component_is_written_briefly_and_exactly() {
        for bits in (0..u32::MAX).step_by(10_007) {
            let component = f32::from_bits(bits);
            if component.is_finite() {
                let text = component_text(component);
                assert!(text.len() <= 15, "{text}");
                assert_eq!(text.parse::<f32>().unwrap().to_bits(), bits, "{text}");
            }
        }
    }

    #[test]
    fn what_is_no_vector_is_damaged() {
        for text in ["", "[]", "1,2", "[1,x]", "[NaN]", "[0.0,0.0]"] {
            assert!(matches!(parse_vector(text), Err(StoreError::Damaged(_))), "{text}");
        }
        assert_eq!(parse_vector(" [6.0E-001, 8.0E-001] ").unwrap().as_slice(), [0.6, 0.8]);
    }
}
