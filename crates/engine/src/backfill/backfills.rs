//! The backfills of a process: starting, stopping and retiring, and the lease that one process holds for a model.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use mitsuke_clip::EncoderOptions;
use mitsuke_store::{ModelId, StoreError};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::job::Job;
use super::model_locks::ModelLocks;
use super::progress::Progress;
use super::run::{LEASE, Run, StopReason};
use super::state::{BackfillState, BackfillStatus};
use crate::blocking::Unfinished;
use crate::intake::Decoder;
use crate::models::{Models, ModelsError, find_model};
use crate::unique::unique_id;

/// The time between two attempts of a process to take a lease that another process holds.
const LEASE_POLL_INTERVAL: Duration = Duration::from_secs(2);

/// The time that a stop waits for the pictures that are being embedded.
const STOP_TIMEOUT: Duration = Duration::from_secs(60);

/// Returns the number of pictures in work at once: enough that every worker of the encoder always finds a batch waiting.
fn in_flight(options: &EncoderOptions, decoder: &Decoder) -> usize {
    // Without its device an encoder does not load, so that the number does not matter.
    let workers = options.worker_count().unwrap_or(1);
    2 * options.max_batch.max(1).max(workers) + decoder.backfill_slots()
}

/// The backfills of this process.
pub struct Backfills {
    models: Arc<Models>,
    decoder: Arc<Decoder>,
    in_flight: usize,
    /// The name of this process among those that share the store.
    owner: String,
    runtime: Handle,
    jobs: Mutex<BTreeMap<ModelId, Job>>,
    /// The locks of the models. A job is started, stopped from outside or removed only while the lock of its model is
    /// held.
    locks: ModelLocks,
}

impl Backfills {
    /// Makes backfills whose tasks run on `runtime` and that decode with the backfill slots of `decoder`.
    #[must_use]
    pub fn new(models: Arc<Models>, decoder: Arc<Decoder>, options: &EncoderOptions, runtime: Handle) -> Self {
        Self {
            models,
            in_flight: in_flight(options, &decoder),
            decoder,
            owner: unique_id(),
            runtime,
            jobs: Mutex::default(),
            locks: ModelLocks::default(),
        }
    }

    fn jobs(&self) -> MutexGuard<'_, BTreeMap<ModelId, Job>> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the status of the running or last backfill of a model in this process.
    #[must_use]
    pub fn status(&self, model_id: ModelId) -> Option<BackfillStatus> {
        self.jobs().get(&model_id).map(Job::current_status)
    }

    /// Runs work while the lock of a model is held. The work runs to its end even if the caller goes away.
    async fn with_lock<T: Send + 'static, F: Future<Output = Result<T, ModelsError>> + Send + 'static>(
        self: &Arc<Self>,
        model_id: ModelId,
        work: impl FnOnce(Arc<Self>) -> F + Send + 'static,
    ) -> Result<T, ModelsError> {
        let ours = Arc::clone(self);
        let task = self.runtime.spawn(async move {
            let _lock = ours.locks.lock(model_id).await;
            work(Arc::clone(&ours)).await
        });
        task.await.map_err(|_| Unfinished)?
    }

    /// Makes a model maintained and starts its backfill, unless the backfill runs already. With `retry_failed` the
    /// images whose embedding failed are tried again.
    ///
    /// # Errors
    /// [`StoreError::UnknownModel`]; [`ModelsError::Unusable`] when the model's folder cannot be used here.
    pub async fn start(self: &Arc<Self>, model_id: ModelId, retry_failed: bool) -> Result<(), ModelsError> {
        let start = async move |ours: Arc<Self>| {
            let model = ours.models.with_store(move |store| find_model(store, model_id)).await?;
            ours.models.check_usable(&model)?;
            if !model.maintained {
                ours.models.with_store(move |store| store.set_maintained(model_id, true)).await?;
            }
            ours.models.set_backfill_paused(model_id, false);
            ours.spawn(model_id, retry_failed);
            Ok(())
        };
        self.with_lock(model_id, start).await
    }

    /// Starts the task of a model, unless it runs already.
    fn spawn(self: &Arc<Self>, model_id: ModelId, retry_failed: bool) {
        let mut jobs = self.jobs();
        if let Some(job) = jobs.get(&model_id).filter(|job| job.is_continuing()) {
            if retry_failed {
                job.progress.request_retry();
            }
            return;
        }
        let progress = Arc::new(Progress::default());
        if retry_failed {
            progress.request_retry();
        }
        // A task that was asked to stop must have ended before the next one starts its work.
        let previous = jobs.get(&model_id).map(|job| job.active.clone());
        let (stop, stop_requested) = watch::channel(false);
        let (active, ended) = watch::channel(true);
        jobs.insert(model_id, Job::new(Arc::clone(&progress), stop, ended));
        drop(jobs);
        let ours = Arc::clone(self);
        self.runtime.spawn(async move {
            // The task owns the channel, so that a panic closes it and waiting for the end returns.
            let active = active;
            if let Some(mut previous) = previous {
                drop(previous.wait_for(|active| !active).await);
            }
            ours.work(model_id, &progress, stop_requested).await;
            active.send_replace(false);
        });
    }

    /// Stops a backfill. The model is not maintained any more, so that new images get no embedding of it either. The
    /// current model stays maintained, and its backfill is paused until it is started again, the model becomes current
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
            ours.models.set_backfill_paused(model_id, is_current.await?);
            ours.stop_job(model_id).await;
            Ok(())
        };
        let stopped = self.with_lock(model_id, stop).await;
        // The model may have become current during the stop, when the maintenance found its lock taken.
        self.models.request_backfill_check();
        stopped
    }

    /// Retires a model: stops its backfill wherever it runs, and removes its embeddings and recorded failures. Returns
    /// the number of removed embeddings.
    ///
    /// # Errors
    /// [`StoreError::UnknownModel`], [`StoreError::CurrentModel`]; [`ModelsError::HeldElsewhere`] when its backfill,
    /// here or in another process, does not stop in time.
    pub async fn retire(self: &Arc<Self>, model_id: ModelId) -> Result<u64, ModelsError> {
        let retire = async move |ours: Arc<Self>| {
            ours.models.with_store(move |store| store.set_maintained(model_id, false)).await?;
            if !ours.stop_job(model_id).await {
                return Err(ModelsError::HeldElsewhere(model_id));
            }
            // The lease keeps other processes from storing embeddings that they are still computing.
            let deadline = Instant::now() + LEASE + LEASE_POLL_INTERVAL;
            while !ours.claim_lease(model_id).await? {
                if Instant::now() >= deadline {
                    return Err(ModelsError::HeldElsewhere(model_id));
                }
                sleep(Duration::from_millis(200)).await;
            }
            let removed = ours.models.with_store(move |store| store.delete_embeddings(model_id)).await;
            ours.release_lease(model_id).await;
            ours.jobs().remove(&model_id);
            removed
        };
        self.with_lock(model_id, retire).await
    }

    /// Starts the backfill of every maintained model that lacks embeddings. The maintenance calls this method at the
    /// start, after an upload that not every model has embedded, and from time to time.
    pub(crate) async fn start_missing(self: &Arc<Self>) {
        let models = match self.models.with_store(|store| store.models()).await {
            Ok(models) => models,
            Err(error) => return log::warn!("cannot look for images without an embedding: {error}"),
        };
        for model in models.into_iter().filter(|model| model.maintained) {
            let model_id = model.model_id;
            // A model that is being started, stopped or retired is left to that request until the next check.
            let Some(_lock) = self.locks.try_lock(model_id) else { continue };
            let facts =
                self.models.with_store(move |store| Ok((find_model(store, model_id)?, store.coverage(model_id)?)));
            let (model, coverage) = match facts.await {
                Ok(facts) => facts,
                Err(error) => return log::warn!("cannot look for images without an embedding: {error}"),
            };
            let left_alone = self.models.is_backfill_paused(&model)
                || self.jobs().get(&model_id).is_some_and(Job::is_running_or_delayed);
            if model.maintained && coverage.missing() > 0 && !left_alone && self.models.check_usable(&model).is_ok() {
                self.spawn(model_id, false);
            }
        }
    }

    /// Stops all tasks at the end of the process. Maintained models stay maintained, and the next start continues.
    pub async fn shut_down(&self) {
        let ids: Vec<_> = {
            let jobs = self.jobs();
            jobs.values().for_each(Job::request_stop);
            jobs.keys().copied().collect()
        };
        for model_id in ids {
            self.stop_job(model_id).await;
        }
    }

    /// Asks the task of a model to stop and waits for its end; false when it does not end in time.
    async fn stop_job(&self, model_id: ModelId) -> bool {
        let job = self.jobs().get(&model_id).map(|job| {
            job.request_stop();
            (job.active.clone(), Arc::clone(&job.progress))
        });
        let Some((mut active, progress)) = job else { return true };
        // An error of the channel means that the task has ended too, by a panic.
        let stopped = timeout(STOP_TIMEOUT, active.wait_for(|active| !active)).await.is_ok();
        if !stopped {
            log::error!("the backfill of model {model_id} does not stop");
        }
        self.update(model_id, &progress, |job| job.status.state = BackfillState::Stopped);
        stopped
    }

    /// Updates a job, unless another job of the same model has replaced it.
    fn update(&self, model_id: ModelId, progress: &Arc<Progress>, update: impl FnOnce(&mut Job)) {
        if let Some(job) = self.jobs().get_mut(&model_id).filter(|job| Arc::ptr_eq(&job.progress, progress)) {
            update(job);
        }
    }

    /// Runs the backfill of a model to its end, and notes the result.
    async fn work(&self, model_id: ModelId, progress: &Arc<Progress>, stop: watch::Receiver<bool>) {
        let outcome = self.run_until_complete(model_id, progress, stop).await;
        self.release_lease(model_id).await;
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
        self.update(model_id, progress, |job| job.end(state, reason));
    }

    /// Runs until no embedding is missing, whether this or another process embeds the images. The error is a sentence
    /// for the operator.
    async fn run_until_complete(
        &self,
        model_id: ModelId,
        progress: &Arc<Progress>,
        stop: watch::Receiver<bool>,
    ) -> Result<BackfillState, String> {
        let (mut retry, mut previously_done) = (false, None);
        loop {
            retry |= progress.take_retry();
            let (model, missing) = self
                .models
                .with_store(move |store| Ok((find_model(store, model_id)?, store.coverage(model_id)?.missing())))
                .await
                .map_err(|error| error.to_string())?;
            if !model.maintained || *stop.borrow() {
                return Ok(BackfillState::Stopped);
            }
            if missing == 0 && !retry {
                return Ok(BackfillState::Finished);
            }
            if !self.claim_lease(model_id).await.map_err(|error| error.to_string())? {
                self.set_state(model_id, progress, BackfillState::Waiting);
                sleep_unless_stopped(LEASE_POLL_INTERVAL, &stop).await;
                continue;
            }
            // Another process may have retired the model between the check above and the claim.
            let model = self.models.with_store(move |store| find_model(store, model_id)).await;
            if !model.map_err(|error| error.to_string())?.maintained {
                return Ok(BackfillState::Stopped);
            }
            self.set_state(model_id, progress, BackfillState::Running);
            if retry {
                progress.request_retry();
                retry = false;
            }
            let active = self.models.by_id(model_id).await.map_err(|error| error.to_string())?;
            let run = Run {
                models: Arc::clone(&self.models),
                model_id,
                owner: self.owner.clone(),
                encoder: active.encoder,
                decoder: Arc::clone(&self.decoder),
                in_flight: self.in_flight,
                progress: Arc::clone(progress),
                stop: stop.clone(),
                stop_reason: watch::Sender::new(None),
            };
            match run.until_complete().await.map_err(|error| error.to_string())? {
                None | Some(StopReason::LeaseLost) => {}
                Some(StopReason::Requested | StopReason::NotMaintained) => return Ok(BackfillState::Stopped),
            }
            // Counts and ids are read one after the other and may disagree for a moment.
            let done = Some(progress.embedded() + progress.failed());
            if done == previously_done {
                sleep_unless_stopped(LEASE_POLL_INTERVAL, &stop).await;
            }
            previously_done = done;
        }
    }

    fn set_state(&self, model_id: ModelId, progress: &Arc<Progress>, state: BackfillState) {
        self.update(model_id, progress, |job| {
            job.status = BackfillStatus { state, reason: None, ended_at: None, ..job.status.clone() };
        });
    }

    async fn claim_lease(&self, model_id: ModelId) -> Result<bool, ModelsError> {
        let owner = self.owner.clone();
        self.models.with_store(move |store| store.claim_backfill(model_id, &owner, LEASE)).await
    }

    async fn release_lease(&self, model_id: ModelId) {
        let owner = self.owner.clone();
        let released = self.models.with_store(move |store| store.release_backfill(model_id, &owner)).await;
        if let Err(error) = released {
            log::warn!("the lease of the backfill of model {model_id} runs out by itself: {error}");
        }
    }
}

/// Sleeps for `length`, or until a stop is requested.
async fn sleep_unless_stopped(length: Duration, stop: &watch::Receiver<bool>) {
    let mut stop = stop.clone();
    drop(timeout(length, stop.wait_for(|stop| *stop)).await);
}
