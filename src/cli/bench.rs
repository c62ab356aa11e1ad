//! `mitsuke bench`.

use std::error::Error;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use clap::Args;
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use image::{Rgb, RgbImage};
use mitsuke_clip::{
    DeviceChoice, EncodeError, Encoder, EncoderOptions, MultiplyAdds, Precision, PrecisionChoice, Priority,
    TorchThreads, Tower, VERBOSE_VARIABLES, WorkerCount, count_multiply_adds, multiply_add_rate, run_once,
};

/// The text that is encoded: a query of usual length.
const TEXT: &str = "夕焼けの海と白い船";

/// The number of items that wait or run for each worker while all workers are kept busy.
const ITEMS_PER_WORKER: usize = 8;

/// The arguments of `mitsuke bench`.
#[derive(Args)]
pub struct BenchArguments {
    /// The folder that holds model.json.
    #[arg(default_value = "models/demo")]
    folder: PathBuf,
    /// Variant to run: auto, or a precision such as float32 or int8.
    #[arg(long, default_value = "auto")]
    precision: PrecisionChoice,
    /// Device to run on: auto, cpu or cuda.
    #[arg(long, default_value = "auto")]
    device: DeviceChoice,
    /// Batches that each tower works on at once: a number, or auto as the server does it.
    #[arg(long, default_value = "auto")]
    workers: WorkerCount,
    /// Threads that compute one batch: a number, or auto as the server does it.
    #[arg(long, default_value = "auto")]
    threads: TorchThreads,
    /// Most items in a batch.
    #[arg(long, default_value_t = EncoderOptions::default().max_batch)]
    batch_size: usize,
    /// Seconds for each of the four measurements.
    #[arg(long, default_value_t = 8)]
    seconds: u64,
    /// Runs this tower once, for the process that counts its multiply-adds.
    #[arg(long, hide = true)]
    count: Option<Tower>,
}

/// The measurements of a tower.
struct Measured {
    precision: Precision,
    /// Items a second, one after the other.
    alone: f64,
    /// Items a second with all workers busy.
    together: f64,
    /// The multiply-adds of one item.
    multiply_adds: MultiplyAdds,
    /// Multiply-adds a second that the machine does with all workers.
    peak: f64,
}

/// Runs the command to its end.
///
/// # Errors
/// The reason why the folder cannot be measured, as a sentence for the person at the terminal.
pub fn run(arguments: &BenchArguments) -> Result<(), Box<dyn Error>> {
    if let (Some(tower), PrecisionChoice::Only(precision)) = (arguments.count, arguments.precision) {
        return Ok(run_once(&arguments.folder, tower, precision, TEXT)?);
    }
    let options = EncoderOptions {
        device: arguments.device,
        precision: arguments.precision,
        max_batch: arguments.batch_size,
        workers: arguments.workers,
        torch_threads: arguments.threads,
        // A cache would answer the repeated text, so there is none.
        query_cache: 0,
        ..EncoderOptions::default()
    };
    let encoder = Encoder::load(&arguments.folder, &options)?;
    print_facts(&encoder, arguments);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let images = measure(arguments, &encoder, Tower::Image, &runtime)?;
    let texts = measure(arguments, &encoder, Tower::Text, &runtime)?;
    print_results([&images, &texts]);
    Ok(())
}

fn measure(
    arguments: &BenchArguments,
    encoder: &Encoder,
    tower: Tower,
    runtime: &tokio::runtime::Runtime,
) -> Result<Measured, Box<dyn Error>> {
    let precision = match tower {
        Tower::Image => encoder.precision().0,
        Tower::Text => encoder.precision().1,
    };
    let (workers, duration) = (encoder.workers(), Duration::from_secs(arguments.seconds));
    // A single worker with threads of `auto` has all cores for itself.
    let threads = if workers == 1 { arguments.threads.when_alone() } else { workers * arguments.threads.when_busy() };
    let peak = || multiply_add_rate(encoder.device(), precision, threads);
    let before = peak()?;
    Ok(Measured {
        precision,
        alone: runtime.block_on(rate(encoder, tower, 1, duration))?,
        together: runtime.block_on(rate(encoder, tower, ITEMS_PER_WORKER * workers, duration))?,
        multiply_adds: count(arguments, tower, precision)?,
        // A processor changes its speed, so the peak is measured on both sides of the items.
        peak: before.max(peak()?),
    })
}

/// Returns the items a second of a tower while `in_flight` items wait or run. The items have the priority of searches,
/// because bulk gives way to whatever else the machine does.
async fn rate(encoder: &Encoder, tower: Tower, in_flight: usize, duration: Duration) -> Result<f64, EncodeError> {
    let picture = encoder.preprocess(&RgbImage::from_pixel(64, 64, Rgb([127; 3])));
    let begin = Instant::now();
    // The stream takes the next item only when an item in flight is done.
    let items = std::iter::from_fn(|| {
        (begin.elapsed() < duration).then_some(async {
            match tower {
                Tower::Image => encoder.encode_image(picture.clone(), Priority::Search).await,
                Tower::Text => encoder.encode_text(TEXT, Priority::Search).await,
            }
        })
    });
    let mut encoded = stream::iter(items).buffer_unordered(in_flight);
    let mut count = 0_u32;
    while encoded.try_next().await?.is_some() {
        count += 1;
    }
    Ok(f64::from(count) / begin.elapsed().as_secs_f64())
}

/// Counts the multiply-adds of one item, in a process that prints each product.
fn count(arguments: &BenchArguments, tower: Tower, precision: Precision) -> Result<MultiplyAdds, Box<dyn Error>> {
    let output = Command::new(std::env::current_exe()?)
        .args(["bench", "--precision", precision.name(), "--count", tower.name()])
        .arg(&arguments.folder)
        .envs(VERBOSE_VARIABLES)
        .output()?;
    if !output.status.success() {
        return Err(format!("the run that is counted failed: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    Ok(count_multiply_adds(&String::from_utf8_lossy(&output.stdout)))
}

fn print_facts(encoder: &Encoder, arguments: &BenchArguments) {
    let manifest = encoder.manifest();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let (workers, threads) = (encoder.workers(), arguments.threads);
    println!("model          {} {}", manifest.model_name, manifest.model_version);
    println!("runs on        {}; this machine has {cores} cores", encoder.device());
    let (alone, busy) = (threads.when_alone(), if workers == 1 { threads.when_alone() } else { threads.when_busy() });
    let noun = if busy == 1 { "thread" } else { "threads" };
    println!("workers        {workers} for each tower; {busy} {noun} inside a batch, {alone} while it is alone");
}

/// Writes a number with three digits and a unit prefix.
fn with_prefix(number: f64) -> String {
    let (scaled, prefix) = [(1e9, "G"), (1e6, "M"), (1e3, "k")]
        .into_iter()
        .find(|(scale, _)| number >= *scale)
        .map_or((number, ""), |(scale, prefix)| (number / scale, prefix));
    let decimals = if scaled < 10.0 {
        2
    } else if scaled < 100.0 {
        1
    } else {
        0
    };
    format!("{scaled:.decimals$} {prefix}")
}

fn print_results(towers: [&Measured; 2]) {
    println!("{:15}{:>16}{:>16}", "", "pictures", "queries");
    let row = |name: &str, cell: &dyn Fn(&Measured) -> String| {
        let [images, texts] = towers.map(cell);
        println!("{name:15}{images:>16}{texts:>16}");
    };
    row("precision", &|tower| tower.precision.to_string());
    row("one at a time", &|tower| format!("{:.2} /s", tower.alone));
    row("all workers", &|tower| format!("{:.2} /s", tower.together));
    row("multiply-adds", &|tower| with_prefix(tower.multiply_adds.count as f64));
    row("machine's peak", &|tower| format!("{}/s", with_prefix(tower.peak)));
    row("floor", &|tower| format!("{:.3} ms", 1_000.0 * tower.multiply_adds.count as f64 / tower.peak));
    row("share reached", &|tower| {
        format!("{:.1} %", 100.0 * tower.together * tower.multiply_adds.count as f64 / tower.peak)
    });
    println!(
        "\nThe floor is the time of an item's multiply-adds at the machine's peak, which large products in the same \
         precision\nreach with all workers at once. The share is that of the floor in the time of an item with all \
         workers busy."
    );
    let uncounted: u64 = towers.iter().map(|tower| tower.multiply_adds.uncounted_calls).sum();
    if uncounted > 0 {
        println!(
            "The multiply-adds lack those of {uncounted} products whose sizes are not known, so that the share is higher."
        );
    }
}
