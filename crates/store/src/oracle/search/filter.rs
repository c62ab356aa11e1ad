//! A [`Filter`] as a condition in SQL.

use std::borrow::Cow;

use crate::oracle::connection::value::{Binds, Value, in_list, timestamp_ceil};
use crate::oracle::rows::images::folded_part;
use crate::{Filter, ImageId, like_pattern};

/// The file name with only its ASCII letters folded, because every store compares names that way.
const FOLDED_NAME: &str = "TRANSLATE(i.file_name, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ', 'abcdefghijklmnopqrstuvwxyz')";

/// The lengths of the compared columns. Rows hold no longer values, and longer values could not be bound.
const MAX_TYPE_CHARS: usize = 50;
const MAX_NAME_CHARS: usize = 1_000;

/// The longest value that can be bound as VARCHAR2, in bytes.
const MAX_TEXT_BYTES: usize = 4_000;

/// A condition on `images i`, which is empty or starts with AND, and its values.
#[derive(Debug, Default)]
pub(crate) struct Condition<'a> {
    /// The text, to be added to a WHERE that already has a condition.
    pub(crate) sql: String,
    /// The values of its placeholders.
    pub(crate) binds: Binds<'a>,
}

impl<'a> Condition<'a> {
    /// Makes the condition of `filter`.
    pub(crate) fn new(filter: &'a Filter) -> Self {
        let mut condition = Self::default();
        if !filter.file_types.is_empty() {
            let possible = |file_type: &&str| file_type.chars().count() <= MAX_TYPE_CHARS;
            let types: Vec<&str> = filter.file_types.iter().map(String::as_str).filter(possible).collect();
            let list = in_list("type", &types, &mut condition.binds);
            condition.and(&format!("i.file_type IN ({list})"));
        }
        if let Some(from) = filter.uploaded_from {
            condition.compare("i.upload_date >= ", "uploaded_from", timestamp_ceil(from));
        }
        if let Some(before) = filter.uploaded_before {
            condition.compare("i.upload_date < ", "uploaded_before", timestamp_ceil(before));
        }
        let bounds = [
            ("i.width >= ", "min_width", filter.min_width.map(u64::from)),
            ("i.width <= ", "max_width", filter.max_width.map(u64::from)),
            ("i.height >= ", "min_height", filter.min_height.map(u64::from)),
            ("i.height <= ", "max_height", filter.max_height.map(u64::from)),
            ("i.byte_count >= ", "min_bytes", filter.min_bytes),
            ("i.byte_count <= ", "max_bytes", filter.max_bytes),
            ("i.generation_seed = ", "seed", filter.seed),
        ];
        for (sql, name, bound) in bounds {
            if bound.is_some() {
                condition.compare(sql, name, Value::Unsigned(bound));
            }
        }
        if let Some(has) = filter.has_generation_prompt {
            condition.and(if has { "i.generation_prompt IS NOT NULL" } else { "i.generation_prompt IS NULL" });
        }
        if let Some(has) = filter.has_caption {
            let exists = "EXISTS (SELECT 1 FROM image_descriptions d \
                          WHERE d.image_id = i.image_id AND d.description IS NOT NULL)";
            condition.and(&if has { exists.to_owned() } else { format!("NOT {exists}") });
        }
        condition.names(filter);
        for (column, name, part) in [
            ("i.generation_model = ", "generation_model", &filter.generation_model),
            ("i.generation_sampler = ", "generation_sampler", &filter.sampler),
        ] {
            if let Some(part) = part {
                condition.compare(column, name, Value::Text(Some(Cow::Owned(folded_part(part)))));
            }
        }
        condition
    }

    fn names(&mut self, filter: &Filter) {
        // Every name contains an empty part, but Oracle treats an empty text as NULL, which no name contains.
        if let Some(part) = filter.file_name_contains.as_deref().filter(|part| !part.is_empty()) {
            if part.chars().count() > MAX_NAME_CHARS || part.len() > MAX_TEXT_BYTES {
                self.and("1 = 0");
            } else {
                let part = Value::Text(Some(Cow::Owned(part.to_ascii_lowercase())));
                self.and(&format!("INSTR({FOLDED_NAME}, :name_part) > 0"));
                self.binds.push("name_part", part);
            }
        }
        match filter.file_name_pattern.as_deref() {
            None => {}
            Some("") => self.and("i.file_name IS NULL"),
            Some(pattern) => {
                let like = like_pattern(&pattern.to_ascii_lowercase());
                if pattern.chars().filter(|c| *c != '*').count() > MAX_NAME_CHARS || like.len() > MAX_TEXT_BYTES {
                    self.and("1 = 0");
                } else {
                    self.and(&format!("{FOLDED_NAME} LIKE :name_pattern ESCAPE '\\'"));
                    self.binds.push("name_pattern", Value::Text(Some(Cow::Owned(like))));
                }
            }
        }
    }

    /// Excludes a few images.
    pub(crate) fn excluding(mut self, images: &[ImageId]) -> Self {
        if !images.is_empty() {
            let list = in_list("without", images, &mut self.binds);
            self.and(&format!("i.image_id NOT IN ({list})"));
        }
        self
    }

    fn and(&mut self, sql: &str) {
        self.sql.push_str(" AND ");
        self.sql.push_str(sql);
    }

    fn compare(&mut self, sql: &str, name: &'static str, value: Value<'a>) {
        self.and(&format!("{sql}:{name}"));
        self.binds.push(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_never_become_part_of_the_text() {
        let hostile = "x' OR '1'='1";
        let filter = Filter {
            file_types: vec![hostile.into()],
            file_name_contains: Some(hostile.into()),
            file_name_pattern: Some(hostile.into()),
            generation_model: Some(hostile.into()),
            sampler: Some(hostile.into()),
            seed: Some(u64::MAX),
            ..Filter::default()
        };
        let condition = Condition::new(&filter).excluding(&[1, 2]);
        assert!(!condition.sql.contains("OR '1'"), "{}", condition.sql);
        for (name, _) in condition.binds.parameters() {
            assert!(condition.sql.contains(&format!(":{name}")), "{name} in {}", condition.sql);
        }
    }

    #[test]
    fn nothing_asked_for_adds_nothing() {
        let filter = Filter { file_name_contains: Some(String::new()), ..Filter::default() };
        assert_eq!(Condition::new(&filter).sql, "");
    }

    #[test]
    fn what_is_longer_than_any_row_is_not_even_asked_for() {
        let long = "x".repeat(100_000);
        let filter = Filter {
            file_types: vec![long.clone()],
            file_name_contains: Some(long.clone()),
            file_name_pattern: Some(long.clone()),
            sampler: Some(long),
            ..Filter::default()
        };
        let condition = Condition::new(&filter);
        assert!(condition.sql.starts_with(" AND i.file_type IN (NULL) AND 1 = 0 AND 1 = 0"), "{}", condition.sql);
        assert_eq!(condition.binds.parameters().len(), 1);
    }
}
