//! One queue per encoder: bounded, three priorities, dynamic batches, on a thread of its own.
//!
//! Jobs wait in one lane per [`Priority`]. When the encoder is free it takes a batch from the most urgent lane
//! that is not empty. A batch holds jobs of one lane only: on a CPU its duration grows with its size, so that
//! bulk jobs riding along would make a search slower. Two rules soften the order:
//!
//! - **No lane starves.** A lane that has been overtaken [`MAX_OVERTAKEN`] times in a row gets the next batch.
//! - **Bulk cannot lock searches out.** The capacity counts the jobs of all lanes, but uploads may fill only
//!   seven eighths of it and backfill three quarters.
//!
//! While a batch is encoded the next one gathers by itself, so waiting for a batch to fill (`max_wait`) pays
//! only where encoding a larger batch costs hardly more than a smaller one.

use std::any::Any;
use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::error::EncodeError;
use super::lanes::{Job, Lanes};

pub use super::lanes::{MAX_OVERTAKEN, Priority};

/// Encodes several items at once.
pub trait BatchEncoder: Send + 'static {
    /// What goes in.
    type Item: Send + 'static;
    /// What comes out.
    type Output: Send + 'static;

    /// Called once on the encoder's own thread, before the first batch.
    fn start(&mut self) {}

    /// Encodes `items`; one result for each, in their order.
    ///
    /// # Errors
    /// When the batch as a whole fails; its items are then tried one by one.
    fn encode(&mut self, items: &[Self::Item]) -> Result<Vec<Result<Self::Output, EncodeError>>, EncodeError>;
}

/// How a queue works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueOptions {
    /// Most jobs that may wait, over all priorities; at least 1.
    pub capacity: usize,
    /// Most items in a batch; at least 1.
    pub max_batch: usize,
    /// How long the oldest job of a lane may wait for its batch to fill while the encoder is idle.
    pub max_wait: Duration,
}

/// What a queue has done since it started, and what waits in it now.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct QueueStats {
    /// Jobs that wait.
    pub depth: usize,
    /// Jobs that wait, for each of [`Priority::ALL`].
    pub depth_by_priority: [usize; 3],
    /// Batches encoded.
    pub batches: u64,
    /// Items encoded, failed ones included.
    pub items: u64,
    /// Items that got an error from the encoder.
    pub failed: u64,
    /// Jobs left out because their caller had gone.
    pub skipped: u64,
    /// Jobs refused because the queue was full.
    pub refused: u64,
    /// Time spent encoding.
    pub encode_time: Duration,
}

impl QueueStats {
    /// The same counts with those of an earlier queue of the same tower; what waits is this one's alone.
    #[must_use]
    pub fn after(self, earlier: &Self) -> Self {
        Self {
            batches: self.batches + earlier.batches,
            items: self.items + earlier.items,
            failed: self.failed + earlier.failed,
            skipped: self.skipped + earlier.skipped,
            refused: self.refused + earlier.refused,
            encode_time: self.encode_time + earlier.encode_time,
            ..self
        }
    }
}

type Answer<O> = Result<O, EncodeError>;

/// Jobs that are encoded together.
type Batch<E> = Vec<Job<<E as BatchEncoder>::Item, Answer<<E as BatchEncoder>::Output>>>;

/// The handle of a queue; dropping it fails what waits and joins the thread.
pub struct EncoderQueue<E: BatchEncoder> {
    shared: Arc<Shared<E>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

struct Shared<E: BatchEncoder> {
    options: QueueOptions,
    state: Mutex<State<E>>,
    /// Signalled when a job arrives or the queue closes.
    changed: Condvar,
}

struct State<E: BatchEncoder> {
    lanes: Lanes<E::Item, Answer<E::Output>>,
    closing: bool,
    stats: QueueStats,
}

impl<E: BatchEncoder> EncoderQueue<E> {
    /// Starts a thread called `name` that encodes with `encoder`.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(name: &str, encoder: E, options: QueueOptions) -> io::Result<Self> {
        let options =
            QueueOptions { capacity: options.capacity.max(1), max_batch: options.max_batch.max(1), ..options };
        let state = State { lanes: Lanes::default(), closing: false, stats: QueueStats::default() };
        let shared = Arc::new(Shared { options, state: Mutex::new(state), changed: Condvar::new() });
        let ours = Arc::clone(&shared);
        let thread = thread::Builder::new().name(name.to_owned()).spawn(move || run(&ours, encoder))?;
        Ok(Self { shared, thread: Mutex::new(Some(thread)) })
    }

    /// Encodes an item and waits for the result. Dropping the future takes the job back.
    ///
    /// # Errors
    /// [`EncodeError::QueueFull`] or [`EncodeError::Closed`] at once, later what the encoder says.
    pub async fn encode(&self, item: E::Item, priority: Priority) -> Result<E::Output, EncodeError> {
        // A sender dropped unanswered means that the thread has ended.
        self.submit(item, priority)?.await.unwrap_or(Err(EncodeError::Closed))
    }

    /// Puts an item into the queue; the receiver gets its result, dropping it takes the job back.
    ///
    /// # Errors
    /// [`EncodeError::QueueFull`] or [`EncodeError::Closed`].
    pub fn submit(
        &self,
        item: E::Item,
        priority: Priority,
    ) -> Result<oneshot::Receiver<Result<E::Output, EncodeError>>, EncodeError> {
        let (answer, receiver) = oneshot::channel();
        let mut state = self.shared.lock();
        if state.closing {
            return Err(EncodeError::Closed);
        }
        let limit = priority.share_of(self.shared.options.capacity);
        if state.lanes.len() >= limit {
            // Jobs nobody waits for must not keep live ones out.
            let gone = state.lanes.remove_abandoned();
            state.stats.skipped += gone;
        }
        if state.lanes.len() >= limit {
            state.stats.refused += 1;
            return Err(EncodeError::QueueFull);
        }
        state.lanes.push(priority, Job { item, answer, arrived: Instant::now() });
        drop(state);
        self.shared.changed.notify_one();
        Ok(receiver)
    }

    /// What the queue has done, and what waits in it now.
    #[must_use]
    pub fn stats(&self) -> QueueStats {
        let state = self.shared.lock();
        QueueStats { depth: state.lanes.len(), depth_by_priority: state.lanes.depths(), ..state.stats }
    }

    /// Takes no more jobs, answers the waiting ones with [`EncodeError::Closed`], and joins the thread. Blocks until
    /// the running batch is done. A second call only waits.
    pub fn close(&self) {
        self.shared.lock().closing = true;
        self.shared.changed.notify_one();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(Err(panic)) = thread.map(JoinHandle::join) {
            log::error!("an encoder thread ended by a panic: {}", panic_message(panic.as_ref()));
        }
    }
}

impl<E: BatchEncoder> Drop for EncoderQueue<E> {
    fn drop(&mut self) {
        self.close();
    }
}

impl<E: BatchEncoder> Shared<E> {
    /// A panic elsewhere while the lock was held leaves counters and lanes whole: every change is one step.
    fn lock(&self) -> MutexGuard<'_, State<E>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the next batch; `None` when the queue has closed.
    fn next_batch(&self) -> Option<Batch<E>> {
        let QueueOptions { max_batch, max_wait, .. } = self.options;
        let mut state = self.lock();
        loop {
            if state.closing {
                return None;
            }
            let Some(lane) = state.lanes.next_lane() else {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let waited = state.lanes.oldest(lane).map_or(Duration::MAX, |arrived| arrived.elapsed());
            if state.lanes.depth(lane) < max_batch && waited < max_wait {
                // Whatever arrives meanwhile, even for a more urgent lane, wakes this and is looked at anew.
                let rest = max_wait.saturating_sub(waited);
                (state, _) = self.changed.wait_timeout(state, rest).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            let (batch, skipped) = state.lanes.take(lane, max_batch);
            state.stats.skipped += skipped;
            if !batch.is_empty() {
                return Some(batch);
            }
        }
    }
}

/// Fails what waits when the thread ends, in whatever way.
struct CloseAtEnd<'a, E: BatchEncoder>(&'a Shared<E>);

impl<E: BatchEncoder> Drop for CloseAtEnd<'_, E> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.closing = true;
        let waiting = state.lanes.drain();
        drop(state);
        for job in waiting {
            // A receiver that has gone needs no answer.
            let _ = job.answer.send(Err(EncodeError::Closed));
        }
    }
}

/// The encoder thread.
fn run<E: BatchEncoder>(shared: &Shared<E>, mut encoder: E) {
    let _close_at_end = CloseAtEnd(shared);
    encoder.start();
    while let Some(batch) = shared.next_batch() {
        let (items, answers): (Vec<_>, Vec<_>) = batch.into_iter().map(|job| (job.item, job.answer)).unzip();
        let start = Instant::now();
        let results = encode_apart(&mut encoder, &items);
        let took = start.elapsed();
        // Before the answers, so that a caller who has one sees itself counted.
        let mut state = shared.lock();
        state.stats.batches += 1;
        state.stats.items += items.len() as u64;
        state.stats.failed += results.iter().filter(|result| result.is_err()).count() as u64;
        state.stats.encode_time += took;
        drop(state);
        for (answer, result) in answers.into_iter().zip(results) {
            // A caller that left during the encoding needs no answer.
            let _ = answer.send(result);
        }
    }
}

/// Encodes a batch; when it fails as a whole, every item by itself, so that a bad one fails alone.
fn encode_apart<E: BatchEncoder>(encoder: &mut E, items: &[E::Item]) -> Vec<Answer<E::Output>> {
    match encode_caught(encoder, items) {
        Ok(results) => results,
        Err(error) if items.len() == 1 => vec![Err(error)],
        Err(error) => {
            log::warn!("a batch of {} failed, its items are tried one by one: {error}", items.len());
            items.chunks(1).map(|item| encode_caught(encoder, item)?.pop().unwrap_or_else(|| Err(missing()))).collect()
        }
    }
}

/// Encodes; a panic or a wrong number of results becomes an error.
fn encode_caught<E: BatchEncoder>(encoder: &mut E, items: &[E::Item]) -> Result<Vec<Answer<E::Output>>, EncodeError> {
    match panic::catch_unwind(AssertUnwindSafe(|| encoder.encode(items))) {
        Ok(Ok(results)) if results.len() == items.len() => Ok(results),
        Ok(Ok(_)) => Err(missing()),
        Ok(Err(error)) => Err(error),
        Err(panic) => Err(EncodeError::Failed(format!("it panicked: {}", panic_message(panic.as_ref())))),
    }
}

fn missing() -> EncodeError {
    EncodeError::Failed("it gave another number of results than it got items".to_owned())
}

fn panic_message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}

#[cfg(test)]
#[path = "queue_tests.rs"]
mod tests;
