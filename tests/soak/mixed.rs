//! An hour of everything at once: memory, descriptors and threads of the server stay as they are.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt::Write as _;
use std::fs;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::json;

use crate::chance::Chance;
use crate::client::{Client, Outcome};
use crate::crash::told;
use crate::figures::{Faults, setting, text_setting};
use crate::harness::Server;
use crate::load::{MODES, QUERIES};
use crate::pictures::picture;

/// The time between two samples.
const EVERY: Duration = Duration::from_secs(10);

/// The edge of the pictures in pixels.
const EDGE: u32 = 320;

#[tokio::test]
#[ignore = "takes an hour; scripts/soak.sh runs it"]
async fn memory_and_descriptors_stay_flat_under_a_mixed_load() {
    let minutes = setting("SOAK_MINUTES", 60.0_f64);
    let (callers, kept) = (setting("SOAK_CALLERS", 6_usize), setting("SOAK_PICTURES", 1_000_usize));
    let (mut chance, faults) = (Chance::from_settings(), Faults::default());
    let server = Server::start(&[]).await;
    let load = Load { kept, faults, ids: RefCell::default(), next: Cell::new(0), counts: RefCell::default() };
    let (begin, end) = (Instant::now(), Instant::now() + Duration::from_secs_f64(60.0 * minutes));
    let samples = RefCell::new(Vec::new());
    let sampling = async {
        while Instant::now() < end {
            tokio::time::sleep(EVERY.min(end.saturating_duration_since(Instant::now()))).await;
            samples.borrow_mut().push(Sample::of(&server, begin.elapsed()));
        }
    };
    let seeds: Vec<u64> = (0..callers).map(|_| chance.whole(0..=1 << 40) as u64).collect();
    let working = join_all(seeds.into_iter().map(async |seed| {
        let (client, mut chance) = (Client::new(&server.url(), None), Chance::new(seed));
        while Instant::now() < end {
            load.step(&client, &mut chance).await;
        }
    }));
    tokio::join!(sampling, working);
    print_samples(&samples.into_inner());
    load.print();
    server.print_memory();
    server.stop(&load.faults).await;
    load.faults.assert_none();
}

/// The requests so far, and the images that are there.
struct Load {
    kept: usize,
    faults: Faults,
    ids: RefCell<VecDeque<(i64, u64)>>,
    next: Cell<u64>,
    counts: RefCell<std::collections::BTreeMap<&'static str, u64>>,
}

impl Load {
    /// Sends one request of a random kind. The oldest image is deleted once there are enough.
    async fn step(&self, client: &Client, chance: &mut Chance) {
        let is_enough = self.ids.borrow().len() > self.kept;
        match chance.whole(0..=9) {
            0..=1 if is_enough => self.delete(client).await,
            0..=2 => self.upload(client).await,
            3..=5 => {
                let (query, mode) = (QUERIES[chance.whole(0..=QUERIES.len() - 1)], MODES[chance.whole(0..=2)]);
                let query = json!({"query": query, "mode": mode});
                self.note("text search", client.post_json("/search/text", &query).await, 200);
            }
            6 => {
                let query = picture(chance.whole(0..=5_000) as u64, EDGE);
                self.note("picture search", client.post_file("/search/image", "query.png", &query).await, 200);
            }
            7 => self.note("list", client.get("/images?limit=50").await, 200),
            8 => self.read(client, chance).await,
            _ => self.change(client, chance).await,
        }
    }

    fn note(&self, kind: &'static str, outcome: Outcome, status: u16) {
        *self.counts.borrow_mut().entry(kind).or_default() += 1;
        let is_right = outcome.as_ref().is_ok_and(|answer| answer.status == status);
        self.faults.check(is_right, || format!("a {kind} was answered with {}", told(&outcome)));
    }

    async fn upload(&self, client: &Client) {
        let number = self.next.replace(self.next.get() + 1);
        let outcome = client.upload(&format!("mixed-{number}.png"), &picture(number, EDGE)).await;
        if let Ok(answer) = &outcome
            && answer.status == 201
        {
            self.ids.borrow_mut().push_back((answer.image_id(), number));
        }
        self.note("upload", outcome, 201);
    }

    async fn delete(&self, client: &Client) {
        let Some((image_id, _)) = self.ids.borrow_mut().pop_front() else { return };
        let request = client.request(Method::DELETE, &format!("/images/{image_id}"));
        self.note("deletion", client.send(request).await, 204);
    }

    /// Returns one of the newer images, which nobody deletes meanwhile.
    fn newer(&self, chance: &mut Chance) -> Option<(i64, u64)> {
        let ids = self.ids.borrow();
        let newer = ids.len() - ids.len() / 2;
        let place = chance.whole(0..=newer.saturating_sub(1));
        ids.iter().rev().nth(place).copied()
    }

    async fn read(&self, client: &Client, chance: &mut Chance) {
        // The first images are few, and all of them may be deleted soon.
        let Some((image_id, number)) = self.newer(chance).filter(|_| self.ids.borrow().len() > 50) else { return };
        let outcome = client.get(&format!("/images/{image_id}/content")).await;
        if let Ok(answer) = &outcome {
            let is_whole = answer.status != 200 || answer.body == picture(number, EDGE);
            self.faults.check(is_whole, || format!("{image_id} came back with other bytes"));
        }
        self.note("picture", outcome, 200);
    }

    async fn change(&self, client: &Client, chance: &mut Chance) {
        let Some((image_id, _)) = self.newer(chance).filter(|_| self.ids.borrow().len() > 50) else { return };
        let caption = json!({"caption": format!("caption {}", chance.whole(0..=1_000_000))});
        let outcome = client.send_json(Method::PATCH, &format!("/images/{image_id}"), &caption).await;
        self.note("change", outcome, 200);
    }

    fn print(&self) {
        let counts: Vec<_> = self.counts.borrow().iter().map(|(kind, count)| format!("{count} × {kind}")).collect();
        println!("{}", counts.join(", "));
    }
}

/// The figures that the system gives of the server at one time.
struct Sample {
    seconds: f64,
    values: [f64; 3],
}

/// The names of the values of a sample, with their units.
const NAMES: [&str; 3] = ["memory MiB", "descriptors", "threads"];

impl Sample {
    fn of(server: &Server, at: Duration) -> Self {
        let process = format!("/proc/{}", server.process_id());
        let count = |folder: &str| fs::read_dir(format!("{process}/{folder}")).map_or(0, Iterator::count) as f64;
        let memory = server.megabytes("VmRSS:").unwrap_or_default() as f64;
        Self { seconds: at.as_secs_f64(), values: [memory, count("fd"), count("task")] }
    }
}

/// Prints first, last and greatest value of each kind, and its slope over the second half of the time, in which caches
/// are full. Writes all samples to SOAK_TSV where it is set.
fn print_samples(samples: &[Sample]) {
    if let Some(path) = text_setting("SOAK_TSV") {
        let mut table = format!("seconds\t{}\n", NAMES.join("\t"));
        for Sample { seconds, values: [memory, descriptors, threads] } in samples {
            writeln!(table, "{seconds:.0}\t{memory}\t{descriptors}\t{threads}").expect("a string takes every text");
        }
        fs::write(&path, table).unwrap_or_else(|error| panic!("{path}: {error}"));
    }
    let (Some(first), Some(last)) = (samples.first(), samples.last()) else { return };
    println!("{:14}{:>10}{:>10}{:>10}{:>18}", "", "first", "last", "most", "slope per hour");
    for (place, name) in NAMES.iter().enumerate() {
        let most = samples.iter().map(|sample| sample.values[place]).fold(0.0, f64::max);
        let slope = 3_600.0 * slope(&samples[samples.len() / 2..], place);
        println!("{name:14}{:>10}{:>10}{most:>10}{slope:>18.2}", first.values[place], last.values[place]);
    }
}

/// Returns the slope of the line that fits the samples best (least squares), per second.
fn slope(samples: &[Sample], place: usize) -> f64 {
    let count = samples.len() as f64;
    let mean = |value: &dyn Fn(&Sample) -> f64| samples.iter().map(value).sum::<f64>() / count;
    let (mean_x, mean_y) = (mean(&|sample| sample.seconds), mean(&|sample| sample.values[place]));
    let covariance = mean(&|sample| (sample.seconds - mean_x) * (sample.values[place] - mean_y));
    let variance = mean(&|sample| (sample.seconds - mean_x).powi(2));
    if variance > 0.0 { covariance / variance } else { 0.0 }
}
