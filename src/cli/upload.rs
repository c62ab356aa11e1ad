//! `mitsuke upload`.

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, value_parser};
use mitsuke_client::upload::{Progress, StopReason, StopSignal, UploadOptions, UploadReport, run};

use super::server::{PatienceArguments, ServerArguments};
use super::{INTERRUPTED, interrupt};

/// Exit status when some files failed.
const SOME_FAILED: u8 = 1;
/// Exit status when the command line, the captions, the log or the server cannot be used.
const UNUSABLE: u8 = 2;

/// The files to upload, the server and the options.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Exit status: 0 all files are on the server, 1 some failed, 2 the upload could not begin or the server went away, \
130 interrupted. The same command again continues where the last run ended.

Captions: a text file beside a picture (cat.jpg.txt or cat.txt) is its caption, unless --captions names one.

Examples:
  mitsuke upload ~/Pictures
  mitsuke upload scans --server https://pictures.example --captions scans/captions.csv --jobs 8")]
pub struct UploadArguments {
    /// Folders, with everything below them, and files. Only pictures are sent, whatever their names are
    #[arg(required = true, value_name = "DIR|FILE")]
    paths: Vec<PathBuf>,
    /// A CSV (columns `file` and `caption`) or JSON Lines table of captions. Files are named relative to the table
    /// or to DIR
    #[arg(long, value_name = "FILE")]
    captions: Option<PathBuf>,
    /// Set captions also on images that the server has already; without this option they keep theirs
    #[arg(long)]
    update_captions: bool,
    #[command(flatten)]
    sending: SendingArguments,
}

/// The options of commands that upload files.
#[derive(Debug, Args)]
pub struct SendingArguments {
    #[command(flatten)]
    server: ServerArguments,
    /// Number of uploads at once
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = value_parser!(u8).range(1..=64))]
    jobs: u8,
    /// The log, JSON Lines. A later run with the same log skips the files that are done and have not changed
    #[arg(long, value_name = "FILE", default_value = "mitsuke-upload.jsonl", conflicts_with = "no_log")]
    log: PathBuf,
    /// Keep no log. Pictures that the server has are still not sent again
    #[arg(long)]
    no_log: bool,
    /// Include hidden files and folders
    #[arg(long)]
    hidden: bool,
    #[command(flatten)]
    patience: PatienceArguments,
}

impl SendingArguments {
    /// Returns the options of an upload of `roots`, without captions of a table.
    pub fn options(self, roots: Vec<PathBuf>) -> UploadOptions {
        UploadOptions {
            roots,
            key: self.server.key(),
            server: self.server.server,
            jobs: usize::from(self.jobs),
            captions: None,
            update_captions: false,
            log: (!self.no_log).then_some(self.log),
            hidden: self.hidden,
            retry: self.patience.policy(),
        }
    }
}

/// Uploads, and prints the result.
///
/// # Errors
/// When the async runtime cannot be started.
pub fn run_upload(arguments: UploadArguments) -> Result<ExitCode, Box<dyn Error>> {
    let UploadArguments { paths, captions, update_captions, sending } = arguments;
    let options = UploadOptions { captions, update_captions, ..sending.options(paths) };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let code = runtime.block_on(upload(&options));
    // The program does not wait for files that are still being read after a second Ctrl-C.
    runtime.shutdown_background();
    Ok(code)
}

async fn upload(options: &UploadOptions) -> ExitCode {
    let (stop, progress) = (StopSignal::default(), Progress::new());
    tokio::select! {
        result = run(options, &stop, &progress) => match result {
            Ok(report) => print_report(options, &report),
            Err(error) => refuse(&error.to_string()),
        },
        () = stop_on_signals(&stop, &progress) => {
            progress.end();
            eprintln!("stopped at once; the next run checks the files again that were on their way");
            ExitCode::from(INTERRUPTED)
        }
    }
}

/// Stops the upload at the first signal, which lets running uploads finish. Returns at the second signal.
async fn stop_on_signals(stop: &StopSignal, progress: &Progress) {
    interrupt::twice(|| {
        progress.message("stopping when the running uploads are done; Ctrl-C again stops at once");
        stop.stop(StopReason::Interrupted);
    })
    .await;
}

fn refuse(message: &str) -> ExitCode {
    eprintln!("mitsuke upload: {message}");
    ExitCode::from(UNUSABLE)
}

fn print_report(options: &UploadOptions, report: &UploadReport) -> ExitCode {
    print!("{}", report.summary);
    if let Some(error) = &report.log_error {
        println!("the log is not complete: {error}. The next run asks the server about the files again.");
    }
    if let Some(log) = &options.log {
        println!("log: {}", log.display());
    }
    let stopped = match &report.stopped {
        None => None,
        Some(StopReason::Interrupted) => Some(("interrupted".to_owned(), INTERRUPTED)),
        Some(StopReason::Unreachable(why)) => Some((format!("the server no longer answers: {why}"), UNUSABLE)),
        Some(StopReason::Unauthorized(why)) => Some((format!("the server no longer accepts the key: {why}"), UNUSABLE)),
        Some(StopReason::StorageFull(why)) => Some((format!("the server has no storage left: {why}"), SOME_FAILED)),
    };
    if let Some((why, code)) = stopped {
        println!("not finished: {why}. The same command again continues from here.");
        return ExitCode::from(code);
    }
    if report.summary.failed() > 0 {
        println!("some files failed; the same command again tries them once more.");
        return ExitCode::from(SOME_FAILED);
    }
    if report.log_error.is_some() { ExitCode::from(SOME_FAILED) } else { ExitCode::SUCCESS }
}
