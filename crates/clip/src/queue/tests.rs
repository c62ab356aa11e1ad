//! Tests of the promises of a queue, with an encoder that is under the test's control.

use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::*;
use Priority::{Backfill, Search, Upload};

/// An encoder that records every batch and encodes the batch when the gate is open. Items that begin with `bad` fail
/// their batch, `panic` panics, `blank` has no vector, `lost` gives no result.
struct Recorder {
    batches: Arc<Mutex<Vec<Vec<String>>>>,
    gate: Arc<Mutex<Receiver<()>>>,
}

impl BatchEncoder for Recorder {
    type Item = String;
    type Output = String;

    /// Items that end in digits belong to the group of that number.
    fn group(item: &String) -> usize {
        item.trim_start_matches(|c: char| !c.is_ascii_digit()).parse().unwrap_or(0)
    }

    fn encode(&mut self, items: &[String]) -> Result<Vec<Result<String, EncodeError>>, EncodeError> {
        self.batches.lock().unwrap().push(items.to_vec());
        // An error means that the test has opened the gate permanently.
        let _ = self.gate.lock().unwrap().recv();
        if items.iter().any(|item| item.starts_with("bad")) {
            return Err(EncodeError::Failed("bad item".to_owned()));
        }
        assert!(!items.iter().any(|item| item == "panic"), "asked to panic");
        let results = items.iter().filter(|item| *item != "lost").map(|item| match item.as_str() {
            "blank" => Err(EncodeError::NoVector),
            item => Ok(item.to_uppercase()),
        });
        Ok(results.collect())
    }
}

struct Fixture {
    /// The first field, so that the gate opens when the fixture is dropped, before the queue waits for its thread.
    gate: Option<Sender<()>>,
    queue: EncoderQueue<Recorder>,
    batches: Arc<Mutex<Vec<Vec<String>>>>,
}

type Answered = oneshot::Receiver<Result<String, EncodeError>>;

impl Fixture {
    fn new(capacity: usize, max_batch: usize, max_wait: Duration) -> Self {
        Self::with_lanes(QueueOptions { capacity, max_batch, max_wait }, &[(&Priority::ALL, 1)])
    }

    /// Returns a queue with lanes that serve these priorities with these numbers of workers.
    fn with_lanes(options: QueueOptions, lanes: &[(&'static [Priority], usize)]) -> Self {
        let (gate, receiver) = mpsc::channel();
        let (batches, receiver) = (Arc::<Mutex<_>>::default(), Arc::new(Mutex::new(receiver)));
        let recorder = || Recorder { batches: Arc::clone(&batches), gate: Arc::clone(&receiver) };
        let lane = |&(priorities, workers): &(&'static [Priority], usize)| Lane {
            priorities,
            encoders: std::iter::repeat_with(recorder).take(workers).collect(),
            in_background: !priorities.contains(&Search),
        };
        let lanes = lanes.iter().map(lane).collect();
        Self { queue: EncoderQueue::start("test", lanes, options).unwrap(), batches, gate: Some(gate) }
    }

    /// Returns a queue whose encoder is busy with the item `first` until the gate opens.
    fn busy(capacity: usize, max_batch: usize) -> (Self, Answered) {
        let fixture = Self::new(capacity, max_batch, Duration::ZERO);
        let first = fixture.submit("first", Search);
        fixture.wait_until(|fixture| fixture.batches.lock().unwrap().len() == 1);
        (fixture, first)
    }

    fn submit(&self, item: &str, priority: Priority) -> Answered {
        self.queue.submit(item.to_owned(), priority).unwrap()
    }

    fn open_gate(&mut self) {
        self.gate = None;
    }

    fn wait_until(&self, holds: impl Fn(&Self) -> bool) {
        let begin = Instant::now();
        while !holds(self) {
            assert!(begin.elapsed() < Duration::from_secs(20), "the condition never held");
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// Opens the gate, waits until everything is encoded, and returns the batches after the first.
    fn finish(mut self) -> Vec<Vec<String>> {
        self.open_gate();
        self.wait_until(|fixture| fixture.queue.stats().depth == 0);
        self.queue.close();
        self.batches.lock().unwrap().split_off(1)
    }
}

fn answer(answered: Answered) -> Result<String, EncodeError> {
    answered.blocking_recv().unwrap()
}

#[test]
fn every_caller_gets_the_result_of_its_own_item() {
    let (mut fixture, first) = Fixture::busy(8, 8);
    let (a, b) = (fixture.submit("a", Search), fixture.submit("b", Search));
    fixture.open_gate();
    assert_eq!(answer(b), Ok("B".to_owned()));
    assert_eq!(answer(a), Ok("A".to_owned()));
    assert_eq!(answer(first), Ok("FIRST".to_owned()));
}

#[test]
fn searches_overtake_uploads_and_uploads_overtake_backfill() {
    let (fixture, _first) = Fixture::busy(16, 8);
    let mut waiting = Vec::new();
    for (item, priority) in [("b", Backfill), ("u", Upload), ("s", Search), ("bb", Backfill), ("ss", Search)] {
        waiting.push(fixture.submit(item, priority));
    }
    assert_eq!(fixture.queue.stats().depth, 5);
    assert_eq!(fixture.queue.stats().depth_by_priority, [2, 1, 2]);
    assert_eq!(fixture.finish(), [vec!["s", "ss"], vec!["u"], vec!["b", "bb"]]);
}

#[test]
fn what_waits_while_the_encoder_works_becomes_batches_of_limited_size() {
    let (fixture, _first) = Fixture::busy(16, 3);
    let _waiting: Vec<_> = ["a", "b", "c", "d", "e"].map(|item| fixture.submit(item, Search)).into();
    assert_eq!(fixture.finish(), [vec!["a", "b", "c"], vec!["d", "e"]]);
}

#[test]
fn a_full_queue_refuses_at_once_and_takes_again_later() {
    let (mut fixture, first) = Fixture::busy(2, 8);
    let waiting = [fixture.submit("a", Search), fixture.submit("b", Search)];
    // The gate is shut: a call that waited for room would never return.
    assert_eq!(fixture.queue.submit("c".to_owned(), Search).unwrap_err(), EncodeError::QueueFull);
    assert_eq!(fixture.queue.stats().refused, 1);
    fixture.open_gate();
    answer(first).unwrap();
    for answered in waiting {
        answer(answered).unwrap();
    }
    assert_eq!(answer(fixture.submit("c", Search)), Ok("C".to_owned()));
}

#[test]
fn bulk_leaves_room_for_searches() {
    let (fixture, _first) = Fixture::busy(8, 8);
    let refused = |priority| fixture.queue.submit("x".to_owned(), priority).err() == Some(EncodeError::QueueFull);
    let mut waiting = Vec::new();
    for (priority, let_in) in [(Backfill, 6), (Upload, 1), (Search, 1)] {
        for _ in 0..let_in {
            waiting.push(fixture.submit("x", priority));
        }
        assert!(refused(priority), "{priority:?}");
    }
}

#[test]
fn the_smallest_queue_takes_every_priority() {
    for priority in Priority::ALL {
        let (fixture, _first) = Fixture::busy(1, 1);
        let _waiting = fixture.submit("a", priority);
        assert_eq!(fixture.finish(), [["a"]]);
    }
}

#[test]
fn work_whose_caller_has_gone_is_skipped() {
    let (mut fixture, first) = Fixture::busy(8, 1);
    let (a, b, c) = (fixture.submit("a", Search), fixture.submit("b", Search), fixture.submit("c", Search));
    drop((a, b));
    fixture.open_gate();
    answer(c).unwrap();
    answer(first).unwrap();
    let stats = fixture.queue.stats();
    assert_eq!((stats.skipped, stats.items, stats.batches), (2, 2, 2));
    assert_eq!(fixture.finish(), [["c"]]);
}

#[test]
fn work_whose_caller_has_gone_keeps_nobody_out() {
    let (fixture, _first) = Fixture::busy(2, 8);
    drop((fixture.submit("a", Search), fixture.submit("b", Search)));
    let _waiting = fixture.submit("c", Search);
    assert_eq!(fixture.queue.stats().skipped, 2);
    assert_eq!(fixture.finish(), [["c"]]);
}

#[test]
fn a_lone_item_does_not_wait_when_no_waiting_is_asked_for() {
    let mut fixture = Fixture::new(8, 8, Duration::ZERO);
    fixture.open_gate();
    assert_eq!(answer(fixture.submit("a", Search)), Ok("A".to_owned()));
}

#[test]
fn a_lone_item_waits_for_company_no_longer_than_max_wait() {
    let wait = Duration::from_millis(40);
    let mut fixture = Fixture::new(8, 8, wait);
    fixture.open_gate();
    let begin = Instant::now();
    let a = fixture.submit("a", Search);
    assert_eq!(answer(a), Ok("A".to_owned()));
    assert!(begin.elapsed() >= wait);
    // Items that arrive in time share the batch.
    let (b, c) = (fixture.submit("b", Search), fixture.submit("c", Search));
    answer(b).unwrap();
    answer(c).unwrap();
    assert_eq!(fixture.finish(), [["b", "c"]]);
}

#[test]
fn a_full_batch_does_not_wait() {
    let mut fixture = Fixture::new(8, 2, Duration::from_secs(3_600));
    fixture.open_gate();
    let (a, b) = (fixture.submit("a", Search), fixture.submit("b", Search));
    answer(a).unwrap();
    answer(b).unwrap();
    assert_eq!(fixture.queue.stats().batches, 1);
}

#[test]
fn a_search_does_not_wait_for_an_upload_batch_to_fill() {
    let mut fixture = Fixture::new(8, 2, Duration::from_secs(3_600));
    fixture.open_gate();
    let _upload = fixture.submit("u", Upload);
    let (a, b) = (fixture.submit("a", Search), fixture.submit("b", Search));
    assert_eq!(answer(a), Ok("A".to_owned()));
    assert_eq!(answer(b), Ok("B".to_owned()));
}

#[test]
fn no_priority_starves() {
    let urgent = STARVATION_LIMIT as usize + 4;
    let (fixture, _first) = Fixture::busy(1_000, 1);
    let mut waiting = vec![fixture.submit("u", Upload), fixture.submit("b", Backfill)];
    waiting.extend((0..urgent).map(|_| fixture.submit("s", Search)));
    let order: Vec<String> = fixture.finish().into_iter().flatten().collect();
    assert_eq!(order.iter().position(|item| item == "u"), Some(STARVATION_LIMIT as usize));
    assert!(order.iter().position(|item| item == "b").is_some_and(|at| at < order.len() - 1), "{order:?}");
}

#[test]
fn one_bad_item_fails_alone() {
    for bad in ["bad", "panic", "blank", "lost"] {
        let (mut fixture, first) = Fixture::busy(8, 8);
        let (a, bad, b) = (fixture.submit("a", Search), fixture.submit(bad, Search), fixture.submit("b", Search));
        fixture.open_gate();
        answer(first).unwrap();
        assert_eq!(answer(a), Ok("A".to_owned()));
        assert_eq!(answer(b), Ok("B".to_owned()));
        answer(bad).unwrap_err();
        // The queue continues to work.
        assert_eq!(answer(fixture.submit("c", Search)), Ok("C".to_owned()));
        let stats = fixture.queue.stats();
        assert_eq!((stats.items, stats.failed), (5, 1));
    }
}

#[test]
fn a_panic_is_told_in_the_error() {
    let mut fixture = Fixture::new(8, 8, Duration::ZERO);
    fixture.open_gate();
    let error = answer(fixture.submit("panic", Search)).unwrap_err();
    assert_eq!(error, EncodeError::Failed("it panicked: asked to panic".to_owned()));
}

#[test]
fn closing_fails_what_waits_and_finishes_what_runs() {
    let (fixture, first) = Fixture::busy(8, 1);
    let waiting = fixture.submit("a", Search);
    thread::scope(|scope| {
        scope.spawn(|| fixture.queue.close());
        fixture.wait_until(|fixture| fixture.queue.submit("b".to_owned(), Search).is_err());
        fixture.gate.as_ref().unwrap().send(()).unwrap();
    });
    assert_eq!(answer(first), Ok("FIRST".to_owned()));
    assert_eq!(answer(waiting), Err(EncodeError::Closed));
    assert_eq!(fixture.queue.stats().depth, 0);
}

#[test]
fn a_dropped_queue_leaves_no_caller_waiting() {
    let (mut fixture, _first) = Fixture::busy(8, 8);
    let waiting = fixture.submit("a", Search);
    fixture.open_gate();
    drop(fixture);
    // The item is encoded or fails, depending on the timing of the two threads, but its caller always gets an answer.
    waiting.blocking_recv().unwrap().ok();
}

#[tokio::test]
async fn dropping_the_future_withdraws_the_item() {
    let (mut fixture, _first) = Fixture::busy(8, 8);
    let encoding = fixture.queue.encode("a".to_owned(), Search);
    tokio::time::timeout(Duration::from_millis(20), encoding).await.unwrap_err();
    fixture.open_gate();
    assert_eq!(fixture.queue.encode("b".to_owned(), Search).await, Ok("B".to_owned()));
    assert_eq!(fixture.queue.stats().skipped, 1);
}

/// The lanes of a CPU: searches have a worker of their own.
const SEARCH_AND_BULK: [(&[Priority], usize); 2] = [(&[Search], 1), (&[Upload, Backfill], 1)];

const OPTIONS: QueueOptions = QueueOptions { capacity: 1_000, max_batch: 8, max_wait: Duration::ZERO };

#[test]
fn a_search_does_not_wait_for_bulk_that_runs() {
    let fixture = Fixture::with_lanes(OPTIONS, &SEARCH_AND_BULK);
    let _running = fixture.submit("u", Upload);
    fixture.wait_until(|fixture| fixture.batches.lock().unwrap().len() == 1);
    let _waiting = fixture.submit("u", Upload);
    let _search = fixture.submit("s", Search);
    // The gate is shut, so the upload still runs when the search begins.
    fixture.wait_until(|fixture| fixture.batches.lock().unwrap().len() == 2);
    assert_eq!(fixture.batches.lock().unwrap()[1], ["s"]);
}

#[test]
fn bulk_and_searches_are_served_by_their_own_workers_alone() {
    let fixture = Fixture::with_lanes(OPTIONS, &SEARCH_AND_BULK);
    let _first = fixture.submit("s", Search);
    fixture.wait_until(|fixture| fixture.batches.lock().unwrap().len() == 1);
    let _second = fixture.submit("ss", Search);
    let _upload = fixture.submit("u", Upload);
    fixture.wait_until(|fixture| fixture.batches.lock().unwrap().len() == 2);
    assert_eq!(*fixture.batches.lock().unwrap(), [["s"], ["u"]]);
    assert_eq!(fixture.queue.stats().depth_by_priority, [1, 0, 0]);
}

#[test]
fn backfill_does_not_starve_beside_uploads_of_its_lane() {
    let options = QueueOptions { max_batch: 1, ..OPTIONS };
    let fixture = Fixture::with_lanes(options, &SEARCH_AND_BULK);
    let mut waiting = vec![fixture.submit("first", Upload)];
    fixture.wait_until(|fixture| fixture.batches.lock().unwrap().len() == 1);
    waiting.push(fixture.submit("b", Backfill));
    waiting.extend((0..STARVATION_LIMIT + 4).map(|_| fixture.submit("u", Upload)));
    let order = fixture.finish();
    assert_eq!(order.iter().position(|batch| batch == &["b"]), Some(STARVATION_LIMIT as usize));
}

#[test]
fn workers_encode_at_the_same_time() {
    let mut fixture = Fixture::with_lanes(OPTIONS, &[(&Priority::ALL, 3)]);
    let running: Vec<_> = ["a", "b", "c"]
        .map(|item| {
            let before = fixture.batches.lock().unwrap().len();
            let answered = fixture.submit(item, Search);
            fixture.wait_until(|fixture| fixture.batches.lock().unwrap().len() == before + 1);
            answered
        })
        .into();
    // The gate is shut, so all three batches run at once.
    assert_eq!(*fixture.batches.lock().unwrap(), [["a"], ["b"], ["c"]]);
    fixture.open_gate();
    for answered in running {
        answer(answered).unwrap();
    }
    assert_eq!(fixture.queue.stats().batches, 3);
}

#[test]
fn a_batch_holds_items_of_one_group_in_their_order() {
    let (fixture, _first) = Fixture::busy(16, 3);
    let items = ["a8", "b64", "c8", "d64", "e8", "f8"];
    let _waiting: Vec<_> = items.map(|item| fixture.submit(item, Search)).into();
    assert_eq!(fixture.finish(), [vec!["a8", "c8", "e8"], vec!["b64", "d64"], vec!["f8"]]);
}

#[test]
fn closing_ends_the_workers_of_every_lane() {
    let mut fixture = Fixture::with_lanes(OPTIONS, &[(&[Search], 2), (&[Upload, Backfill], 2)]);
    fixture.open_gate();
    fixture.queue.close();
    for priority in Priority::ALL {
        assert_eq!(fixture.queue.submit("a".to_owned(), priority).err(), Some(EncodeError::Closed));
    }
}
