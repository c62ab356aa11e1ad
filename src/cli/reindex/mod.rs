//! `mitsuke reindex`.

mod local;
mod progress;
mod remote;

use std::error::Error;
use std::process::ExitCode;

use clap::Args;
use mitsuke_client::reindex::{Outcome, Run};
use reqwest::Url;

use super::INTERRUPTED;
use super::server::parse_server;

/// The server that reads its files again.
#[derive(Debug, Args)]
#[command(after_long_help = "\
A new version of Mitsuke may find more in files than the version that stored them. This command reads caption, generation \
prompt and tags again out of the files that an older version has read. Texts that somebody has set, cleared or removed \
stay as they are. Pixels are not decoded, and embeddings stay.

Without --server the command works on the store itself, with the settings of the server (environment and .env). The \
embedded store belongs to one program at a time: while a server runs on it, use --server.

Ctrl-C stops the work cleanly, with --server that on the server; the same command continues from there.

Exit status: 0 no file is left to read, 1 it could not continue, 130 interrupted.

Examples:
  mitsuke reindex
  mitsuke reindex --server http://127.0.0.1:8080")]
pub struct ReindexArguments {
    /// Have the server at this address do it, and follow its progress
    #[arg(long, value_name = "URL", value_parser = parse_server)]
    server: Option<Url>,
    /// A key of the server. Better in the environment or .env, as MITSUKE_API_KEY: other users of this machine can
    /// see command lines
    #[arg(long, value_name = "KEY", requires = "server")]
    api_key: Option<String>,
}

/// Reads the files again, and prints what has changed.
///
/// # Errors
/// When the work cannot begin.
pub fn run(arguments: ReindexArguments) -> Result<ExitCode, Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let ReindexArguments { server, api_key } = arguments;
    let (outcome, run) = runtime.block_on(async {
        match server {
            Some(server) => remote::reindex(&server, api_key).await,
            None => local::reindex().await,
        }
    })?;
    Ok(print(outcome, &run))
}

/// Prints the summary of a reindex and returns the exit status of the command.
fn print(outcome: Outcome, run: &Run) -> ExitCode {
    println!(
        "{} of {} files read again: {} captions, {} generation prompts and {} lists of tags changed; {} images \
         unchanged, {} failed",
        run.read, run.total, run.captions, run.generation_prompts, run.tags, run.unchanged, run.failed
    );
    if !run.changed_images.is_empty() {
        let ids: Vec<String> = run.changed_images.iter().map(ToString::to_string).collect();
        println!("first changed images: {}", ids.join(", "));
    }
    for failure in &run.failures {
        println!("image {} keeps its texts: {}", failure.image_id, failure.reason);
    }
    match outcome {
        Outcome::Finished => ExitCode::SUCCESS,
        Outcome::Interrupted => {
            println!("interrupted; the same command continues from here.");
            ExitCode::from(INTERRUPTED)
        }
        Outcome::Stopped => {
            println!("stopped by another client; the same command continues from here.");
            ExitCode::FAILURE
        }
        Outcome::Failed(reason) => {
            println!("not finished: {reason}. The same command continues from here.");
            ExitCode::FAILURE
        }
    }
}
