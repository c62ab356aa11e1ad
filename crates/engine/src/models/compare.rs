//! A look before the leap: the same queries under the current model and under a candidate.
//!
//! Overlap@k is the share of the first k hits that both answers have in common, whatever their order. Where a model
//! lacks embeddings, only images that both models have embedded are compared, so that the figure tells about the
//! models and not about how far a backfill has come.

use std::collections::HashSet;
use std::sync::Arc;

use bytes::Bytes;

use super::{ActiveModel, Models, ModelsError};
use crate::blocking::{self, Unfinished};
use crate::intake::{RegisterError, Registrar};
use mitsuke_clip::{EncodeError, Priority};
use mitsuke_index::UnitVector;
use mitsuke_store::{Coverage, Filter, Image, ImageId, ModelId, Store, StoreError, VectorHit, VectorSearch};

/// How deep a ranking is read, at most, to find k images that the other model has embedded too.
const DEEPEST: usize = 1_000;

/// A query under both models.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Compared {
    /// A text.
    Text(String),
    /// A stored image; it is left out of its own hits.
    Image(ImageId),
}

/// A hit of one model.
#[derive(Debug, Clone, PartialEq)]
pub struct CompareHit {
    /// The image.
    pub image: Image,
    /// −1 × inner product; comparable within one model only.
    pub distance: f32,
}

/// Both answers to one query.
#[derive(Debug, Clone, PartialEq)]
pub struct ComparedQuery {
    /// The query.
    pub query: Compared,
    /// |both| / k, where k is the length of the longer list; `None` when both are empty.
    pub overlap: Option<f64>,
    /// The current model's hits, nearest first.
    pub current: Vec<CompareHit>,
    /// The candidate's hits, nearest first.
    pub candidate: Vec<CompareHit>,
}

/// A candidate beside the current model.
#[derive(Clone)]
pub struct Comparison {
    /// The current model and what it has embedded.
    pub current: (ActiveModel, Coverage),
    /// The candidate and what it has embedded.
    pub candidate: (ActiveModel, Coverage),
    /// Whether images that one of both lacks had to be left out.
    pub partial: bool,
    /// The answers, in the order of the queries.
    pub queries: Vec<ComparedQuery>,
    /// Mean of the overlaps that there are.
    pub mean_overlap: Option<f64>,
}

/// Why models cannot be compared.
#[derive(Debug, thiserror::Error)]
pub enum CompareError {
    /// A model cannot be used.
    #[error(transparent)]
    Models(#[from] ModelsError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An encoder did not answer.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// The picture of a query cannot be taken.
    #[error(transparent)]
    Picture(#[from] RegisterError),
    /// The image of a query does not exist.
    #[error("no image has the id {0}")]
    UnknownImage(ImageId),
    /// A blocking step broke off.
    #[error(transparent)]
    Unfinished(#[from] Unfinished),
}

/// Asks both models the same queries, `k` hits each.
///
/// # Errors
/// See [`CompareError`].
pub async fn compare(
    models: &Models,
    store: &Arc<dyn Store>,
    registrar: &Registrar,
    candidate: ModelId,
    queries: Vec<Compared>,
    k: usize,
) -> Result<Comparison, CompareError> {
    let candidate = models.by_id(candidate).await?;
    let current = models.current().await?;
    let ids = [current.model.model_id, candidate.model.model_id];
    let counts = models.with_store(move |store| Ok((store.coverage(ids[0])?, store.coverage(ids[1])?))).await?;
    let partial = !(counts.0.is_complete() && counts.1.is_complete());
    let mut compared = Vec::with_capacity(queries.len());
    for query in queries {
        let vectors =
            [vector(&query, &current, store, registrar).await?, vector(&query, &candidate, store, registrar).await?];
        let store = Arc::clone(store);
        let answers = blocking::run(move || both(store.as_ref(), query, ids, &vectors, k, partial));
        compared.push(answers.await??);
    }
    let overlaps: Vec<f64> = compared.iter().filter_map(|query| query.overlap).collect();
    Ok(Comparison {
        current: (current, counts.0),
        candidate: (candidate, counts.1),
        partial,
        mean_overlap: (!overlaps.is_empty()).then(|| overlaps.iter().sum::<f64>() / overlaps.len() as f64),
        queries: compared,
    })
}

/// The query's vector under one model: the stored one of an image where there is one.
async fn vector(
    query: &Compared,
    active: &ActiveModel,
    store: &Arc<dyn Store>,
    registrar: &Registrar,
) -> Result<UnitVector, CompareError> {
    let image_id = match query {
        Compared::Text(text) => return Ok(active.encoder.encode_text(text.trim(), Priority::Search).await?),
        Compared::Image(image_id) => *image_id,
    };
    let (store, model_id) = (Arc::clone(store), active.model.model_id);
    let found = blocking::run(move || match store.embedding(model_id, image_id)? {
        Some(vector) => Ok(Ok(vector)),
        None => match store.content(image_id)? {
            Some(content) => Ok(Err(Bytes::from(content.bytes))),
            None => Err(CompareError::UnknownImage(image_id)),
        },
    });
    match found.await?? {
        Ok(vector) => Ok(vector),
        Err(bytes) => Ok(registrar.embed(bytes, active, Priority::Search).await?),
    }
}

/// Both answers to one query. Blocks.
fn both(
    store: &dyn Store,
    query: Compared,
    [current, candidate]: [ModelId; 2],
    vectors: &[UnitVector; 2],
    k: usize,
    partial: bool,
) -> Result<ComparedQuery, StoreError> {
    let own = match query {
        Compared::Image(image_id) => Some(image_id),
        Compared::Text(_) => None,
    };
    let other = |model_id| partial.then_some(model_id);
    let first = nearest(store, current, &vectors[0], own, k, other(candidate))?;
    let second = nearest(store, candidate, &vectors[1], own, k, other(current))?;
    Ok(ComparedQuery {
        query,
        overlap: overlap(&first, &second),
        current: with_images(store, first)?,
        candidate: with_images(store, second)?,
    })
}

/// The `k` nearest images that also have an embedding of `also`.
fn nearest(
    store: &dyn Store,
    model_id: ModelId,
    query: &UnitVector,
    own: Option<ImageId>,
    k: usize,
    also: Option<ModelId>,
) -> Result<Vec<VectorHit>, StoreError> {
    let (mut found, mut offset, mut limit) = (Vec::with_capacity(k), 0, k);
    while found.len() < k && offset < DEEPEST {
        let filter = Filter::default();
        let exclude = own.as_slice();
        let page = store.search_vector(&VectorSearch {
            exact: false,
            model_id,
            query,
            filter: &filter,
            exclude,
            offset,
            limit,
        })?;
        let last = page.len() < limit;
        for hit in page {
            let comparable = match also {
                Some(other) => store.embedding(other, hit.image_id)?.is_some(),
                None => true,
            };
            if comparable && found.len() < k {
                found.push(hit);
            }
        }
        if last {
            break;
        }
        offset += limit;
        limit = (limit * 2).min(DEEPEST);
    }
    Ok(found)
}

/// |both| / length of the longer list.
fn overlap(a: &[VectorHit], b: &[VectorHit]) -> Option<f64> {
    let longer = a.len().max(b.len());
    let ids: HashSet<_> = a.iter().map(|hit| hit.image_id).collect();
    let common = b.iter().filter(|hit| ids.contains(&hit.image_id)).count();
    (longer > 0).then(|| common as f64 / longer as f64)
}

/// An image deleted meanwhile is no hit any more.
fn with_images(store: &dyn Store, hits: Vec<VectorHit>) -> Result<Vec<CompareHit>, StoreError> {
    let ids: Vec<_> = hits.iter().map(|hit| hit.image_id).collect();
    let images = store.images(&ids)?;
    let hits = hits.into_iter().filter_map(|hit| {
        let image = images.iter().find(|image| image.image_id == hit.image_id)?.clone();
        Some(CompareHit { image, distance: hit.distance })
    });
    Ok(hits.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hits(ids: &[ImageId]) -> Vec<VectorHit> {
        ids.iter().map(|&image_id| VectorHit { image_id, distance: 0.0 }).collect()
    }

    #[test]
    fn the_overlap_is_the_share_of_the_longer_list_in_any_order() {
        assert_eq!(overlap(&hits(&[1, 2, 3, 4]), &hits(&[4, 3, 9, 8])), Some(0.5));
        assert_eq!(overlap(&hits(&[1, 2]), &hits(&[1])), Some(0.5));
        assert_eq!(overlap(&hits(&[1]), &[]), Some(0.0));
        assert_eq!(overlap(&[], &[]), None);
    }
}
