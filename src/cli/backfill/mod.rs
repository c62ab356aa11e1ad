//! `mitsuke backfill`.

mod choice;
mod local;
mod progress;
mod remote;

pub(super) use local::explain_lock;

use std::error::Error;
use std::process::ExitCode;

use clap::Args;
use mitsuke_client::backfill::Outcome;
use mitsuke_client::models::Coverage;
use reqwest::Url;
use secrecy::{ExposeSecret as _, SecretString};

use super::INTERRUPTED;
use super::server::parse_server;

/// The model to backfill, and the server that does it.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Without --server the command works on the store itself, with the settings of the server (environment and .env). The \
embedded store belongs to one program at a time: while a server runs on it, use --server.

Ctrl-C stops the backfill cleanly, with --server the one on the server; the same command continues from there.

Exit status: 0 no image is left to embed, 1 it could not continue, 130 interrupted.

Examples:
  mitsuke backfill --model jsclip
  mitsuke backfill --model jsclip:1.0.0 --server http://127.0.0.1:8080 --retry-failed")]
pub struct BackfillArguments {
    /// The model: NAME, NAME:VERSION, or its id
    #[arg(long, value_name = "MODEL")]
    model: String,
    /// Embed the images again whose embedding failed
    #[arg(long)]
    retry_failed: bool,
    /// Have the server at this address do it, and follow its progress
    #[arg(long, value_name = "URL", value_parser = parse_server)]
    server: Option<Url>,
    /// A key of the server. Better in the environment or .env, as MITSUKE_API_KEY: other users of this machine can
    /// see command lines
    #[arg(long, value_name = "KEY", requires = "server")]
    api_key: Option<String>,
}

/// Backfills a model, and prints the result.
///
/// # Errors
/// When the backfill cannot begin.
pub fn run(arguments: BackfillArguments) -> Result<ExitCode, Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let BackfillArguments { model, retry_failed, server, api_key } = arguments;
    let report = runtime.block_on(async {
        match server {
            Some(server) => remote::backfill(&model, retry_failed, &server, api_key).await,
            None => local::backfill(&model, retry_failed).await,
        }
    })?;
    Ok(report.print())
}

/// Has a server backfill a model, shows how far it is, and prints the result.
///
/// # Errors
/// When the backfill cannot begin.
pub(super) async fn on_server(
    model: &str,
    server: &Url,
    api_key: Option<&SecretString>,
) -> Result<ExitCode, Box<dyn Error>> {
    let key = api_key.map(|key| key.expose_secret().to_owned());
    Ok(remote::backfill(model, false, server, key).await?.print())
}

/// Backfills a model on the store of the settings, shows how far it is, and prints the result.
///
/// # Errors
/// When the backfill cannot begin.
pub(super) async fn in_this_process(model: &str) -> Result<ExitCode, Box<dyn Error>> {
    Ok(local::backfill(model, false).await?.print())
}

/// The result of a backfill.
struct Report {
    /// Name and version of the model.
    model: String,
    outcome: Outcome,
    coverage: Coverage,
}

impl Report {
    fn print(self) -> ExitCode {
        let Coverage { embedded, failed, total } = self.coverage;
        println!("{}: {embedded} of {total} images embedded, {failed} failed", self.model);
        match self.outcome {
            Outcome::Finished if failed > 0 => {
                println!("GET /models/{{model_id}}/failures says why; --retry-failed tries them again.");
                ExitCode::SUCCESS
            }
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
}
