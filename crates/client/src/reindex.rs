//! Has a server read its files' texts again, and follows the work to its end.

use std::pin::pin;
use std::time::{Duration, Instant};

use reqwest::Method;
use serde::Deserialize;

use crate::FIRST_CONTACT;
use crate::client::Client;
use crate::failure::{Failure, FailureKind};

/// The time between two requests for the progress.
pub const POLL_INTERVAL: Duration = Duration::from_millis(500);

/// The state of the reindex as the server describes it.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub struct Reindex {
    /// The number of images whose texts an older version of the reader has read.
    pub outdated: u64,
    /// The running or last reindex since the server started; `None` when there was none.
    pub run: Option<Run>,
}

/// A reindex as the server describes it.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub struct Run {
    /// The state.
    pub state: State,
    /// The reason of a failure.
    pub reason: Option<String>,
    /// The number of images to read, counted at the start.
    pub total: u64,
    /// The number of images read.
    pub read: u64,
    /// The number of images whose caption changed.
    pub captions: u64,
    /// The number of images whose generation prompt or its parts changed.
    pub generation_prompts: u64,
    /// The number of images whose tags changed.
    pub tags: u64,
    /// The number of images of which nothing changed.
    pub unchanged: u64,
    /// The number of images whose file could not be read.
    pub failed: u64,
    /// The first images that changed.
    pub changed_images: Vec<i64>,
    /// The first images whose file could not be read.
    pub failures: Vec<UnreadFile>,
    /// The images per second.
    pub per_second: Option<f64>,
}

/// An image whose file could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct UnreadFile {
    /// The image.
    pub image_id: i64,
    /// The reason.
    pub reason: String,
}

/// The state of a reindex.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// The reindex reads files.
    Running,
    /// No file is left to read.
    Finished,
    /// A caller stopped the reindex.
    Stopped,
    /// The reindex cannot continue.
    Failed,
    /// A state of a newer server, which counts as running.
    #[default]
    #[serde(other)]
    Other,
}

/// The outcome of a reindex.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// No file is left to read.
    Finished,
    /// The user interrupted the command, which stopped the reindex.
    Interrupted,
    /// Another client stopped the reindex.
    Stopped,
    /// The reindex cannot continue, for this reason.
    Failed(String),
}

impl Client {
    async fn reindex(&self, method: Method) -> Result<Reindex, Failure> {
        self.send(method, "reindex", 0, async |request| Ok(request)).await
    }
}

/// Starts the reindex and follows it to its end, calling `on_progress` with each state. When `interrupt` becomes ready,
/// the reindex is stopped on the server. Returns the outcome and the last run. After a restart of the server the reindex
/// is started again, and its numbers begin anew.
///
/// # Errors
/// When the reindex cannot be started, or cannot be stopped after an interruption.
pub async fn run(
    client: &Client,
    interrupt: impl Future,
    mut on_progress: impl FnMut(&Run),
) -> Result<(Outcome, Run), Failure> {
    let first_contact = client.giving_up_after(FIRST_CONTACT);
    let mut run = first_contact.reindex(Method::POST).await?.run.unwrap_or_default();
    let mut current_since = Instant::now();
    let mut interrupt = pin!(interrupt);
    loop {
        on_progress(&run);
        if let Some(outcome) = outcome(&run) {
            return Ok((outcome, run));
        }
        let next = tokio::select! {
            _ = &mut interrupt => {
                let stopped = first_contact.reindex(Method::DELETE).await?;
                return Ok((Outcome::Interrupted, stopped.run.unwrap_or(run)));
            }
            next = next_state(client) => next,
        };
        match next {
            Ok(next) => {
                current_since = Instant::now();
                run = next;
            }
            Err(failure)
                if current_since.elapsed() < client.policy().give_up_after
                    && failure.kind == FailureKind::ServerError => {}
            Err(failure) => return Ok((Outcome::Failed(failure.to_string()), run)),
        }
    }
}

/// Returns the next state. A server that was restarted is asked to go on.
async fn next_state(client: &Client) -> Result<Run, Failure> {
    tokio::time::sleep(POLL_INTERVAL).await;
    match client.reindex(Method::GET).await?.run {
        Some(run) => Ok(run),
        None => Ok(client.reindex(Method::POST).await?.run.unwrap_or_default()),
    }
}

/// Returns the outcome of a run; `None` while it lasts.
fn outcome(run: &Run) -> Option<Outcome> {
    match run.state {
        State::Running | State::Other => None,
        State::Finished => Some(Outcome::Finished),
        State::Stopped => Some(Outcome::Stopped),
        State::Failed => Some(Outcome::Failed(run.reason.clone().unwrap_or_default())),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_state_on_the_server_tells_whether_and_how_a_reindex_ended() {
        let ended = |state| {
            let run = json!({
                "state": state, "reason": "no room", "total": 3, "read": 1, "captions": 0, "generation_prompts": 0,
                "tags": 1, "unchanged": 0, "failed": 0, "changed_images": [7], "failures": [], "per_second": null,
            });
            outcome(&serde_json::from_value(run).unwrap())
        };
        for state in ["running", "a state of a newer server"] {
            assert_eq!(ended(state), None, "{state}");
        }
        assert_eq!(ended("finished"), Some(Outcome::Finished));
        assert_eq!(ended("stopped"), Some(Outcome::Stopped));
        assert_eq!(ended("failed"), Some(Outcome::Failed("no room".to_owned())));
    }
}
