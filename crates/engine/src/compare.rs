//! Compares a candidate with the current model by the answers of both to the same queries, before a person switches.
//!
//! Overlap@k is the share of the first k hits that both answers have in common, in any order. While a model lacks
//! embeddings, only images that both models have embedded are compared, so that the number depends on the models and
//! not on the progress of a backfill.

use std::collections::HashSet;
use std::sync::Arc;

use bytes::Bytes;

use mitsuke_clip::{EncodeError, Priority};
use mitsuke_index::UnitVector;
use mitsuke_store::{
    Coverage, Image, ImageId, ImageStore, ModelId, Page, SearchStore, Store, StoreError, VectorHit, VectorSearch,
};

use crate::blocking::{self, Unfinished};
use crate::intake::{Intake, IntakeError};
use crate::models::{ActiveModel, Models, ModelsError};

/// The depth to which a ranking is read, at most, to find k images that the other model has embedded too.
const MAX_DEPTH: usize = 1_000;

/// A query that both models answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CompareQuery {
    /// A text.
    Text(String),
    /// A stored image, which is left out of its own hits.
    Image(ImageId),
}

/// A hit of one model.
#[derive(Debug, Clone, PartialEq)]
pub struct CompareHit {
    /// The image.
    pub image: Image,
    /// The distance: −1 × inner product. Distances are comparable within one model only.
    pub distance: f32,
}

/// The answers of both models to one query.
#[derive(Debug, Clone, PartialEq)]
pub struct ComparedQuery {
    /// The query.
    pub query: CompareQuery,
    /// The overlap: |both| / k, where k is the length of the longer list; `None` when both lists are empty.
    pub overlap: Option<f64>,
    /// The current model's hits, nearest first.
    pub current: Vec<CompareHit>,
    /// The candidate's hits, nearest first.
    pub candidate: Vec<CompareHit>,
}

/// A candidate beside the current model.
#[derive(Clone)]
pub struct Comparison {
    /// The current model with the counts of its embeddings.
    pub current: (ActiveModel, Coverage),
    /// The candidate with the counts of its embeddings.
    pub candidate: (ActiveModel, Coverage),
    /// Whether either model lacks embeddings, so that only images that both models have embedded are compared.
    pub partial: bool,
    /// The answers, in the order of the queries.
    pub queries: Vec<ComparedQuery>,
    /// The mean of the overlaps; `None` when there is none.
    pub mean_overlap: Option<f64>,
}

/// The reason why models cannot be compared.
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
    /// The image of a query cannot be decoded or encoded.
    #[error(transparent)]
    Picture(#[from] IntakeError),
    /// The image of a query does not exist.
    #[error("no image has the id {0}")]
    UnknownImage(ImageId),
    /// A blocking step did not finish.
    #[error(transparent)]
    Unfinished(#[from] Unfinished),
}

/// Answers the same queries under the current model and a candidate, with `k` hits each.
///
/// # Errors
/// See [`CompareError`].
pub async fn compare(
    models: &Models,
    store: &Arc<dyn Store>,
    intake: &Intake,
    candidate: ModelId,
    queries: Vec<CompareQuery>,
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
            [vector(&query, &current, store, intake).await?, vector(&query, &candidate, store, intake).await?];
        let store = Arc::clone(store);
        let answers = blocking::run(move || answer(store.as_ref(), query, ids, &vectors, k, partial));
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

/// Returns the query vector under one model. An image that has no embedding of the model is embedded for the
/// comparison.
async fn vector(
    query: &CompareQuery,
    active: &ActiveModel,
    store: &Arc<dyn Store>,
    intake: &Intake,
) -> Result<UnitVector, CompareError> {
    let image_id = match query {
        CompareQuery::Text(text) => return Ok(active.encoder.encode_text(text.trim(), Priority::Search).await?),
        CompareQuery::Image(image_id) => *image_id,
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
        Err(bytes) => Ok(intake.embed_query_picture(bytes, active).await?),
    }
}

/// Answers one query under both models. Blocks.
fn answer<S: ImageStore + SearchStore + ?Sized>(
    store: &S,
    query: CompareQuery,
    [current, candidate]: [ModelId; 2],
    vectors: &[UnitVector; 2],
    k: usize,
    partial: bool,
) -> Result<ComparedQuery, StoreError> {
    let own = match query {
        CompareQuery::Image(image_id) => Some(image_id),
        CompareQuery::Text(_) => None,
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

/// Returns the `k` nearest images. With a model `also`, only images that this model has embedded too are returned.
fn nearest<S: SearchStore + ?Sized>(
    store: &S,
    model_id: ModelId,
    query: &UnitVector,
    own: Option<ImageId>,
    k: usize,
    also: Option<ModelId>,
) -> Result<Vec<VectorHit>, StoreError> {
    let (mut found, mut offset, mut limit) = (Vec::with_capacity(k), 0, k);
    while found.len() < k && offset < MAX_DEPTH {
        let page = Page { offset, ..Page::first(limit) };
        let hits = store.search_vector(&VectorSearch { model_id, query, exclude: own.as_slice(), page: &page })?;
        let last = hits.len() < limit;
        for hit in hits {
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
        limit = (limit * 2).min(MAX_DEPTH);
    }
    Ok(found)
}

/// Returns the number of images in both lists, divided by the length of the longer list.
fn overlap(a: &[VectorHit], b: &[VectorHit]) -> Option<f64> {
    let longer = a.len().max(b.len());
    let ids: HashSet<_> = a.iter().map(|hit| hit.image_id).collect();
    let common = b.iter().filter(|hit| ids.contains(&hit.image_id)).count();
    (longer > 0).then(|| common as f64 / longer as f64)
}

/// Reads the images of hits. An image that was deleted meanwhile is left out.
fn with_images<S: ImageStore + ?Sized>(store: &S, hits: Vec<VectorHit>) -> Result<Vec<CompareHit>, StoreError> {
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
    use crate::fake_store::{FakeImage, FakeStore, MODEL, OTHER_MODEL, vector};

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

    #[test]
    fn while_embeddings_are_missing_only_images_of_both_models_are_compared() {
        // The other model has embedded every third image, and ranks those images in the same order.
        let other_angle = |n: u8| n.is_multiple_of(3).then(|| 90.0 - f32::from(n));
        let store: FakeStore =
            (0..60).map(|n| FakeImage { other_angle: other_angle(n), ..FakeImage::at(n.into()) }).collect();
        let ids = |hits: &[CompareHit]| hits.iter().map(|hit| hit.image.image_id).collect::<Vec<_>>();
        let vectors = [vector(0.0), vector(90.0)];
        let models = [MODEL, OTHER_MODEL];
        let text = || CompareQuery::Text("the vectors are given".to_owned());

        let partial = answer(&store, text(), models, &vectors, 4, true).unwrap();
        assert_eq!(ids(&partial.current), [1, 4, 7, 10]);
        assert_eq!(ids(&partial.candidate), [1, 4, 7, 10]);
        assert_eq!(partial.overlap, Some(1.0));
        let whole = answer(&store, text(), models, &vectors, 4, false).unwrap();
        assert_eq!(ids(&whole.current), [1, 2, 3, 4]);
        assert_eq!(whole.overlap, Some(0.5));
        let image = answer(&store, CompareQuery::Image(1), models, &vectors, 4, true).unwrap();
        assert_eq!(ids(&image.current), [4, 7, 10, 13], "an image is not among its own hits");
    }
}
