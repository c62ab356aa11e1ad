//! The JSON shapes of requests for several images by their ids.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::image::ImageBody;

/// The images that are asked for.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"image_ids": [1, 2, 3]}))]
pub struct ImagesRequest {
    /// The images, as many as a page may have at most.
    #[schema(min_items = 1)]
    pub image_ids: Vec<i64>,
    /// The largest number of characters of each text, and of all tags together, where that is less than the bound of the
    /// server for so many images.
    pub max_text_chars: Option<u32>,
}

/// The images of an archive.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"image_ids": [1, 2, 3]}))]
pub struct ArchiveRequest {
    /// The images, 1,000 at most.
    #[schema(min_items = 1, max_items = 1000)]
    pub image_ids: Vec<i64>,
}

/// The bytes of an archive.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary)]
#[expect(dead_code, reason = "describes a body to callers; the body itself is sent piece by piece")]
pub struct ArchiveBytes(Vec<u8>);

/// Several images.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ImagesResponse {
    /// The images that exist, in the order of the request, each once.
    pub images: Vec<ImageBody>,
    /// The ids that no image has, in the order of the request.
    #[schema(example = json!([]))]
    pub unknown: Vec<i64>,
}
