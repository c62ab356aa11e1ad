//! Nearest-neighbour search: by the vector index if there is one, otherwise by reading all rows.

use std::collections::HashSet;

use mitsuke_index::{Filter, IdSet, UnitVector, VectorIndex};
use rusqlite::Connection;

use super::embeddings::{self, skip_damaged};
use super::nearest::Nearest;
use crate::fusion::LegHit;
use crate::{ImageId, StoreError, VectorHit, VectorSearch};

/// The number of hits in one step of a search. All pages within a step are cut from the same list, however an
/// approximate index arrives at it.
const PAGE_STEP: usize = 64;

/// The number of hits of the vector leg of a hybrid search whose embeddings are read. The ranks of the hits behind them
/// come from codes: a rank of 128 that is wrong by three moves the sum of reciprocal ranks by less than 0.0001.
const RESCORED: usize = 128;

/// The share of all embeddings (one in this many) up to which the rows of the allowed images are looked up. Above it, a
/// search over rows reads all of them in their order.
const LOOKED_UP_SHARE: usize = 8;

/// The state of the store that one search sees, its rows read from one snapshot.
pub(super) struct View<'a> {
    pub(super) connection: &'a Connection,
    /// The number of images that have an embedding of the model.
    pub(super) embedded: usize,
    /// The vector index; `None` while it is being built.
    pub(super) index: Option<&'a VectorIndex>,
    /// The images that pass the filter of the page; `None` when all do.
    pub(super) allowed: Option<&'a IdSet>,
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
        Ok(hits.into_iter().skip(page.offset).take(page.limit).map(hit).collect())
    }

    /// Finds the nearest images for the leg of a hybrid search, by one search to the depth of the leg. All pages of a
    /// hybrid search are cut from legs of one depth, so that no steps are needed. `exact` tells that every hit needs its
    /// distance.
    pub(super) fn leg(&self, search: &VectorSearch<'_>, exact: bool) -> Result<Vec<LegHit>, StoreError> {
        let wanted = search.page.limit.min(self.embedded);
        if let Some(index) = self.index
            && !exact
            && !search.page.exact
            && !index.is_exact()
        {
            let filter = Filter { only: self.allowed, except: search.exclude };
            let mut read = |ids: &[ImageId]| self.vectors(search, ids);
            let ranking = index.ranking(search.query, wanted, RESCORED, filter, &mut read)?;
            if ranking.len() >= self.least_hits(search, wanted) {
                return Ok(ranking.into_iter().map(leg_hit).collect());
            }
        }
        Ok(self.nearest(search, wanted)?.into_iter().map(|found| hit(found).into()).collect())
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
        if let Some(index) = self.index
            && let Some(hits) = self.by_index(index, search, wanted)?
        {
            return Ok(hits);
        }
        self.by_rows(search, wanted)
    }

    /// Finds hits by the index; `None` when it found fewer than there must be.
    fn by_index(
        &self,
        index: &VectorIndex,
        search: &VectorSearch<'_>,
        wanted: usize,
    ) -> Result<Option<Vec<(ImageId, f32)>>, StoreError> {
        let hits = index.search(
            search.query,
            wanted,
            search.page.exact,
            Filter { only: self.allowed, except: search.exclude },
            &mut |ids: &[ImageId]| self.vectors(search, ids),
        )?;
        Ok((hits.len() >= self.least_hits(search, wanted)).then_some(hits))
    }

    /// Returns the number of hits from which on a search has found `wanted` hits, or all that there are. Every embedded
    /// or allowed image can be found, but for the excluded ones. Allowed images may lack an embedding, so for them the
    /// number is an upper bound, and reading the rows decides.
    fn least_hits(&self, search: &VectorSearch<'_>, wanted: usize) -> usize {
        let available = self.embedded.min(self.allowed.map_or(usize::MAX, IdSet::len));
        wanted.min(available.saturating_sub(search.exclude.len()))
    }

    /// Finds hits by comparing rows, which is exact, and slower the more rows there are.
    fn by_rows(&self, search: &VectorSearch<'_>, wanted: usize) -> Result<Vec<(ImageId, f32)>, StoreError> {
        let mut nearest = Nearest::new(wanted);
        let mut offer = |image_id: ImageId, vector: &UnitVector| {
            if !search.exclude.contains(&image_id) && vector.dimension() == search.query.dimension() {
                nearest.offer(image_id, search.query.similarity(vector));
            }
        };
        match self.allowed {
            Some(allowed) if allowed.len() <= self.embedded / LOOKED_UP_SHARE => {
                for image_id in allowed.iter() {
                    if let Some(vector) = self.vector(search, image_id)? {
                        offer(image_id, &vector);
                    }
                }
            }
            allowed => {
                let sql = "SELECT image_id, embedding FROM image_embeddings WHERE model_id = ?";
                let mut statement = self.connection.prepare_cached(sql)?;
                let mut rows = statement.query([search.model_id])?;
                while let Some(row) = rows.next()? {
                    let image_id = row.get(0)?;
                    if !allowed.is_none_or(|allowed| allowed.contains(image_id)) {
                        continue;
                    }
                    match embeddings::vector(row, 1) {
                        Ok(vector) => offer(image_id, &vector),
                        Err(error) => skip_damaged(image_id, error)?,
                    }
                }
            }
        }
        Ok(nearest.into_sorted())
    }

    /// Reads the exact vectors of images; `None` for one that is gone or damaged.
    fn vectors(&self, search: &VectorSearch<'_>, ids: &[ImageId]) -> Result<Vec<Option<UnitVector>>, StoreError> {
        ids.iter().map(|image_id| self.vector(search, *image_id)).collect()
    }

    /// Reads the exact vector of an image; `None` when it is gone or damaged.
    fn vector(&self, search: &VectorSearch<'_>, image_id: ImageId) -> Result<Option<UnitVector>, StoreError> {
        match embeddings::embedding(self.connection, search.model_id, image_id) {
            Ok(vector) => Ok(vector),
            Err(error) => skip_damaged(image_id, error).map(|()| None),
        }
    }
}

fn leg_hit((image_id, similarity): (ImageId, Option<f32>)) -> LegHit {
    LegHit { image_id, distance: similarity.map(|similarity| 0.0 - similarity) }
}

fn hit((image_id, similarity): (ImageId, f32)) -> VectorHit {
    // The distance is a difference, because a negation would turn 0 into −0.
    VectorHit { image_id, distance: 0.0 - similarity }
}
