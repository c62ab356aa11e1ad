//! `mitsuke upload`.

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, value_parser};
use secrecy::SecretString;
use mitsuke::upload::client::Patience;
use mitsuke::upload::progress::Progress;
use mitsuke::upload::run::{Report, Stop};
use mitsuke::upload::{Options, StopReason, run};
use reqwest::Url;

/// Some files failed.
const SOME_FAILED: u8 = 1;
/// The command line, the captions or the log cannot be used, or the server cannot be reached.
const NOT_BEGUN: u8 = 2;
/// As shells report a program that Ctrl-C ended (128 + SIGINT).
const INTERRUPTED: u8 = 130;

/// What to upload and how.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Exit status: 0 all files are on the server, 1 some failed, 2 not begun or the server went away, 130 interrupted. \
Running the same command again goes on where the last run ended.

Captions: a text file beside a picture (cat.jpg.txt or cat.txt) is its caption, unless --captions names one.

Examples:
  mitsuke upload ~/Pictures
  mitsuke upload scans --server https://pictures.example --captions scans/captions.csv --jobs 8")]
pub struct UploadArguments {
    /// Folders, with everything below them, and files. Only pictures are sent, whatever their names
    #[arg(required = true, value_name = "DIR|FILE")]
    paths: Vec<PathBuf>,
    /// Address of the server
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8080")]
    server: String,
    /// A key of the server. Better in the environment or .env, as MITSUKE_API_KEY: other users of this machine can
    /// see command lines
    #[arg(long, value_name = "KEY")]
    api_key: Option<String>,
    /// Uploads at once
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = value_parser!(u8).range(1..=64))]
    jobs: u8,
    /// A CSV (columns `file` and `caption`) or JSON Lines table of captions. Files are named relative to the table
    /// or to DIR
    #[arg(long, value_name = "FILE")]
    captions: Option<PathBuf>,
    /// Set captions also on images that the server has already; without this they keep theirs
    #[arg(long)]
    update_captions: bool,
    /// The log, JSON Lines. A later run with the same log passes over what is done and has not changed
    #[arg(long, value_name = "FILE", default_value = "mitsuke-upload.jsonl", conflicts_with = "no_log")]
    log: PathBuf,
    /// Keep no log. What the server knows is still not sent again
    #[arg(long)]
    no_log: bool,
    /// Take hidden files and folders too
    #[arg(long)]
    hidden: bool,
    /// Longest time for one try; large files get more
    #[arg(long, value_name = "SECONDS", default_value_t = 120, value_parser = value_parser!(u64).range(1..=86_400))]
    timeout: u64,
    /// How long to try again when the server is busy (503, 429), takes too long (408) or does not answer
    #[arg(long, value_name = "SECONDS", default_value_t = 300, value_parser = value_parser!(u64).range(0..=86_400))]
    patience: u64,
}

/// Uploads, and tells what came of it.
///
/// # Errors
/// When there is no runtime to work with.
pub fn run_upload(arguments: UploadArguments) -> Result<ExitCode, Box<dyn Error>> {
    let options = match options(arguments) {
        Ok(options) => options,
        Err(message) => return Ok(refuse(&message)),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let code = runtime.block_on(upload(&options));
    // Files that are still being read when the user presses Ctrl-C twice are not waited for.
    runtime.shutdown_background();
    Ok(code)
}

fn options(arguments: UploadArguments) -> Result<Options, String> {
    let server = Url::parse(&arguments.server)
        .ok()
        .filter(|url| ["http", "https"].contains(&url.scheme()) && url.has_host())
        .ok_or_else(|| format!("--server {}: give an address such as http://127.0.0.1:8080", arguments.server))?;
    let from_environment = || std::env::var("MITSUKE_API_KEY").ok();
    let key = arguments.api_key.or_else(from_environment).map(|key| key.trim().to_owned());
    Ok(Options {
        roots: arguments.paths,
        server,
        key: key.filter(|key| !key.is_empty()).map(SecretString::from),
        jobs: usize::from(arguments.jobs),
        captions: arguments.captions,
        update_captions: arguments.update_captions,
        log: (!arguments.no_log).then_some(arguments.log),
        hidden: arguments.hidden,
        patience: Patience {
            timeout: Duration::from_secs(arguments.timeout),
            retry: Duration::from_secs(arguments.patience),
        },
    })
}

async fn upload(options: &Options) -> ExitCode {
    let (stop, progress) = (Stop::default(), Progress::new());
    tokio::select! {
        outcome = run(options, &stop, &progress) => match outcome {
            Ok(report) => finish(options, &report),
            Err(error) => refuse(&error.to_string()),
        },
        () = stop_on_signals(&stop, &progress) => {
            progress.end();
            eprintln!("stopped at once; what was not answered is looked at again next time");
            ExitCode::from(INTERRUPTED)
        }
    }
}

/// The first signal lets running uploads finish; returns at the second.
async fn stop_on_signals(stop: &Stop, progress: &Progress) {
    if signal().await.is_err() {
        return std::future::pending().await;
    }
    progress.say("stopping when the running uploads are done; Ctrl-C again stops at once");
    stop.set(StopReason::Interrupted);
    if signal().await.is_err() {
        std::future::pending().await
    }
}

/// Waits for Ctrl-C, or for the word of a service manager.
async fn signal() -> std::io::Result<()> {
    #[cfg(unix)]
    {
        let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
        tokio::select! {
            interrupted = tokio::signal::ctrl_c() => interrupted,
            _ = terminate.recv() => Ok(()),
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await
}

fn refuse(message: &str) -> ExitCode {
    eprintln!("mitsuke upload: {message}");
    ExitCode::from(NOT_BEGUN)
}

fn finish(options: &Options, report: &Report) -> ExitCode {
    print!("{}", report.summary);
    if let Some(error) = &report.log_error {
        println!("the log is not complete: {error}. The next run asks the server again.");
    }
    if let Some(log) = &options.log {
        println!("log: {}", log.display());
    }
    let stopped = match &report.stopped {
        None => None,
        Some(StopReason::Interrupted) => Some(("you stopped it".to_owned(), INTERRUPTED)),
        Some(StopReason::Unreachable(why)) => Some((format!("the server does not answer any more: {why}"), NOT_BEGUN)),
        Some(StopReason::Unauthorized(why)) => Some((format!("the server lets us in no more: {why}"), NOT_BEGUN)),
        Some(StopReason::Full(why)) => Some((format!("the server has no room left: {why}"), SOME_FAILED)),
    };
    if let Some((why, code)) = stopped {
        println!("not finished: {why}. The same command again goes on from here.");
        return ExitCode::from(code);
    }
    if report.summary.failed() > 0 {
        println!("some files failed; the same command again tries them once more.");
        return ExitCode::from(SOME_FAILED);
    }
    if report.log_error.is_some() { ExitCode::from(SOME_FAILED) } else { ExitCode::SUCCESS }
}
