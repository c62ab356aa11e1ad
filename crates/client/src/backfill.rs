//! Has a server backfill a model, and follows the backfill to its end.

use std::pin::pin;
use std::time::{Duration, Instant};

use crate::FIRST_CONTACT;
use crate::client::Client;
use crate::failure::{Failure, FailureKind};
use crate::models::{BackfillState, Model};

/// The time between two requests for the progress.
pub const POLL_INTERVAL: Duration = Duration::from_millis(500);

/// The outcome of a backfill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// No image is left to embed.
    Finished,
    /// The user interrupted the command, which stopped the backfill.
    Interrupted,
    /// Another client stopped the backfill.
    Stopped,
    /// The backfill cannot continue, for this reason.
    Failed(String),
}

/// Starts the backfill of a model and follows it to its end, calling `on_progress` with each state of the model. When
/// `interrupt` becomes ready, the backfill is stopped on the server. Returns the outcome of the backfill and the last
/// state of the model. A restart of the server does not end the call: the server resumes the backfill by itself.
///
/// # Errors
/// When the backfill cannot be started, or cannot be stopped after an interruption.
pub async fn run(
    client: &Client,
    model_id: i64,
    retry_failed: bool,
    interrupt: impl Future,
    mut on_progress: impl FnMut(&Model),
) -> Result<(Outcome, Model), Failure> {
    let first_contact = client.giving_up_after(FIRST_CONTACT);
    let mut model = first_contact.start_backfill(model_id, retry_failed).await?;
    let mut current_since = Instant::now();
    let mut interrupt = pin!(interrupt);
    loop {
        on_progress(&model);
        if let Some(outcome) = outcome(&model) {
            return Ok((outcome, model));
        }
        let next = tokio::select! {
            _ = &mut interrupt => {
                return Ok((Outcome::Interrupted, first_contact.stop_backfill(model_id).await?));
            }
            next = next_state(client, model_id) => next,
        };
        let patient = current_since.elapsed() < client.policy().give_up_after;
        match next {
            // A server that was restarted needs a moment to resume the backfill.
            Ok(next) if patient && is_not_resumed(&next) => {}
            Ok(next) => (model, current_since) = (next, Instant::now()),
            Err(failure) if patient && failure.kind == FailureKind::ServerError => {}
            Err(failure) => return Ok((Outcome::Failed(failure.to_string()), model)),
        }
    }
}

async fn next_state(client: &Client, model_id: i64) -> Result<Model, Failure> {
    tokio::time::sleep(POLL_INTERVAL).await;
    client.model(model_id).await
}

fn is_not_resumed(model: &Model) -> bool {
    model.backfill.is_none() && !model.coverage.is_complete()
}

/// Returns the outcome of the backfill of a model; `None` while the backfill lasts.
fn outcome(model: &Model) -> Option<Outcome> {
    let Some(backfill) = &model.backfill else {
        return Some(if model.coverage.is_complete() { Outcome::Finished } else { Outcome::Stopped });
    };
    match backfill.state {
        BackfillState::Running | BackfillState::Waiting | BackfillState::Other => None,
        BackfillState::Finished => Some(Outcome::Finished),
        BackfillState::Stopped => Some(Outcome::Stopped),
        BackfillState::Failed => Some(Outcome::Failed(backfill.reason.clone().unwrap_or_default())),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Makes a model with `embedded` of 3 images, as in the answer of `GET /models/{model_id}`.
    fn model(embedded: u64, backfill: serde_json::Value) -> Model {
        let answer = json!({
            "model_id": 2, "model_name": "wide", "model_version": "1.0.0", "dimension": 48,
            "embedded": embedded, "failed": 0, "total": 3, "backfill": backfill,
        });
        serde_json::from_value(answer).unwrap()
    }

    #[test]
    fn the_state_on_the_server_tells_whether_and_how_a_backfill_ended() {
        let ended = |state| outcome(&model(1, json!({ "state": state, "reason": "no device", "per_second": null })));
        for state in ["running", "waiting", "a state of a newer server"] {
            assert_eq!(ended(state), None, "{state}");
        }
        assert_eq!(ended("finished"), Some(Outcome::Finished));
        assert_eq!(ended("stopped"), Some(Outcome::Stopped));
        assert_eq!(ended("failed"), Some(Outcome::Failed("no device".to_owned())));
    }

    #[test]
    fn a_restarted_server_without_a_backfill_has_finished_it_when_no_image_is_left() {
        assert_eq!(outcome(&model(3, json!(null))), Some(Outcome::Finished));
        assert!(is_not_resumed(&model(2, json!(null))) && !is_not_resumed(&model(3, json!(null))));
    }
}
