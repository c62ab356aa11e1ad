//! A [`Filter`] as a condition in SQL.

mod texts;
mod values;

use crate::oracle::connection::value::{Binds, Value, in_list, timestamp_ceil};
use crate::oracle::rows::columns::{folded_camera, folded_part};
use crate::oracle::rows::tags::text_values;
use crate::{Filter, ImageId, StoreError};

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
    /// The beginning of the names of its placeholders.
    prefix: String,
    /// Whether it may be unknown, because an image lacks a fact.
    may_be_unknown: bool,
    /// The text, to be added to a WHERE that already has a condition.
    pub(crate) sql: String,
    /// The values of its placeholders.
    pub(crate) binds: Binds<'a>,
}

impl<'a> Condition<'a> {
    /// Makes the condition of `filter` on `images i`.
    ///
    /// # Errors
    /// [`StoreError::BadKeywords`] for the terms of the filter.
    pub(crate) fn new(filter: &'a Filter) -> Result<Self, StoreError> {
        Self::on(Rows::Images, filter, String::new())
    }

    /// Makes the condition of `filter` on rows `e` of an embedding table.
    ///
    /// # Errors
    /// [`StoreError::BadKeywords`] for the terms of the filter.
    pub(crate) fn on_embeddings(filter: &'a Filter) -> Result<Self, StoreError> {
        Self::on(Rows::Embeddings, filter, String::new())
    }

    fn on(rows: Rows, filter: &'a Filter, prefix: String) -> Result<Self, StoreError> {
        let mut condition = Self { rows, prefix, may_be_unknown: false, sql: String::new(), binds: Binds::none() };
        condition.numbers(filter);
        condition.origin(filter);
        condition.presence(filter);
        condition.names(filter);
        condition.generation(filter);
        condition.values(filter);
        condition.folders(filter);
        condition.terms(filter)?;
        condition.none_of(filter)?;
        Ok(condition)
    }

    fn numbers(&mut self, filter: &'a Filter) {
        if !filter.file_types.is_empty() {
            let possible = |file_type: &&str| file_type.chars().count() <= MAX_TYPE_CHARS;
            let types: Vec<&str> = filter.file_types.iter().map(String::as_str).filter(possible).collect();
            let list = in_list(&self.placeholder("type"), &types, &mut self.binds);
            let column = self.column("file_type");
            self.and(&format!("{column} IN ({list})"));
        }
        if let Some(from) = filter.uploaded_from {
            self.compare("upload_date", ">=", "uploaded_from", timestamp_ceil(from));
        }
        if let Some(before) = filter.uploaded_before {
            self.compare("upload_date", "<", "uploaded_before", timestamp_ceil(before));
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
                self.compare(column, comparison, name, Value::Unsigned(bound));
            }
        }
    }

    fn origin(&mut self, filter: &Filter) {
        if let Some(from) = filter.taken_from {
            self.compare("taken_local", ">=", "taken_from", timestamp_ceil(from.assume_utc()));
        }
        if let Some(before) = filter.taken_before {
            self.compare("taken_local", "<", "taken_before", timestamp_ceil(before.assume_utc()));
        }
        if !filter.cameras.is_empty() {
            let cameras: Vec<String> = filter.cameras.iter().map(|camera| folded_camera(camera)).collect();
            self.one_of("camera_folded", "camera", &cameras);
        }
    }

    fn generation(&mut self, filter: &Filter) {
        for (column, name, parts) in [
            ("generation_model", "checkpoint", &filter.checkpoints),
            ("generation_sampler", "sampler", &filter.samplers),
        ] {
            if !parts.is_empty() {
                let parts: Vec<String> = parts.iter().map(|part| folded_part(part)).collect();
                self.one_of(column, name, &parts);
            }
        }
    }

    fn presence(&mut self, filter: &Filter) {
        if let Some(has) = filter.has_taken {
            let column = self.column("taken_local");
            self.and_known(&format!("{column} IS {}NULL", if has { "NOT " } else { "" }));
        }
        if let Some(has) = filter.has_generation_prompt {
            match (self.rows, has) {
                (Rows::Images, true) => self.and_known("i.generation_prompt IS NOT NULL"),
                (Rows::Images, false) => self.and_known("i.generation_prompt IS NULL"),
                (Rows::Embeddings, true) => self.and("e.has_generation_prompt = 1"),
                (Rows::Embeddings, false) => self.and("e.has_generation_prompt = 0"),
            }
        }
        if let Some(has) = filter.has_caption {
            let not = if has { "" } else { "NOT " };
            match self.rows {
                Rows::Images => self.and_known(&format!(
                    "{not}EXISTS (SELECT 1 FROM image_descriptions d \
                     WHERE d.image_id = i.image_id AND d.description IS NOT NULL)"
                )),
                Rows::Embeddings => self.and(&format!("e.has_caption = {}", u8::from(has))),
            }
        }
    }

    /// Leaves out what meets a condition. A comparison with a fact that an image lacks is unknown, so the image does not meet
    /// it.
    fn none_of(&mut self, filter: &'a Filter) -> Result<(), StoreError> {
        for (n, none) in filter.none_of.iter().enumerate() {
            let none = Self::on(self.rows, none, self.placeholder(&format!("none{n}_")))?;
            let Some(met) = none.sql.strip_prefix(" AND ") else {
                // Every image meets an empty condition.
                self.and_known("1 = 0");
                continue;
            };
            self.and_known(&if none.may_be_unknown {
                format!("CASE WHEN {met} THEN 1 ELSE 0 END = 0")
            } else {
                format!("NOT ({met})")
            });
            self.binds = std::mem::take(&mut self.binds).and(none.binds);
        }
        Ok(())
    }

    /// Returns the column of a fact that both kinds of rows hold under one name.
    fn column(&self, name: &str) -> String {
        match self.rows {
            Rows::Images => format!("i.{name}"),
            Rows::Embeddings => format!("e.{name}"),
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
            self.and_known(&format!("{column} NOT IN ({list})"));
        }
        self
    }

    /// Adds a condition that may be unknown.
    fn and(&mut self, sql: &str) {
        self.may_be_unknown = true;
        self.and_known(sql);
    }

    /// Adds a condition that is met or not met by every image.
    fn and_known(&mut self, sql: &str) {
        self.sql.push_str(" AND ");
        self.sql.push_str(sql);
    }

    /// Returns the name of a placeholder, which no other condition of the statement has.
    fn placeholder(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    /// Binds a value and returns its placeholder.
    fn bind(&mut self, name: &str, value: Value<'a>) -> String {
        let name = self.placeholder(name);
        let placeholder = format!(":{name}");
        self.binds.push(name, value);
        placeholder
    }

    fn compare(&mut self, column: &str, comparison: &str, name: &str, value: Value<'a>) {
        let (column, placeholder) = (self.column(column), self.bind(name, value));
        self.and(&format!("{column} {comparison} {placeholder}"));
    }

    fn one_of(&mut self, column: &str, name: &str, texts: &[String]) {
        let list = in_list(&self.placeholder(name), &text_values(texts), &mut self.binds);
        let column = self.column(column);
        self.and(&format!("{column} IN ({list})"));
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
            cameras: vec![hostile.into()],
            folders: vec![hostile.into(), format!("/{hostile}")],
            loras: vec![hostile.into()],
            any_loras: vec![hostile.into()],
            terms: vec![hostile.into()],
            ..Filter::default()
        };
        let filter = Filter { none_of: vec![filter.clone(), filter.clone()], ..filter };
        let condition = Condition::new(&filter).unwrap().excluding(&[1, 2]);
        assert!(!condition.sql.contains("OR '1'"), "{}", condition.sql);
        for (name, _) in condition.binds.parameters() {
            assert!(condition.sql.contains(&format!(":{name}")), "{name} in {}", condition.sql);
        }
    }

    #[test]
    fn a_condition_on_embeddings_is_about_that_table_alone() {
        let taken = time::macros::datetime!(2024-05-01 12:00);
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
            taken_from: Some(taken),
            taken_before: Some(taken),
            has_taken: Some(true),
            cameras: vec!["c".into()],
            folders: vec!["/f".into()],
            ..Filter::default()
        };
        let sql = Condition::on_embeddings(&filter).unwrap().where_clause();
        assert!(sql.starts_with(" WHERE e.file_type IN (:type0) AND e.upload_date >= :uploaded_from AND "), "{sql}");
        let compared: Vec<&str> =
            sql.split("e.").skip(1).filter_map(|rest| rest.split([' ', ',', ')']).next()).collect();
        for column in FILTER_COLUMNS {
            assert!(compared.contains(&column), "{column} in {sql}");
        }
        assert!(compared.iter().all(|column| FILTER_COLUMNS.contains(column)), "{sql}");
        assert!(!sql.contains("i.") && !sql.contains("SELECT"), "{sql}");
    }

    #[test]
    fn what_no_image_may_meet_is_negated_so_that_unknown_counts_as_not_met() {
        let tagged = Filter { tags: vec!["a".into()], ..Filter::default() };
        let wide = Filter { min_width: Some(1), ..tagged.clone() };
        let without = |none: Filter| {
            let filter = Filter { none_of: vec![none], ..Filter::default() };
            Condition::new(&filter).unwrap().sql
        };
        let has = "EXISTS (SELECT 1 FROM image_tags t WHERE t.image_id = i.image_id AND t.folded = :none0_tag0)";
        assert_eq!(without(tagged), format!(" AND NOT ({has})"));
        let wide_sql = format!(" AND CASE WHEN i.width >= :none0_min_width AND {has} THEN 1 ELSE 0 END = 0");
        assert_eq!(without(wide), wide_sql);
        assert_eq!(without(Filter::default()), " AND 1 = 0");
    }

    #[test]
    fn nothing_asked_for_adds_nothing() {
        let filter = Filter { file_name_contains: Some(String::new()), ..Filter::default() };
        assert_eq!(Condition::new(&filter).unwrap().sql, "");
        assert_eq!(Condition::on_embeddings(&filter).unwrap().where_clause(), "");
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
        let condition = Condition::new(&filter).unwrap();
        assert!(condition.sql.starts_with(" AND i.file_type IN (NULL) AND 1 = 0 AND 1 = 0"), "{}", condition.sql);
        assert_eq!(condition.binds.parameters().len(), 1);
    }
}
