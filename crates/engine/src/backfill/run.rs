//! One run of a backfill: images without an embedding → pixels → encoder → store, until nothing is missing.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::{Stream, StreamExt as _, stream};
use mitsuke_clip::{EncodeError, Encoder, PreparedImage, Priority};
use mitsuke_image::ImageError;
use mitsuke_index::UnitVector;
use mitsuke_store::{ImageId, ModelId, Store, StoreError};
use tokio::sync::watch;
use tokio::time::sleep;

use super::progress::Progress;
use crate::blocking::Unfinished;
use crate::intake::{Decoder, enough};
use crate::models::{Models, find_model};
use crate::patience;

/// The duration of a lease. When this process is killed, another process takes over after this time.
pub(super) const LEASE: Duration = Duration::from_secs(30);

/// The time between two measurements of the rate.
const SAMPLE_INTERVAL: Duration = Duration::from_secs(1);

/// The number of measurements between two renewals of the lease.
const SAMPLES_PER_RENEWAL: u32 = 5;

/// The number of ids that are read at once.
const PAGE_SIZE: usize = 256;

/// The number of failures of the encoder, without a success between them, after which the fault lies with the encoder
/// and not with a picture.
const MAX_CONSECUTIVE_FAILURES: u32 = 3;

/// The number of times that a picture is decoded or encoded which there is no memory for, and the time between them.
const MEMORY_TRIES: u32 = 5;
const MEMORY_WAIT: Duration = Duration::from_secs(1);

/// The reason why a picture is not prepared.
enum NotPrepared {
    /// There is no memory for it now.
    OutOfMemory(String),
    /// The fault lies with the picture.
    Failed(String),
}

impl NotPrepared {
    fn reason(self) -> String {
        match self {
            Self::OutOfMemory(reason) | Self::Failed(reason) => reason,
        }
    }
}

/// The reason why a run ended before its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StopReason {
    /// A caller requested the stop, or the process is ending.
    Requested,
    /// Another process has taken the lease.
    LeaseLost,
    /// Another process stopped the model's backfill, so that the model is not maintained any more.
    NotMaintained,
}

/// The reason why a run cannot go on.
#[derive(Debug, thiserror::Error)]
pub(super) enum RunError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Unfinished(#[from] Unfinished),
    /// The encoder failed; its error is in the log.
    #[error("the encoder failed, and the server's log has the cause")]
    Encoder,
}

/// One run of a backfill, from the claim of the lease to the end of the work.
pub(super) struct Run {
    pub(super) models: Arc<Models>,
    pub(super) model_id: ModelId,
    pub(super) owner: String,
    pub(super) encoder: Arc<Encoder>,
    pub(super) decoder: Arc<Decoder>,
    /// The number of pictures in work at once: enough that the encoder always finds a batch waiting.
    pub(super) in_flight: usize,
    pub(super) progress: Arc<Progress>,
    pub(super) stop: watch::Receiver<bool>,
    /// The reason why the run has to end; `None` while it goes on. The pictures in work are finished all the same.
    pub(super) stop_reason: watch::Sender<Option<StopReason>>,
}

impl Run {
    /// Embeds until nothing is missing, or until the run is stopped. Passes over the store are repeated until one finds
    /// nothing, so that an image that is stored while the last page is read is not missed. When the encoder fails on a
    /// picture, no failure is recorded for the picture. The run continues as long as it embeds others, and returns the
    /// encoder's failure at the end of the pass.
    pub(super) async fn until_complete(&self) -> Result<Option<StopReason>, RunError> {
        let mut ticker = tokio::time::interval(SAMPLE_INTERVAL);
        let mut ticks = 0_u32;
        loop {
            let retry = self.progress.take_retry();
            let mut found = false;
            let (mut outcome, mut failures) = (Ok(()), 0);
            // A pass ends with its last picture, so that the next pass does not find images that are still in work.
            let ids = self.ids(!retry).map(async |id| self.embed(id?).await);
            let mut pictures = std::pin::pin!(ids.buffer_unordered(self.in_flight));
            loop {
                tokio::select! {
                    picture = pictures.next() => match picture {
                        None => break,
                        Some(Ok(())) => (found, failures) = (true, 0),
                        // The pictures in work are finished; the first error is returned.
                        Some(Err(error)) => {
                            failures += 1;
                            if !matches!(error, RunError::Encoder) || failures >= MAX_CONSECUTIVE_FAILURES {
                                self.end(StopReason::Requested);
                            }
                            outcome = outcome.and(Err(error));
                        }
                    },
                    _ = ticker.tick() => {
                        self.progress.sample(Instant::now());
                        ticks += 1;
                        if ticks.is_multiple_of(SAMPLES_PER_RENEWAL) {
                            self.renew_lease().await;
                        }
                    }
                }
            }
            outcome?;
            if *self.stop.borrow() {
                self.end(StopReason::Requested);
            }
            let stop_reason = *self.stop_reason.borrow();
            if stop_reason.is_some() || !(found || retry) {
                self.progress.sample(Instant::now());
                return Ok(stop_reason);
            }
        }
    }

    /// Ends the run; the first reason counts.
    fn end(&self, reason: StopReason) {
        self.stop_reason.send_if_modified(|current| current.is_none() && current.replace(reason).is_none());
    }

    fn is_ending(&self) -> bool {
        *self.stop.borrow() || self.stop_reason.borrow().is_some()
    }

    /// Renews the lease, and checks whether the model is still maintained.
    async fn renew_lease(&self) {
        let (model_id, owner) = (self.model_id, self.owner.clone());
        let held = self
            .models
            .with_store(move |store| {
                let model = find_model(store, model_id)?;
                Ok((store.claim_backfill(model_id, &owner, LEASE)?, model.maintained))
            })
            .await;
        match held {
            Ok((true, true)) => {}
            Ok((_, false)) => self.end(StopReason::NotMaintained),
            Ok((false, true)) => self.end(StopReason::LeaseLost),
            // Writes fail too at this time, and are retried. If the lease runs out meanwhile, the next renewal finds
            // that.
            Err(error) => log::warn!("the lease of the backfill of model {} is not renewed: {error}", self.model_id),
        }
    }

    /// Streams the images that lack an embedding, each once.
    fn ids(&self, skip_failed: bool) -> impl Stream<Item = Result<ImageId, RunError>> {
        let start = Some((VecDeque::new(), None));
        stream::unfold(start, move |reading: Option<(VecDeque<ImageId>, Option<ImageId>)>| async move {
            let (mut ids, after) = reading?;
            if self.is_ending() {
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
        let page = move |store: &dyn Store| store.images_without_embedding(model_id, after, skip_failed, PAGE_SIZE);
        Ok(self.with_retries(page).await?.unwrap_or_default())
    }

    /// Embeds one image. Records a failure that is due to the picture, and skips an image that is deleted meanwhile.
    async fn embed(&self, image_id: ImageId) -> Result<(), RunError> {
        self.models.yield_to_interactive_work().await;
        patience::wait_for_room(self.models.store().as_ref(), "the backfill", || self.is_ending()).await;
        if self.is_ending() {
            return Ok(());
        }
        let vector = match self.prepare(image_id).await? {
            None => return Ok(()),
            Some(Err(reason)) => Err(reason),
            Some(Ok(prepared)) => match self.encode(image_id, prepared).await? {
                None => return Ok(()),
                Some(vector) => vector,
            },
        };
        let model_id = self.model_id;
        match vector {
            Ok(vector) => {
                let put = move |store: &dyn Store| store.put_embedding(model_id, image_id, &vector);
                if self.with_retries(put).await? == Some(true) {
                    self.progress.count_embedded();
                }
            }
            Err(reason) => {
                log::warn!("image {image_id} gets no embedding of model {model_id}: {reason}");
                let put = move |store: &dyn Store| store.put_embedding_failure(model_id, image_id, &reason);
                if self.with_retries(put).await? == Some(true) {
                    self.progress.count_failed();
                }
            }
        }
        Ok(())
    }

    /// Returns the pixels as the model takes them, or the reason why there are none; `None` when the image is gone. A
    /// picture that there is no memory for is tried again.
    async fn prepare(&self, image_id: ImageId) -> Result<Option<Result<PreparedImage, String>>, RunError> {
        for _ in 1..MEMORY_TRIES {
            match self.prepare_once(image_id).await? {
                Some(Err(NotPrepared::OutOfMemory(_))) if !self.is_ending() => sleep(MEMORY_WAIT).await,
                prepared => return Ok(prepared.map(|prepared| prepared.map_err(NotPrepared::reason))),
            }
        }
        Ok(self.prepare_once(image_id).await?.map(|prepared| prepared.map_err(NotPrepared::reason)))
    }

    async fn prepare_once(&self, image_id: ImageId) -> Result<Option<Result<PreparedImage, NotPrepared>>, RunError> {
        // The slot is taken before the original is read, because originals in memory count as well.
        let slot = self.decoder.slot(Priority::Backfill).await?;
        let content = move |store: &dyn Store| match store.content(image_id) {
            // One damaged image must not stop the others.
            Err(StoreError::Damaged(reason)) => Ok(Some(Err(reason))),
            Err(error) if error.lost_original().is_some() => Ok(Some(Err(error.to_string()))),
            content => Ok(content?.map(Ok)),
        };
        let bytes = match self.with_retries(content).await?.flatten() {
            None => return Ok(None),
            Some(Err(reason)) => return Ok(Some(Err(NotPrepared::Failed(reason)))),
            Some(Ok(content)) => content.bytes,
        };
        let encoder = Arc::clone(&self.encoder);
        Ok(Some(
            match slot.decode(bytes, enough([&*encoder]), move |decoded| encoder.preprocess_decoded(&decoded)).await {
                Ok(prepared) => prepared.map_err(|error| match error {
                    ImageError::OutOfMemory { .. } => NotPrepared::OutOfMemory(error.to_string()),
                    error => NotPrepared::Failed(error.to_string()),
                }),
                // A picture whose decoding panics is recorded as a failure like any other.
                Err(Unfinished) => Err(NotPrepared::Failed("its decoding broke off".to_owned())),
            },
        ))
    }

    /// Returns the vector, or the reason why the picture has none; `None` when the encoder closes first.
    async fn encode(
        &self,
        image_id: ImageId,
        image: PreparedImage,
    ) -> Result<Option<Result<UnitVector, String>>, RunError> {
        let mut tries = 0;
        loop {
            match self.encoder.encode_image(image.clone(), Priority::Backfill).await {
                Ok(vector) => return Ok(Some(Ok(vector))),
                Err(EncodeError::QueueFull) if !self.is_ending() => sleep(Duration::from_millis(50)).await,
                Err(EncodeError::QueueFull | EncodeError::Closed) => {
                    self.end(StopReason::Requested);
                    return Ok(None);
                }
                Err(EncodeError::OutOfMemory) if tries + 1 < MEMORY_TRIES && !self.is_ending() => {
                    tries += 1;
                    sleep(MEMORY_WAIT).await;
                }
                // The log of the encoder has the reason.
                Err(EncodeError::OutOfMemory) => return Err(RunError::Encoder),
                Err(error @ EncodeError::NoVector) => return Ok(Some(Err(error.to_string()))),
                Err(EncodeError::Failed(cause)) => {
                    log::error!("the encoder of model {} failed on image {image_id}: {cause}", self.model_id);
                    return Err(RunError::Encoder);
                }
            }
        }
    }

    /// Runs work on the store, and repeats it while the store does not answer; `None` when the run is ended first.
    async fn with_retries<T: Send + 'static>(
        &self,
        work: impl Fn(&dyn Store) -> Result<T, StoreError> + Send + Sync + 'static,
    ) -> Result<Option<T>, RunError> {
        let task = format!("the backfill of model {}", self.model_id);
        patience::with_retries(self.models.store(), &task, || self.is_ending(), work).await
    }
}
