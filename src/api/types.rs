//! The JSON shapes of requests and answers.

use serde::{Deserialize, Deserializer, Serialize};
use time::OffsetDateTime;
use time::serde::rfc3339;
use utoipa::ToSchema;

use crate::error::Problem;
use crate::image::Generation;
use crate::search::{Answer, Hit, Mode};
use crate::store::{Filter, Image};

/// The bytes of a picture.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary)]
#[expect(dead_code, reason = "describes a body to callers; the body itself is sent as it is")]
pub struct PictureBytes(Vec<u8>);

/// Where an image's resources are.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Links {
    /// This metadata.
    #[serde(rename = "self")]
    #[schema(example = "/images/1")]
    pub itself: String,
    /// The original bytes.
    #[schema(example = "/images/1/content")]
    pub content: String,
    /// A small version.
    #[schema(example = "/images/1/thumbnail")]
    pub thumbnail: String,
}

/// An image's metadata.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = Image)]
pub struct ImageBody {
    /// Identifies the image; never used again after a delete.
    #[schema(example = 1)]
    pub image_id: i64,
    /// The name the caller gave.
    #[schema(example = "sunset-sea.jpg")]
    pub file_name: String,
    /// Media type, found in the bytes.
    #[schema(example = "image/jpeg")]
    pub file_type: String,
    /// Size of the original in bytes.
    #[schema(example = 48213)]
    pub bytes: u64,
    /// Pixels across, orientation applied.
    #[schema(example = 640)]
    pub width: u32,
    /// Pixels down, orientation applied.
    #[schema(example = 427)]
    pub height: u32,
    /// SHA-256 of the original bytes, 64 hexadecimal digits.
    #[schema(example = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", pattern = "^[0-9a-f]{64}$")]
    pub sha256: String,
    /// When it was received.
    #[serde(with = "rfc3339")]
    #[schema(example = "2026-01-02T03:04:05.678901Z")]
    pub upload_date: OffsetDateTime,
    /// The raw generation prompt text, one `key:value` line for each text chunk of the file.
    #[schema(example = "parameters:a cat on a sofa\nNegative prompt: blurry\nSteps: 20, Sampler: Euler a, Seed: 1")]
    pub generation_prompt: Option<String>,
    /// The caption (other text found in the file, or set by a caller).
    #[schema(example = "夕焼けの海")]
    pub caption: Option<String>,
    /// The readable parts of the generation prompt, where it could be understood.
    pub generation: Option<Generation>,
    /// Where its resources are.
    pub links: Links,
}

impl From<Image> for ImageBody {
    fn from(image: Image) -> Self {
        let itself = format!("/images/{}", image.image_id);
        Self {
            links: Links { content: format!("{itself}/content"), thumbnail: format!("{itself}/thumbnail"), itself },
            image_id: image.image_id,
            file_name: image.file_name,
            file_type: image.file_type,
            bytes: image.bytes,
            width: image.width,
            height: image.height,
            sha256: image.sha256.to_string(),
            upload_date: image.upload_date,
            generation_prompt: image.generation_prompt,
            caption: image.caption,
            generation: image.generation.and_then(|json| serde_json::from_str(&json).ok()),
        }
    }
}

/// What became of one uploaded file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum UploadStatus {
    /// Stored as a new image.
    Created,
    /// The same bytes were there already.
    Known,
    /// Not stored; `problem` says why.
    Rejected,
}

/// One uploaded file.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct UploadItem {
    /// What became of it.
    pub status: UploadStatus,
    /// The image, unless rejected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<ImageBody>,
    /// Why it was rejected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
}

/// The answer to an upload: an item for each file, in their order.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct UploadResponse {
    /// The items.
    pub images: Vec<UploadItem>,
}

/// A page of images, newest first.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ImagePage {
    /// The images.
    pub images: Vec<ImageBody>,
    /// Send it as `cursor` to get the next page; null on the last.
    #[schema(example = "1767323045678901-1")]
    pub next_cursor: Option<String>,
}

/// A change of an image's texts. A field that is left out stays as it is; null clears it.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PatchRequest {
    /// The new caption.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, example = "港の夕焼け")]
    pub caption: Option<Option<String>>,
    /// The new raw generation prompt.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, example = "a harbour at sunset\nNegative prompt: people")]
    pub generation_prompt: Option<Option<String>>,
}

/// Tells `null` (`Some(None)`) from a field that is not there (`None`, by default).
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Deserialize::deserialize(deserializer).map(Some)
}

/// Which images may be found. Fields combine with AND, items of a list with OR.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct FilterRequest {
    /// Media types.
    #[schema(example = json!(["image/png"]))]
    pub file_types: Vec<String>,
    /// Uploaded at or after.
    #[serde(with = "rfc3339::option")]
    #[schema(example = "2026-01-01T00:00:00Z")]
    pub uploaded_from: Option<OffsetDateTime>,
    /// Uploaded before.
    #[serde(with = "rfc3339::option")]
    #[schema(example = "2030-01-01T00:00:00Z")]
    pub uploaded_before: Option<OffsetDateTime>,
    /// Smallest width in pixels.
    #[schema(example = 320)]
    pub min_width: Option<u32>,
    /// Smallest height in pixels.
    #[schema(example = 240)]
    pub min_height: Option<u32>,
    /// With (true) or without (false) a generation prompt.
    #[schema(example = true)]
    pub has_generation_prompt: Option<bool>,
    /// With (true) or without (false) a caption.
    #[schema(example = true)]
    pub has_caption: Option<bool>,
    /// A part of the file name; ASCII letters are compared without case.
    #[schema(example = "sunset")]
    pub file_name_contains: Option<String>,
}

impl From<FilterRequest> for Filter {
    fn from(filter: FilterRequest) -> Self {
        Self {
            file_types: filter.file_types,
            uploaded_from: filter.uploaded_from,
            uploaded_before: filter.uploaded_before,
            min_width: filter.min_width,
            min_height: filter.min_height,
            has_generation_prompt: filter.has_generation_prompt,
            has_caption: filter.has_caption,
            file_name_contains: filter.file_name_contains,
            ..Self::default()
        }
    }
}

/// A search by text.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TextSearchRequest {
    /// What to find, in Japanese or English. Blank gives the newest images. In keyword and hybrid mode every
    /// word must be there; double quotes keep a phrase together.
    #[schema(example = "夕焼けの海")]
    pub query: String,
    /// How to compare.
    #[serde(default)]
    pub mode: Mode,
    /// What to stay away from (vector and hybrid mode): the query vector becomes text − ½ × negative text,
    /// scaled to length 1.
    #[schema(example = "人")]
    pub negative_query: Option<String>,
    /// Hits on a page, 16 unless told.
    #[schema(example = 16, minimum = 1)]
    pub limit: Option<u32>,
    /// Hits to skip.
    #[serde(default)]
    #[schema(example = 0)]
    pub offset: u32,
    /// Which images may be found.
    pub filter: Option<FilterRequest>,
    /// Leaves out hits less similar than this (vector and hybrid mode).
    #[schema(example = 0.1, minimum = -1, maximum = 1)]
    pub min_similarity: Option<f32>,
}

/// A search by a stored image.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ImageSearchRequest {
    /// The image to search by; it is not among its own hits.
    #[schema(example = 1)]
    pub image_id: i64,
    /// A text whose vector is added to the image's, with equal weight.
    #[schema(example = "夜")]
    pub text: Option<String>,
    /// Hits on a page, 16 unless told.
    #[schema(example = 16, minimum = 1)]
    pub limit: Option<u32>,
    /// Hits to skip.
    #[serde(default)]
    #[schema(example = 0)]
    pub offset: u32,
    /// Which images may be found.
    pub filter: Option<FilterRequest>,
    /// Leaves out hits less similar than this.
    #[schema(example = 0.1, minimum = -1, maximum = 1)]
    pub min_similarity: Option<f32>,
}

/// A model, as an answer names the one that it is about.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ModelName {
    /// Identifies the model.
    #[schema(example = 1)]
    pub model_id: i64,
    /// Its name.
    #[schema(example = "mitsuke-demo")]
    pub model_name: String,
    /// Its version.
    #[schema(example = "1.0.0")]
    pub model_version: String,
}

/// A found image.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = Hit)]
pub struct HitBody {
    /// The image.
    #[serde(flatten)]
    pub image: ImageBody,
    /// Place in the whole ranking, from 1.
    #[schema(example = 1)]
    pub rank: usize,
    /// −1 × inner product of unit vectors: smaller is nearer. Null without a vector leg.
    #[schema(example = -0.41)]
    pub distance: Option<f32>,
    /// Inner product of unit vectors: larger is nearer. Null without a vector leg.
    #[schema(example = 0.41)]
    pub similarity: Option<f32>,
    /// Place among the vector hits, from 1.
    #[schema(example = 1)]
    pub vector_rank: Option<u32>,
    /// Place among the keyword hits, from 1.
    #[schema(example = 3)]
    pub keyword_rank: Option<u32>,
    /// What the ranking is ordered by, larger first; comparable within one answer only.
    #[schema(example = 0.41)]
    pub score: Option<f64>,
}

impl From<Hit> for HitBody {
    fn from(hit: Hit) -> Self {
        Self {
            image: hit.image.into(),
            rank: hit.rank,
            distance: hit.distance,
            similarity: hit.distance.map(|distance| -distance),
            vector_rank: hit.vector_rank,
            keyword_rank: hit.keyword_rank,
            score: hit.score,
        }
    }
}

/// Milliseconds spent.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
pub struct TookMs {
    /// Waiting for and running the encoders.
    #[schema(example = 3.2)]
    pub encode: f64,
    /// Asking the store.
    #[schema(example = 0.8)]
    pub search: f64,
    /// All of it.
    #[schema(example = 4.1)]
    pub total: f64,
}

/// A page of hits.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct SearchResponse {
    /// The model that encoded the query and whose embeddings were searched.
    pub model: ModelName,
    /// How the query was compared.
    pub mode: Mode,
    /// The hits, best first.
    pub hits: Vec<HitBody>,
    /// Send it as `offset` to get the next page; null on the last.
    #[schema(example = 16)]
    pub next_offset: Option<usize>,
    /// Where the time went.
    pub took_ms: TookMs,
}

impl From<Answer> for SearchResponse {
    fn from(answer: Answer) -> Self {
        let ms = |duration: std::time::Duration| (duration.as_secs_f64() * 1e5).round() / 1e2;
        Self {
            model: ModelName {
                model_id: answer.model.model_id,
                model_name: answer.model.model_name,
                model_version: answer.model.model_version,
            },
            mode: answer.mode,
            hits: answer.hits.into_iter().map(Into::into).collect(),
            next_offset: answer.next_offset,
            took_ms: TookMs {
                encode: ms(answer.took.encode),
                search: ms(answer.took.search),
                total: ms(answer.took.total),
            },
        }
    }
}
