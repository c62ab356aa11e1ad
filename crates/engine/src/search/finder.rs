//! Answers queries: encodes, asks the store, ranks, pages.

use std::sync::Arc;
use std::time::Instant;

use futures_util::future::{OptionFuture, try_join, try_join_all, try_join3};
use tokio::sync::Semaphore;

use crate::blocking;
use crate::intake::Registrar;
use crate::models::{ActiveModel, Models, ModelsError};
use crate::search::duplicates::{self, DuplicateQuery, DuplicateReport, StopWhenDropped};
use crate::search::query::{Answer, ImageQuery, ImageSource, Page, SearchError, TextQuery, Took};
use crate::search::ranking::{self, Question};
use crate::search::{Mode, Parts, terms};
use mitsuke_clip::Priority;
use mitsuke_index::UnitVector;
use mitsuke_store::{ImageId, Model, ModelId, Store, StoreError};

/// Answers queries.
pub struct Finder {
    store: Arc<dyn Store>,
    models: Arc<Models>,
    registrar: Arc<Registrar>,
    /// Reports of near-duplicates cost thousands of searches each, so one is made at a time.
    reports: Semaphore,
}

impl Finder {
    /// A finder over a store.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, models: Arc<Models>, registrar: Arc<Registrar>) -> Self {
        Self { store, models, registrar, reports: Semaphore::new(1) }
    }

    /// Finds images by text.
    ///
    /// # Errors
    /// See [`SearchError`].
    pub async fn by_text(&self, query: TextQuery) -> Result<Answer, SearchError> {
        let start = Instant::now();
        let active = self.active().await?;
        let text = query.query.trim();
        let question = match query.mode {
            _ if text.is_empty() => Question::Newest,
            Mode::Vector => Question::Vector { query: text_vector(&active, &query).await?, exclude: Vec::new() },
            Mode::Keyword if terms(text).is_empty() => return Err(SearchError::NoTerms),
            Mode::Keyword => Question::Keyword { terms: terms(text) },
            Mode::Hybrid => {
                Question::Hybrid { query: text_vector(&active, &query).await?, terms: terms(text), weights: query.legs }
            }
        };
        self.answer(active.model, query.mode, question, query.page, start).await
    }

    /// Finds images by pictures.
    ///
    /// # Errors
    /// See [`SearchError`].
    pub async fn by_image(&self, query: ImageQuery) -> Result<Answer, SearchError> {
        let start = Instant::now();
        let active = self.active().await?;
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
        let question = Question::Vector { query: vector, exclude };
        self.answer(active.model, Mode::Vector, question, query.page, start).await
    }

    /// Reports groups of near-duplicates under the current model. The work ends when the future is dropped.
    ///
    /// # Errors
    /// [`SearchError::ReportRunning`] while another report is being made; else those of the store.
    pub async fn duplicates(&self, query: DuplicateQuery) -> Result<(Model, DuplicateReport), SearchError> {
        let _one_at_a_time = self.reports.try_acquire().map_err(|_| SearchError::ReportRunning)?;
        let store = Arc::clone(&self.store);
        let (_stop, stopped) = StopWhenDropped::new();
        blocking::run(move || {
            let model = store.current_model()?.ok_or(ModelsError::NoCurrent)?;
            let report = duplicates::report(store.as_ref(), model.model_id, &query, &stopped)?;
            Ok((model, report))
        })
        .await?
    }

    /// The current model, read once: the encoder that encodes the query and the embeddings that are searched are
    /// the same model's, also when another one becomes current meanwhile.
    async fn active(&self) -> Result<ActiveModel, SearchError> {
        Ok(self.models.current().await?)
    }

    async fn picture_vector(&self, active: &ActiveModel, source: &ImageSource) -> Result<UnitVector, SearchError> {
        match source {
            ImageSource::Stored(image_id) => self.stored(active.model.model_id, *image_id).await,
            ImageSource::Bytes(bytes) => Ok(self.registrar.embed(bytes.clone(), active, Priority::Search).await?),
        }
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
        let model_id = model.model_id;
        let (ranked, question) = blocking::run(move || {
            let ranked = ranking::rank(store.as_ref(), model_id, &question, &page)?;
            Ok::<_, StoreError>((ranked, question))
        })
        .await??;
        let total = start.elapsed();
        Ok(Answer {
            model,
            mode,
            terms: match question {
                Question::Keyword { terms } | Question::Hybrid { terms, .. } => Some(terms),
                Question::Newest | Question::Vector { .. } => None,
            },
            least_similarity: ranked.least_similarity,
            hits: ranked.hits,
            next_offset: ranked.next_offset,
            took: Took { encode, search: total.saturating_sub(encode), total },
        })
    }
}

/// The vector of a query by text.
async fn text_vector(active: &ActiveModel, query: &TextQuery) -> Result<UnitVector, SearchError> {
    let (text, negative) =
        try_join(optional_text(active, Some(&query.query)), optional_text(active, query.negative_query.as_deref()))
            .await?;
    Ok(Parts { images: Vec::new(), text, negative }.compose(query.parts)?)
}

/// The vector of a text; `None` for none, or a blank one.
async fn optional_text(active: &ActiveModel, text: Option<&str>) -> Result<Option<UnitVector>, SearchError> {
    let text = text.map(str::trim).filter(|text| !text.is_empty());
    let encoded = text.map(|text| active.encoder.encode_text(text, Priority::Search));
    Ok(OptionFuture::from(encoded).await.transpose()?)
}
