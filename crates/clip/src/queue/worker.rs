//! The worker of a queue: the thread that takes batch after batch and encodes it.

use std::panic::{self, AssertUnwindSafe};
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use super::priority_queue::{PendingItem, Priority};
use super::{Answer, BatchEncoder, LATE, QueueOptions, Shared, State, panic_message};
use crate::background;
use crate::error::EncodeError;

/// The batches of searches that a lane takes before late uploads have their turn.
const BATCHES_BEFORE_LATE: u32 = 2;

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
        if let Some(batch) = late_uploads(&mut state, signal.priorities, max_batch) {
            return Some((batch, 0));
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
        state.stats.skipped += skipped;
        if !batch.is_empty() {
            state.since_late = state.since_late.saturating_add(1);
            let left: usize = signal.priorities.iter().map(|priority| state.waiting.depth(*priority)).sum();
            return Some((batch, batches_to_come(left, state.idle[lane])));
        }
    }
}

/// Takes uploads that are late for a lane of searches, when it is their turn. The lane of the uploads gives way to
/// everything else, so that without turns of their own they would wait as long as the searches fill the machine.
fn late_uploads<E: BatchEncoder>(state: &mut State<E>, lane: &[Priority], max_batch: usize) -> Option<Batch<E>> {
    let serves = |priority| lane.contains(&priority);
    if !serves(Priority::Search) || serves(Priority::Upload) {
        return None;
    }
    let is_late = state.waiting.oldest(Priority::Upload).is_some_and(|arrived| arrived.elapsed() >= LATE);
    let is_their_turn = state.since_late >= BATCHES_BEFORE_LATE || state.waiting.depth(Priority::Search) == 0;
    if !is_late || !is_their_turn {
        return None;
    }
    state.since_late = 0;
    let (batch, skipped) = state.waiting.take(Priority::Upload, max_batch, lane);
    state.stats.skipped += skipped;
    (!batch.is_empty()).then_some(batch)
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
    use super::*;

    /// An encoder that is never asked.
    struct Idle;

    impl BatchEncoder for Idle {
        type Item = u32;
        type Output = ();

        fn encode(&mut self, _: &[u32]) -> Result<Vec<Result<(), EncodeError>>, EncodeError> {
            Ok(Vec::new())
        }
    }

    #[test]
    fn late_uploads_have_a_turn_among_searches_and_early_ones_and_backfills_have_none() {
        let mut state = State::<Idle> {
            waiting: Default::default(),
            idle: vec![0],
            closing: false,
            since_late: 0,
            stats: Default::default(),
        };
        let mut callers = Vec::new();
        let mut push = |state: &mut State<Idle>, item, priority, age| {
            let (answer, caller) = tokio::sync::oneshot::channel();
            callers.push(caller);
            let arrived = Instant::now().checked_sub(age).unwrap();
            state.waiting.push(priority, PendingItem { item, answer, group: 0, arrived });
        };
        let items = |batch: Option<Batch<Idle>>| {
            batch.map(|batch| batch.iter().map(|pending| pending.item).collect::<Vec<_>>())
        };
        let searches = &[Priority::Search];
        push(&mut state, 1, Priority::Backfill, LATE * 9);
        push(&mut state, 2, Priority::Upload, Duration::ZERO);
        assert_eq!(items(late_uploads(&mut state, searches, 8)), None, "nothing is late");
        let _ = state.waiting.take(Priority::Upload, 8, searches);
        push(&mut state, 3, Priority::Upload, LATE);
        push(&mut state, 4, Priority::Search, Duration::ZERO);
        assert_eq!(items(late_uploads(&mut state, searches, 8)), None, "searches go first");
        state.since_late = BATCHES_BEFORE_LATE;
        assert_eq!(items(late_uploads(&mut state, &[Priority::Upload], 8)), None, "their own lane takes them anyway");
        assert_eq!(items(late_uploads(&mut state, searches, 8)), Some(vec![3]));
        assert_eq!(state.since_late, 0);
        push(&mut state, 5, Priority::Upload, LATE);
        let _ = state.waiting.take(Priority::Search, 8, searches);
        assert_eq!(items(late_uploads(&mut state, searches, 8)), Some(vec![5]), "no search waits");
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
