//! Embeds old images with a maintained model, in the background and behind everything else.
//!
//! What is to be done stands in the store alone: the images that have neither an embedding nor a recorded failure of a
//! maintained model. So a backfill goes on after any stop, on whichever process takes the lease first. This file keeps
//! the jobs; [`run`] is the work.

mod progress;
mod run;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use time::OffsetDateTime;
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, watch};
use tokio::time::{sleep, timeout};
use uuid::Uuid;

use self::progress::Progress;
use self::run::{Halt, LEASE, Run};
use super::{Models, ModelsError, row};
use crate::clip::EncoderOptions;
use crate::image::DecodeLimits;
use crate::store::{ModelId, StoreError};

/// How often a process without the lease asks for it.
const ASK_AGAIN: Duration = Duration::from_secs(2);

/// How long a failed backfill rests before the keeper tries again.
const REST: Duration = Duration::from_secs(60);

/// How long a stop waits for the pictures on their way.
const STOP_WITHIN: Duration = Duration::from_secs(60);

/// How a backfill stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BackfillState {
    /// It embeds.
    Running,
    /// Another process has the lease and embeds; this one takes over should it end.
    Waiting,
    /// Nothing is missing.
    Finished,
    /// It was told to stop.
    Stopped,
    /// It cannot go on; it is tried again after a minute.
    Failed,
}

impl BackfillState {
    /// All states.
    pub const ALL: [Self; 5] = [Self::Running, Self::Waiting, Self::Finished, Self::Stopped, Self::Failed];

    /// Its name in JSON and metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Finished => "finished",
            Self::Stopped => "stopped",
            Self::Failed => "failed",
        }
    }
}

/// What is known of the running or last backfill of a model on this process.
#[derive(Debug, Clone, PartialEq)]
pub struct BackfillStatus {
    /// How it stands.
    pub state: BackfillState,
    /// Why it failed.
    pub reason: Option<String>,
    /// Images embedded since it started.
    pub embedded: u64,
    /// Images that failed since it started.
    pub failed: u64,
    /// Images per second over the last half minute, while it runs here.
    pub per_second: Option<f64>,
    /// When it started.
    pub started_at: OffsetDateTime,
    /// When it ended.
    pub ended_at: Option<OffsetDateTime>,
}

impl BackfillStatus {
    /// Seconds until `missing` images are embedded at the present rate.
    #[must_use]
    pub fn seconds_left(&self, missing: u64) -> Option<f64> {
        let rate = self.per_second.filter(|_| self.state == BackfillState::Running)?;
        Some(missing as f64 / rate)
    }
}

struct Job {
    status: BackfillStatus,
    progress: Arc<Progress>,
    stop: watch::Sender<bool>,
    /// False once the task has ended.
    active: watch::Receiver<bool>,
    /// Told to stop: the keeper lets it be.
    held: bool,
    ended: Option<Instant>,
}

impl Job {
    fn is_active(&self) -> bool {
        *self.active.borrow()
    }
}

/// The backfills of this process.
pub struct Backfills {
    models: Arc<Models>,
    limits: DecodeLimits,
    decoders: Arc<Semaphore>,
    in_flight: usize,
    /// Names this process to others that share the store.
    owner: String,
    runtime: Handle,
    jobs: Mutex<BTreeMap<ModelId, Job>>,
}

impl Backfills {
    /// Backfills that run on `runtime` and decode with half the processor's cores at most.
    #[must_use]
    pub fn new(models: Arc<Models>, limits: DecodeLimits, options: &EncoderOptions, runtime: Handle) -> Self {
        let decoders = (std::thread::available_parallelism().map_or(1, usize::from) / 2).max(1);
        Self {
            models,
            limits,
            decoders: Arc::new(Semaphore::new(decoders)),
            in_flight: 2 * options.max_batch.max(1) + decoders,
            owner: Uuid::now_v7().to_string(),
            runtime,
            jobs: Mutex::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<ModelId, Job>> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The running or last backfill of a model on this process.
    #[must_use]
    pub fn status(&self, model_id: ModelId) -> Option<BackfillStatus> {
        self.lock().get(&model_id).map(|job| BackfillStatus {
            embedded: job.progress.embedded(),
            failed: job.progress.failed(),
            per_second: job.progress.per_second().filter(|_| job.status.state == BackfillState::Running),
            ..job.status.clone()
        })
    }

    /// Makes a model maintained and starts its backfill, unless it runs already. With `retry_failed` the images whose
    /// embedding failed are tried again.
    ///
    /// # Errors
    /// [`StoreError::UnknownModel`]; a model whose folder cannot be used here.
    pub async fn start(self: &Arc<Self>, model_id: ModelId, retry_failed: bool) -> Result<(), ModelsError> {
        let model = self.models.with_store(move |store| row(store, model_id)).await?;
        self.models.check_usable(&model)?;
        if !model.maintained {
            self.models.with_store(move |store| store.set_maintained(model_id, true)).await?;
        }
        self.begin(model_id, retry_failed);
        Ok(())
    }

    fn begin(self: &Arc<Self>, model_id: ModelId, retry_failed: bool) {
        let mut jobs = self.lock();
        if let Some(job) = jobs.get_mut(&model_id).filter(|job| job.is_active() && !*job.stop.borrow()) {
            job.held = false;
            if retry_failed {
                job.progress.ask_for_retry();
            }
            return;
        }
        let progress = Arc::new(Progress::default());
        if retry_failed {
            progress.ask_for_retry();
        }
        // A task that is about to end has to have ended before the next one begins.
        let before = jobs.get(&model_id).map(|job| job.active.clone());
        let (stop, stopping) = watch::channel(false);
        let (active, ended) = watch::channel(true);
        let status = BackfillStatus {
            state: BackfillState::Running,
            reason: None,
            embedded: 0,
            failed: 0,
            per_second: None,
            started_at: OffsetDateTime::now_utc(),
            ended_at: None,
        };
        let job = Job { status, progress: Arc::clone(&progress), stop, active: ended, held: false, ended: None };
        jobs.insert(model_id, job);
        drop(jobs);
        let ours = Arc::clone(self);
        self.runtime.spawn(async move {
            // Told also when the task panics: whoever waits for the end gets it by the channel's closing.
            let active = active;
            if let Some(mut before) = before {
                drop(before.wait_for(|active| !active).await);
            }
            ours.work(model_id, &progress, stopping).await;
            active.send_replace(false);
        });
    }

    /// Stops a backfill. The model is not maintained any more, so that new images get no embedding of it either;
    /// the current model stays maintained, and its backfill rests until it is started again or the process is.
    ///
    /// # Errors
    /// [`StoreError::UnknownModel`].
    pub async fn stop(&self, model_id: ModelId) -> Result<(), ModelsError> {
        self.models
            .with_store(move |store| match store.set_maintained(model_id, false) {
                Ok(_) | Err(StoreError::CurrentModel(_)) => Ok(()),
                Err(error) => Err(error),
            })
            .await?;
        self.halt(model_id).await;
        Ok(())
    }

    /// Retires a model: stops its backfill wherever it runs, and removes its embeddings and recorded failures. Returns
    /// how many embeddings there were.
    ///
    /// # Errors
    /// [`StoreError::UnknownModel`], [`StoreError::CurrentModel`]; [`ModelsError::HeldElsewhere`] when another process
    /// does not stop in time.
    pub async fn retire(&self, model_id: ModelId) -> Result<u64, ModelsError> {
        self.models.with_store(move |store| store.set_maintained(model_id, false)).await?;
        self.halt(model_id).await;
        // The lease keeps other processes from putting embeddings back that they have on their way.
        let deadline = Instant::now() + LEASE + ASK_AGAIN;
        while !self.claim(model_id).await? {
            if Instant::now() >= deadline {
                return Err(ModelsError::HeldElsewhere(model_id));
            }
            sleep(Duration::from_millis(200)).await;
        }
        let removed = self.models.with_store(move |store| store.delete_embeddings(model_id)).await;
        self.release(model_id).await;
        self.lock().remove(&model_id);
        removed
    }

    /// Starts whatever a maintained model lacks. Called at the start, after an upload that could not be embedded by
    /// all, and from time to time.
    pub(super) async fn fill_gaps(self: &Arc<Self>) {
        let gaps = self.models.with_store(|store| {
            let mut gaps = Vec::new();
            for model in store.models()?.into_iter().filter(|model| model.maintained) {
                if store.coverage(model.model_id)?.missing() > 0 {
                    gaps.push(model);
                }
            }
            Ok(gaps)
        });
        let gaps = match gaps.await {
            Ok(gaps) => gaps,
            Err(error) => return log::warn!("cannot look for images without an embedding: {error}"),
        };
        for model in gaps {
            let rests = self.lock().get(&model.model_id).is_some_and(|job| {
                let failed = job.status.state == BackfillState::Failed;
                job.held || job.is_active() || (failed && job.ended.is_some_and(|ended| ended.elapsed() < REST))
            });
            if !rests && self.models.check_usable(&model).is_ok() {
                self.begin(model.model_id, false);
            }
        }
    }

    /// Stops all jobs, for the end of the process: maintained models stay so, and the next start goes on.
    pub async fn end(&self) {
        let ids: Vec<_> = self.lock().keys().copied().collect();
        for model_id in &ids {
            self.tell(*model_id, true);
        }
        for model_id in ids {
            self.halt(model_id).await;
        }
    }

    /// Tells a job to stop and waits until it has.
    async fn halt(&self, model_id: ModelId) {
        self.tell(model_id, true);
        let Some(mut active) = self.lock().get(&model_id).map(|job| job.active.clone()) else { return };
        if timeout(STOP_WITHIN, active.wait_for(|active| !active)).await.is_err() {
            log::error!("the backfill of model {model_id} does not stop");
        }
        if let Some(job) = self.lock().get_mut(&model_id) {
            job.status.state = BackfillState::Stopped;
        }
    }

    fn tell(&self, model_id: ModelId, stop: bool) {
        if let Some(job) = self.lock().get_mut(&model_id) {
            job.stop.send_replace(stop);
            job.held = stop;
        }
    }

    async fn work(&self, model_id: ModelId, progress: &Arc<Progress>, stop: watch::Receiver<bool>) {
        let outcome = self.attempt(model_id, progress, stop).await;
        self.release(model_id).await;
        let (state, reason) = match outcome {
            Ok(state) => (state, None),
            Err(reason) => (BackfillState::Failed, Some(reason)),
        };
        let (embedded, failed) = (progress.embedded(), progress.failed());
        match &reason {
            None if embedded + failed == 0 => {}
            None => {
                log::info!("backfill of model {model_id} {}: {embedded} images embedded, {failed} failed", state.name())
            }
            Some(reason) => log::error!("the backfill of model {model_id} cannot go on: {reason}"),
        }
        if let Some(job) = self.lock().get_mut(&model_id) {
            job.status.state = state;
            job.status.reason = reason;
            job.status.ended_at = Some(OffsetDateTime::now_utc());
            job.ended = Some(Instant::now());
        }
    }

    /// Works until nothing is missing, whichever process does it. The error is a sentence for the operator.
    async fn attempt(
        &self,
        model_id: ModelId,
        progress: &Arc<Progress>,
        stop: watch::Receiver<bool>,
    ) -> Result<BackfillState, String> {
        let (mut retry, mut done_before) = (false, None);
        loop {
            retry |= progress.take_retry();
            let (model, missing) = self
                .models
                .with_store(move |store| Ok((row(store, model_id)?, store.coverage(model_id)?.missing())))
                .await
                .map_err(|error| error.to_string())?;
            if !model.maintained || *stop.borrow() {
                return Ok(BackfillState::Stopped);
            }
            if missing == 0 && !retry {
                return Ok(BackfillState::Finished);
            }
            if !self.claim(model_id).await.map_err(|error| error.to_string())? {
                self.set_state(model_id, BackfillState::Waiting);
                pause(ASK_AGAIN, &stop).await;
                continue;
            }
            self.set_state(model_id, BackfillState::Running);
            if retry {
                progress.ask_for_retry();
                retry = false;
            }
            let active = self.models.by_id(model_id).await.map_err(|error| error.to_string())?;
            let run = Run {
                models: Arc::clone(&self.models),
                model_id,
                owner: self.owner.clone(),
                encoder: active.encoder,
                limits: self.limits,
                decoders: Arc::clone(&self.decoders),
                in_flight: self.in_flight,
                progress: Arc::clone(progress),
                stop: stop.clone(),
                halt: watch::Sender::new(None),
            };
            match run.until_complete().await.map_err(|error| error.to_string())? {
                None | Some(Halt::LeaseLost) => {}
                Some(Halt::Stopped | Halt::NotMaintained) => return Ok(BackfillState::Stopped),
            }
            // Counts and ids are read one after the other and may disagree for a moment.
            let done = Some(progress.embedded() + progress.failed());
            if done == done_before {
                pause(ASK_AGAIN, &stop).await;
            }
            done_before = done;
        }
    }

    fn set_state(&self, model_id: ModelId, state: BackfillState) {
        if let Some(job) = self.lock().get_mut(&model_id) {
            job.status = BackfillStatus { state, reason: None, ended_at: None, ..job.status.clone() };
        }
    }

    async fn claim(&self, model_id: ModelId) -> Result<bool, ModelsError> {
        let owner = self.owner.clone();
        self.models.with_store(move |store| store.claim_backfill(model_id, &owner, LEASE)).await
    }

    async fn release(&self, model_id: ModelId) {
        let owner = self.owner.clone();
        let released = self.models.with_store(move |store| store.release_backfill(model_id, &owner)).await;
        if let Err(error) = released {
            log::warn!("the lease of the backfill of model {model_id} runs out by itself: {error}");
        }
    }
}

/// Waits, but no longer than until the stop.
async fn pause(length: Duration, stop: &watch::Receiver<bool>) {
    let mut stop = stop.clone();
    drop(timeout(length, stop.wait_for(|stop| *stop)).await);
}
