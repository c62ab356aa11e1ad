//! `mitsuke watch`.

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, value_parser};
use mitsuke_client::upload::{Progress, StopReason, StopSignal, UploadReport, WatchOptions, watch};

use super::upload::SendingArguments;
use super::{INTERRUPTED, interrupt};

/// Exit status when some files failed.
const SOME_FAILED: u8 = 1;
/// Exit status when the command line, the log or the server cannot be used.
const UNUSABLE: u8 = 2;

/// The folders to watch, the server and the options.
#[derive(Debug, Args)]
#[command(after_long_help = "\
A picture is uploaded when its file has not changed for two looks at the folder, and again when the file changes. What the \
folders hold already is uploaded first. A server that is away or full is waited for. Ctrl-C lets running uploads finish; \
the same command again continues. A picture that has been deleted from the server is not uploaded again; `mitsuke upload` \
does that.

A text file beside a picture (cat.jpg.txt or cat.txt) is its caption if it is there before the picture.

Exit status: 0 stopped by Ctrl-C, 1 some files failed, 2 the watch could not begin or the server no longer accepts the \
key, 130 stopped by a second Ctrl-C.

Examples:
  mitsuke watch ~/stable-diffusion/outputs
  mitsuke watch /mnt/camera --server https://pictures.example --every 60")]
pub struct WatchArguments {
    /// Folders, with everything below them. Only pictures are sent, whatever their names are
    #[arg(required = true, value_name = "DIR")]
    folders: Vec<PathBuf>,
    /// Time between two looks at the folders
    #[arg(long, value_name = "SECONDS", default_value_t = 5, value_parser = value_parser!(u64).range(1..=86_400))]
    every: u64,
    #[command(flatten)]
    sending: SendingArguments,
}

/// Watches until a signal arrives, and prints what was done.
///
/// # Errors
/// When the async runtime cannot be started.
pub fn run(arguments: WatchArguments) -> Result<ExitCode, Box<dyn Error>> {
    let WatchArguments { folders, every, sending } = arguments;
    let options = WatchOptions { upload: sending.options(folders), every: Duration::from_secs(every) };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let code = runtime.block_on(until_stopped(&options));
    // The program does not wait for files that are still being read after a second Ctrl-C.
    runtime.shutdown_background();
    Ok(code)
}

async fn until_stopped(options: &WatchOptions) -> ExitCode {
    let (stop, progress) = (StopSignal::default(), Progress::of_messages());
    let on_signals = interrupt::twice(|| {
        progress.message("stopping when the running uploads are done; Ctrl-C again stops at once");
        stop.stop(StopReason::Interrupted);
    });
    tokio::select! {
        result = watch(options, &stop, &progress) => match result {
            Ok(report) => print_report(&report),
            Err(error) => {
                eprintln!("mitsuke watch: {error}");
                ExitCode::from(UNUSABLE)
            }
        },
        () = on_signals => {
            eprintln!("stopped at once; the next run checks the files again that were on their way");
            ExitCode::from(INTERRUPTED)
        }
    }
}

fn print_report(report: &UploadReport) -> ExitCode {
    print!("{}", report.summary);
    if let Some(error) = &report.log_error {
        println!("the log is not complete: {error}. The next run asks the server about the files again.");
    }
    if let Some(StopReason::Unauthorized(why)) = &report.stopped {
        println!("stopped: the server no longer accepts the key: {why}");
        return ExitCode::from(UNUSABLE);
    }
    if report.summary.failed() > 0 || report.log_error.is_some() {
        return ExitCode::from(SOME_FAILED);
    }
    ExitCode::SUCCESS
}
