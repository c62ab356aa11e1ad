//! The calls of the resource `/models` that a backfill and the registration of a model need.

use std::fmt;

use reqwest::Method;
use serde::Deserialize;
use serde_json::json;

use crate::client::Client;
use crate::failure::Failure;

/// A model as the server describes it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Model {
    /// The id.
    pub model_id: i64,
    /// The name.
    pub model_name: String,
    /// The version.
    pub model_version: String,
    /// The number of components of an embedding.
    #[serde(default)]
    pub vector_dimension: usize,
    /// Whether searches use the model.
    #[serde(default)]
    pub is_current: bool,
    /// The numbers of images that the model has and has not embedded.
    #[serde(flatten)]
    pub coverage: Coverage,
    /// The backfill of the model since the server started; `None` when there was none.
    pub backfill: Option<Backfill>,
}

impl fmt::Display for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.model_name, self.model_version)
    }
}

/// The numbers of images that a model has and has not embedded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
pub struct Coverage {
    /// The number of images with an embedding.
    pub embedded: u64,
    /// The number of images whose embedding failed.
    pub failed: u64,
    /// The number of all images.
    pub total: u64,
}

impl Coverage {
    /// Returns whether no image is left to embed. A failed image does not count as left.
    #[must_use]
    pub fn is_complete(self) -> bool {
        self.embedded + self.failed >= self.total
    }
}

/// A backfill as the server describes it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Backfill {
    /// The state.
    pub state: BackfillState,
    /// The reason of a failure.
    pub reason: Option<String>,
    /// The number of images that the backfill embeds per second.
    pub per_second: Option<f64>,
}

/// The state of a backfill.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BackfillState {
    /// The backfill embeds images.
    Running,
    /// Another server that shares the store embeds the images; this server continues if that one ends.
    Waiting,
    /// No image is left to embed.
    Finished,
    /// A caller stopped the backfill.
    Stopped,
    /// The backfill cannot continue.
    Failed,
    /// A state of a newer server, which counts as running.
    #[serde(other)]
    Other,
}

/// The models of a server, and the model folders that it cannot use.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct ModelList {
    /// The models.
    pub models: Vec<Model>,
    /// The folders that cannot be used.
    #[serde(default)]
    pub broken: Vec<BrokenFolder>,
}

/// A model folder that a server cannot use.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct BrokenFolder {
    /// The folder.
    pub folder: String,
    /// The reason, as a sentence.
    pub reason: String,
}

impl Client {
    /// Lists the models of the server.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn models(&self) -> Result<Vec<Model>, Failure> {
        self.get("models", &[]).await.map(|ModelList { models, .. }| models)
    }

    /// Has the server read its model folders again, and lists the models.
    ///
    /// # Errors
    /// When the server does not answer, or the key may not do this.
    pub async fn refresh_models(&self) -> Result<ModelList, Failure> {
        self.send(Method::POST, "models/refresh", 0, async |request| Ok(request)).await
    }

    /// Describes one model.
    ///
    /// # Errors
    /// When the server does not answer, or has no such model.
    pub async fn model(&self, model_id: i64) -> Result<Model, Failure> {
        self.get(&format!("models/{model_id}"), &[]).await
    }

    /// Starts the backfill of a model; a running backfill goes on. `retry_failed` embeds the images again whose
    /// embedding failed.
    ///
    /// # Errors
    /// When the backfill does not start.
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
