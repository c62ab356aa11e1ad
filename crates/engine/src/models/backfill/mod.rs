//! Embeds old images with a maintained model, in the background and behind everything else.
//!
//! What is to be done stands in the store alone: the images that have neither an embedding nor a recorded failure of a
//! maintained model. So a backfill goes on after any stop, on whichever process takes the lease first. This file keeps
//! the jobs; [`run`] is the work.

mod progress;
mod run;
mod state;
mod turns;

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
use self::turns::Turns;
use super::{Models, ModelsError, row};
use crate::blocking::Unfinished;
use mitsuke_clip::EncoderOptions;
use mitsuke_image::DecodeLimits;
use mitsuke_store::{ModelId, StoreError};

pub use self::state::{BackfillState, BackfillStatus};

/// How often a process without the lease asks for it.
const ASK_AGAIN: Duration = Duration::from_secs(2);

/// How long a failed backfill rests before the keeper tries again.
const REST: Duration = Duration::from_secs(60);

/// How long a stop waits for the pictures on their way.
const STOP_WITHIN: Duration = Duration::from_secs(60);

struct Job {
    status: BackfillStatus,
    progress: Arc<Progress>,
    stop: watch::Sender<bool>,
    /// False once the task has ended.
    active: watch::Receiver<bool>,
    ended: Option<Instant>,
}

impl Job {
    fn is_active(&self) -> bool {
        *self.active.borrow()
    }

    fn tell(&self) {
        self.stop.send_replace(true);
    }

    /// Whether the keeper leaves it alone: it works, or has just failed.
    fn rests(&self) -> bool {
        let failed = self.status.state == BackfillState::Failed;
        self.is_active() || (failed && self.ended.is_some_and(|ended| ended.elapsed() < REST))
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
    /// A job begins, is stopped from outside or is forgotten in its model's turn only.
    turns: Turns,
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
            turns: Turns::default(),
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

    /// Works in a model's turn and to the end, also when the caller goes away meanwhile.
    async fn in_turn<T: Send + 'static, F: Future<Output = Result<T, ModelsError>> + Send + 'static>(
        self: &Arc<Self>,
        model_id: ModelId,
        work: impl FnOnce(Arc<Self>) -> F + Send + 'static,
    ) -> Result<T, ModelsError> {
        let ours = Arc::clone(self);
        let task = self.runtime.spawn(async move {
            let _turn = ours.turns.wait(model_id).await;
            work(Arc::clone(&ours)).await
        });
        task.await.map_err(|_| Unfinished)?
    }

    /// Makes a model maintained and starts its backfill, unless it runs already. With `retry_failed` the images whose
    /// embedding failed are tried again.
    ///
    /// # Errors
    /// [`StoreError::UnknownModel`]; a model whose folder cannot be used here.
    pub async fn start(self: &Arc<Self>, model_id: ModelId, retry_failed: bool) -> Result<(), ModelsError> {
        let start = async move |ours: Arc<Self>| {
            let model = ours.models.with_store(move |store| row(store, model_id)).await?;
            ours.models.check_usable(&model)?;
            if !model.maintained {
                ours.models.with_store(move |store| store.set_maintained(model_id, true)).await?;
            }
            ours.models.set_resting(model_id, false);
            ours.begin(model_id, retry_failed);
            Ok(())
        };
        self.in_turn(model_id, start).await
    }

    fn begin(self: &Arc<Self>, model_id: ModelId, retry_failed: bool) {
        let mut jobs = self.lock();
        if let Some(job) = jobs.get(&model_id).filter(|job| job.is_active() && !*job.stop.borrow()) {
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
        let job = Job { status, progress: Arc::clone(&progress), stop, active: ended, ended: None };
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
    /// the current model stays maintained, and its backfill rests until it is started again, the model becomes current
    /// anew, or the process starts again.
    ///
    /// # Errors
    /// [`StoreError::UnknownModel`].
    pub async fn stop(self: &Arc<Self>, model_id: ModelId) -> Result<(), ModelsError> {
        let stop = async move |ours: Arc<Self>| {
            let is_current = ours.models.with_store(move |store| match store.set_maintained(model_id, false) {
                Ok(_) => Ok(false),
                Err(StoreError::CurrentModel(_)) => Ok(true),
                Err(error) => Err(error),
            });
            ours.models.set_resting(model_id, is_current.await?);
            ours.halt(model_id).await;
            Ok(())
        };
        let stopped = self.in_turn(model_id, stop).await;
        // It may have become current meanwhile, and the keeper saw it being stopped.
        self.models.note_gap();
        stopped
    }

    /// Retires a model: stops its backfill wherever it runs, and removes its embeddings and recorded failures. Returns
    /// how many embeddings there were.
    ///
    /// # Errors
    /// [`StoreError::UnknownModel`], [`StoreError::CurrentModel`]; [`ModelsError::HeldElsewhere`] when its backfill,
    /// here or in another process, does not stop in time.
    pub async fn retire(self: &Arc<Self>, model_id: ModelId) -> Result<u64, ModelsError> {
        let retire = async move |ours: Arc<Self>| {
            ours.models.with_store(move |store| store.set_maintained(model_id, false)).await?;
            if !ours.halt(model_id).await {
                return Err(ModelsError::HeldElsewhere(model_id));
            }
            // The lease keeps other processes from putting embeddings back that they have on their way.
            let deadline = Instant::now() + LEASE + ASK_AGAIN;
            while !ours.claim(model_id).await? {
                if Instant::now() >= deadline {
                    return Err(ModelsError::HeldElsewhere(model_id));
                }
                sleep(Duration::from_millis(200)).await;
            }
            let removed = ours.models.with_store(move |store| store.delete_embeddings(model_id)).await;
            ours.release(model_id).await;
            ours.lock().remove(&model_id);
            removed
        };
        self.in_turn(model_id, retire).await
    }

    /// Starts whatever a maintained model lacks. Called at the start, after an upload that could not be embedded by
    /// all, and from time to time.
    pub(super) async fn fill_gaps(self: &Arc<Self>) {
        let models = match self.models.with_store(|store| store.models()).await {
            Ok(models) => models,
            Err(error) => return log::warn!("cannot look for images without an embedding: {error}"),
        };
        for model in models.into_iter().filter(|model| model.maintained) {
            let model_id = model.model_id;
            // Who starts, stops or retires it right now has the say; another look comes.
            let Some(_turn) = self.turns.try_take(model_id) else { continue };
            let facts = self.models.with_store(move |store| Ok((row(store, model_id)?, store.coverage(model_id)?)));
            let (model, coverage) = match facts.await {
                Ok(facts) => facts,
                Err(error) => return log::warn!("cannot look for images without an embedding: {error}"),
            };
            let rests = self.models.rests(&model) || self.lock().get(&model_id).is_some_and(Job::rests);
            if model.maintained && coverage.missing() > 0 && !rests && self.models.check_usable(&model).is_ok() {
                self.begin(model_id, false);
            }
        }
    }

    /// Stops all jobs, for the end of the process: maintained models stay so, and the next start goes on.
    pub async fn end(&self) {
        let ids: Vec<_> = {
            let jobs = self.lock();
            jobs.values().for_each(Job::tell);
            jobs.keys().copied().collect()
        };
        for model_id in ids {
            self.halt(model_id).await;
        }
    }

    /// Tells a job to stop and waits until it has; false when it does not in time.
    async fn halt(&self, model_id: ModelId) -> bool {
        let told = self.lock().get(&model_id).map(|job| {
            job.tell();
            (job.active.clone(), Arc::clone(&job.progress))
        });
        let Some((mut active, progress)) = told else { return true };
        // An error means that the task has ended too, by a panic.
        let stopped = timeout(STOP_WITHIN, active.wait_for(|active| !active)).await.is_ok();
        if !stopped {
            log::error!("the backfill of model {model_id} does not stop");
        }
        self.change(model_id, &progress, |job| job.status.state = BackfillState::Stopped);
        stopped
    }

    /// Changes a job, unless another one of the same model has taken its place.
    fn change(&self, model_id: ModelId, progress: &Arc<Progress>, change: impl FnOnce(&mut Job)) {
        if let Some(job) = self.lock().get_mut(&model_id).filter(|job| Arc::ptr_eq(&job.progress, progress)) {
            change(job);
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
        self.change(model_id, progress, |job| {
            job.status.state = state;
            job.status.reason = reason;
            job.status.ended_at = Some(OffsetDateTime::now_utc());
            job.ended = Some(Instant::now());
        });
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
                self.set_state(model_id, progress, BackfillState::Waiting);
                pause(ASK_AGAIN, &stop).await;
                continue;
            }
            self.set_state(model_id, progress, BackfillState::Running);
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

    fn set_state(&self, model_id: ModelId, progress: &Arc<Progress>, state: BackfillState) {
        self.change(model_id, progress, |job| {
            job.status = BackfillStatus { state, reason: None, ended_at: None, ..job.status.clone() };
        });
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
