//! The JSON shapes of images, uploads and changes.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::serde::rfc3339;
use utoipa::ToSchema;

use super::generation::GenerationBody;
use super::taken;
use crate::error::Problem;
use mitsuke_engine::request_id;
use mitsuke_image::shorten;
use mitsuke_store::Image;

/// The bytes of a picture.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary)]
#[expect(dead_code, reason = "describes a body to callers; the body itself is sent as it is")]
pub struct PictureBytes(Vec<u8>);

/// The file of a picture in a form.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary, content_media_type = "application/octet-stream")]
#[expect(dead_code, reason = "describes a part of a form to callers; the form itself is read part by part")]
pub struct PictureFile(Vec<u8>);

/// The paths of an image's resources.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Links {
    /// The path of this metadata.
    #[serde(rename = "self")]
    #[schema(example = "/images/1")]
    pub itself: String,
    /// The path of the original bytes.
    #[schema(example = "/images/1/content")]
    pub content: String,
    /// The path of a small version.
    #[schema(example = "/images/1/thumbnail")]
    pub thumbnail: String,
}

/// An image's metadata.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = Image)]
pub struct ImageBody {
    /// Identifies the image. The id is never used again after a delete.
    #[schema(example = 1)]
    pub image_id: i64,
    /// The file name that the caller gave.
    #[schema(example = "sunset-sea.jpg")]
    pub file_name: String,
    /// Media type, as found in the bytes.
    #[schema(example = "image/jpeg")]
    pub file_type: String,
    /// Size of the original in bytes.
    #[schema(example = 48213)]
    pub bytes: u64,
    /// Width in pixels, after the orientation is applied.
    #[schema(example = 640)]
    pub width: u32,
    /// Height in pixels, after the orientation is applied.
    #[schema(example = 427)]
    pub height: u32,
    /// SHA-256 of the original bytes, 64 hexadecimal digits.
    #[schema(example = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", pattern = "^[0-9a-f]{64}$")]
    pub sha256: String,
    /// The time of the upload.
    #[serde(with = "rfc3339")]
    #[schema(example = "2026-01-02T03:04:05.678901Z")]
    pub uploaded_at: OffsetDateTime,
    /// The old name of `uploaded_at`.
    #[serde(with = "rfc3339")]
    #[schema(example = "2026-01-02T03:04:05.678901Z", deprecated)]
    pub upload_date: OffsetDateTime,
    /// The time at which the picture was taken, by the clock of the camera, with its offset from UTC where that is known;
    /// null when the time is not known.
    #[schema(example = "2024-05-01T12:34:56.78+09:00")]
    pub taken_at: Option<String>,
    /// The name of the camera; null when the file does not state it.
    #[schema(example = "Canon EOS R5")]
    pub camera: Option<String>,
    /// The path of the file in the folder that was uploaded, with `/` between its parts; null when it is not known.
    #[schema(example = "Photos/2024/sunset-sea.jpg")]
    pub source_path: Option<String>,
    /// The raw generation prompt text, one `key:value` line for each text that an image generator wrote; null without one.
    #[schema(example = "parameters:a cat on a sofa\nNegative prompt: blurry\nSteps: 20, Sampler: Euler a, Seed: 1")]
    pub generation_prompt: Option<String>,
    /// The caption (other text found in the file, or a text that a caller set); null without one.
    #[schema(example = "夕焼けの海")]
    pub caption: Option<String>,
    /// The tags: keywords found in the file, and those that callers have set.
    #[schema(example = json!(["海", "sunset"]))]
    pub tags: Vec<String>,
    /// The parts of the generation prompt; null when it could not be parsed.
    pub generation: Option<GenerationBody>,
    /// Whether texts or tags of the image are cut in this answer. All of them are at `links.self`.
    #[serde(default)]
    #[schema(example = false)]
    pub texts_shortened: bool,
    /// The paths of the image's resources.
    pub links: Links,
}

impl From<Image> for ImageBody {
    fn from(image: Image) -> Self {
        let itself = format!("{}/images/{}", request_id::current().prefix, image.image_id);
        Self {
            links: Links { content: format!("{itself}/content"), thumbnail: format!("{itself}/thumbnail"), itself },
            image_id: image.image_id,
            file_name: image.file_name,
            file_type: image.file_type,
            bytes: image.bytes,
            width: image.width,
            height: image.height,
            sha256: image.sha256.to_string(),
            uploaded_at: image.upload_date,
            upload_date: image.upload_date,
            taken_at: image.taken.map(taken::write),
            camera: image.camera,
            source_path: image.source_path,
            generation_prompt: image.generation_prompt,
            caption: image.caption,
            tags: image.tags,
            generation: image.generation.map(GenerationBody::from),
            texts_shortened: false,
        }
    }
}

impl ImageBody {
    /// Returns the metadata with at most `max_chars` characters of each text, and of all tags together.
    #[must_use]
    pub fn shortened(mut self, max_chars: usize) -> Self {
        let mut is_cut = [&mut self.generation_prompt, &mut self.caption]
            .into_iter()
            .flatten()
            .fold(false, |is_cut, text| shorten(text, max_chars) | is_cut);
        is_cut |= self.generation.as_mut().is_some_and(|generation| generation.shorten(max_chars));
        let mut left = max_chars;
        let fits = |tag: &String| {
            left = left.checked_sub(tag.chars().count())?;
            Some(())
        };
        let kept = self.tags.iter().map_while(fits).count();
        is_cut |= kept < self.tags.len();
        self.tags.truncate(kept);
        self.texts_shortened = is_cut;
        self
    }
}

/// The result of one uploaded file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum UploadStatus {
    /// Stored as a new image.
    Created,
    /// An image with the same bytes was stored already.
    Known,
    /// The file is not stored; `problem` says why.
    Rejected,
}

/// One uploaded file.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct UploadItem {
    /// The result.
    pub status: UploadStatus,
    /// The image; null when the file was rejected.
    pub image: Option<ImageBody>,
    /// The reason why the file was rejected; null when it was not.
    pub problem: Option<Problem>,
}

/// The answer to an upload: an item for each file, in their order.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct UploadResponse {
    /// The items.
    pub images: Vec<UploadItem>,
}

/// The hashes of files that may be known.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"sha256": ["176a4a4af8a4f9ddb0f39b90ecc9baac0bf5a564749329804c242622e51cda06"]}))]
pub struct KnownRequest {
    /// SHA-256 hashes of whole files, 64 hexadecimal digits each, 1,000 at most.
    #[schema(min_items = 1, max_items = 1000)]
    pub sha256: Vec<String>,
}

/// A file that is stored as an image already.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct KnownImage {
    /// The hash that was asked for, in lower case.
    #[schema(example = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", pattern = "^[0-9a-f]{64}$")]
    pub sha256: String,
    /// The image with these bytes.
    #[schema(example = 1)]
    pub image_id: i64,
}

/// The files that are known.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct KnownResponse {
    /// The known files in the order of the request, each once.
    pub known: Vec<KnownImage>,
}
