//! A [`Filter`] as a condition in SQL.

use rusqlite::types::Value;
use time::OffsetDateTime;

use crate::{Filter, ImageId, StoreError, like_pattern};

/// A condition on `images i` with its parameters, in the order of its question marks. Values never become part of
/// the text.
#[derive(Debug, Default)]
pub(super) struct Condition {
    sql: String,
    parameters: Vec<Value>,
}

impl Condition {
    /// What `filter` asks for.
    pub(super) fn of(filter: &Filter) -> Result<Self, StoreError> {
        let mut condition = Self::default();
        if !filter.file_types.is_empty() {
            condition.and("i.file_type IN (SELECT value FROM json_each(?))", Some(json(&filter.file_types)?));
        }
        if let Some(from) = filter.uploaded_from {
            condition.and("i.upload_date >= ?", Some(ceil_micros(from).into()));
        }
        if let Some(before) = filter.uploaded_before {
            condition.and("i.upload_date < ?", Some(ceil_micros(before).into()));
        }
        let bounds = [
            ("i.width >= ?", filter.min_width.map(u64::from)),
            ("i.width <= ?", filter.max_width.map(u64::from)),
            ("i.height >= ?", filter.min_height.map(u64::from)),
            ("i.height <= ?", filter.max_height.map(u64::from)),
            ("i.byte_count >= ?", filter.min_bytes),
            ("i.byte_count <= ?", filter.max_bytes),
        ];
        for (sql, bound) in bounds {
            if let Some(bound) = bound {
                condition.and(sql, Some(i64::try_from(bound).unwrap_or(i64::MAX).into()));
            }
        }
        if let Some(has) = filter.has_generation_prompt {
            condition.and("i.has_generation_prompt = ?", Some(i64::from(has).into()));
        }
        if let Some(has) = filter.has_caption {
            let exists = "EXISTS (SELECT 1 FROM image_descriptions d WHERE d.image_id = i.image_id)";
            condition.and(&if has { exists.to_owned() } else { format!("NOT {exists}") }, None);
        }
        if let Some(part) = &filter.file_name_contains {
            // instr() has no wildcards, so nothing needs escaping; lower() changes ASCII letters only.
            condition.and("instr(lower(i.file_name), lower(?)) > 0", Some(part.clone().into()));
        }
        if let Some(pattern) = &filter.file_name_pattern {
            // LIKE too compares ASCII letters without case, and only those.
            condition.and("i.file_name LIKE ? ESCAPE '\\'", Some(like_pattern(pattern).into()));
        }
        if let Some(model) = &filter.generation_model {
            condition.and("lower(i.generation_model) = lower(?)", Some(model.clone().into()));
        }
        if let Some(sampler) = &filter.sampler {
            condition.and("lower(i.generation_sampler) = lower(?)", Some(sampler.clone().into()));
        }
        if let Some(seed) = filter.seed {
            condition.and("i.generation_seed = ?", Some(seed.to_string().into()));
        }
        Ok(condition)
    }

    /// Leaves out the rows whose `column` is one of `ids`.
    pub(super) fn without(mut self, column: &str, ids: &[ImageId]) -> Result<Self, StoreError> {
        if !ids.is_empty() {
            self.and(&format!("{column} NOT IN (SELECT value FROM json_each(?))"), Some(json(ids)?));
        }
        Ok(self)
    }

    fn and(&mut self, sql: &str, parameter: Option<Value>) {
        self.sql.push_str(" AND ");
        self.sql.push_str(sql);
        self.parameters.extend(parameter);
    }

    /// Further conditions for a WHERE that already has one: empty, or starting with AND.
    pub(super) fn sql(&self) -> &str {
        &self.sql
    }

    /// All parameters of a statement: those before the condition, the condition's, those after it.
    pub(super) fn parameters<const B: usize, const A: usize>(
        &self,
        before: [Value; B],
        after: [Value; A],
    ) -> rusqlite::ParamsFromIter<Vec<Value>> {
        rusqlite::params_from_iter(
            before.into_iter().chain(self.parameters.iter().cloned()).chain(after).collect::<Vec<_>>(),
        )
    }
}

/// A list as one parameter for `json_each(?)`: the statement stays the same whatever the length.
pub(super) fn json<T: serde::Serialize>(list: &[T]) -> Result<Value, StoreError> {
    serde_json::to_string(list).map(Value::Text).map_err(|error| StoreError::Internal(error.to_string()))
}

/// A count as a parameter; more than the largest SQL integer is as good as that.
pub(super) fn count(n: usize) -> Value {
    Value::Integer(i64::try_from(n).unwrap_or(i64::MAX))
}

/// Microseconds since 1970, rounded down: how upload dates are stored.
pub(super) fn micros(date: OffsetDateTime) -> i64 {
    clamp(date.unix_timestamp_nanos().div_euclid(1000))
}

/// Rounded up: a bound between two microseconds lets through what it would let through unrounded.
fn ceil_micros(date: OffsetDateTime) -> i64 {
    clamp((date.unix_timestamp_nanos() + 999).div_euclid(1000))
}

/// The date a stored number of microseconds stands for.
pub(super) fn date(micros: i64) -> Result<OffsetDateTime, StoreError> {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(micros) * 1000)
        .map_err(|error| StoreError::Damaged(format!("upload date {micros}: {error}")))
}

fn clamp(micros: i128) -> i64 {
    // All dates of the `time` crate fit; the bound only spares us a panic if that ever changes.
    i64::try_from(micros).unwrap_or(if micros < 0 { i64::MIN } else { i64::MAX })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_keep_their_microseconds() {
        for nanos in [0, 1_700_000_000_123_456_000, -1_000] {
            let at = OffsetDateTime::from_unix_timestamp_nanos(nanos).unwrap();
            assert_eq!(date(micros(at)).unwrap(), at);
        }
        let between = OffsetDateTime::from_unix_timestamp_nanos(-1).unwrap();
        assert_eq!((micros(between), ceil_micros(between)), (-1, 0));
    }
}
