//! `mitsuke export`.

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::{Args, value_parser};
use mitsuke_client::export::{ExportOptions, ExportReport, export};
use mitsuke_client::upload::Progress;
use mitsuke_client::{Client, format_duration};

use super::filter::FilterArguments;
use super::server::{PatienceArguments, ServerArguments};
use super::{INTERRUPTED, interrupt};

/// Exit status when some originals are not to be had.
const SOME_MISSING: u8 = 1;
/// Exit status when the export cannot begin or go on.
const UNUSABLE: u8 = 2;

/// The folder to export into, the pictures and the server.
#[derive(Debug, Args)]
#[command(after_long_help = "\
DIR/pictures gets the originals under the paths that they had in the folder that was uploaded, and DIR/mitsuke-export.jsonl \
one line for each picture: its file, facts, texts and tags, and with --embeddings its embeddings.

A file that is there already is compared with the hash of its picture and fetched only if it differs. The same command \
again thus continues an export, brings it up to date, and verifies it.

Exit status: 0 everything is exported, 1 some pictures are damaged on the server, 2 the export could not begin or go on, \
130 interrupted.

Examples:
  mitsuke export /mnt/backup/pictures
  mitsuke export kyoto --folder Kyoto --taken 2024 --embeddings")]
pub struct ExportArguments {
    /// Folder to export into; made if it is missing
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// Export the pictures that this query line describes, such as 'tag:海 taken:2024': its fields let them pass, and their
    /// texts hold its words
    #[arg(long, value_name = "LINE", allow_hyphen_values = true)]
    query: Option<String>,
    /// Export the embeddings of all models too
    #[arg(long)]
    embeddings: bool,
    /// Export what is known of the pictures, and not the pictures themselves
    #[arg(long)]
    no_pictures: bool,
    /// Number of downloads at once
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = value_parser!(u8).range(1..=64))]
    jobs: u8,
    #[command(flatten)]
    filter: FilterArguments,
    #[command(flatten, next_help_heading = "Server")]
    server: ServerArguments,
    #[command(flatten, next_help_heading = "Server")]
    patience: PatienceArguments,
}

/// Exports, and prints the result.
///
/// # Errors
/// When the async runtime cannot be started.
pub fn run(arguments: ExportArguments) -> Result<ExitCode, Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let code = runtime.block_on(until_done(&arguments));
    // The program does not wait for files that are still being compared after Ctrl-C.
    runtime.shutdown_background();
    Ok(code)
}

async fn until_done(arguments: &ExportArguments) -> ExitCode {
    let client =
        match Client::new(&arguments.server.server, arguments.server.key().as_ref(), arguments.patience.policy()) {
            Ok(client) => client,
            Err(error) => return refuse(&error),
        };
    let options = ExportOptions {
        folder: arguments.dir.clone(),
        query: arguments.query.clone(),
        filter: arguments.filter.fields(),
        pictures: !arguments.no_pictures,
        embeddings: arguments.embeddings,
        jobs: usize::from(arguments.jobs),
    };
    let (progress, begin) = (Progress::new(), Instant::now());
    tokio::select! {
        result = export(&client, &options, &progress) => {
            progress.end();
            match result {
                Ok(report) => {
                    print_report(&report, begin);
                    if report.problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(SOME_MISSING) }
                }
                Err(error) => refuse(&error),
            }
        }
        Ok(()) = interrupt::signal() => {
            progress.end();
            eprintln!("interrupted; the same command continues from here");
            ExitCode::from(INTERRUPTED)
        }
    }
}

fn refuse(error: &dyn Error) -> ExitCode {
    eprintln!("mitsuke export: {error}. The same command again continues from here.");
    ExitCode::from(UNUSABLE)
}

fn print_report(report: &ExportReport, begin: Instant) {
    let row = |count: u64, words: &str| {
        if count > 0 {
            println!("{count:>9} {words}");
        }
    };
    row(report.fetched, "fetched");
    row(report.kept, "there already, with the right bytes");
    row(report.deleted, "deleted from the server meanwhile");
    row(report.problems.len() as u64, "LEFT OUT");
    for problem in &report.problems {
        println!("  {} (#{}): {}", problem.name, problem.image_id, problem.failure);
    }
    #[expect(clippy::cast_precision_loss, reason = "for display")]
    let megabytes = report.bytes as f64 / 1e6;
    println!(
        "\n{} images ({megabytes:.1} MB fetched) in {}: {}",
        report.images,
        format_duration(begin.elapsed()),
        report.document.display()
    );
}
