//! One run of a reindex: images of an older reader → their files → their texts → store.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::{StreamExt as _, stream};
use mitsuke_clip::Priority;
use mitsuke_image::{FileTexts, READER_VERSION};
use mitsuke_store::{ImageId, Reading, Store, StoreError};
use tokio::sync::watch;

use super::progress::Progress;
use super::state::ReindexState;
use crate::blocking::Unfinished;
use crate::intake::Decoder;
use crate::models::Models;
use crate::patience;

/// The number of ids that are read at once.
const PAGE_SIZE: usize = 256;

/// The time between two measurements of the rate.
const SAMPLE_INTERVAL: Duration = Duration::from_secs(1);

/// The reason why a run cannot go on.
#[derive(Debug, thiserror::Error)]
pub(super) enum RunError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Unfinished(#[from] Unfinished),
}

/// One run of a reindex.
pub(super) struct Run {
    pub(super) models: Arc<Models>,
    pub(super) decoder: Arc<Decoder>,
    pub(super) max_text_chars: usize,
    pub(super) progress: Arc<Progress>,
    pub(super) stop: watch::Receiver<bool>,
}

impl Run {
    /// Reads files until none is left, or until the run is stopped.
    pub(super) async fn until_complete(&self) -> Result<ReindexState, RunError> {
        let mut after = None;
        let mut sampled = Instant::now();
        self.progress.sample();
        loop {
            let list = move |store: &dyn Store| store.images_read_before(READER_VERSION, after, PAGE_SIZE);
            let page = self.with_retries(list).await?.unwrap_or_default();
            if self.is_ending() {
                return Ok(ReindexState::Stopped);
            }
            // The place of the last image, and not an empty list, ends the work: an image whose result could not be
            // stored is listed again by the next run only.
            let Some(last) = page.last() else { return Ok(ReindexState::Finished) };
            after = Some(*last);
            let files = stream::iter(page).map(|(_, image_id)| self.read_again(image_id));
            let mut files = std::pin::pin!(files.buffer_unordered(self.decoder.backfill_slots()));
            while let Some(outcome) = files.next().await {
                outcome?;
                if sampled.elapsed() >= SAMPLE_INTERVAL {
                    sampled = Instant::now();
                    self.progress.sample();
                }
            }
        }
    }

    fn is_ending(&self) -> bool {
        *self.stop.borrow()
    }

    /// Reads one file and stores what it holds. Skips an image that is deleted meanwhile.
    async fn read_again(&self, image_id: ImageId) -> Result<(), RunError> {
        self.models.yield_to_interactive_work().await;
        patience::wait_for_room(self.models.store().as_ref(), "the reindex", || self.is_ending()).await;
        if self.is_ending() {
            return Ok(());
        }
        let Some(texts) = self.texts(image_id).await? else { return Ok(()) };
        let texts = Arc::new(texts);
        let found = Arc::clone(&texts);
        let put = move |store: &dyn Store| {
            let reading = found.as_ref().as_ref().ok().map(reading);
            match store.put_reading(image_id, READER_VERSION, reading.as_ref()) {
                // One damaged image must not stop the others.
                Err(StoreError::Damaged(reason)) => Ok(Some(Err(reason))),
                Err(error) if error.lost_original().is_some() => Ok(Some(Err(error.to_string()))),
                changes => Ok(changes?.map(Ok)),
            }
        };
        let Some(stored) = self.with_retries(put).await?.flatten() else { return Ok(()) };
        let outcome = match texts.as_ref() {
            Ok(_) => stored,
            Err(reason) => Err(reason.clone()),
        };
        match outcome {
            Ok(changes) => self.progress.note_changes(image_id, changes),
            Err(reason) => {
                log::warn!("the texts of image {image_id} stay as they are: {reason}");
                self.progress.note_failure(image_id, reason);
            }
        }
        Ok(())
    }

    /// Returns the texts in the file of an image, or the reason why they cannot be read; `None` when the image is gone.
    async fn texts(&self, image_id: ImageId) -> Result<Option<Result<FileTexts, String>>, RunError> {
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
            Some(Err(reason)) => return Ok(Some(Err(reason))),
            Some(Ok(content)) => content.bytes,
        };
        Ok(Some(match slot.read_texts(bytes, self.max_text_chars).await {
            Ok(texts) => texts.map_err(|error| error.to_string()),
            Err(Unfinished) => Err("reading it broke off".to_owned()),
        }))
    }

    async fn with_retries<T: Send + 'static>(
        &self,
        work: impl Fn(&dyn Store) -> Result<T, StoreError> + Send + Sync + 'static,
    ) -> Result<Option<T>, RunError> {
        patience::with_retries(self.models.store(), "the reindex", || self.is_ending(), work).await
    }
}

/// Returns the texts of a file as the store takes them.
fn reading(texts: &FileTexts) -> Reading<'_> {
    let FileTexts { described, earlier_text } = texts;
    Reading {
        caption: described.caption.as_deref(),
        generation_prompt: described.generation_prompt.as_deref(),
        generation: described.generation.as_ref(),
        tags: &described.tags,
        taken: described.taken,
        camera: described.camera.as_deref(),
        earlier_text: earlier_text.as_deref(),
    }
}
