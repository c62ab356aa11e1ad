//! The queue of an encoder: bounded, with three priorities and dynamic batches, and with workers of its own.
//!
//! The workers are threads in lanes. A lane serves some of the priorities; a lane may give way to everything else on the
//! machine. A worker that is free takes a batch of the most urgent [`Priority`] of its lane that has items waiting. A
//! batch holds items of one priority only: on a CPU the duration of a batch grows with its size, so bulk items in the same
//! batch would make a search slower. Four rules soften the order:
//!
//! - **No priority starves.** After [`STARVATION_LIMIT`] batches of more urgent items of the same lane in a row, a waiting
//!   priority gets the next batch.
//! - **Bulk cannot lock searches out.** The capacity counts the items of all priorities, but uploads may fill only
//!   seven eighths of the capacity, and backfill three quarters.
//! - **Uploads have a third.** A lane of searches takes an upload that has waited a moment for every two searches. An upload
//!   that has waited for [`LATE`] is also taken when no search waits.
//! - **Workers share what waits.** A worker leaves to the idle workers of its lane their share of the waiting items.
//!
//! While a batch is encoded, the items of the next batch gather. Waiting for a batch to fill (`max_wait`) therefore
//! pays only where encoding a larger batch costs hardly more than encoding a smaller batch.

mod priority_queue;
mod turns;
mod worker;

use std::any::Any;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::error::EncodeError;
use priority_queue::{PendingItem, PriorityQueue};
use turns::Turns;

pub use priority_queue::{Priority, STARVATION_LIMIT};

/// The time after which an upload no longer gives way to searches.
pub const LATE: Duration = Duration::from_secs(2);

/// An encoder of several items at once.
pub trait BatchEncoder: Send + 'static {
    /// An input of the encoder.
    type Item: Send + 'static;
    /// The result of an item.
    type Output: Send + 'static;

    /// Tells the number of batches that other workers are about to start, so that the next one leaves them their cores.
    /// The queue calls this method before each batch.
    fn make_room(&mut self, _others: usize) {}

    /// Returns the group of an item. A batch holds items of one group, because items of different groups, such as texts
    /// of very different lengths, are slower together than apart.
    fn group(_item: &Self::Item) -> usize {
        0
    }

    /// Encodes `items` and returns one result for each, in the order of the items.
    ///
    /// # Errors
    /// The reason when the batch as a whole fails; its items are then tried one by one.
    fn encode(&mut self, items: &[Self::Item]) -> Result<Vec<Result<Self::Output, EncodeError>>, EncodeError>;
}

/// Workers that serve the same priorities.
pub struct Lane<E> {
    /// The priorities that the workers serve. Every priority must have a lane.
    pub priorities: &'static [Priority],
    /// One encoder for each worker; at least one.
    pub encoders: Vec<E>,
    /// Whether the workers give way to other threads of the machine.
    pub in_background: bool,
}

impl<E: Clone> Lane<E> {
    /// Makes a lane of `workers` workers, with clones of an encoder, that serves every priority.
    pub fn all(encoder: &E, workers: usize) -> Self {
        Self { priorities: &Priority::ALL, encoders: vec![encoder.clone(); workers.max(1)], in_background: false }
    }
}

/// The settings of a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueOptions {
    /// The largest number of items that wait, over all priorities; at least 1.
    pub capacity: usize,
    /// The largest number of items in a batch; at least 1.
    pub max_batch: usize,
    /// The longest time that the oldest item of a priority waits for its batch to fill while a worker is idle.
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
    /// The time spent encoding, summed over the workers.
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

/// The handle of a queue. Dropping it fails the waiting items and joins the workers.
pub struct EncoderQueue<E: BatchEncoder> {
    shared: Arc<Shared<E>>,
    workers: Mutex<Vec<JoinHandle<()>>>,
}

struct Shared<E: BatchEncoder> {
    options: QueueOptions,
    state: Mutex<State<E>>,
    /// The signal of each lane, for which its idle threads wait.
    lanes: Vec<LaneSignal>,
}

struct LaneSignal {
    priorities: &'static [Priority],
    /// The signal that an item for the lane has arrived or the queue is closed.
    changed: Condvar,
}

struct State<E: BatchEncoder> {
    waiting: PriorityQueue<E::Item, Answer<E::Output>>,
    /// The number of workers that wait for items, for each lane.
    idle: Vec<usize>,
    closing: bool,
    turns: Turns,
    stats: QueueStats,
}

impl<E: BatchEncoder> EncoderQueue<E> {
    /// Starts the workers of all lanes. Their threads are called `name` with a number behind it.
    ///
    /// # Errors
    /// The system's error when it gives no thread.
    pub fn start(name: &str, lanes: Vec<Lane<E>>, options: QueueOptions) -> io::Result<Self> {
        let options =
            QueueOptions { capacity: options.capacity.max(1), max_batch: options.max_batch.max(1), ..options };
        let signal = |lane: &Lane<E>| LaneSignal { priorities: lane.priorities, changed: Condvar::new() };
        let state = State {
            waiting: PriorityQueue::default(),
            idle: vec![0; lanes.len()],
            closing: false,
            turns: Turns::default(),
            stats: QueueStats::default(),
        };
        let signals = lanes.iter().map(signal).collect();
        let shared = Arc::new(Shared { options, state: Mutex::new(state), lanes: signals });
        // The queue exists before its threads, so that those started are ended when the system refuses a later one.
        let queue = Self { shared, workers: Mutex::default() };
        for (lane, Lane { encoders, in_background, .. }) in lanes.into_iter().enumerate() {
            for encoder in encoders {
                let ours = Arc::clone(&queue.shared);
                let mut workers = queue.lock_workers();
                let thread = thread::Builder::new().name(format!("{name}-{}", workers.len()));
                workers.push(thread.spawn(move || worker::run(&ours, lane, encoder, in_background))?);
            }
        }
        Ok(queue)
    }

    fn lock_workers(&self) -> MutexGuard<'_, Vec<JoinHandle<()>>> {
        self.workers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Encodes an item and returns the result. Dropping the future withdraws the item.
    ///
    /// # Errors
    /// [`EncodeError::QueueFull`] or [`EncodeError::Closed`] at once, later the encoder's own errors.
    pub async fn encode(&self, item: E::Item, priority: Priority) -> Result<E::Output, EncodeError> {
        // A sender that is dropped without an answer means that its worker has ended.
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
        let group = E::group(&item);
        state.waiting.push(priority, PendingItem { item, answer, group, arrived: Instant::now() });
        drop(state);
        for lane in self.shared.lanes.iter().filter(|lane| lane.priorities.contains(&priority)) {
            lane.changed.notify_one();
        }
        Ok(receiver)
    }

    /// Returns the counts of the queue as they are now.
    #[must_use]
    pub fn stats(&self) -> QueueStats {
        let state = self.shared.lock();
        QueueStats { depth: state.waiting.len(), depth_by_priority: state.waiting.depths(), ..state.stats }
    }

    /// Admits no more items, answers the waiting ones with [`EncodeError::Closed`], and joins the workers. This call
    /// blocks until the running batches are done. A second call only waits.
    pub fn close(&self) {
        self.shared.close();
        // The lock is held meanwhile, so that a second call waits too.
        for worker in self.lock_workers().drain(..) {
            if let Err(panic) = worker.join() {
                log::error!("an encoder thread ended by a panic: {}", panic_message(panic.as_ref()));
            }
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

    /// Admits no more items, answers the waiting ones, and has the workers end.
    fn close(&self) {
        let mut state = self.lock();
        state.closing = true;
        let unanswered = state.waiting.drain();
        drop(state);
        for lane in &self.lanes {
            lane.changed.notify_all();
        }
        for pending in unanswered {
            // A caller that dropped its receiver needs no answer.
            let _ = pending.answer.send(Err(EncodeError::Closed));
        }
    }
}

fn panic_message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}

#[cfg(test)]
mod tests;
