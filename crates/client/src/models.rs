//! The calls of the resource `/models` that a backfill needs.

use std::fmt;

use reqwest::Method;
use serde::Deserialize;
use serde_json::json;

use crate::client::Client;
use crate::failure::Failure;

/// A model as the server describes it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Model {
    /// Its id.
    pub model_id: i64,
    /// Its name.
    pub model_name: String,
    /// Its version.
    pub model_version: String,
    /// The images that it has embedded.
    #[serde(flatten)]
    pub coverage: Coverage,
    /// Its backfill since the server started; `None` when there was none.
    pub backfill: Option<Backfill>,
}

impl fmt::Display for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.model_name, self.model_version)
    }
}

/// The number of images that a model has embedded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
pub struct Coverage {
    /// Images with an embedding.
    pub embedded: u64,
    /// Images whose embedding failed.
    pub failed: u64,
    /// All images.
    pub total: u64,
}

impl Coverage {
    /// Whether no image is left to embed; failed ones are not.
    #[must_use]
    pub fn is_complete(self) -> bool {
        self.embedded + self.failed >= self.total
    }
}

/// A backfill as the server describes it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Backfill {
    /// The state that it is in.
    pub state: BackfillState,
    /// Why it failed.
    pub reason: Option<String>,
    /// Images that it embeds per second.
    pub per_second: Option<f64>,
}

/// The state of a backfill.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BackfillState {
    /// It embeds images.
    Running,
    /// Another server that shares the store embeds them; this one continues should that one end.
    Waiting,
    /// No image is left to embed.
    Finished,
    /// It was told to stop.
    Stopped,
    /// It cannot continue.
    Failed,
    /// A state of a newer server, which counts as running.
    #[serde(other)]
    Other,
}

impl Client {
    /// Lists the models of the server.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn models(&self) -> Result<Vec<Model>, Failure> {
        #[derive(Deserialize)]
        struct Answer {
            models: Vec<Model>,
        }
        self.get("models", &[]).await.map(|Answer { models }| models)
    }

    /// Describes one model.
    ///
    /// # Errors
    /// When the server does not answer, or has no such model.
    pub async fn model(&self, model_id: i64) -> Result<Model, Failure> {
        self.get(&format!("models/{model_id}"), &[]).await
    }

    /// Starts the backfill of a model; one that is running goes on. `retry_failed` embeds the images again whose
    /// embedding failed.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn start_backfill(&self, model_id: i64, retry_failed: bool) -> Result<Model, Failure> {
        let path = format!("models/{model_id}/backfill");
        self.send_json(Method::POST, &path, &json!({ "retry_failed": retry_failed })).await
    }

    /// Stops the backfill of a model.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn stop_backfill(&self, model_id: i64) -> Result<Model, Failure> {
        self.send(Method::DELETE, &format!("models/{model_id}/backfill"), 0, async |request| Ok(request)).await
    }
}
