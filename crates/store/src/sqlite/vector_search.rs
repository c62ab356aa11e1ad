//! Nearest-neighbour search: by the vector index if there is one, otherwise by reading all rows.

use std::collections::HashSet;

use mitsuke_index::{Filter, IdSet, UnitVector, VectorIndex};
use rusqlite::Connection;

use super::condition::Condition;
use super::embeddings::{self, skip_damaged};
use super::nearest::Nearest;
use super::statements::ids;
use super::values::{count, json};
use crate::{ImageId, StoreError, VectorHit, VectorSearch};

/// The number of hits in one step of a search. All pages within a step are cut from the same list, however an
/// approximate index arrives at it.
const PAGE_STEP: usize = 64;

/// The factor by which an unfiltered search asks for more hits than wanted. Often enough of them pass the filter, and
/// then no set of all passing images is needed.
const OVERFETCH: usize = 4;

/// The state of the store that one search sees, all of it read from one snapshot.
pub(super) struct View<'a> {
    pub(super) connection: &'a Connection,
    /// The number of images that have an embedding of the model.
    pub(super) embedded: usize,
    /// The vector index; `None` while it is being built.
    pub(super) index: Option<&'a VectorIndex>,
    /// The largest number of images passing the filter for which all of them are compared.
    pub(super) max_compared: usize,
}

impl View<'_> {
    /// Finds a page of the nearest images. The caller has checked the dimension of the query.
    pub(super) fn search(&self, search: &VectorSearch<'_>) -> Result<Vec<VectorHit>, StoreError> {
        let page = search.page;
        let end = page.offset.saturating_add(page.limit).min(self.embedded);
        if page.limit == 0 || page.offset >= end {
            return Ok(Vec::new());
        }
        let hits = match self.index {
            Some(index) if !page.exact && !index.is_exact() => self.in_steps(search, end)?,
            _ => self.nearest(search, end.next_multiple_of(PAGE_STEP))?,
        };
        let hits = hits.into_iter().skip(page.offset).take(page.limit);
        // The distance is a difference, because a negation would turn 0 into −0.
        Ok(hits.map(|(image_id, similarity)| VectorHit { image_id, distance: 0.0 - similarity }).collect())
    }

    /// Finds the first `end` hits and some more. An approximate search for more hits may find some that a search for
    /// fewer has missed, and those would push others from page to page. So the list grows in steps that are always the
    /// same, and hits that a step finds anew follow the hits of earlier steps.
    fn in_steps(&self, search: &VectorSearch<'_>, end: usize) -> Result<Vec<(ImageId, f32)>, StoreError> {
        let mut listed: Vec<(ImageId, f32)> = Vec::new();
        let mut seen = HashSet::new();
        let mut step = PAGE_STEP;
        loop {
            let wanted = step.min(self.embedded);
            let hits = self.nearest(search, wanted)?;
            let there_are_more = hits.len() >= wanted && wanted < self.embedded;
            listed.extend(hits.into_iter().filter(|(image_id, _)| seen.insert(*image_id)));
            if listed.len() >= end || !there_are_more {
                return Ok(listed);
            }
            step = step.saturating_mul(2);
        }
    }

    /// Finds the `wanted` nearest hits, or all if there are fewer.
    fn nearest(&self, search: &VectorSearch<'_>, wanted: usize) -> Result<Vec<(ImageId, f32)>, StoreError> {
        let wanted = wanted.min(self.embedded);
        let hits = match self.index {
            Some(index) if search.page.filter.is_empty() => self.by_index(index, search, wanted, None)?,
            Some(index) => self.filtered(index, search, wanted)?,
            None => None,
        };
        match hits {
            Some(hits) => Ok(hits),
            None => self.by_rows(search, wanted, Source::Filter(&Condition::new(&search.page.filter)?)),
        }
    }

    /// Finds hits that pass the filter by the index; `None` when the index cannot answer.
    fn filtered(
        &self,
        index: &VectorIndex,
        search: &VectorSearch<'_>,
        wanted: usize,
    ) -> Result<Option<Vec<(ImageId, f32)>>, StoreError> {
        let (table, condition) = Condition::for_scan(self.connection, &search.page.filter)?;
        // If enough of the nearest images pass, the first of those are the answer.
        if let Some(mut hits) = self.by_index(index, search, wanted.saturating_mul(OVERFETCH), None)? {
            let found: Vec<ImageId> = hits.iter().map(|(id, _)| *id).collect();
            let sql = format!(
                "SELECT i.image_id FROM images i WHERE i.image_id IN (SELECT value FROM json_each(?)) {}",
                condition.sql()
            );
            let passing = ids(self.connection, &sql, condition.parameters([json(&found)?], []))?;
            let passing: HashSet<ImageId> = passing.into_iter().collect();
            hits.retain(|(id, _)| passing.contains(id));
            if hits.len() >= wanted {
                hits.truncate(wanted);
                return Ok(Some(hits));
            }
        }
        let sql = |limit: &str| format!("SELECT i.image_id FROM {table} WHERE 1 {} {limit}", condition.sql());
        let passing = ids(
            self.connection,
            &sql("LIMIT ?"),
            condition.parameters([], [count(self.max_compared.saturating_add(1))]),
        )?;
        if passing.len() <= self.max_compared {
            return self.by_rows(search, wanted, Source::Ids(&passing)).map(Some);
        }
        let mut allowed = IdSet::default();
        let mut statement = self.connection.prepare_cached(&sql(""))?;
        let mut rows = statement.query(condition.parameters([], []))?;
        while let Some(row) = rows.next()? {
            allowed.insert(row.get(0)?);
        }
        self.by_index(index, search, wanted, Some(&allowed))
    }

    /// Finds hits by the index, among `allowed` images; `None` when it found fewer than there must be.
    fn by_index(
        &self,
        index: &VectorIndex,
        search: &VectorSearch<'_>,
        wanted: usize,
        allowed: Option<&IdSet>,
    ) -> Result<Option<Vec<(ImageId, f32)>>, StoreError> {
        let hits = index.search(
            search.query,
            wanted,
            search.page.exact,
            Filter { only: allowed, except: search.exclude },
            &mut |ids: &[ImageId]| ids.iter().map(|id| self.vector(search, *id)).collect::<Result<_, StoreError>>(),
        )?;
        // Every embedded or allowed image can be found, but for the excluded ones. Allowed images may lack an
        // embedding, so for them this is an upper bound, and reading the rows decides.
        let available = self.embedded.min(allowed.map_or(usize::MAX, IdSet::len));
        let enough = wanted.min(available.saturating_sub(search.exclude.len()));
        Ok((hits.len() >= enough).then_some(hits))
    }

    /// Finds hits by comparing rows, which is exact, and slower the more rows there are.
    fn by_rows(
        &self,
        search: &VectorSearch<'_>,
        wanted: usize,
        source: Source<'_>,
    ) -> Result<Vec<(ImageId, f32)>, StoreError> {
        let mut nearest = Nearest::new(wanted);
        let mut offer = |image_id: ImageId, vector: &UnitVector| {
            if !search.exclude.contains(&image_id) && vector.dimension() == search.query.dimension() {
                nearest.offer(image_id, search.query.similarity(vector));
            }
        };
        match source {
            Source::Ids(ids) => {
                for &image_id in ids {
                    if let Some(vector) = self.vector(search, image_id)? {
                        offer(image_id, &vector);
                    }
                }
            }
            Source::Filter(condition) => {
                // CROSS JOIN makes the statement read the embeddings in their own order and look up each image.
                let images =
                    if search.page.filter.is_empty() { "" } else { "CROSS JOIN images i ON i.image_id = e.image_id" };
                let sql = format!(
                    "SELECT e.image_id, e.embedding FROM image_embeddings e {images} WHERE e.model_id = ? {}",
                    condition.sql()
                );
                let mut statement = self.connection.prepare_cached(&sql)?;
                let mut rows = statement.query(condition.parameters([search.model_id.into()], []))?;
                while let Some(row) = rows.next()? {
                    let image_id = row.get(0)?;
                    match embeddings::vector(row, 1) {
                        Ok(vector) => offer(image_id, &vector),
                        Err(error) => skip_damaged(image_id, error)?,
                    }
                }
            }
        }
        Ok(nearest.into_sorted())
    }

    /// Reads the exact vector of an image; `None` when it is gone or damaged.
    fn vector(&self, search: &VectorSearch<'_>, image_id: ImageId) -> Result<Option<UnitVector>, StoreError> {
        match embeddings::embedding(self.connection, search.model_id, image_id) {
            Ok(vector) => Ok(vector),
            Err(error) => skip_damaged(image_id, error).map(|()| None),
        }
    }
}

/// The source of the vectors of a search over rows.
enum Source<'a> {
    Ids(&'a [ImageId]),
    Filter(&'a Condition),
}
