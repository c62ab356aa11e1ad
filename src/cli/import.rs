//! `mitsuke import`.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::Args;
use mitsuke::app;
use mitsuke::config::Settings;
use mitsuke::import::{ImportError, ImportOptions, Importer, Journal, Proof, Reader, Report, Source};
use mitsuke::stores::{OpenError, StoreChoice};
use mitsuke_client::upload::Progress;
use mitsuke_engine::blocking;
use mitsuke_engine::intake::{Decoder, Intake};
use mitsuke_engine::models::Models;
use mitsuke_store::{Occasion, Store, StoreError};

use super::{INTERRUPTED, interrupt};

/// Exit status when some pictures are left out.
const SOME_LEFT_OUT: u8 = 1;
/// Exit status when the import cannot begin or go on.
const UNUSABLE: u8 = 2;

/// The most pictures that are read at once.
const MOST_WORKERS: usize = 256;

/// The folder to import, and the options.
#[derive(Debug, Args)]
#[command(after_long_help = "\
The pictures go straight into the store of the settings (environment and .env), without a server. The embedded store \
belongs to one program at a time: stop the server first, or send the pictures to it with `mitsuke upload`. On an Oracle \
database servers may run.

DIR is a folder of pictures, or what `mitsuke export` has written. Of an export everything comes along: file names, source \
paths, upload dates, captions, tags, generation prompts, and with --embeddings the embeddings. They are taken when the model \
that made them is in MITSUKE_MODELS_DIR and gives the first pictures the same ones; a picture without them is embedded here. \
Each file is compared with the hash of its line. Pictures that the store has stay as they are.

Thumbnails are made when they are first asked for, and the vector index is brought up to date at the end.

Exit status: 0 everything is in the store, 1 some pictures are left out, 2 the import could not begin or go on, \
130 interrupted. The same command again continues from there.

Examples:
  mitsuke export /mnt/move --embeddings && mitsuke import /mnt/move
  mitsuke import ~/Pictures --batch 500")]
pub struct ImportArguments {
    /// Folder of pictures, or of an export
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// Number of pictures that are read at once, or auto: as many as there are cores
    #[arg(long, value_name = "N|auto", default_value = "auto", value_parser = workers)]
    workers: usize,
    /// Number of pictures that are stored at once
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    batch: u16,
    /// The log of a folder of pictures, JSON Lines. A later run with the same log skips the files that are done and have not
    /// changed. An export needs none
    #[arg(long, value_name = "FILE", default_value = "mitsuke-import.jsonl", conflicts_with = "no_log")]
    log: PathBuf,
    /// Keep no log. Pictures that the store has are still not imported again
    #[arg(long)]
    no_log: bool,
    /// Include hidden files and folders of a folder of pictures
    #[arg(long)]
    hidden: bool,
    /// Take the embeddings of an export as they are, without encoding any picture again
    #[arg(long)]
    trust_embeddings: bool,
    /// Say what would be imported, and store nothing
    #[arg(long)]
    dry_run: bool,
}

/// Reads a number of workers; `auto` is the number of cores.
fn workers(text: &str) -> Result<usize, String> {
    if text.eq_ignore_ascii_case("auto") {
        return Ok(std::thread::available_parallelism().map_or(2, usize::from));
    }
    let count = text.parse().ok().filter(|count| (1..=MOST_WORKERS).contains(count));
    count.ok_or_else(|| format!("a whole number from 1 to {MOST_WORKERS}, or auto"))
}

/// Imports, and prints the result.
///
/// # Errors
/// When the settings cannot be used or the async runtime cannot be started.
pub fn run(arguments: &ImportArguments) -> Result<ExitCode, Box<dyn Error>> {
    let settings = Settings::from_env()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let code = match runtime.block_on(until_done(arguments, &settings)) {
        Ok(Some(report)) => print_report(&report),
        Ok(None) => {
            eprintln!("stopped at once; the same command continues from what is stored");
            ExitCode::from(INTERRUPTED)
        }
        Err(error) => {
            eprintln!("mitsuke import: {error}");
            ExitCode::from(UNUSABLE)
        }
    };
    // The program does not wait for files that are still being read after a second Ctrl-C.
    runtime.shutdown_background();
    Ok(code)
}

/// Opens the store, imports, and closes it; `None` when a second signal ended the work.
async fn until_done(arguments: &ImportArguments, settings: &Settings) -> Result<Option<Report>, Box<dyn Error>> {
    app::check_device(settings)?;
    let log = (!arguments.no_log).then_some(arguments.log.as_path());
    let source = Source::open(&arguments.dir, arguments.hidden, log)?;
    let choice = StoreChoice::new(settings);
    let store = choice.open().map_err(|error| explain_lock(error, &arguments.dir))?;
    let (stop, progress) = (AtomicBool::new(false), Progress::new());
    let imported = tokio::select! {
        imported = import(arguments, settings, (&choice, &store), source, (&progress, &stop)) => Some(imported),
        () = interrupt::twice(|| {
            progress.message("stopping when the pictures under way are stored; Ctrl-C again stops at once");
            stop.store(true, Ordering::Release);
        }) => None,
    };
    progress.end();
    let Some(imported) = imported else { return Ok(None) };
    let closed = Arc::clone(&store);
    blocking::run(move || {
        // The new rows may be enough for a vector index, or too many for the one that is there.
        if let Err(error) = closed.maintain(Occasion::AfterBulkWork, &mut |sentence| println!("{sentence}")) {
            log::warn!("the upkeep of the store failed: {error}");
        }
        closed.close()
    })
    .await??;
    Ok(Some(imported?))
}

/// Imports into an open store.
async fn import(
    arguments: &ImportArguments,
    settings: &Settings,
    (choice, store): (&StoreChoice, &Arc<dyn Store>),
    source: Source,
    (progress, stop): (&Progress, &AtomicBool),
) -> Result<Report, ImportError> {
    let decoder = Arc::new(decoder(settings, arguments.workers));
    let encoders = settings.encoder_options();
    let log = match &source {
        Source::Plain(_) if !arguments.no_log && !arguments.dry_run => Some(arguments.log.as_path()),
        _ => None,
    };
    let journal = Journal::open(log, &name(choice))?;
    let options = ImportOptions {
        workers: arguments.workers,
        // Every worker of the encoder always finds a batch waiting.
        in_flight: 2 * encoders.max_batch.max(arguments.workers) + arguments.workers,
        batch: usize::from(arguments.batch),
        dry_run: arguments.dry_run,
    };
    let proof = Proof {
        models_dir: settings.models_dir.clone(),
        options: encoders,
        decoder: Arc::clone(&decoder),
        max_bytes: settings.limits.file_bytes,
    };
    let proof = (!arguments.trust_embeddings && !arguments.dry_run).then_some(&proof);
    let models: Arc<std::sync::OnceLock<Arc<Models>>> = Arc::default();
    let reader = {
        let (settings, store, models, needs_models) =
            (settings.clone(), Arc::clone(store), Arc::clone(&models), matches!(source, Source::Plain(_)));
        let dry_run = arguments.dry_run;
        move || {
            let intake = if dry_run { None } else { intake(&settings, &store, &decoder, &models, needs_models)? };
            Ok(Reader {
                intake,
                decoder,
                max_bytes: settings.limits.file_bytes,
                max_chars: settings.limits.text_chars,
                current: None,
                wanted: Vec::new(),
            })
        }
    };
    let prepared =
        Importer::prepare(Arc::clone(store), &source, journal, proof, reader, options, (progress, stop)).await;
    let imported = match prepared {
        Ok(importer) => importer.run(source).await,
        Err(error) => Err(error),
    };
    if let Some(models) = models.get() {
        let models = Arc::clone(models);
        blocking::run(move || models.close()).await?;
    }
    imported
}

/// Returns the decoder of an import, which decodes as many pictures at once as it has workers.
fn decoder(settings: &Settings, workers: usize) -> Decoder {
    // Bulk work gets half of the slots of a decoder.
    Decoder::new(settings.decode_limits(), 2 * workers).within(Arc::new(settings.limits.budget()))
}

/// Makes the intake that embeds pictures, and keeps its models in `opened`. An export may need none.
fn intake(
    settings: &Settings,
    store: &Arc<dyn Store>,
    decoder: &Arc<Decoder>,
    opened: &std::sync::OnceLock<Arc<Models>>,
    needs_models: bool,
) -> Result<Option<Arc<Intake>>, ImportError> {
    let failed = |error| ImportError::Intake(mitsuke_engine::intake::IntakeError::Models(error));
    let models = match app::open_models(settings, Arc::clone(store)) {
        Ok(models) => Arc::new(models),
        Err(error) if needs_models => return Err(failed(error)),
        Err(error) => {
            log::info!("no picture can be embedded here: {error}");
            return Ok(None);
        }
    };
    if needs_models {
        models.warm_up().map_err(failed)?;
    }
    let models = opened.get_or_init(|| models);
    let intake = Intake::new(Arc::clone(store), Arc::clone(models), Arc::clone(decoder), settings.limits.text_chars);
    Ok(Some(Arc::new(intake)))
}

/// Names the store in the log.
fn name(choice: &StoreChoice) -> String {
    match choice {
        StoreChoice::Embedded { data_dir, .. } => {
            let path = fs::canonicalize(data_dir).unwrap_or_else(|_| data_dir.clone());
            format!("sqlite:{}", path.display())
        }
        StoreChoice::Oracle { settings, .. } => format!("oracle:{}@{}", settings.user, settings.dsn),
    }
}

/// Adds what to do when a server is running on the store.
fn explain_lock(error: OpenError, dir: &Path) -> Box<dyn Error> {
    match error.cause {
        StoreError::Locked(folder) => format!(
            "a server runs on the store in {}. Stop it, or upload through it: mitsuke upload {}",
            folder.display(),
            dir.display()
        )
        .into(),
        _ => error.into(),
    }
}

fn print_report(report: &Report) -> ExitCode {
    print!("{report}");
    if report.is_stopped {
        println!("interrupted; the same command continues from here.");
        return ExitCode::from(INTERRUPTED);
    }
    if report.left_out() > 0 { ExitCode::from(SOME_LEFT_OUT) } else { ExitCode::SUCCESS }
}
