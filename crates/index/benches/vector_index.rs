//! Measures the vector index on vectors that resemble CLIP embeddings: recall of picture and text queries, with and
//! without filters, against a comparison with all exact vectors, time, building, memory and snapshots.
//!
//! ```text
//! cargo bench -p mitsuke-index --bench vector_index -- rows=100000 dimension=768
//! ```
//!
//! Further settings are `queries` (of each kind), `k`, and those of `IndexParams`: `exact_below`, `lists_factor`,
//! `miss_target`, `sample_per_list`, `training_rounds`. `folder` is a folder for the vectors, queries and true
//! neighbours, so that other programs can be measured on them. The benchmark asserts no numbers, because machines
//! differ.

mod npy;
mod synthetic;

use std::collections::HashMap;
use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use mitsuke_index::{Filter, IdSet, IndexParams, SnapshotStamp, UnitVector, VectorIndex};
use npy::NpyFile;
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

/// The filters that are measured: names, and the ids that each lets through.
fn filters(clip: &Clip, rows: u64) -> Vec<(String, Option<IdSet>)> {
    let every = |step: i64| (0..rows as i64).filter(|id| id % step == 0).collect::<IdSet>();
    let shares = [2, 10, 40, 1000].map(|step| (format!("1 in {step}"), Some(every(step))));
    // The pictures of a topic lie close together.
    let topics = (0..rows as i64).filter(|id| clip.topic(*id as u64).is_multiple_of(10)).collect();
    std::iter::once(("none".to_owned(), None)).chain(shares).chain([("topics".to_owned(), Some(topics))]).collect()
}

/// Queries of one kind with their true neighbours.
struct Queries {
    name: &'static str,
    vectors: Vec<UnitVector>,
    /// The pairs of similarity and id, best first, for each filter and query.
    truth: Vec<Vec<Vec<(f32, i64)>>>,
}

impl Queries {
    fn new(name: &'static str, vectors: impl Iterator<Item = Vec<f32>>, filters: usize) -> Outcome<Self> {
        let vectors = vectors.map(UnitVector::normalize).collect::<Result<Vec<_>, _>>()?;
        let truth = vec![vec![Vec::new(); vectors.len()]; filters];
        Ok(Self { name, vectors, truth })
    }

    /// Compares a vector with all queries.
    fn compare(&mut self, id: i64, vector: &UnitVector, k: usize, filters: &[(String, Option<IdSet>)]) {
        for (at, query) in self.vectors.iter().enumerate() {
            let similarity = f32::dot(query.as_slice(), vector.as_slice()).unwrap_or(0.0) as f32;
            for ((_, only), truth) in filters.iter().zip(&mut self.truth) {
                let truth = &mut truth[at];
                if (truth.len() < k || truth.last().is_some_and(|worst| similarity > worst.0))
                    && only.as_ref().is_none_or(|only| only.contains(id))
                {
                    truth.insert(truth.partition_point(|t| t.0 > similarity), (similarity, id));
                    truth.truncate(k);
                }
            }
        }
    }

    /// Searches for all queries, one after another, and returns recall, read vectors and times.
    fn run(&self, index: &VectorIndex, clip: &Clip, k: usize, filter: usize, only: Option<&IdSet>) -> Outcome<Report> {
        let mut report = Report::default();
        for (query, truth) in self.vectors.iter().zip(&self.truth[filter]) {
            let mut reading = (Duration::ZERO, Duration::ZERO);
            let start = (ProcessorTime::now(), Instant::now());
            let found = index.search::<Infallible>(query, k, false, Filter { only, except: &[] }, &mut |ids| {
                let start = (ProcessorTime::now(), Instant::now());
                report.read += ids.len();
                let vectors = ids.iter().map(|id| UnitVector::normalize(clip.image(*id as u64)).ok()).collect();
                reading = (reading.0 + start.0.elapsed(), reading.1 + start.1.elapsed());
                Ok(vectors)
            })?;
            // The time of reading is left out: this benchmark makes the vectors, where a store would read them.
            report.times.push(start.0.elapsed().saturating_sub(reading.0));
            report.wall_times.push(start.1.elapsed().saturating_sub(reading.1));
            // A vector that is as similar as the last true neighbour, but for rounding, counts as a true neighbour.
            let last = truth.last().map_or(-1.0, |t| t.0) - 3e-6;
            report.hits += found.iter().filter(|hit| hit.1 >= last).count().min(truth.len());
            report.wanted += truth.len();
        }
        report.times.sort();
        report.wall_times.sort();
        Ok(report)
    }

    /// Searches without a filter until `done`, and returns the wall-clock times of searches, sorted.
    fn run_until(&self, index: &VectorIndex, clip: &Clip, k: usize, done: impl Fn() -> bool) -> Outcome<Vec<Duration>> {
        let mut times = Vec::new();
        while !done() {
            times.extend(self.run(index, clip, k, 0, None)?.wall_times);
        }
        times.sort();
        Ok(times)
    }

    /// Writes the queries, the true neighbours (−1 where there are fewer) and their similarities.
    fn write(&self, folder: &Path, k: usize) -> Outcome<()> {
        let count = self.vectors.len();
        let mut queries = NpyFile::create(&folder.join(format!("{}.npy", self.name)), "<f4")?;
        self.vectors.iter().try_for_each(|v| queries.write(&v.to_le_bytes()))?;
        queries.finish(&[count, self.vectors.first().map_or(0, UnitVector::dimension)])?;
        let mut last = NpyFile::create(&folder.join(format!("{}-least.npy", self.name)), "<f4")?;
        for truth in &self.truth[0] {
            last.write(&truth.get(k - 1).map_or(-1.0, |t| t.0).to_le_bytes())?;
        }
        last.finish(&[count])
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
    /// Processor times, sorted.
    times: Vec<Duration>,
    /// Wall-clock times, sorted.
    wall_times: Vec<Duration>,
}

/// Returns a percentile of sorted times in milliseconds.
fn percentile(times: &[Duration], p: usize) -> f64 {
    times.get(times.len().saturating_sub(1) * p / 100).map_or(0.0, |t| t.as_secs_f64() * 1e3)
}

impl Report {
    fn print(&self, name: &str, stage: &str, filter: &str) {
        println!(
            "{stage:11} {name:5} filter {filter:9} recall {:.4}  p50 {:7.3} ms  p95 {:7.3} ms  vectors read {:.0}",
            self.hits as f64 / self.wanted.max(1) as f64,
            percentile(&self.times, 50),
            percentile(&self.times, 95),
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

/// Prints recall and times of all queries and filters.
fn print_searches(index: &VectorIndex, bench: &Bench, stage: &str) -> Outcome<()> {
    for kind in &bench.queries {
        for (at, (filter, only)) in bench.filters.iter().enumerate() {
            kind.run(index, &bench.clip, bench.k, at, only.as_ref())?.print(kind.name, stage, filter);
        }
    }
    Ok(())
}

/// The data of this benchmark.
struct Bench {
    clip: Clip,
    rows: u64,
    k: usize,
    filters: Vec<(String, Option<IdSet>)>,
    queries: [Queries; 2],
}

/// Inserts all vectors, and writes them into `folder`.
fn insert(index: &VectorIndex, bench: &mut Bench, folder: Option<&Path>) -> Outcome<Duration> {
    let mut file = folder.map(|folder| NpyFile::create(&folder.join("vectors.npy"), "<f4")).transpose()?;
    let mut inserting = Duration::ZERO;
    for i in 0..bench.rows {
        let vector = UnitVector::normalize(bench.clip.image(i))?;
        for kind in &mut bench.queries {
            kind.compare(i as i64, &vector, bench.k, &bench.filters);
        }
        let start = ProcessorTime::now();
        index.insert(i as i64, &vector);
        inserting += start.elapsed();
        if let Some(file) = &mut file {
            file.write(&vector.to_le_bytes())?;
        }
    }
    if let (Some(file), Some(folder)) = (file, folder) {
        file.finish(&[bench.rows as usize, bench.queries[0].vectors.first().map_or(0, UnitVector::dimension)])?;
        bench.queries.iter().try_for_each(|kind| kind.write(folder, bench.k))?;
    }
    Ok(inserting)
}

/// Trains lists while text queries are searched for, and prints what that took. Returns whether lists were trained.
fn train(index: &VectorIndex, params: IndexParams, bench: &Bench, memory_before: usize) -> Outcome<bool> {
    if !index.needs_training() {
        return Ok(false);
    }
    // A copy is trained on an otherwise idle machine, and the index itself beside searches.
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("index");
    index.save(&path, SnapshotStamp { epoch: [0; 16], model_id: 1, last_change: 1, count: bench.rows })?;
    let text = &bench.queries[1];
    let alone = text.run(index, &bench.clip, bench.k, 0, None)?.wall_times;
    let done = AtomicBool::new(false);
    let (beside, meanwhile) = std::thread::scope(|scope| -> Outcome<_> {
        let training = scope.spawn(|| {
            let start = Instant::now();
            index.train();
            done.store(true, Ordering::Release);
            start.elapsed()
        });
        let times = text.run_until(index, &bench.clip, bench.k, || done.load(Ordering::Acquire))?;
        Ok((training.join().map_err(|_| "the training panicked")?, times))
    })?;
    let memory = ["VmRSS", "VmHWM"].map(|line| process_memory(line).saturating_sub(memory_before));
    let (copy, _) = VectorIndex::load(&path, text.vectors.first().map_or(0, UnitVector::dimension), params)?;
    let start = Instant::now();
    copy.train();
    println!(
        "lists trained in {:.1} s, {:.1} s beside searches, memory {} MB, most so far {} MB",
        start.elapsed().as_secs_f64(),
        beside.as_secs_f64(),
        memory[0],
        memory[1],
    );
    println!(
        "searches beside training p50 {:.2} ms, alone {:.2} ms",
        percentile(&meanwhile, 50),
        percentile(&alone, 50)
    );
    Ok(true)
}

fn main() -> Outcome<()> {
    let settings = Settings::from_args();
    let (rows, dimension) = (settings.get("rows", 20_000_u64)?, settings.get("dimension", 256)?);
    let (count, k) = (settings.get("queries", 200_u64)?, settings.get("k", 16)?);
    let folder: Option<PathBuf> = settings.0.get("folder").map(PathBuf::from);
    let params = settings.index_params()?;
    let clip = Clip::new(dimension);
    let filters = filters(&clip, rows);
    let queries = [
        Queries::new("image", (0..count).map(|i| clip.image_query(i)), filters.len())?,
        Queries::new("text", (0..count).map(|i| clip.text_query(i)), filters.len())?,
    ];
    let mut bench = Bench { clip, rows, k, filters, queries };
    println!("{rows} vectors of {dimension} components, {count} queries of each kind, k = {k}, {params:?}");

    let index = VectorIndex::new(dimension, params);
    let before = process_memory("VmRSS");
    let inserting = insert(&index, &mut bench, folder.as_deref())?;
    let per_insert = inserting.as_secs_f64() * 1e6 / rows as f64;
    println!("inserted at {per_insert:.1} µs each, memory {} MB", process_memory("VmRSS") - before);
    print_searches(&index, &bench, "all scanned")?;

    if train(&index, params, &bench, before)? {
        print_searches(&index, &bench, "lists")?;
        let extra = 1000;
        let vectors = (0..extra).map(|i| UnitVector::normalize(bench.clip.image(rows + i)));
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
    index.save(&path, SnapshotStamp { epoch: [0; 16], model_id: 1, last_change: 1, count: rows })?;
    let saving = start.elapsed().as_secs_f64();
    let size = std::fs::metadata(&path)?.len() / 1_000_000;
    drop(index);
    let start = Instant::now();
    let (loaded, _) = VectorIndex::load(&path, dimension, params)?;
    let loading = start.elapsed().as_secs_f64();
    println!("snapshot {size} MB, saved in {saving:.2} s, loaded in {loading:.2} s ({} vectors)", loaded.len());
    Ok(())
}
