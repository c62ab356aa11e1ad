//! Measures the vector index on vectors that resemble CLIP embeddings: recall of picture and text queries against a
//! comparison with all exact vectors, time, building, memory and snapshots.
//!
//! ```text
//! cargo bench -p mitsuke-index --bench vector_index -- rows=100000 dimension=768
//! ```
//!
//! Further settings are `queries` (of each kind), `k`, and those of `IndexParams`: `exact_below`, `lists_factor`,
//! `miss_target`, `sample_per_list`, `training_rounds`. The benchmark asserts no numbers, because machines differ.

mod synthetic;

use std::collections::HashMap;
use std::convert::Infallible;
use std::time::{Duration, Instant};

use mitsuke_index::{Filter, IndexParams, SnapshotStamp, UnitVector, VectorIndex};
use rustix::time::{ClockId, clock_gettime};
use simsimd::SpatialSimilarity;
use synthetic::Clip;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// The `name=value` words of the command line.
struct Settings(HashMap<String, String>);

impl Settings {
    fn from_args() -> Self {
        let words = std::env::args().skip(1);
        Self(words.filter_map(|w| w.split_once('=').map(|(n, v)| (n.to_owned(), v.to_owned()))).collect())
    }

    fn get<T: std::str::FromStr>(&self, name: &str, default: T) -> Outcome<T>
    where
        T::Err: std::error::Error + 'static,
    {
        Ok(self.0.get(name).map(|value| value.parse()).transpose()?.unwrap_or(default))
    }

    fn index_params(&self) -> Outcome<IndexParams> {
        let default = IndexParams::default();
        Ok(IndexParams {
            exact_below: self.get("exact_below", default.exact_below)?,
            lists_factor: self.get("lists_factor", default.lists_factor)?,
            miss_target: self.get("miss_target", default.miss_target)?,
            sample_per_list: self.get("sample_per_list", default.sample_per_list)?,
            training_rounds: self.get("training_rounds", default.training_rounds)?,
            ..default
        })
    }
}

/// Queries of one kind with their true neighbours.
struct Queries {
    name: &'static str,
    vectors: Vec<UnitVector>,
    /// The pairs of similarity and id, best first.
    truth: Vec<Vec<(f32, i64)>>,
}

impl Queries {
    fn new(name: &'static str, vectors: impl Iterator<Item = Vec<f32>>) -> Outcome<Self> {
        let vectors = vectors.map(UnitVector::normalize).collect::<Result<Vec<_>, _>>()?;
        let truth = vec![Vec::new(); vectors.len()];
        Ok(Self { name, vectors, truth })
    }

    /// Compares a vector with all queries.
    fn compare(&mut self, id: i64, vector: &UnitVector, k: usize) {
        for (query, truth) in self.vectors.iter().zip(&mut self.truth) {
            let similarity = f32::dot(query.as_slice(), vector.as_slice()).unwrap_or(0.0) as f32;
            if truth.len() < k || truth.last().is_some_and(|worst| similarity > worst.0) {
                truth.insert(truth.partition_point(|t| t.0 > similarity), (similarity, id));
                truth.truncate(k);
            }
        }
    }

    /// Searches for all queries, one after another, and returns recall, read vectors and times.
    fn run(&self, index: &VectorIndex, clip: &Clip, k: usize) -> Outcome<Report> {
        let mut report = Report::default();
        for (query, truth) in self.vectors.iter().zip(&self.truth) {
            let mut reading = Duration::ZERO;
            let start = ProcessorTime::now();
            let found = index.search::<Infallible>(query, k, false, Filter::default(), &mut |ids| {
                let start = ProcessorTime::now();
                report.read += ids.len();
                let vectors = ids.iter().map(|id| UnitVector::normalize(clip.image(*id as u64)).ok()).collect();
                reading += start.elapsed();
                Ok(vectors)
            })?;
            // The time of reading is left out: this benchmark makes the vectors, where a store would read them.
            report.times.push(start.elapsed() - reading);
            // A vector that is as similar as the last true neighbour counts as a true neighbour.
            let last = truth.last().map_or(-1.0, |t| t.0) - 1e-6;
            report.hits += found.iter().filter(|hit| hit.1 >= last).count().min(truth.len());
            report.wanted += truth.len();
        }
        report.times.sort();
        Ok(report)
    }
}

/// The processor time of this thread, which other work on the machine disturbs less than elapsed time.
#[derive(Clone, Copy)]
struct ProcessorTime(Duration);

impl ProcessorTime {
    fn now() -> Self {
        let now = clock_gettime(ClockId::ThreadCPUTime);
        // The clock starts with the thread and is never negative.
        Self(Duration::new(now.tv_sec.unsigned_abs(), now.tv_nsec.unsigned_abs() as u32))
    }

    fn elapsed(self) -> Duration {
        Self::now().0.saturating_sub(self.0)
    }
}

#[derive(Default)]
struct Report {
    hits: usize,
    wanted: usize,
    read: usize,
    times: Vec<Duration>,
}

impl Report {
    fn percentile(&self, p: usize) -> f64 {
        let at = self.times.len().saturating_sub(1) * p / 100;
        self.times.get(at).map_or(0.0, |t| t.as_secs_f64() * 1e3)
    }

    fn print(&self, name: &str, stage: &str) {
        println!(
            "{stage:14} {name:6} recall {:.4}  p50 {:7.2} ms  p95 {:7.2} ms  vectors read {:.0}",
            self.hits as f64 / self.wanted.max(1) as f64,
            self.percentile(50),
            self.percentile(95),
            self.read as f64 / self.times.len().max(1) as f64,
        );
    }
}

/// Reads a line of /proc/self/status in MB; 0 on systems without that file.
fn process_memory(line: &str) -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let found = status.lines().find_map(|l| l.strip_prefix(line));
    let kilobytes = found.and_then(|l| l.split_whitespace().nth(1)?.parse::<usize>().ok());
    kilobytes.unwrap_or(0) / 1024
}

fn main() -> Outcome<()> {
    let settings = Settings::from_args();
    let (rows, dimension) = (settings.get("rows", 20_000_u64)?, settings.get("dimension", 256)?);
    let (count, k) = (settings.get("queries", 200_u64)?, settings.get("k", 16)?);
    let params = settings.index_params()?;
    let clip = Clip::new(dimension);
    let mut queries = [
        Queries::new("image", (0..count).map(|i| clip.image_query(i)))?,
        Queries::new("text", (0..count).map(|i| clip.text_query(i)))?,
    ];
    println!("{rows} vectors of {dimension} components, {count} queries of each kind, k = {k}, {params:?}");

    let index = VectorIndex::new(dimension, params);
    let before = process_memory("VmRSS");
    let mut inserting = Duration::ZERO;
    for i in 0..rows {
        let vector = UnitVector::normalize(clip.image(i))?;
        for kind in &mut queries {
            kind.compare(i as i64, &vector, k);
        }
        let start = ProcessorTime::now();
        index.insert(i as i64, &vector);
        inserting += start.elapsed();
    }
    let per_insert = inserting.as_secs_f64() * 1e6 / rows as f64;
    println!("inserted at {per_insert:.1} µs each, memory {} MB", process_memory("VmRSS") - before);
    for kind in &queries {
        kind.run(&index, &clip, k)?.print(kind.name, "all scanned");
    }

    let start = ProcessorTime::now();
    if index.train() {
        println!(
            "lists trained in {:.1} s of work, memory {} MB, most so far {} MB",
            start.elapsed().as_secs_f64(),
            process_memory("VmRSS").saturating_sub(before),
            process_memory("VmHWM").saturating_sub(before)
        );
        for kind in &queries {
            kind.run(&index, &clip, k)?.print(kind.name, "lists");
        }
        let extra = 1000;
        let vectors = (0..extra).map(|i| UnitVector::normalize(clip.image(rows + i)));
        let vectors = vectors.collect::<Result<Vec<_>, _>>()?;
        let start = ProcessorTime::now();
        for (id, vector) in (rows as i64..).zip(&vectors) {
            index.insert(id, vector);
        }
        println!("inserted into lists at {:.1} µs each", start.elapsed().as_secs_f64() * 1e6 / extra as f64);
        for id in rows as i64..(rows + extra) as i64 {
            index.remove(id);
        }
    }

    let folder = tempfile::tempdir()?;
    let path = folder.path().join("index");
    let start = Instant::now();
    index.save(&path, SnapshotStamp { model_id: 1, last_change: 1, count: rows })?;
    let saving = start.elapsed().as_secs_f64();
    let size = std::fs::metadata(&path)?.len() / 1_000_000;
    drop(index);
    let start = Instant::now();
    let (loaded, _) = VectorIndex::load(&path, dimension, params)?;
    let loading = start.elapsed().as_secs_f64();
    println!("snapshot {size} MB, saved in {saving:.2} s, loaded in {loading:.2} s ({} vectors)", loaded.len());
    Ok(())
}
