//! `mitsuke model check`.

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Args;
use image::{Rgb, RgbImage};
use mitsuke::config::EncoderSettings;
use mitsuke_clip::{
    DeviceChoice, EncodeError, Encoder, EncoderOptions, Manifest, PrecisionChoice, Priority, TestCases, TorchThreads,
};

/// Number of times that an encoding is timed.
const RUNS: usize = 5;

/// The arguments of `mitsuke model check`.
#[derive(Args)]
pub struct Check {
    /// The folder that holds model.json.
    folder: PathBuf,
    /// Variant to run: auto, or a precision such as float32 or int8.
    #[arg(long, default_value = "auto")]
    precision: PrecisionChoice,
    /// Device to run on: auto, cpu or cuda.
    #[arg(long, default_value = "auto")]
    device: DeviceChoice,
    /// Threads that compute one batch: a number, or auto as the server does it.
    #[arg(long, default_value = "auto")]
    threads: TorchThreads,
    /// File of pictures and texts with the vectors of the original model, to compare from end to end.
    #[arg(long)]
    cases: Option<PathBuf>,
}

impl Check {
    /// Returns the check of a folder as a server with these settings runs it.
    pub fn of(folder: PathBuf, settings: &EncoderSettings) -> Self {
        Self {
            folder,
            precision: settings.precision,
            device: settings.device,
            threads: settings.torch_threads,
            cases: None,
        }
    }

    /// Checks the folder, and prints what it holds and how fast it encodes.
    ///
    /// # Errors
    /// The reason why the folder cannot be used, as a sentence for the person at the terminal.
    pub fn run(self) -> Result<ExitCode, Box<dyn Error>> {
        let options = EncoderOptions {
            device: self.device,
            precision: self.precision,
            torch_threads: self.threads,
            // A cache would answer the repeated text, so there is none.
            query_cache: 0,
            ..EncoderOptions::default()
        };
        // The command checks the whole folder, so also the files of variants that are not loaded.
        Manifest::read(&self.folder)?.verify_files(&self.folder)?;
        let encoder = Encoder::load(&self.folder, &options)?;
        print_facts(&encoder);
        let runtime = tokio::runtime::Builder::new_current_thread().build()?;
        let (picture, text) = runtime.block_on(time_encoding(&encoder))?;
        println!("encodes     a picture in {picture:.1?}, a text in {text:.1?} (one at a time, median of {RUNS})");
        let Some(path) = &self.cases else { return Ok(ExitCode::SUCCESS) };
        let cases = TestCases::read(path)?;
        let report = runtime.block_on(cases.compare(&encoder));
        println!("cases       {} pictures, lowest cosine {:.6}", report.images, report.image_agreement);
        println!("            {} texts, lowest cosine {:.6}", report.texts, report.text_agreement);
        for failure in &report.failures {
            println!("differs     {failure}");
        }
        Ok(if report.failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

/// Returns the median times of encoding a picture and a text, each alone. Encoders are warm once they are loaded.
async fn time_encoding(encoder: &Encoder) -> Result<(Duration, Duration), EncodeError> {
    let picture = encoder.preprocess(&RgbImage::from_pixel(64, 64, Rgb([127; 3])));
    let (mut pictures, mut texts) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        let begin = Instant::now();
        encoder.encode_image(picture.clone(), Priority::Search).await?;
        pictures.push(begin.elapsed());
        let begin = Instant::now();
        encoder.encode_text("夕焼けの海と白い船", Priority::Search).await?;
        texts.push(begin.elapsed());
    }
    Ok((median(pictures), median(texts)))
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

fn print_facts(encoder: &Encoder) {
    let manifest = encoder.manifest();
    let (image_precision, text_precision) = encoder.precision();
    let (image_agreement, text_agreement) = encoder.agreement();
    println!("model       {} {}", manifest.model_name, manifest.model_version);
    println!("about       {}", manifest.description);
    println!("licence     {}", manifest.licence);
    if let Some(export) = &manifest.export {
        let revision = export.revision.as_deref().map(|r| format!(" at {r}")).unwrap_or_default();
        println!("exported    from {}{revision}", export.source);
    }
    println!("dimension   {}", manifest.vector_dimension);
    println!("runs on     {}", encoder.device());
    println!("precision   pictures {image_precision}, texts {text_precision}");
    println!("agreement   pictures {image_agreement:.6}, texts {text_agreement:.6} (lowest cosine, reference vectors)");
    let relevance = match manifest.relevance.as_ref().map(|relevance| relevance.image.is_some()) {
        None => "not calibrated: hits have no relevance",
        Some(false) => "calibrated for queries by text",
        Some(true) => "calibrated for queries by text and by picture",
    };
    println!("relevance   {relevance}");
}
