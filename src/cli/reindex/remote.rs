//! A reindex that a server does.

use std::error::Error;
use std::time::Duration;

use mitsuke_client::reindex::{self, Outcome, Run};
use mitsuke_client::{Client, ConnectError, RetryPolicy};
use reqwest::Url;

use super::progress::Progress;
use crate::cli::server;

/// The patience with a server that is restarted, which may take minutes.
const RETRY: RetryPolicy =
    RetryPolicy { attempt_timeout: Duration::from_secs(120), give_up_after: Duration::from_secs(300) };

/// Starts the reindex on the server and follows it to its end. Ctrl-C stops it there.
///
/// # Errors
/// When the server cannot be reached, or refuses to start the reindex.
pub async fn reindex(server: &Url, api_key: Option<String>) -> Result<(Outcome, Run), Box<dyn Error>> {
    let client = Client::new(server, server::api_key(api_key).as_ref(), RETRY)?;
    let mut progress = Progress::new();
    let interrupt = tokio::signal::ctrl_c();
    let result = reindex::run(&client, interrupt, |run| progress.show(run)).await;
    progress.end();
    Ok(result.map_err(|failure| ConnectError::new(client.server(), failure))?)
}
