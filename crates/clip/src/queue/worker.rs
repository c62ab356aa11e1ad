//! The worker of a queue: the thread that takes batch after batch and encodes it.

use std::panic::{self, AssertUnwindSafe};
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use super::priority_queue::{PendingItem, Priority};
use super::{Answer, BatchEncoder, LATE, QueueOptions, Shared, State, panic_message};
use crate::background;
use crate::error::EncodeError;

/// The time that an upload waits for its own lane before a lane of searches takes it in turn with searches.
const OWN_LANE: Duration = Duration::from_millis(250);

/// Items that are encoded together.
type Batch<E> = Vec<PendingItem<<E as BatchEncoder>::Item, Answer<<E as BatchEncoder>::Output>>>;

/// Closes the queue when a worker ends, whether it returns or panics.
struct CloseAtEnd<'a, E: BatchEncoder>(&'a Shared<E>);

impl<E: BatchEncoder> Drop for CloseAtEnd<'_, E> {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// Encodes batch after batch of a lane until the queue closes.
pub(super) fn run<E: BatchEncoder>(shared: &Shared<E>, lane: usize, mut encoder: E, in_background: bool) {
    let _close_at_end = CloseAtEnd(shared);
    if in_background {
        background::lower_thread_priority();
    }
    while let Some((batch, others)) = next_batch(shared, lane) {
        encoder.make_room(others);
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

/// Waits for the next batch of a lane, and returns it with the number of batches that idle workers are about to take;
/// `None` when the queue has closed.
fn next_batch<E: BatchEncoder>(shared: &Shared<E>, lane: usize) -> Option<(Batch<E>, usize)> {
    let QueueOptions { max_batch, max_wait, .. } = shared.options;
    let signal = &shared.lanes[lane];
    let mut state = shared.lock();
    loop {
        if state.closing {
            return None;
        }
        let uploads = uploads_in_turn(&state, signal.priorities).min(max_batch);
        if uploads > 0 {
            let (batch, skipped) = state.waiting.take(Priority::Upload, uploads, signal.priorities);
            state.note_taken(Priority::Upload, batch.len(), skipped);
            if !batch.is_empty() {
                return Some((batch, 0));
            }
            continue;
        }
        let Some(priority) = state.waiting.next_priority(signal.priorities) else {
            state.idle[lane] += 1;
            state = signal.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.idle[lane] -= 1;
            continue;
        };
        let waited = state.waiting.oldest(priority).map_or(Duration::MAX, |arrived| arrived.elapsed());
        let depth = state.waiting.depth(priority);
        if depth < max_batch && waited < max_wait {
            // An item that arrives meanwhile wakes this thread, which then chooses again.
            let rest = max_wait.saturating_sub(waited);
            (state, _) = signal.changed.wait_timeout(state, rest).unwrap_or_else(PoisonError::into_inner);
            continue;
        }
        let size = batch_size(depth, state.idle[lane], max_batch);
        let (batch, skipped) = state.waiting.take(priority, size, signal.priorities);
        state.note_taken(priority, batch.len(), skipped);
        if !batch.is_empty() {
            let left: usize = signal.priorities.iter().map(|priority| state.waiting.depth(*priority)).sum();
            return Some((batch, batches_to_come(left, state.idle[lane])));
        }
    }
}

impl<E: BatchEncoder> State<E> {
    /// Notes a batch that was taken, and the items that were left out of it.
    fn note_taken(&mut self, priority: Priority, items: usize, skipped: u64) {
        self.stats.skipped += skipped;
        self.turns.note(priority, items, self.waiting.depth(Priority::Upload) > 0);
    }
}

/// Returns the number of uploads that a lane of searches takes now. The lane of the uploads gives way to everything else,
/// so that without turns of their own they would wait as long as the searches fill the machine.
fn uploads_in_turn<E: BatchEncoder>(state: &State<E>, lane: &[Priority]) -> usize {
    let serves = |priority| lane.contains(&priority);
    let Some(waited) = state.waiting.oldest(Priority::Upload).map(|arrived| arrived.elapsed()) else { return 0 };
    if !serves(Priority::Search) || waited < OWN_LANE {
        return 0;
    }
    let is_unused = waited >= LATE && !serves(Priority::Upload) && state.waiting.depth(Priority::Search) == 0;
    if is_unused { usize::MAX } else { state.turns.due_uploads() }
}

/// Returns the size of the next batch, which leaves their share of the waiting items to the idle workers.
fn batch_size(waiting: usize, idle: usize, max_batch: usize) -> usize {
    waiting.div_ceil(idle + 1).min(max_batch)
}

/// Returns the number of batches that idle workers are about to make of what a worker has left waiting.
fn batches_to_come(left: usize, idle: usize) -> usize {
    left.min(idle)
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

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use tokio::sync::oneshot;

    use super::*;
    use crate::queue::LaneSignal;

    /// An encoder that is never asked.
    struct Idle;

    impl BatchEncoder for Idle {
        type Item = u32;
        type Output = ();

        fn encode(&mut self, _: &[u32]) -> Result<Vec<Result<(), EncodeError>>, EncodeError> {
            Ok(Vec::new())
        }
    }

    /// A queue without workers, whose items are taken by the test.
    struct Queue {
        shared: Shared<Idle>,
        callers: Vec<oneshot::Receiver<Answer<()>>>,
    }

    impl Queue {
        /// Makes a queue with one lane.
        fn new(priorities: &'static [Priority], max_batch: usize) -> Self {
            let state = State {
                waiting: Default::default(),
                idle: vec![0],
                closing: false,
                turns: Default::default(),
                stats: Default::default(),
            };
            let options = QueueOptions { capacity: 1_000, max_batch, max_wait: Duration::ZERO };
            let lanes = vec![LaneSignal { priorities, changed: Default::default() }];
            Self { shared: Shared { options, state: Mutex::new(state), lanes }, callers: Vec::new() }
        }

        /// Puts an item that has waited for `age` into the queue.
        fn push(&mut self, item: u32, priority: Priority, age: Duration) {
            let (answer, caller) = oneshot::channel();
            self.callers.push(caller);
            let arrived = Instant::now().checked_sub(age).unwrap();
            self.shared.lock().waiting.push(priority, PendingItem { item, answer, group: 0, arrived });
        }

        /// Takes the next batch.
        fn next(&self) -> Vec<u32> {
            let (batch, _) = next_batch(&self.shared, 0).unwrap();
            batch.iter().map(|pending| pending.item).collect()
        }
    }

    const SEARCHES: &[Priority] = &[Priority::Search];
    const A_MOMENT: Duration = Duration::from_secs(1);

    #[test]
    fn uploads_have_a_third_of_the_encodes_beside_searches_that_never_end() {
        const UPLOAD: u32 = 1;
        for (lane, searches, max_batch) in
            [(SEARCHES, 1, 1), (SEARCHES, 3, 8), (SEARCHES, 20, 8), (&Priority::ALL[..], 3, 8)]
        {
            let mut queue = Queue::new(lane, max_batch);
            let mut taken = [0_usize; 2];
            for _ in 0..300 {
                for _ in 0..searches {
                    queue.push(0, Priority::Search, Duration::ZERO);
                }
                queue.push(UPLOAD, Priority::Upload, A_MOMENT);
                queue.push(UPLOAD, Priority::Upload, A_MOMENT);
                for item in queue.next() {
                    taken[item as usize] += 1;
                }
            }
            let share = taken[1] as f64 / taken.iter().sum::<usize>() as f64;
            assert!((0.32..0.35).contains(&share), "{taken:?} in batches of {max_batch} beside {searches} at once");
        }
    }

    #[test]
    fn an_upload_goes_before_no_search_that_it_does_not_follow() {
        let mut queue = Queue::new(SEARCHES, 8);
        queue.push(1, Priority::Upload, LATE);
        queue.push(2, Priority::Search, Duration::ZERO);
        assert_eq!(queue.next(), [2], "nothing was taken before it");
        assert_eq!(queue.next(), [1], "no search waits");
    }

    #[test]
    fn a_lane_of_searches_leaves_young_uploads_and_backfills_to_their_own_lane() {
        let mut queue = Queue::new(SEARCHES, 1);
        queue.push(1, Priority::Upload, Duration::ZERO);
        queue.push(2, Priority::Backfill, LATE * 9);
        for item in 3..9 {
            queue.push(item, Priority::Search, Duration::ZERO);
            assert_eq!(queue.next(), [item]);
        }
        assert_eq!(uploads_in_turn(&queue.shared.lock(), &[Priority::Upload]), 0, "their own lane takes them anyway");
    }

    #[test]
    fn what_a_batch_leaves_is_taken_by_idle_workers_only() {
        for (left, idle, batches) in [(0, 3, 0), (1, 3, 1), (5, 3, 3), (5, 0, 0)] {
            assert_eq!(batches_to_come(left, idle), batches, "{left} left, {idle} idle");
        }
    }

    #[test]
    fn idle_workers_get_their_share_of_what_waits() {
        for (waiting, idle, size) in [(1, 0, 1), (1, 3, 1), (4, 0, 4), (4, 1, 2), (5, 1, 3), (20, 0, 8), (20, 1, 8)] {
            assert_eq!(batch_size(waiting, idle, 8), size, "{waiting} waiting, {idle} idle");
        }
    }
}
