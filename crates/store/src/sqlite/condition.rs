//! The SQL condition of a [`Filter`].

use rusqlite::Connection;
use rusqlite::types::Value;

use super::expression::expression;
use super::values::{ceil_micros, count, json, unsigned};
use crate::generation::compared_part;
use crate::loras::folded_loras;
use crate::source_path::FolderCondition;
use crate::tags::folded_tags;
use crate::taken::ceil_local_micros;
use crate::text::{folded, folded_name_part};
use crate::{Filter, ImageId, StoreError, like_pattern};

/// The largest number of images of a tag for which a scan of all images begins at the tag. Of a more common tag, a page
/// is found after a small part of the images.
const MAX_TAGGED: usize = 4_096;

/// The images of which a scan that begins at tags reads the rows.
const TAGGED: &str = "i.image_id IN (SELECT t.image_id FROM image_tags t \
                      WHERE t.folded IN (SELECT value FROM json_each(?)))";

/// A condition on `images i` with its parameters, in the order of its question marks. Values never become part of the
/// text.
#[derive(Debug, Default)]
pub(super) struct Condition {
    sql: String,
    parameters: Vec<Value>,
}

impl Condition {
    /// Makes the condition of `filter`.
    pub(super) fn new(filter: &Filter) -> Result<Self, StoreError> {
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
            // instr() has no wildcards, so nothing needs escaping.
            match folded_name_part(part) {
                Some(part) => condition.and("instr(i.file_name_folded, ?) > 0", Some(part.into())),
                None => condition.and("0", None),
            }
        }
        if let Some(pattern) = &filter.file_name_pattern {
            match like_pattern(pattern) {
                Some(like) => condition.and("i.file_name_folded LIKE ? ESCAPE '\\'", Some(like.into())),
                None => condition.and("0", None),
            }
        }
        let parts = [("i.generation_model", &filter.checkpoints), ("i.generation_sampler", &filter.samplers)];
        for (column, parts) in parts.into_iter().filter(|(_, parts)| !parts.is_empty()) {
            let parts: Vec<String> = parts.iter().map(|part| compared_part(part)).collect();
            let sql = format!("lower({column}) IN (SELECT value FROM json_each(?))");
            condition.and(&sql, Some(json(&parts)?));
        }
        if let Some(seed) = filter.seed {
            condition.and("i.generation_seed = ?", Some(seed.to_string().into()));
        }
        condition.values_of("image_tags", &folded_tags(&filter.tags), &folded_tags(&filter.any_tags))?;
        condition.values_of("image_loras", &folded_loras(&filter.loras), &folded_loras(&filter.any_loras))?;
        condition.origin(filter)?;
        condition.texts(&filter.terms)?;
        for none in &filter.none_of {
            let none = Self::new(none)?;
            // A condition on a fact that an image lacks is NULL, and not met.
            condition.sql.push_str(&format!(" AND (1{}) IS NOT TRUE", none.sql));
            condition.parameters.extend(none.parameters);
        }
        Ok(condition)
    }

    /// Requires all of some values, and one of others, which have rows in a table of their own.
    fn values_of(&mut self, table: &str, all: &[String], any: &[String]) -> Result<(), StoreError> {
        let has = |condition: &str| {
            format!("EXISTS (SELECT 1 FROM {table} t WHERE t.image_id = i.image_id AND t.folded {condition})")
        };
        for value in all {
            self.and(&has("= ?"), Some(value.clone().into()));
        }
        if !any.is_empty() {
            self.and(&has("IN (SELECT value FROM json_each(?))"), Some(json(any)?));
        }
        Ok(())
    }

    /// Compares the time, the camera and the folder.
    fn origin(&mut self, filter: &Filter) -> Result<(), StoreError> {
        if let Some(from) = filter.taken_from {
            self.and("i.taken_local >= ?", Some(ceil_local_micros(from).into()));
        }
        if let Some(before) = filter.taken_before {
            self.and("i.taken_local < ?", Some(ceil_local_micros(before).into()));
        }
        if let Some(has) = filter.has_taken {
            self.and(if has { "i.taken_local IS NOT NULL" } else { "i.taken_local IS NULL" }, None);
        }
        if !filter.cameras.is_empty() {
            let cameras: Vec<String> = filter.cameras.iter().map(|camera| folded(camera)).collect();
            self.and("i.camera_folded IN (SELECT value FROM json_each(?))", Some(json(&cameras)?));
        }
        if !filter.folders.is_empty() {
            let folders: Vec<_> = filter.folders.iter().filter_map(|folder| FolderCondition::new(folder)).collect();
            let one = |folder: &FolderCondition| match folder {
                FolderCondition::Below(_) => "instr(i.folder_folded, ?) = 1",
                FolderCondition::Anywhere(_) => "instr(i.folder_folded, ?) > 0",
            };
            let conditions: Vec<_> = folders.iter().map(one).collect();
            let conditions = if conditions.is_empty() { "0".to_owned() } else { conditions.join(" OR ") };
            self.and(&format!("({conditions})"), None);
            self.parameters.extend(folders.into_iter().map(|folder| match folder {
                FolderCondition::Below(text) | FolderCondition::Anywhere(text) => Value::Text(text),
            }));
        }
        Ok(())
    }

    /// Requires terms in the texts.
    fn texts(&mut self, terms: &[String]) -> Result<(), StoreError> {
        if terms.is_empty() {
            return Ok(());
        }
        match expression(terms, usize::MAX)? {
            Some(expression) => {
                let holds = "i.image_id IN (SELECT x.rowid FROM image_texts x WHERE x.image_texts MATCH ?)";
                self.and(holds, Some(expression.into()));
            }
            None => self.and("0", None),
        }
        Ok(())
    }

    /// Makes the condition of `filter` for a scan of all images, and returns it with the table that the scan reads: the
    /// covering index of the list, or only the images of a tag that few images have.
    pub(super) fn for_scan(connection: &Connection, filter: &Filter) -> Result<(&'static str, Self), StoreError> {
        let mut condition = Self::new(filter)?;
        match rare_tags(connection, filter)? {
            Some(tags) => {
                condition.and(TAGGED, Some(tags));
                Ok(("images i NOT INDEXED", condition))
            }
            // INDEXED BY makes any plan an error that does not read filter and order from this index.
            None => Ok(("images i INDEXED BY images_newest", condition)),
        }
    }

    /// Adds the condition that `column` is none of `ids`.
    pub(super) fn excluding(mut self, column: &str, ids: &[ImageId]) -> Result<Self, StoreError> {
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

    /// Returns the text of the condition, to follow another condition in a WHERE: empty, or starting with AND.
    pub(super) fn sql(&self) -> &str {
        &self.sql
    }

    /// Returns all parameters of a statement: those before the condition, those of the condition, those after it.
    pub(super) fn parameters(
        &self,
        before: impl IntoIterator<Item = Value>,
        after: impl IntoIterator<Item = Value>,
    ) -> rusqlite::ParamsFromIter<Vec<Value>> {
        rusqlite::params_from_iter(
            before.into_iter().chain(self.parameters.iter().cloned()).chain(after).collect::<Vec<_>>(),
        )
    }
}

/// Returns the required tag, or the list of tags of which one is required, that the fewest images have; `None` when many
/// images have each, or the filter asks for no tag.
fn rare_tags(connection: &Connection, filter: &Filter) -> Result<Option<Value>, StoreError> {
    let mut lists: Vec<Vec<String>> = folded_tags(&filter.tags).into_iter().map(|tag| vec![tag]).collect();
    if !filter.any_tags.is_empty() {
        lists.push(folded_tags(&filter.any_tags));
    }
    let mut rarest: Option<(u64, Value)> = None;
    for list in lists {
        let list = json(&list)?;
        let images: u64 = connection
            .prepare_cached(
                "SELECT count(*) FROM (SELECT 1 FROM image_tags t
                 WHERE t.folded IN (SELECT value FROM json_each(?)) LIMIT ?)",
            )?
            .query_row((list.clone(), count(MAX_TAGGED + 1)), |row| unsigned(row, 0))?;
        if images <= MAX_TAGGED as u64 && rarest.as_ref().is_none_or(|(least, _)| images < *least) {
            rarest = Some((images, list));
        }
    }
    Ok(rarest.map(|(_, list)| list))
}
