//! The JSON shapes of embeddings.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::search::ModelName;
use mitsuke_store::{ImageId, Model};

/// The embeddings that are asked for.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct EmbeddingsParams {
    /// The ids of images, separated by commas, as many as a page may have at most.
    #[serde(default)]
    #[param(required = true, example = "1,2,3")]
    pub image_ids: String,
}

/// The embedding of an image.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = Embedding)]
pub struct EmbeddingBody {
    /// The image.
    #[schema(example = 1)]
    pub image_id: i64,
    /// The components in base64: 32-bit floating-point numbers in little-endian order. Their length as a vector is 1.
    #[schema(example = "AACAPwAAAAA=")]
    pub vector: String,
}

/// Embeddings of several images by one model.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = EmbeddingList)]
pub struct EmbeddingsBody {
    /// The model.
    pub model: ModelName,
    /// Number of components of an embedding.
    #[schema(example = 256)]
    pub vector_dimension: usize,
    /// The embeddings in the order of the request, each image once. Images that the model has not embedded are left out.
    pub embeddings: Vec<EmbeddingBody>,
}

impl EmbeddingsBody {
    /// Describes the embeddings of a model, each by the bytes of its components.
    #[must_use]
    pub fn new(model: Model, embeddings: impl Iterator<Item = (ImageId, Vec<u8>)>) -> Self {
        let body =
            |(image_id, bytes): (ImageId, Vec<u8>)| EmbeddingBody { image_id, vector: BASE64_STANDARD.encode(bytes) };
        Self {
            vector_dimension: model.vector_dimension,
            model: model.into(),
            embeddings: embeddings.map(body).collect(),
        }
    }
}
