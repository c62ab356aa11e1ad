//! Conditions on names, folders and searchable texts.

use std::borrow::Cow;

use super::{Condition, MAX_TEXT_BYTES, Rows};
use crate::oracle::connection::value::Value;
use crate::oracle::rows::facts::FOLDED_NAME;
use crate::oracle::search::expression::expression;
use crate::oracle::search::literal_of_like;
use crate::source_path::FolderCondition;
use crate::text::folded_name_part;
use crate::{Filter, StoreError, like_pattern};

impl Condition<'_> {
    pub(super) fn names(&mut self, filter: &Filter) {
        let name = match self.rows {
            Rows::Images => FOLDED_NAME,
            Rows::Embeddings => "e.file_name_folded",
        };
        // Every name contains an empty part, but Oracle treats an empty text as NULL, which no name contains.
        match filter.file_name_contains.as_deref().map(folded_name_part) {
            None => {}
            Some(Some(part)) if part.is_empty() => {}
            Some(Some(part)) => {
                let part = self.bind("name_part", Value::Text(Some(Cow::Owned(part))));
                self.and(&format!("INSTR({name}, {part}) > 0"));
            }
            Some(None) => self.and_known("1 = 0"),
        }
        match filter.file_name_pattern.as_deref().map(like_pattern) {
            None => {}
            // The folded name is NULL where the name is.
            Some(Some(like)) if like.is_empty() => self.and_known(&format!("{name} IS NULL")),
            // Escaped characters may make a pattern longer than any value that can be bound.
            Some(Some(like)) if like.len() <= MAX_TEXT_BYTES => {
                let like = self.bind("name_pattern", Value::Text(Some(Cow::Owned(like))));
                self.and(&format!("{name} LIKE {like} ESCAPE '\\'"));
            }
            Some(_) => self.and_known("1 = 0"),
        }
    }

    /// Requires one of the folders.
    pub(super) fn folders(&mut self, filter: &Filter) {
        if filter.folders.is_empty() {
            return;
        }
        let column = self.column("folder_folded");
        let mut parts = Vec::new();
        for condition in filter.folders.iter().filter_map(|folder| FolderCondition::new(folder)) {
            let like = match &condition {
                FolderCondition::Below(start) => format!("{}%", literal_of_like(start)),
                FolderCondition::Anywhere(part) => format!("%{}%", literal_of_like(part)),
            };
            // A longer folder is in no row.
            if like.len() <= MAX_TEXT_BYTES {
                let like = self.bind(&format!("folder{}", parts.len()), Value::Text(Some(Cow::Owned(like))));
                parts.push(format!("{column} LIKE {like} ESCAPE '\\'"));
            }
        }
        if parts.is_empty() {
            self.and_known("1 = 0");
        } else {
            self.and(&format!("({})", parts.join(" OR ")));
        }
    }

    /// Requires the terms. CONTAINS stands in a subquery, because a keyword search has one of its own, and a statement may
    /// leave out several.
    pub(super) fn terms(&mut self, filter: &Filter) -> Result<(), StoreError> {
        if filter.terms.is_empty() {
            return Ok(());
        }
        match expression(&filter.terms, usize::MAX)? {
            Some(expression) => {
                let terms = self.bind("held_terms", Value::Text(Some(Cow::Owned(expression))));
                let image_id = self.column("image_id");
                self.and_known(&format!(
                    "{image_id} IN (SELECT x.image_id FROM images x WHERE CONTAINS(x.search_text, {terms}) > 0)"
                ));
            }
            None => self.and_known("1 = 0"),
        }
        Ok(())
    }
}
