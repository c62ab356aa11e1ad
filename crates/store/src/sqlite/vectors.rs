//! Nearest-neighbour search: by the vector index while there is one, by reading all rows otherwise.

use std::collections::HashSet;

use rusqlite::Connection;

use super::embeddings::{self, leave_out_damaged};
use super::filter::{Condition, count, json};
use super::images;
use super::nearest::{IdSet, Nearest};
use crate::{ImageId, StoreError, VectorHit, VectorSearch};
use mitsuke_index::UnitVector;
use mitsuke_index::VectorIndex;

/// Hits are searched for in these steps, so that the pages within one are cut from the very same list, however an
/// approximate index arrives at it.
const PAGE_STEP: usize = 64;

/// An unfiltered search for this many times the hits wanted often finds enough that pass the filter,
/// and then no set of all passing images is needed.
const OVERFETCH: usize = 4;

/// What the search sees of the store; all of it read from one snapshot.
pub(super) struct View<'a> {
    pub(super) connection: &'a Connection,
    /// Images that have an embedding of the model.
    pub(super) embedded: usize,
    /// `None` while the index is being built.
    pub(super) index: Option<&'a VectorIndex>,
    /// So few images that a filter lets through are compared one by one.
    pub(super) few: usize,
}

impl View<'_> {
    pub(super) fn search(&self, search: &VectorSearch<'_>) -> Result<Vec<VectorHit>, StoreError> {
        let end = search.offset.saturating_add(search.limit).min(self.embedded);
        if search.limit == 0 || search.offset >= end {
            return Ok(Vec::new());
        }
        let hits = match self.index {
            Some(index) if !search.exact && !index.is_exact() => self.in_steps(search, end)?,
            _ => self.nearest(search, end.next_multiple_of(PAGE_STEP))?,
        };
        let page = hits.into_iter().skip(search.offset).take(search.limit);
        // 0 − x and not −x: there is no "−0.0" in an answer.
        Ok(page.map(|(image_id, similarity)| VectorHit { image_id, distance: 0.0 - similarity }).collect())
    }

    /// The first `end` hits and some more. An approximate search for more hits may find some that one for fewer has
    /// missed, and they would push others from page to page. So the list is grown in steps, always the same ones, and
    /// what a step finds anew follows what earlier steps have found.
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

    /// The `wanted` nearest hits, or all there are.
    fn nearest(&self, search: &VectorSearch<'_>, wanted: usize) -> Result<Vec<(ImageId, f32)>, StoreError> {
        let wanted = wanted.min(self.embedded);
        let hits = match self.index {
            Some(index) if search.filter.is_empty() => self.by_index(index, search, wanted, None)?,
            Some(index) => self.filtered(index, search, wanted)?,
            None => None,
        };
        match hits {
            Some(hits) => Ok(hits),
            None => self.by_rows(search, wanted, Source::Filter(&Condition::of(search.filter)?)),
        }
    }

    /// Hits that pass the filter; `None` when the index cannot tell.
    fn filtered(
        &self,
        index: &VectorIndex,
        search: &VectorSearch<'_>,
        wanted: usize,
    ) -> Result<Option<Vec<(ImageId, f32)>>, StoreError> {
        let condition = Condition::of(search.filter)?;
        // The nearest that pass are the first passing ones among the nearest, if there are enough of them.
        if let Some(mut hits) = self.by_index(index, search, wanted.saturating_mul(OVERFETCH), None)? {
            let found: Vec<ImageId> = hits.iter().map(|(id, _)| *id).collect();
            let sql = format!(
                "SELECT i.image_id FROM images i WHERE i.image_id IN (SELECT value FROM json_each(?)) {}",
                condition.sql()
            );
            let passing = images::ids(self.connection, &sql, condition.parameters([json(&found)?], []))?;
            let passing: HashSet<ImageId> = passing.into_iter().collect();
            hits.retain(|(id, _)| passing.contains(id));
            if hits.len() >= wanted {
                hits.truncate(wanted);
                return Ok(Some(hits));
            }
        }
        let sql = |limit: &str| {
            format!("SELECT i.image_id FROM images i INDEXED BY images_newest WHERE 1 {} {limit}", condition.sql())
        };
        let few = images::ids(
            self.connection,
            &sql("LIMIT ?"),
            condition.parameters([], [count(self.few.saturating_add(1))]),
        )?;
        if few.len() <= self.few {
            return self.by_rows(search, wanted, Source::Ids(&few)).map(Some);
        }
        let mut allowed = IdSet::default();
        let mut statement = self.connection.prepare_cached(&sql(""))?;
        let mut rows = statement.query(condition.parameters([], []))?;
        while let Some(row) = rows.next()? {
            allowed.insert(row.get(0)?);
        }
        self.by_index(index, search, wanted, Some(&allowed))
    }

    /// Hits of the index; `None` when it found fewer than there must be.
    fn by_index(
        &self,
        index: &VectorIndex,
        search: &VectorSearch<'_>,
        wanted: usize,
        allowed: Option<&IdSet>,
    ) -> Result<Option<Vec<(ImageId, f32)>>, StoreError> {
        let allow = |id: ImageId| !search.exclude.contains(&id) && allowed.is_none_or(|allowed| allowed.contains(id));
        let restricted = allowed.is_some() || !search.exclude.is_empty();
        let hits = index.search(
            search.query,
            wanted,
            search.exact,
            if restricted { Some(&allow) } else { None },
            &mut |ids: &[ImageId]| ids.iter().map(|id| self.vector(search, *id)).collect::<Result<_, StoreError>>(),
        )?;
        // All that can be found: every embedded image, or every allowed one, but not the excluded ones. A filter's
        // images need not all have an embedding, so for them this is an upper bound, and reading the rows decides.
        let there = self.embedded.min(allowed.map_or(usize::MAX, IdSet::len));
        let enough = wanted.min(there.saturating_sub(search.exclude.len()));
        Ok((hits.len() >= enough).then_some(hits))
    }

    /// An exact search over rows: always right, and slower the more there are.
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
                // CROSS JOIN: read the embeddings in their own order and look each image up, not the reverse.
                let images =
                    if search.filter.is_empty() { "" } else { "CROSS JOIN images i ON i.image_id = e.image_id" };
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
                        Err(error) => leave_out_damaged(image_id, error)?,
                    }
                }
            }
        }
        Ok(nearest.into_sorted())
    }

    /// An image's exact vector; `None` when it is gone.
    fn vector(&self, search: &VectorSearch<'_>, image_id: ImageId) -> Result<Option<UnitVector>, StoreError> {
        match embeddings::one(self.connection, search.model_id, image_id) {
            Ok(vector) => Ok(vector),
            Err(error) => leave_out_damaged(image_id, error).map(|()| None),
        }
    }
}

/// Where an exact search takes its vectors from.
enum Source<'a> {
    Ids(&'a [ImageId]),
    Filter(&'a Condition),
}
