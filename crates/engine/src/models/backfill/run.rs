//! One run of a backfill: images without an embedding → pixels → encoder → store, until nothing is missing.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::{Stream, StreamExt as _, stream};
use tokio::sync::{Semaphore, watch};
use tokio::time::sleep;

use super::progress::Progress;
use crate::blocking::{self, Unfinished};
use crate::models::registry::may_pass;
use crate::models::{Models, row};
use mitsuke_clip::{EncodeError, Encoder, PreparedImage, Priority};
use mitsuke_image::{self as image, DecodeLimits};
use mitsuke_index::UnitVector;
use mitsuke_store::{ImageId, ModelId, Store, StoreError};

/// How long a lease lasts; another process may take over that long after a kill.
pub(super) const LEASE: Duration = Duration::from_secs(30);

/// How often the lease is renewed and the rate is measured.
const TICK: Duration = Duration::from_secs(1);

/// Ticks between two renewals.
const RENEW_EVERY: u32 = 5;

/// Ids read at once.
const PAGE: usize = 256;

/// How long a picture gives way, at most, to searches and uploads that wait for any encoder. The queue of its own
/// encoder knows the priorities already; other encoders share nothing with it but the processor.
const GIVE_WAY: Duration = Duration::from_millis(250);

/// Longest pause before a store that did not answer is asked again.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// After this many failures of the encoder with no success between them, it is the encoder and not a picture.
const FAILURES_IN_A_ROW: u32 = 3;

/// Why a run ended before its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Halt {
    /// It was told to.
    Stopped,
    /// Another process has taken the lease.
    LeaseLost,
    /// The model is not maintained any more: stopped from another process.
    NotMaintained,
}

/// Why a run cannot go on.
#[derive(Debug, thiserror::Error)]
pub(super) enum RunError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Unfinished(#[from] Unfinished),
    /// What it failed with stands in the log.
    #[error("the encoder failed, and the server's log has the cause")]
    Encoder,
}

/// What a run works with.
pub(super) struct Run {
    pub(super) models: Arc<Models>,
    pub(super) model_id: ModelId,
    pub(super) owner: String,
    pub(super) encoder: Arc<Encoder>,
    pub(super) limits: DecodeLimits,
    /// Places for decoding, the step that takes memory.
    pub(super) decoders: Arc<Semaphore>,
    /// Pictures on their way at once: enough that the encoder always finds a batch waiting.
    pub(super) in_flight: usize,
    pub(super) progress: Arc<Progress>,
    pub(super) stop: watch::Receiver<bool>,
    /// Set when the run has to end; the pictures on their way are finished all the same.
    pub(super) halt: watch::Sender<Option<Halt>>,
}

impl Run {
    /// Embeds until nothing is missing, or until it is halted. Passes over the store are repeated until one finds
    /// nothing, so that no image is missed that came while the last page was read. When the encoder fails on a
    /// picture, the run goes on with the others, as long as it embeds some, and tells the failure at the end of the
    /// pass: nothing is recorded against a picture that is not to blame.
    pub(super) async fn until_complete(&self) -> Result<Option<Halt>, RunError> {
        let mut ticker = tokio::time::interval(TICK);
        let mut ticks = 0_u32;
        loop {
            let retry = self.progress.take_retry();
            let mut found = false;
            let (mut outcome, mut failures) = (Ok(()), 0);
            // A pass ends with its last picture: the next one must not meet images that are on their way.
            let ids = self.ids(!retry).map(|id| self.picture_of(id));
            let mut pictures = std::pin::pin!(ids.buffer_unordered(self.in_flight));
            loop {
                tokio::select! {
                    picture = pictures.next() => match picture {
                        None => break,
                        Some(Ok(())) => (found, failures) = (true, 0),
                        // The others on their way are let through; the first error is told.
                        Some(Err(error)) => {
                            failures += 1;
                            if !matches!(error, RunError::Encoder) || failures >= FAILURES_IN_A_ROW {
                                self.end(Halt::Stopped);
                            }
                            outcome = outcome.and(Err(error));
                        }
                    },
                    _ = ticker.tick() => {
                        self.progress.sample(Instant::now());
                        ticks += 1;
                        if ticks.is_multiple_of(RENEW_EVERY) {
                            self.renew().await;
                        }
                    }
                }
            }
            outcome?;
            if *self.stop.borrow() {
                self.end(Halt::Stopped);
            }
            let halt = *self.halt.borrow();
            if halt.is_some() || !(found || retry) {
                self.progress.sample(Instant::now());
                return Ok(halt);
            }
        }
    }

    fn end(&self, halt: Halt) {
        self.halt.send_if_modified(|current| current.is_none() && current.replace(halt).is_none());
    }

    fn halted(&self) -> bool {
        *self.stop.borrow() || self.halt.borrow().is_some()
    }

    /// Keeps the lease, and looks whether the model is still wanted.
    async fn renew(&self) {
        let (model_id, owner) = (self.model_id, self.owner.clone());
        let held = self
            .models
            .with_store(move |store| {
                let model = row(store, model_id)?;
                Ok((store.claim_backfill(model_id, &owner, LEASE)?, model.maintained))
            })
            .await;
        match held {
            Ok((true, true)) => {}
            Ok((_, false)) => self.end(Halt::NotMaintained),
            Ok((false, true)) => self.end(Halt::LeaseLost),
            // Writing fails as well now, and waits; should the lease run out meanwhile, the next renewal tells.
            Err(error) => log::warn!("the lease of the backfill of model {} is not renewed: {error}", self.model_id),
        }
    }

    /// The images that lack an embedding, once each.
    fn ids(&self, skip_failed: bool) -> impl Stream<Item = Result<ImageId, RunError>> {
        let start = Some((VecDeque::new(), None));
        stream::unfold(start, move |reading: Option<(VecDeque<ImageId>, Option<ImageId>)>| async move {
            let (mut ids, after) = reading?;
            if self.halted() {
                return None;
            }
            if ids.is_empty() {
                match self.page(after, skip_failed).await {
                    Ok(page) => ids = page.into(),
                    Err(error) => return Some((Err(error), None)),
                }
            }
            let id = ids.pop_front()?;
            Some((Ok(id), Some((ids, Some(id)))))
        })
    }

    async fn page(&self, after: Option<ImageId>, skip_failed: bool) -> Result<Vec<ImageId>, RunError> {
        let model_id = self.model_id;
        let page = move |store: &dyn Store| store.images_without_embedding(model_id, after, skip_failed, PAGE);
        Ok(self.patiently(page).await?.unwrap_or_default())
    }

    async fn picture_of(&self, image_id: Result<ImageId, RunError>) -> Result<(), RunError> {
        self.picture(image_id?).await
    }

    /// Embeds one image. What the picture itself is to blame for is recorded; an image that is deleted meanwhile is
    /// no loss.
    async fn picture(&self, image_id: ImageId) -> Result<(), RunError> {
        self.give_way().await;
        if self.halted() {
            return Ok(());
        }
        let vector = match self.prepared(image_id).await? {
            None => return Ok(()),
            Some(Err(reason)) => Err(reason),
            Some(Ok(prepared)) => match self.encoded(image_id, prepared).await? {
                None => return Ok(()),
                Some(vector) => vector,
            },
        };
        let model_id = self.model_id;
        match vector {
            Ok(vector) => {
                let put = move |store: &dyn Store| store.put_embedding(model_id, image_id, &vector);
                if self.patiently(put).await? == Some(true) {
                    self.progress.count_embedded();
                }
            }
            Err(reason) => {
                log::warn!("image {image_id} gets no embedding of model {model_id}: {reason}");
                let put = move |store: &dyn Store| store.put_embedding_failure(model_id, image_id, &reason);
                if self.patiently(put).await? == Some(true) {
                    self.progress.count_failed();
                }
            }
        }
        Ok(())
    }

    /// The pixels as the model takes them, or why there are none; `None` when the image has gone.
    async fn prepared(&self, image_id: ImageId) -> Result<Option<Result<PreparedImage, String>>, RunError> {
        // Held until the pixels are prepared, which are small: bytes and decoded pixels are what takes memory.
        let _place = self.decoders.acquire().await.map_err(|_| Unfinished)?;
        let content = move |store: &dyn Store| match store.content(image_id) {
            // One damaged image must not stop the others.
            Err(StoreError::Damaged(reason)) => Ok(Some(Err(reason))),
            content => Ok(content?.map(Ok)),
        };
        let bytes = match self.patiently(content).await?.flatten() {
            None => return Ok(None),
            Some(Err(reason)) => return Ok(Some(Err(reason))),
            Some(Ok(content)) => content.bytes,
        };
        let (limits, encoder) = (self.limits, Arc::clone(&self.encoder));
        let prepared = blocking::run(move || {
            let decoded = image::decode(&bytes, &limits).map_err(|error| error.to_string())?;
            Ok(encoder.preprocess(&decoded.pixels))
        });
        // A picture whose decoding panics is a bad picture.
        Ok(Some(prepared.await.unwrap_or_else(|_| Err("its decoding broke off".to_owned()))))
    }

    /// The vector, or why the picture has none; `None` when the encoder closes first.
    async fn encoded(
        &self,
        image_id: ImageId,
        image: PreparedImage,
    ) -> Result<Option<Result<UnitVector, String>>, RunError> {
        loop {
            match self.encoder.encode_image(image.clone(), Priority::Backfill).await {
                Ok(vector) => return Ok(Some(Ok(vector))),
                Err(EncodeError::QueueFull) if !self.halted() => sleep(Duration::from_millis(50)).await,
                Err(EncodeError::QueueFull | EncodeError::Closed) => {
                    self.end(Halt::Stopped);
                    return Ok(None);
                }
                Err(error @ EncodeError::NoVector) => return Ok(Some(Err(error.to_string()))),
                Err(EncodeError::Failed(cause)) => {
                    log::error!("the encoder of model {} failed on image {image_id}: {cause}", self.model_id);
                    return Err(RunError::Encoder);
                }
            }
        }
    }

    async fn give_way(&self) {
        let begin = Instant::now();
        while begin.elapsed() < GIVE_WAY && self.models.interactive_waits() {
            sleep(Duration::from_millis(2)).await;
        }
    }

    /// Asks the store, again and again while it does not answer; `None` when the run is halted first.
    async fn patiently<T: Send + 'static>(
        &self,
        work: impl Fn(&dyn Store) -> Result<T, StoreError> + Send + Sync + 'static,
    ) -> Result<Option<T>, RunError> {
        let work = Arc::new(work);
        let mut pause = Duration::from_millis(250);
        loop {
            let (work, store) = (Arc::clone(&work), self.models.store());
            match blocking::run(move || work(store.as_ref())).await? {
                Ok(answer) => return Ok(Some(answer)),
                Err(error) if may_pass(&error) => {
                    log::warn!("the backfill of model {} waits for the store: {error}", self.model_id);
                }
                Err(error) => return Err(error.into()),
            }
            let mut waited = Duration::ZERO;
            while waited < pause {
                if self.halted() {
                    return Ok(None);
                }
                sleep(Duration::from_millis(50)).await;
                waited += Duration::from_millis(50);
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}
