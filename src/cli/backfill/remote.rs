//! A backfill that a server does.

use std::error::Error;
use std::time::Duration;

use mitsuke_client::models::{BackfillState, Model};
use mitsuke_client::{Client, ConnectError, FIRST_CONTACT, RetryPolicy, backfill};
use reqwest::Url;

use super::Report;
use super::choice::{NamedModel, choose};
use super::progress::Progress;
use crate::cli::{interrupt, server};

/// The patience with a server that is restarted, which may take minutes.
const RETRY: RetryPolicy =
    RetryPolicy { attempt_timeout: Duration::from_secs(120), give_up_after: Duration::from_secs(300) };

/// Starts the backfill on the server and follows it to its end. Ctrl-C stops it there.
///
/// # Errors
/// When the server cannot be reached, has no such model, or refuses to start the backfill.
pub async fn backfill(
    model: &str,
    retry_failed: bool,
    server: &Url,
    api_key: Option<String>,
) -> Result<Report, Box<dyn Error>> {
    let client = Client::new(server, server::api_key(api_key).as_ref(), RETRY)?;
    let models = client.giving_up_after(FIRST_CONTACT).models().await;
    let models = models.map_err(|failure| ConnectError::new(client.server(), failure))?;
    let model = choose(model, models.into_iter().map(named))?;
    let mut progress = Progress::new(&model.to_string());
    let on_progress = |state: &Model| {
        let backfill = state.backfill.as_ref();
        let waiting = backfill.is_some_and(|backfill| backfill.state == BackfillState::Waiting);
        progress.show(state.coverage, backfill.and_then(|backfill| backfill.per_second), waiting);
    };
    let interrupt = interrupt::signal();
    let result = backfill::run(&client, model.model_id, retry_failed, interrupt, on_progress).await;
    progress.end();
    let (outcome, state) = result?;
    Ok(Report { model: model.to_string(), outcome, coverage: state.coverage })
}

fn named(model: Model) -> NamedModel {
    NamedModel { model_id: model.model_id, name: model.model_name, version: model.model_version }
}
