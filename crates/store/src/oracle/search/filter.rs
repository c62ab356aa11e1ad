//! A [`Filter`] as a condition in SQL.

use std::borrow::Cow;

use crate::oracle::connection::value::{Binds, Value, in_list, timestamp_ceil};
use crate::oracle::rows::facts::FOLDED_NAME;
use crate::oracle::rows::images::folded_part;
use crate::oracle::rows::tags::tag_values;
use crate::tags::folded_tags;
use crate::text::folded_name_part;
use crate::{Filter, ImageId, like_pattern};

/// The length of the column of media types. Rows hold no longer values, and longer values could not be bound.
const MAX_TYPE_CHARS: usize = 50;

/// The longest value that can be bound as VARCHAR2, in bytes.
const MAX_TEXT_BYTES: usize = 4_000;

/// The rows that a condition is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rows {
    /// Rows `i` of IMAGES.
    Images,
    /// Rows `e` of an embedding table, which hold copies of the facts (`rows::facts`).
    Embeddings,
}

/// A condition on images, which is empty or starts with AND, and its values.
#[derive(Debug)]
pub(crate) struct Condition<'a> {
    rows: Rows,
    /// The text, to be added to a WHERE that already has a condition.
    pub(crate) sql: String,
    /// The values of its placeholders.
    pub(crate) binds: Binds<'a>,
}

impl<'a> Condition<'a> {
    /// Makes the condition of `filter` on `images i`.
    pub(crate) fn new(filter: &'a Filter) -> Self {
        Self::on(Rows::Images, filter)
    }

    /// Makes the condition of `filter` on rows `e` of an embedding table.
    pub(crate) fn on_embeddings(filter: &'a Filter) -> Self {
        Self::on(Rows::Embeddings, filter)
    }

    fn on(rows: Rows, filter: &'a Filter) -> Self {
        let mut condition = Self { rows, sql: String::new(), binds: Binds::none() };
        if !filter.file_types.is_empty() {
            let possible = |file_type: &&str| file_type.chars().count() <= MAX_TYPE_CHARS;
            let types: Vec<&str> = filter.file_types.iter().map(String::as_str).filter(possible).collect();
            let list = in_list("type", &types, &mut condition.binds);
            let column = condition.column("file_type");
            condition.and(&format!("{column} IN ({list})"));
        }
        if let Some(from) = filter.uploaded_from {
            condition.compare("upload_date", ">=", "uploaded_from", timestamp_ceil(from));
        }
        if let Some(before) = filter.uploaded_before {
            condition.compare("upload_date", "<", "uploaded_before", timestamp_ceil(before));
        }
        let bounds = [
            ("width", ">=", "min_width", filter.min_width.map(u64::from)),
            ("width", "<=", "max_width", filter.max_width.map(u64::from)),
            ("height", ">=", "min_height", filter.min_height.map(u64::from)),
            ("height", "<=", "max_height", filter.max_height.map(u64::from)),
            ("byte_count", ">=", "min_bytes", filter.min_bytes),
            ("byte_count", "<=", "max_bytes", filter.max_bytes),
            ("generation_seed", "=", "seed", filter.seed),
        ];
        for (column, comparison, name, bound) in bounds {
            if bound.is_some() {
                condition.compare(column, comparison, name, Value::Unsigned(bound));
            }
        }
        if let Some(has) = filter.has_generation_prompt {
            condition.and(match (rows, has) {
                (Rows::Images, true) => "i.generation_prompt IS NOT NULL",
                (Rows::Images, false) => "i.generation_prompt IS NULL",
                (Rows::Embeddings, true) => "e.has_generation_prompt = 1",
                (Rows::Embeddings, false) => "e.has_generation_prompt = 0",
            });
        }
        if let Some(has) = filter.has_caption {
            condition.and(match (rows, has) {
                (Rows::Images, true) => {
                    "EXISTS (SELECT 1 FROM image_descriptions d \
                     WHERE d.image_id = i.image_id AND d.description IS NOT NULL)"
                }
                (Rows::Images, false) => {
                    "NOT EXISTS (SELECT 1 FROM image_descriptions d \
                     WHERE d.image_id = i.image_id AND d.description IS NOT NULL)"
                }
                (Rows::Embeddings, true) => "e.has_caption = 1",
                (Rows::Embeddings, false) => "e.has_caption = 0",
            });
        }
        condition.names(filter);
        for (column, name, parts) in [
            ("generation_model", "checkpoint", &filter.checkpoints),
            ("generation_sampler", "sampler", &filter.samplers),
        ] {
            if !parts.is_empty() {
                let values: Vec<_> =
                    parts.iter().map(|part| Value::Text(Some(Cow::Owned(folded_part(part))))).collect();
                let list = in_list(name, &values, &mut condition.binds);
                let column = condition.column(column);
                condition.and(&format!("{column} IN ({list})"));
            }
        }
        condition.tags(filter);
        condition
    }

    /// Requires tags. They have a table of their own, in which each image that passes the rest is looked up by the key.
    fn tags(&mut self, filter: &Filter) {
        let image_id = self.column("image_id");
        let has = |condition: &str| {
            format!("EXISTS (SELECT 1 FROM image_tags t WHERE t.image_id = {image_id} AND t.folded {condition})")
        };
        for (n, tag) in folded_tags(&filter.tags).into_iter().enumerate() {
            self.and(&has(&format!("= :tag{n}")));
            self.binds.push(format!("tag{n}"), Value::Text(Some(Cow::Owned(tag))));
        }
        if !filter.any_tags.is_empty() {
            let list = in_list("any_tag", &tag_values(&folded_tags(&filter.any_tags)), &mut self.binds);
            self.and(&has(&format!("IN ({list})")));
        }
    }

    /// Requires one of these folded tags in a form that is read from the index of tags, before anything else.
    pub(crate) fn tagged(mut self, folded: &[String]) -> Self {
        let list = in_list("rare_tag", &tag_values(folded), &mut self.binds);
        let column = self.column("image_id");
        self.and(&format!("{column} IN (SELECT t.image_id FROM image_tags t WHERE t.folded IN ({list}))"));
        self
    }

    /// Returns the column of a fact that both kinds of rows hold under one name.
    fn column(&self, name: &str) -> String {
        match self.rows {
            Rows::Images => format!("i.{name}"),
            Rows::Embeddings => format!("e.{name}"),
        }
    }

    fn names(&mut self, filter: &Filter) {
        let name = match self.rows {
            Rows::Images => FOLDED_NAME,
            Rows::Embeddings => "e.file_name_folded",
        };
        // Every name contains an empty part, but Oracle treats an empty text as NULL, which no name contains.
        match filter.file_name_contains.as_deref().map(folded_name_part) {
            None => {}
            Some(Some(part)) if part.is_empty() => {}
            Some(Some(part)) => {
                self.and(&format!("INSTR({name}, :name_part) > 0"));
                self.binds.push("name_part", Value::Text(Some(Cow::Owned(part))));
            }
            Some(None) => self.and("1 = 0"),
        }
        match filter.file_name_pattern.as_deref().map(like_pattern) {
            None => {}
            // The folded name is NULL where the name is.
            Some(Some(like)) if like.is_empty() => self.and(&format!("{name} IS NULL")),
            // Escaped characters may make a pattern longer than any value that can be bound.
            Some(Some(like)) if like.len() <= MAX_TEXT_BYTES => {
                self.and(&format!("{name} LIKE :name_pattern ESCAPE '\\'"));
                self.binds.push("name_pattern", Value::Text(Some(Cow::Owned(like))));
            }
            Some(_) => self.and("1 = 0"),
        }
    }

    /// Returns the condition as a WHERE, which is empty when every image passes.
    pub(crate) fn where_clause(&self) -> String {
        self.sql.strip_prefix(" AND ").map(|conditions| format!(" WHERE {conditions}")).unwrap_or_default()
    }

    /// Excludes a few images.
    pub(crate) fn excluding(mut self, images: &[ImageId]) -> Self {
        if !images.is_empty() {
            let list = in_list("without", images, &mut self.binds);
            let column = self.column("image_id");
            self.and(&format!("{column} NOT IN ({list})"));
        }
        self
    }

    fn and(&mut self, sql: &str) {
        self.sql.push_str(" AND ");
        self.sql.push_str(sql);
    }

    fn compare(&mut self, column: &str, comparison: &str, name: &'static str, value: Value<'a>) {
        let column = self.column(column);
        self.and(&format!("{column} {comparison} :{name}"));
        self.binds.push(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::rows::facts::FILTER_COLUMNS;

    #[test]
    fn values_never_become_part_of_the_text() {
        let hostile = "x' OR '1'='1";
        let filter = Filter {
            file_types: vec![hostile.into()],
            file_name_contains: Some(hostile.into()),
            file_name_pattern: Some(hostile.into()),
            checkpoints: vec![hostile.into()],
            samplers: vec![hostile.into()],
            seed: Some(u64::MAX),
            tags: vec![hostile.into(), "b".into()],
            any_tags: vec![hostile.into()],
            ..Filter::default()
        };
        let condition = Condition::new(&filter).excluding(&[1, 2]);
        assert!(!condition.sql.contains("OR '1'"), "{}", condition.sql);
        for (name, _) in condition.binds.parameters() {
            assert!(condition.sql.contains(&format!(":{name}")), "{name} in {}", condition.sql);
        }
    }

    #[test]
    fn a_condition_on_embeddings_is_about_that_table_alone() {
        let filter = Filter {
            file_types: vec!["image/png".into()],
            uploaded_from: Some(time::OffsetDateTime::UNIX_EPOCH),
            uploaded_before: Some(time::OffsetDateTime::UNIX_EPOCH),
            min_width: Some(1),
            max_width: Some(1),
            min_height: Some(1),
            max_height: Some(1),
            min_bytes: Some(1),
            max_bytes: Some(1),
            has_generation_prompt: Some(true),
            has_caption: Some(false),
            file_name_contains: Some("a".into()),
            file_name_pattern: Some("*".into()),
            checkpoints: vec!["m".into()],
            samplers: vec!["s".into()],
            seed: Some(1),
            ..Filter::default()
        };
        let sql = Condition::on_embeddings(&filter).where_clause();
        assert!(sql.starts_with(" WHERE e.file_type IN (:type0) AND e.upload_date >= :uploaded_from AND "), "{sql}");
        let compared: Vec<&str> = sql.split("e.").skip(1).filter_map(|rest| rest.split([' ', ',']).next()).collect();
        for column in FILTER_COLUMNS {
            assert!(compared.contains(&column), "{column} in {sql}");
        }
        assert!(compared.iter().all(|column| FILTER_COLUMNS.contains(column)), "{sql}");
        assert!(!sql.contains("i.") && !sql.contains("SELECT"), "{sql}");
    }

    #[test]
    fn nothing_asked_for_adds_nothing() {
        let filter = Filter { file_name_contains: Some(String::new()), ..Filter::default() };
        assert_eq!(Condition::new(&filter).sql, "");
        assert_eq!(Condition::on_embeddings(&filter).where_clause(), "");
    }

    #[test]
    fn what_is_longer_than_any_row_is_not_even_asked_for() {
        let long = "x".repeat(100_000);
        let filter = Filter {
            file_types: vec![long.clone()],
            file_name_contains: Some(long.clone()),
            file_name_pattern: Some(long.clone()),
            samplers: vec![long],
            ..Filter::default()
        };
        let condition = Condition::new(&filter);
        assert!(condition.sql.starts_with(" AND i.file_type IN (NULL) AND 1 = 0 AND 1 = 0"), "{}", condition.sql);
        assert_eq!(condition.binds.parameters().len(), 1);
    }
}
