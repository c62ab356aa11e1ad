//! Answers searches: encodes the query, and ranks the images of the store.

use std::sync::Arc;
use std::time::Instant;

use futures_util::future::{OptionFuture, try_join, try_join_all, try_join3};
use mitsuke_clip::Priority;
use mitsuke_index::UnitVector;
use mitsuke_store::{ImageId, ModelId, Page, Store, StoreError, terms};

use super::compose::Parts;
use super::cutoff::Cutoff;
use super::query::{Answer, ImageQuery, ImageSource, LeftOut, Mode, SearchError, TextQuery, Took};
use super::ranking::{StoreQuery, rank};
use super::relevance::{self, QueryKind};
use crate::blocking;
use crate::intake::Intake;
use crate::models::{ActiveModel, Models};

/// The finder, which answers searches.
pub struct Finder {
    store: Arc<dyn Store>,
    models: Arc<Models>,
    intake: Arc<Intake>,
    /// The largest number of characters of a text in a hit.
    max_chars: usize,
}

impl Finder {
    /// Makes a finder over a store, which embeds query pictures by `intake`.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, models: Arc<Models>, intake: Arc<Intake>) -> Self {
        Self { store, models, intake, max_chars: usize::MAX }
    }

    /// Has hits carry short texts: those that are longer than `max_chars` characters may be cut to one more than that.
    #[must_use]
    pub fn with_short_texts(self, max_chars: usize) -> Self {
        Self { max_chars, ..self }
    }

    /// Finds images by text.
    ///
    /// # Errors
    /// See [`SearchError`].
    pub async fn by_text(&self, query: TextQuery) -> Result<Answer, SearchError> {
        let start = Instant::now();
        let active = self.current_model().await?;
        let text = query.query.trim();
        let words = || query.terms.clone().unwrap_or_else(|| terms(text));
        let mut left_out = LeftOut { characters: query.cut, ..LeftOut::default() };
        if query.mode != Mode::Keyword {
            left_out.beyond_context = !active.encoder.reads_whole(text)?;
        }
        let store_query = match query.mode {
            _ if text.is_empty() => StoreQuery::Newest,
            Mode::Vector => StoreQuery::Vector { query: text_vector(&active, &query).await?, exclude: Vec::new() },
            Mode::Keyword if words().is_empty() => return Err(SearchError::NoTerms),
            Mode::Keyword => {
                let (terms, least) = self.narrowed(words(), &mut left_out).await?;
                StoreQuery::Keyword { terms, least }
            }
            Mode::Hybrid => {
                let vector = text_vector(&active, &query).await?;
                let (terms, least) = self.narrowed(words(), &mut left_out).await?;
                StoreQuery::Hybrid { query: vector, terms, least, weights: query.legs }
            }
        };
        let (mode, kind) = (query.mode, QueryKind::Text);
        let asked = Asked { kind, mode, page: query.page, cutoff: query.cutoff, left_out, start };
        self.answer(active, store_query, asked).await
    }

    /// Finds images by pictures.
    ///
    /// # Errors
    /// See [`SearchError`].
    pub async fn by_image(&self, query: ImageQuery) -> Result<Answer, SearchError> {
        let start = Instant::now();
        let active = self.current_model().await?;
        let (vectors, text, negative) = try_join3(
            try_join_all(query.images.iter().map(|source| self.picture_vector(&active, source))),
            optional_text(&active, query.text.as_deref()),
            optional_text(&active, query.negative_query.as_deref()),
        )
        .await?;
        let exclude = query
            .images
            .iter()
            .filter_map(|source| match source {
                ImageSource::Stored(image_id) => Some(*image_id),
                ImageSource::Bytes(_) => None,
            })
            .collect();
        let vector = Parts { images: vectors, text, negative }.compose(query.parts)?;
        let store_query = StoreQuery::Vector { query: vector, exclude };
        let beyond_context = match query.text.as_deref().map(str::trim) {
            Some(text) => !active.encoder.reads_whole(text)?,
            None => false,
        };
        let left_out = LeftOut { characters: query.cut, beyond_context, ..LeftOut::default() };
        let (mode, kind) = (Mode::Vector, QueryKind::Image);
        let asked = Asked { kind, mode, page: query.page, cutoff: query.cutoff, left_out, start };
        self.answer(active, store_query, asked).await
    }

    /// Returns the terms to search for, and how many of them an image must hold. Notes the words that are left out.
    async fn narrowed(&self, terms: Vec<String>, left_out: &mut LeftOut) -> Result<(Vec<String>, usize), SearchError> {
        let store = Arc::clone(&self.store);
        let narrowed = blocking::run(move || store.narrowed(&terms)).await??;
        left_out.terms = narrowed.left_out;
        Ok((narrowed.terms, narrowed.least))
    }

    /// Returns the current model. A search reads the model once, so that the query and the compared embeddings come
    /// from one model, even if another model becomes current meanwhile.
    async fn current_model(&self) -> Result<ActiveModel, SearchError> {
        Ok(self.models.current().await?)
    }

    async fn picture_vector(&self, active: &ActiveModel, source: &ImageSource) -> Result<UnitVector, SearchError> {
        match source {
            ImageSource::Stored(image_id) => self.stored_vector(active.model.model_id, *image_id).await,
            ImageSource::Bytes(bytes) => Ok(self.intake.embed_query_picture(bytes.clone(), active).await?),
        }
    }

    async fn stored_vector(&self, model_id: ModelId, image_id: ImageId) -> Result<UnitVector, SearchError> {
        let store = Arc::clone(&self.store);
        blocking::run(move || match store.embedding(model_id, image_id)? {
            Some(vector) => Ok(vector),
            None if store.image(image_id)?.is_some() => Err(SearchError::NotEmbedded(image_id)),
            None => Err(SearchError::UnknownImage(image_id)),
        })
        .await?
    }

    async fn answer(&self, active: ActiveModel, store_query: StoreQuery, asked: Asked) -> Result<Answer, SearchError> {
        let Asked { kind, mode, page, cutoff, left_out, start } = asked;
        let ActiveModel { model, encoder } = active;
        let encode = start.elapsed();
        let store = Arc::clone(&self.store);
        let (model_id, max_chars) = (model.model_id, self.max_chars);
        let (ranked, store_query) = blocking::run(move || {
            let unfiltered = page.filter.is_empty();
            let mut ranked = rank(store.as_ref(), model_id, &store_query, page, cutoff, max_chars)?;
            let calibration = encoder.manifest().relevance.as_ref();
            let asked = relevance::Asked { kind, query: &store_query, model_id, calibration, unfiltered };
            relevance::fill(store.as_ref(), asked, &mut ranked.hits)?;
            Ok::<_, StoreError>((ranked, store_query))
        })
        .await??;
        let total = start.elapsed();
        let (terms, least_terms) = match store_query {
            StoreQuery::Keyword { terms, least } | StoreQuery::Hybrid { terms, least, .. } => {
                (Some(terms), Some(least))
            }
            StoreQuery::Newest | StoreQuery::Vector { .. } => (None, None),
        };
        Ok(Answer {
            model,
            mode,
            terms,
            least_terms,
            left_out,
            least_similarity: ranked.least_similarity,
            total: ranked.total,
            hits: ranked.hits,
            next_offset: ranked.next_offset,
            took: Took { encode, search: total.saturating_sub(encode), total },
        })
    }
}

/// The parts of a query besides its vector and its terms.
struct Asked {
    kind: QueryKind,
    mode: Mode,
    page: Page,
    cutoff: Cutoff,
    left_out: LeftOut,
    start: Instant,
}

/// Returns the vector of a query by text.
async fn text_vector(active: &ActiveModel, query: &TextQuery) -> Result<UnitVector, SearchError> {
    let (text, negative) =
        try_join(optional_text(active, Some(&query.query)), optional_text(active, query.negative_query.as_deref()))
            .await?;
    Ok(Parts { images: Vec::new(), text, negative }.compose(query.parts)?)
}

/// Returns the vector of a text; `None` when there is no text or the text is blank.
async fn optional_text(active: &ActiveModel, text: Option<&str>) -> Result<Option<UnitVector>, SearchError> {
    let text = text.map(str::trim).filter(|text| !text.is_empty());
    let encoded = text.map(|text| active.encoder.encode_text(text, Priority::Search));
    Ok(OptionFuture::from(encoded).await.transpose()?)
}
