//! The queue of an encoder: bounded, with three priorities and dynamic batches, on a thread of its own.
//!
//! When the encoder is free it takes a batch of the most urgent [`Priority`] that has items waiting. A batch holds
//! items of one priority only: on a CPU the duration of a batch grows with its size, so bulk items in the same batch
//! would make a search slower. Two rules soften the order:
//!
//! - **No priority starves.** After [`STARVATION_LIMIT`] batches of more urgent items in a row, a waiting priority gets
//!   the next batch.
//! - **Bulk cannot lock searches out.** The capacity counts the items of all priorities, but uploads may fill only
//!   seven eighths of the capacity, and backfill three quarters.
//!
//! While a batch is encoded, the items of the next batch gather. Waiting for a batch to fill (`max_wait`) therefore
//! pays only where encoding a larger batch costs hardly more than encoding a smaller batch.

mod priority_queue;

use std::any::Any;
use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::error::EncodeError;
use priority_queue::{PendingItem, PriorityQueue};

pub use priority_queue::{Priority, STARVATION_LIMIT};

/// An encoder of several items at once.
pub trait BatchEncoder: Send + 'static {
    /// An input of the encoder.
    type Item: Send + 'static;
    /// The result of an item.
    type Output: Send + 'static;

    /// Prepares the encoder's own thread. The queue calls this method once on that thread, before the first batch.
    fn start(&mut self) {}

    /// Encodes `items` and returns one result for each, in the order of the items.
    ///
    /// # Errors
    /// The reason when the batch as a whole fails; its items are then tried one by one.
    fn encode(&mut self, items: &[Self::Item]) -> Result<Vec<Result<Self::Output, EncodeError>>, EncodeError>;
}

/// The settings of a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueOptions {
    /// The largest number of items that wait, over all priorities; at least 1.
    pub capacity: usize,
    /// The largest number of items in a batch; at least 1.
    pub max_batch: usize,
    /// The longest time that the oldest item of a priority waits for its batch to fill while the encoder is idle.
    pub max_wait: Duration,
}

/// The counts of a queue since it started, and of the items that wait now.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct QueueStats {
    /// The number of items that wait.
    pub depth: usize,
    /// The number of items that wait, for each of [`Priority::ALL`].
    pub depth_by_priority: [usize; 3],
    /// The number of batches encoded.
    pub batches: u64,
    /// The number of items encoded, failed items included.
    pub items: u64,
    /// The number of items that got an error from the encoder.
    pub failed: u64,
    /// The number of items left out because their callers were gone.
    pub skipped: u64,
    /// The number of items refused because the queue was full.
    pub refused: u64,
    /// The time spent encoding.
    pub encode_time: Duration,
}

impl QueueStats {
    /// Returns the sum of these counts and those of an earlier queue of the same tower. The counts of waiting items are
    /// those of this queue alone.
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

/// Items that are encoded together.
type Batch<E> = Vec<PendingItem<<E as BatchEncoder>::Item, Answer<<E as BatchEncoder>::Output>>>;

/// The handle of a queue. Dropping it fails the waiting items and joins the thread.
pub struct EncoderQueue<E: BatchEncoder> {
    shared: Arc<Shared<E>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

struct Shared<E: BatchEncoder> {
    options: QueueOptions,
    state: Mutex<State<E>>,
    /// The signal that an item has arrived or the queue is closed.
    changed: Condvar,
}

struct State<E: BatchEncoder> {
    waiting: PriorityQueue<E::Item, Answer<E::Output>>,
    closing: bool,
    stats: QueueStats,
}

impl<E: BatchEncoder> EncoderQueue<E> {
    /// Starts a thread called `name` that encodes with `encoder`.
    ///
    /// # Errors
    /// The system's error when it gives no thread.
    pub fn start(name: &str, encoder: E, options: QueueOptions) -> io::Result<Self> {
        let options =
            QueueOptions { capacity: options.capacity.max(1), max_batch: options.max_batch.max(1), ..options };
        let state = State { waiting: PriorityQueue::default(), closing: false, stats: QueueStats::default() };
        let shared = Arc::new(Shared { options, state: Mutex::new(state), changed: Condvar::new() });
        let ours = Arc::clone(&shared);
        let thread = thread::Builder::new().name(name.to_owned()).spawn(move || run(&ours, encoder))?;
        Ok(Self { shared, thread: Mutex::new(Some(thread)) })
    }

    /// Encodes an item and returns the result. Dropping the future withdraws the item.
    ///
    /// # Errors
    /// [`EncodeError::QueueFull`] or [`EncodeError::Closed`] at once, later the encoder's own errors.
    pub async fn encode(&self, item: E::Item, priority: Priority) -> Result<E::Output, EncodeError> {
        // A sender that is dropped without an answer means that the thread has ended.
        self.submit(item, priority)?.await.unwrap_or(Err(EncodeError::Closed))
    }

    /// Puts an item into the queue and returns the receiver of its result. Dropping the receiver withdraws the item.
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
        let limit = priority.admission_limit(self.shared.options.capacity);
        if state.waiting.len() >= limit {
            // Items whose callers are gone must not keep other items out.
            let abandoned = state.waiting.remove_abandoned();
            state.stats.skipped += abandoned;
        }
        if state.waiting.len() >= limit {
            state.stats.refused += 1;
            return Err(EncodeError::QueueFull);
        }
        state.waiting.push(priority, PendingItem { item, answer, arrived: Instant::now() });
        drop(state);
        self.shared.changed.notify_one();
        Ok(receiver)
    }

    /// Returns the counts of the queue as they are now.
    #[must_use]
    pub fn stats(&self) -> QueueStats {
        let state = self.shared.lock();
        QueueStats { depth: state.waiting.len(), depth_by_priority: state.waiting.depths(), ..state.stats }
    }

    /// Admits no more items, answers the waiting ones with [`EncodeError::Closed`], and joins the thread. This call
    /// blocks until the running batch is done. A second call only waits.
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
    /// Locks the state, even after a panic under the lock. Such a panic leaves counters and items whole, because every
    /// change is one step.
    fn lock(&self) -> MutexGuard<'_, State<E>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the next batch and returns it; `None` when the queue has closed.
    fn next_batch(&self) -> Option<Batch<E>> {
        let QueueOptions { max_batch, max_wait, .. } = self.options;
        let mut state = self.lock();
        loop {
            if state.closing {
                return None;
            }
            let Some(priority) = state.waiting.next_priority() else {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let waited = state.waiting.oldest(priority).map_or(Duration::MAX, |arrived| arrived.elapsed());
            if state.waiting.depth(priority) < max_batch && waited < max_wait {
                // An item of any priority that arrives meanwhile wakes this thread, which then chooses again.
                let rest = max_wait.saturating_sub(waited);
                (state, _) = self.changed.wait_timeout(state, rest).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            let (batch, skipped) = state.waiting.take(priority, max_batch);
            state.stats.skipped += skipped;
            if !batch.is_empty() {
                return Some(batch);
            }
        }
    }
}

/// Fails the waiting items when the thread ends, whether it returns or panics.
struct CloseAtEnd<'a, E: BatchEncoder>(&'a Shared<E>);

impl<E: BatchEncoder> Drop for CloseAtEnd<'_, E> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.closing = true;
        let unanswered = state.waiting.drain();
        drop(state);
        for pending in unanswered {
            // A caller that dropped its receiver needs no answer.
            let _ = pending.answer.send(Err(EncodeError::Closed));
        }
    }
}

/// Encodes batch after batch on the encoder thread until the queue closes.
fn run<E: BatchEncoder>(shared: &Shared<E>, mut encoder: E) {
    let _close_at_end = CloseAtEnd(shared);
    encoder.start();
    while let Some(batch) = shared.next_batch() {
        let (items, answers): (Vec<_>, Vec<_>) =
            batch.into_iter().map(|pending| (pending.item, pending.answer)).unzip();
        let start = Instant::now();
        let results = encode_batch(&mut encoder, &items);
        let took = start.elapsed();
        // The counts change before the answers are sent, so that a caller that has its answer sees its item counted.
        let mut state = shared.lock();
        state.stats.batches += 1;
        state.stats.items += items.len() as u64;
        state.stats.failed += results.iter().filter(|result| result.is_err()).count() as u64;
        state.stats.encode_time += took;
        drop(state);
        for (answer, result) in answers.into_iter().zip(results) {
            // A caller that dropped its receiver during the encoding needs no answer.
            let _ = answer.send(result);
        }
    }
}

/// Encodes a batch. When the batch fails as a whole, each item is encoded by itself, so that only a bad item fails.
fn encode_batch<E: BatchEncoder>(encoder: &mut E, items: &[E::Item]) -> Vec<Answer<E::Output>> {
    match encode_catching_panics(encoder, items) {
        Ok(results) => results,
        Err(error) if items.len() == 1 => vec![Err(error)],
        Err(error) => {
            log::warn!("a batch of {} failed, its items are tried one by one: {error}", items.len());
            items
                .chunks(1)
                .map(|item| encode_catching_panics(encoder, item)?.pop().unwrap_or_else(|| Err(wrong_count())))
                .collect()
        }
    }
}

/// Encodes `items`. Turns a panic, or a wrong number of results, into an error.
fn encode_catching_panics<E: BatchEncoder>(
    encoder: &mut E,
    items: &[E::Item],
) -> Result<Vec<Answer<E::Output>>, EncodeError> {
    match panic::catch_unwind(AssertUnwindSafe(|| encoder.encode(items))) {
        Ok(Ok(results)) if results.len() == items.len() => Ok(results),
        Ok(Ok(_)) => Err(wrong_count()),
        Ok(Err(error)) => Err(error),
        Err(panic) => Err(EncodeError::Failed(format!("it panicked: {}", panic_message(panic.as_ref())))),
    }
}

fn wrong_count() -> EncodeError {
    EncodeError::Failed("it gave another number of results than it got items".to_owned())
}

fn panic_message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}

#[cfg(test)]
mod tests;
