//! The words and the facts of all images in memory. Both are caches of the rows that every commit changes.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use mitsuke_index::IdSet;
use rusqlite::{Connection, Transaction};

use super::condition::Condition;
use super::facts::{Change, FactsCache, FactsIndex, FactsRow};
use super::statements::ids;
use super::words::Words;
use super::{document, images};
use crate::text::Document;
use crate::{Filter, Image, ImageId, StoreError};

/// The words and the facts.
pub(super) struct Memory {
    pub(super) words: Words,
    pub(super) facts: FactsCache,
}

/// Images as a transaction leaves them; `None` for one that it has deleted.
pub(super) struct ChangedImages(Vec<(ImageId, Option<Image>)>);

impl ChangedImages {
    /// Reads images at the end of the transaction that has changed them.
    pub(super) fn read(transaction: &Transaction<'_>, image_ids: &[ImageId]) -> Result<Self, StoreError> {
        let image = |image_id: &ImageId| Ok((*image_id, images::image(transaction, *image_id)?));
        image_ids.iter().map(image).collect::<Result<_, _>>().map(Self)
    }
}

impl Memory {
    /// Opens the memory of a database. Words are read when a search needs them; the facts are read by a task.
    pub(super) fn open(database: &Path, busy_timeout: Duration) -> Result<Self, StoreError> {
        Ok(Self { words: Words::open(database, busy_timeout)?, facts: FactsCache::default() })
    }

    /// Applies the changes of a committed transaction. The caller still holds the writer, so that changes come in their
    /// order.
    pub(super) fn apply(&self, changed: &ChangedImages) {
        for (image_id, image) in &changed.0 {
            match image {
                Some(image) => {
                    self.words.put(*image_id, &document::columns(&Document::of(image)));
                    self.facts.apply(Change::Put(Box::new(FactsRow::of(image))));
                }
                None => {
                    self.words.remove(*image_id);
                    self.facts.apply(Change::Remove(*image_id));
                }
            }
        }
    }

    /// Returns the images that pass `filter`; `None` when all do.
    ///
    /// # Errors
    /// [`StoreError::BadKeywords`] for the terms of the filter; the errors of the database.
    pub(super) fn allowed(&self, connection: &Connection, filter: &Filter) -> Result<Option<Arc<IdSet>>, StoreError> {
        if filter.is_empty() {
            return Ok(None);
        }
        if let Some(allowed) = self.with_allowed(filter, |_, allowed| Arc::clone(allowed))? {
            return Ok(Some(allowed));
        }
        // The rows answer until the facts have been read.
        let (table, condition) = Condition::for_scan(connection, filter)?;
        let sql = format!("SELECT i.image_id FROM {table} WHERE 1 {}", condition.sql());
        let passing = ids(connection, &sql, condition.parameters([], []))?;
        Ok(Some(Arc::new(passing.into_iter().collect())))
    }

    /// Runs `work` on the facts and the images that pass `filter`; `None` until the facts have been read.
    ///
    /// # Errors
    /// [`StoreError::BadKeywords`] for the terms of the filter; the errors of the database.
    pub(super) fn with_allowed<T>(
        &self,
        filter: &Filter,
        work: impl FnOnce(&FactsIndex, &Arc<IdSet>) -> T,
    ) -> Result<Option<T>, StoreError> {
        let holding = |terms: &[String]| self.words.holding(terms);
        self.facts.with(|facts| Ok(work(facts, &facts.allowed(filter, &holding)?))).transpose()
    }

    /// Drops everything, because a change may be missing. Words are then read when a search needs them.
    pub(super) fn withdraw(&self) {
        self.words.clear();
        self.facts.withdraw();
    }
}
