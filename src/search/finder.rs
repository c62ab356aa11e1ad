//! Answers queries: encodes, asks the store, ranks, pages.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::blocking::{self, Unfinished};
use crate::clip::{EncodeError, Priority};
use crate::models::{ActiveModel, Models, ModelsError};
use crate::register::{RegisterError, Registrar};
use crate::search::{Mode, Weights, fuse, terms};
use crate::store::{Filter, Image, ImageId, KeywordSearch, Model, ModelId, Store, StoreError, VectorSearch};
use crate::vector::{NotAUnitVector, UnitVector};

/// How much a negative text pulls: query − ½ × negative, scaled back to length 1. A full subtraction throws
/// queries far from every picture, because texts lie close together in CLIP spaces.
const NEGATIVE_WEIGHT: f32 = -0.5;

/// Each leg of a hybrid search is read to a depth that is a multiple of this, so that the fused order does not
/// change from one page to the next.
const LEG_DEPTH: usize = 1_000;

/// Which part of the ranking is wanted.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// Hits to skip.
    pub offset: usize,
    /// Most hits to return.
    pub limit: usize,
    /// Which images may be found.
    pub filter: Filter,
    /// Hits less similar than this are left out (vector leg).
    pub min_similarity: Option<f32>,
}

/// A query by text.
#[derive(Debug, Clone, PartialEq)]
pub struct TextQuery {
    /// What to find; blank gives the newest images.
    pub query: String,
    /// What to stay away from.
    pub negative_query: Option<String>,
    /// How to compare.
    pub mode: Mode,
    /// Which part of the ranking.
    pub page: Page,
}

/// The picture of a query by image.
#[derive(Debug, Clone)]
pub enum ImageSource {
    /// A stored image; it is left out of its own hits.
    Stored(ImageId),
    /// A picture that is not stored.
    Bytes(Bytes),
}

/// A query by image.
#[derive(Debug, Clone)]
pub struct ImageQuery {
    /// The picture.
    pub source: ImageSource,
    /// A text added to the picture, with equal weight.
    pub text: Option<String>,
    /// Which part of the ranking.
    pub page: Page,
}

/// A found image and how it got there.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    /// The image.
    pub image: Image,
    /// Place in the whole ranking, from 1.
    pub rank: usize,
    /// −1 × inner product of unit vectors.
    pub distance: Option<f32>,
    /// Place among the vector hits, from 1.
    pub vector_rank: Option<u32>,
    /// Place among the keyword hits, from 1.
    pub keyword_rank: Option<u32>,
    /// What the ranking is ordered by, larger first: similarity, full-text score, or fused score.
    pub score: Option<f64>,
}

/// Where the time went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Took {
    /// Waiting for and running the encoders.
    pub encode: Duration,
    /// Asking the store.
    pub search: Duration,
    /// All of it.
    pub total: Duration,
}

/// A page of hits.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The model that encoded the query and whose embeddings were searched.
    pub model: Model,
    /// How the query was compared.
    pub mode: Mode,
    /// The hits, best first.
    pub hits: Vec<Hit>,
    /// Where the next page begins; `None` on the last.
    pub next_offset: Option<usize>,
    /// Where the time went.
    pub took: Took,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// The encoder did not answer.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// The query picture cannot be taken.
    #[error(transparent)]
    Picture(#[from] RegisterError),
    /// There is no current model.
    #[error(transparent)]
    Models(#[from] ModelsError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The image to search by does not exist.
    #[error("no image has the id {0}")]
    UnknownImage(ImageId),
    /// The image to search by has no embedding of the current model yet.
    #[error("image {0} has no embedding of the current model")]
    NotEmbedded(ImageId),
    /// The parts of the query cancel out.
    #[error("the parts of the query cancel out: {0}")]
    NoDirection(#[from] NotAUnitVector),
    /// A blocking step broke off.
    #[error(transparent)]
    Unfinished(#[from] Unfinished),
}

/// A ranked image before its metadata is read.
struct Ranked {
    image_id: ImageId,
    distance: Option<f32>,
    vector_rank: Option<u32>,
    keyword_rank: Option<u32>,
    score: Option<f64>,
}

/// What the store is asked.
enum Question {
    Newest,
    Vector { query: UnitVector, exclude: Option<ImageId> },
    Keyword { terms: Vec<String> },
    Hybrid { query: UnitVector, terms: Vec<String> },
}

/// Answers queries.
pub struct Finder {
    store: Arc<dyn Store>,
    models: Arc<Models>,
    registrar: Arc<Registrar>,
}

impl Finder {
    /// A finder over a store.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, models: Arc<Models>, registrar: Arc<Registrar>) -> Self {
        Self { store, models, registrar }
    }

    /// Finds images by text.
    ///
    /// # Errors
    /// See [`SearchError`].
    pub async fn by_text(&self, query: TextQuery) -> Result<Answer, SearchError> {
        let start = Instant::now();
        let active = self.active().await?;
        let text = query.query.trim();
        let terms = terms(text);
        let question = match query.mode {
            _ if text.is_empty() => Question::Newest,
            Mode::Vector => Question::Vector { query: encode(&active, &query).await?, exclude: None },
            Mode::Keyword => Question::Keyword { terms },
            Mode::Hybrid => Question::Hybrid { query: encode(&active, &query).await?, terms },
        };
        self.answer(active.model, query.mode, question, query.page, start).await
    }

    /// Finds images by a picture.
    ///
    /// # Errors
    /// See [`SearchError`].
    pub async fn by_image(&self, query: ImageQuery) -> Result<Answer, SearchError> {
        let start = Instant::now();
        let active = self.active().await?;
        let (mut vector, exclude) = match query.source {
            ImageSource::Stored(image_id) => (self.stored(active.model.model_id, image_id).await?, Some(image_id)),
            ImageSource::Bytes(bytes) => (self.registrar.embed(bytes, &active, Priority::Search).await?, None),
        };
        if let Some(text) = query.text.as_deref().map(str::trim).filter(|text| !text.is_empty()) {
            let text = active.encoder.encode_text(text, Priority::Search).await?;
            vector = UnitVector::combine(&[(1.0, &vector), (1.0, &text)])?;
        }
        self.answer(active.model, Mode::Vector, Question::Vector { query: vector, exclude }, query.page, start).await
    }

    async fn active(&self) -> Result<ActiveModel, SearchError> {
        Ok(self.models.current().await?)
    }

    async fn stored(&self, model_id: ModelId, image_id: ImageId) -> Result<UnitVector, SearchError> {
        let store = Arc::clone(&self.store);
        blocking::run(move || match store.embedding(model_id, image_id)? {
            Some(vector) => Ok(vector),
            None if store.image(image_id)?.is_some() => Err(SearchError::NotEmbedded(image_id)),
            None => Err(SearchError::UnknownImage(image_id)),
        })
        .await?
    }

    async fn answer(
        &self,
        model: Model,
        mode: Mode,
        question: Question,
        page: Page,
        start: Instant,
    ) -> Result<Answer, SearchError> {
        let encode = start.elapsed();
        let store = Arc::clone(&self.store);
        let (model, hits, next_offset) = blocking::run(move || {
            let (hits, next_offset) = page_of_hits(store.as_ref(), model.model_id, &question, &page)?;
            Ok::<_, StoreError>((model, hits, next_offset))
        })
        .await??;
        let total = start.elapsed();
        Ok(Answer {
            model,
            mode,
            hits,
            next_offset,
            took: Took { encode, search: total.saturating_sub(encode), total },
        })
    }
}

/// The query's unit vector, by the documented rule: text − ½ × negative text.
async fn encode(active: &ActiveModel, query: &TextQuery) -> Result<UnitVector, SearchError> {
    let text = active.encoder.encode_text(query.query.trim(), Priority::Search).await?;
    match query.negative_query.as_deref().map(str::trim).filter(|negative| !negative.is_empty()) {
        None => Ok(text),
        Some(negative) => {
            let negative = active.encoder.encode_text(negative, Priority::Search).await?;
            Ok(UnitVector::combine(&[(1.0, &text), (NEGATIVE_WEIGHT, &negative)])?)
        }
    }
}

/// Ranks one hit more than the page holds, to know whether there is a next page; then reads the metadata.
fn page_of_hits(
    store: &dyn Store,
    model_id: ModelId,
    question: &Question,
    page: &Page,
) -> Result<(Vec<Hit>, Option<usize>), StoreError> {
    let wanted = page.limit.saturating_add(1);
    let mut ranked = match question {
        Question::Newest => {
            let images = store.newest_page(&page.filter, page.offset, wanted)?;
            images.into_iter().map(|image| Ranked::unscored(image.image_id)).collect()
        }
        Question::Vector { query, exclude } => vector_leg(store, model_id, query, *exclude, page, page.offset, wanted)?,
        Question::Keyword { terms } => keyword_leg(store, terms, page, page.offset, wanted)?,
        Question::Hybrid { query, terms } => hybrid(store, model_id, query, terms, page, wanted)?,
    };
    let next_offset = (ranked.len() > page.limit).then(|| page.offset.saturating_add(page.limit));
    ranked.truncate(page.limit);
    Ok((hits(store, ranked, page.offset)?, next_offset))
}

impl Ranked {
    fn unscored(image_id: ImageId) -> Self {
        Self { image_id, distance: None, vector_rank: None, keyword_rank: None, score: None }
    }
}

/// Rank, from 1, of the item at `index` of a leg that began at `offset`.
fn rank_at(offset: usize, index: usize) -> u32 {
    u32::try_from(offset.saturating_add(index).saturating_add(1)).unwrap_or(u32::MAX)
}

fn vector_leg(
    store: &dyn Store,
    model_id: ModelId,
    query: &UnitVector,
    exclude: Option<ImageId>,
    page: &Page,
    offset: usize,
    limit: usize,
) -> Result<Vec<Ranked>, StoreError> {
    let search = VectorSearch { model_id, query, filter: &page.filter, exclude: exclude.as_slice(), offset, limit };
    let floor = page.min_similarity.unwrap_or(f32::NEG_INFINITY);
    let hits = store.search_vector(&search)?.into_iter().take_while(|hit| -hit.distance >= floor);
    Ok(hits
        .enumerate()
        .map(|(index, hit)| Ranked {
            distance: Some(hit.distance),
            vector_rank: Some(rank_at(offset, index)),
            score: Some(f64::from(-hit.distance)),
            ..Ranked::unscored(hit.image_id)
        })
        .collect())
}

fn keyword_leg(
    store: &dyn Store,
    terms: &[String],
    page: &Page,
    offset: usize,
    limit: usize,
) -> Result<Vec<Ranked>, StoreError> {
    if terms.is_empty() {
        return Ok(Vec::new());
    }
    let hits = store.search_keyword(&KeywordSearch { terms, filter: &page.filter, exclude: &[], offset, limit })?;
    Ok(hits
        .into_iter()
        .enumerate()
        .map(|(index, hit)| Ranked {
            keyword_rank: Some(rank_at(offset, index)),
            score: Some(hit.score),
            ..Ranked::unscored(hit.image_id)
        })
        .collect())
}

fn hybrid(
    store: &dyn Store,
    model_id: ModelId,
    query: &UnitVector,
    terms: &[String],
    page: &Page,
    wanted: usize,
) -> Result<Vec<Ranked>, StoreError> {
    let depth = page.offset.saturating_add(wanted).div_ceil(LEG_DEPTH).saturating_mul(LEG_DEPTH);
    let vector = vector_leg(store, model_id, query, None, page, 0, depth)?;
    let keyword = keyword_leg(store, terms, page, 0, depth)?;
    let distances: HashMap<ImageId, Option<f32>> = vector.iter().map(|r| (r.image_id, r.distance)).collect();
    let ids = |leg: &[Ranked]| leg.iter().map(|r| r.image_id).collect::<Vec<_>>();
    fuse(&ids(&vector), &ids(&keyword), Weights::default())
        .into_iter()
        .skip(page.offset)
        .take(wanted)
        .map(|fused| {
            // A keyword hit below the depth of the vector leg still shows its distance.
            let distance = match distances.get(&fused.image_id) {
                Some(distance) => *distance,
                None => store.embedding(model_id, fused.image_id)?.map(|vector| -query.similarity(&vector)),
            };
            Ok(Ranked {
                image_id: fused.image_id,
                distance,
                vector_rank: fused.vector_rank,
                keyword_rank: fused.keyword_rank,
                score: Some(fused.score),
            })
        })
        .collect()
}

fn hits(store: &dyn Store, ranked: Vec<Ranked>, offset: usize) -> Result<Vec<Hit>, StoreError> {
    let ids: Vec<_> = ranked.iter().map(|r| r.image_id).collect();
    let mut images: HashMap<ImageId, Image> =
        store.images(&ids)?.into_iter().map(|image| (image.image_id, image)).collect();
    let hits = ranked.into_iter().enumerate().filter_map(|(index, ranked)| {
        // An image deleted between ranking and reading is no hit any more.
        let image = images.remove(&ranked.image_id)?;
        Some(Hit {
            image,
            rank: offset.saturating_add(index).saturating_add(1),
            distance: ranked.distance,
            vector_rank: ranked.vector_rank,
            keyword_rank: ranked.keyword_rank,
            score: ranked.score,
        })
    });
    Ok(hits.collect())
}
