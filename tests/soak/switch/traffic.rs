//! The searches and uploads that go on during a second model's life.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use bytes::Bytes;
use serde_json::{Value, json};

use crate::client::Client;
use crate::figures::{Faults, Progress, Row, print_table};
use crate::pictures::picture;

pub const QUERIES: [&str; 8] =
    ["猫", "青い車", "赤い丸", "緑の線", "夕焼けの海", "a red circle", "blue sky", "yellow flower"];

/// The largest difference between two distances of the same search: encoders differ in the last digits from batch to
/// batch.
const SAME_DISTANCE: f64 = 1e-3;

/// A stage of the second model's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    DemoOnly,
    Quarter,
    Resumed,
    Switching,
    Retired,
}

impl Stage {
    fn label(self) -> &'static str {
        match self {
            Self::DemoOnly => "searches: demo model only",
            Self::Quarter => "searches: backfill to its quarter",
            Self::Resumed => "searches: backfill resumed, uploads",
            Self::Switching => "searches: switching",
            Self::Retired => "searches: after",
        }
    }

    /// Returns whether the images stay the same in this stage, so that a model's answer to a query never changes.
    fn is_still(self) -> bool {
        matches!(self, Self::Switching | Self::Retired)
    }
}

/// Sends searches and uploads, and notes their faults and how long they take.
pub struct Traffic {
    pub client: Client,
    pictures: Vec<Bytes>,
    pub faults: Faults,
    pub rows: RefCell<Vec<Row>>,
    pub stage: Cell<Stage>,
    /// The server is down on purpose.
    pub down: Cell<bool>,
    pub over: Cell<bool>,
    times: RefCell<BTreeMap<Stage, Vec<Duration>>>,
    /// The distances that a model answered a query with.
    answers: RefCell<BTreeMap<(i64, &'static str), Vec<f64>>>,
}

impl Traffic {
    /// Makes the pictures, up front: making them takes the time of the thread that sends.
    pub fn new(client: Client, count: usize) -> Self {
        Self {
            client,
            pictures: (0..count).map(|number| picture(number as u64, 96)).collect(),
            faults: Faults::default(),
            rows: RefCell::default(),
            stage: Cell::new(Stage::DemoOnly),
            down: Cell::new(false),
            over: Cell::new(false),
            times: RefCell::default(),
            answers: RefCell::default(),
        }
    }

    /// Uploads the pictures with these numbers, one after the other, and returns how long each took.
    pub async fn upload(&self, numbers: impl Iterator<Item = usize>, progress: &Progress) -> Vec<Duration> {
        let mut times = Vec::new();
        for number in numbers {
            let begin = Instant::now();
            match self.client.upload(&format!("switch-{number}.png"), &self.pictures[number]).await {
                Ok(answer) => {
                    times.push(begin.elapsed());
                    self.faults.check(answer.status == 201, || {
                        format!("upload {number} was answered with {}", answer.problem())
                    });
                    progress.step();
                }
                Err(error) => self.faults.add(format!("upload {number} was lost: {error}")),
            }
        }
        times
    }

    /// Searches all the time, and notes the times by stage.
    pub async fn search_until_over(&self, first: usize) {
        let mut number = first;
        while !self.over.get() {
            if self.down.get() {
                tokio::time::sleep(Duration::from_millis(20)).await;
                continue;
            }
            let (query, stage, begin) = (QUERIES[number % QUERIES.len()], self.stage.get(), Instant::now());
            match self.client.post_json("/search/text", &json!({"query": query, "limit": 5})).await {
                Ok(answer) => {
                    self.times.borrow_mut().entry(stage).or_default().push(begin.elapsed());
                    if answer.status == 200 {
                        self.check_hits(query, stage, &answer.json());
                    } else {
                        self.faults.add(format!("a search was answered with {}", answer.problem()));
                    }
                    number += 1;
                }
                Err(error) => self.faults.check(self.down.get(), || format!("a search was lost: {error}")),
            }
        }
    }

    fn check_hits(&self, query: &'static str, stage: Stage, found: &Value) {
        let model_id = found["model"]["model_id"].as_i64().expect("the model of the answer");
        let hits = found["hits"].as_array().expect("hits");
        self.faults.check(!hits.is_empty(), || format!("「{query}」 found nothing under model {model_id}"));
        if hits.is_empty() || !stage.is_still() {
            return;
        }
        let distances: Vec<_> = hits.iter().map(|hit| hit["distance"].as_f64().expect("a distance")).collect();
        let mut answers = self.answers.borrow_mut();
        let before = answers.entry((model_id, query)).or_insert_with(|| distances.clone());
        let same = before.len() == distances.len()
            && before.iter().zip(&distances).all(|(a, b)| (a - b).abs() < SAME_DISTANCE);
        self.faults.check(same, || format!("「{query}」 under model {model_id}: {distances:?}, before {before:?}"));
    }

    /// Does some work in a stage, and adds a row of the searches that were answered meanwhile.
    pub async fn during<T>(&self, stage: Stage, work: impl Future<Output = T>) -> T {
        self.stage.set(stage);
        let begin = Instant::now();
        let result = work.await;
        let times = self.times.borrow().get(&stage).cloned().unwrap_or_default();
        self.rows.borrow_mut().push(Row::new(stage.label(), times, begin.elapsed()));
        result
    }

    /// Returns the models that answered a search while the images stayed the same.
    pub fn models_seen(&self) -> BTreeSet<i64> {
        self.answers.borrow().keys().map(|(model_id, _)| *model_id).collect()
    }

    pub fn print(&self) {
        print_table(&self.rows.borrow());
        let searches: usize = self.times.borrow().values().map(Vec::len).sum();
        println!("searches: {searches} answered while all of this went on");
    }
}
