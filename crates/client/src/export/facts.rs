//! The facts of images: lists of them with whole texts, and their embeddings.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::document::Embedding;
use crate::client::Client;
use crate::failure::Failure;

/// The fields of an image that say nothing of it: paths on its server, an old name, and a note about the answer.
const LEFT_OUT: [&str; 3] = ["links", "upload_date", "texts_shortened"];

/// An image to export.
#[derive(Debug)]
pub struct Image {
    /// Everything that the API says of the image.
    pub facts: Map<String, Value>,
    /// The facts that the export itself reads.
    pub known: Known,
}

/// The facts of an image that an export needs itself.
#[derive(Debug, Deserialize)]
pub struct Known {
    /// The id.
    pub image_id: i64,
    /// The SHA-256 of the original, hexadecimal.
    pub sha256: String,
    /// The number of bytes of the original.
    pub bytes: u64,
    /// The file name.
    pub file_name: String,
    /// The path in the folder that was uploaded.
    pub source_path: Option<String>,
    #[serde(default)]
    texts_shortened: bool,
}

impl Image {
    /// Reads an image of a list. Texts that the list has cut are asked for. Returns `None` for an image that has been
    /// deleted meanwhile.
    ///
    /// # Errors
    /// When the server does not answer, or not as a Mitsuke server does.
    pub async fn read(client: &Client, mut listed: Value) -> Result<Option<Self>, Failure> {
        let unexpected =
            |_| Failure::unexpected_answer("an image of the server lacks facts; it may be of another version");
        let known = Known::deserialize(&listed).map_err(unexpected)?;
        if known.texts_shortened {
            match client.get(&format!("images/{}", known.image_id), &[]).await {
                Ok(whole) => listed = whole,
                Err(failure) if failure.code == "image_not_found" => return Ok(None),
                Err(failure) => return Err(failure),
            }
        }
        let Value::Object(mut facts) = listed else { return Ok(None) };
        facts.retain(|name, _| !LEFT_OUT.contains(&name.as_str()));
        Ok(Some(Self { facts, known }))
    }
}

/// The models whose embeddings are exported.
#[derive(Debug, Default)]
pub struct Models {
    ids: Vec<i64>,
    /// The models as the first line of the export names them.
    pub described: Vec<Value>,
}

impl Models {
    /// Asks for the models that have embeddings.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn with_embeddings(client: &Client) -> Result<Self, Failure> {
        let mut models = Self::default();
        for model in client.models().await?.into_iter().filter(|model| model.coverage.embedded > 0) {
            models.ids.push(model.model_id);
            models.described.push(serde_json::json!({
                "model_name": model.model_name,
                "model_version": model.model_version,
                "vector_dimension": model.vector_dimension,
                "is_current": model.is_current,
            }));
        }
        Ok(models)
    }

    /// Asks for the embeddings of images. Returns them by the id of the image.
    ///
    /// # Errors
    /// When the server does not answer, or is too old for the question.
    pub async fn embeddings(&self, client: &Client, images: &[i64]) -> Result<HashMap<i64, Vec<Embedding>>, Failure> {
        #[derive(Deserialize)]
        struct Answer {
            embeddings: Vec<Item>,
        }
        #[derive(Deserialize)]
        struct Item {
            image_id: i64,
            vector: String,
        }
        let mut found: HashMap<_, Vec<_>> = HashMap::new();
        if images.is_empty() {
            return Ok(found);
        }
        let ids = images.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
        for (model, model_id) in self.ids.iter().enumerate() {
            let path = format!("models/{model_id}/embeddings");
            let answer: Answer = client.get(&path, &[("image_ids", ids.as_str())]).await?;
            for Item { image_id, vector } in answer.embeddings {
                found.entry(image_id).or_default().push(Embedding { model, vector });
            }
        }
        Ok(found)
    }
}
