//! The JSON shapes of changes.

use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

use super::filter::FilterRequest;
use super::taken;
use crate::api::checks;
use crate::api::json::object;
use crate::api::multipart::file_name;
use crate::config::Limits;
use crate::error::{ApiError, Problem};
use mitsuke_image::parse_generation_prompt;
use mitsuke_store::{ImagePatch, MAX_SOURCE_PATH_CHARS, MAX_TAGS, TakenAt, clean_source_path};

/// A change of an image's facts and texts. A field that is left out stays as it is; null or a blank text clears the field.
/// A text, tag or time that a change sets, clears or removes stays so when the file is read again.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"caption": "港の夕焼け", "add_tags": ["海"]}))]
pub struct PatchRequest {
    /// The new caption.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    pub caption: Option<Option<String>>,
    /// The new raw generation prompt.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    pub generation_prompt: Option<Option<String>>,
    /// The whole list of tags, 256 at most of 100 characters each. Tags that differ in case or width only are one; blank
    /// ones are left out. A tag that the list lacks is removed, and does not come back when the file is read again.
    #[serde(default, deserialize_with = "present_tags")]
    #[schema(value_type = Option<Vec<String>>, max_items = 256)]
    pub tags: Option<Vec<String>>,
    /// Tags to add to the list.
    #[serde(default)]
    #[schema(max_items = 256)]
    pub add_tags: Vec<String>,
    /// Tags to remove from the list.
    #[serde(default)]
    #[schema(max_items = 256)]
    pub remove_tags: Vec<String>,
    /// The new file name. It cannot be cleared, and a change of many images cannot set it.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, max_length = 255)]
    pub file_name: Option<Option<String>>,
    /// The new path of the file in its folder, with `/` between its parts.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, max_length = 1000)]
    pub source_path: Option<Option<String>>,
    /// The time at which the picture was taken, such as `2024-05-01T12:34:56+09:00`. The offset may be left out, and so
    /// may the time.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    pub taken_at: Option<Option<String>>,
}

impl PatchRequest {
    /// Checks every field.
    ///
    /// # Errors
    /// [`ErrorCode::InvalidRequest`](crate::error::ErrorCode::InvalidRequest) or
    /// [`ErrorCode::TextTooLong`](crate::error::ErrorCode::TextTooLong) with the name of the field.
    pub fn checked(self, limits: &Limits) -> Result<CheckedPatch, ApiError> {
        let max = limits.text_chars;
        checks::text("caption", self.caption.as_ref().and_then(Option::as_deref), max)?;
        checks::text("generation_prompt", self.generation_prompt.as_ref().and_then(Option::as_deref), max)?;
        Ok(CheckedPatch {
            tags: self.tags.map(|tags| checks::tags("tags", tags, MAX_TAGS)).transpose()?,
            add_tags: checks::tags("add_tags", self.add_tags, MAX_TAGS)?,
            remove_tags: checks::tags("remove_tags", self.remove_tags, MAX_TAGS)?,
            file_name: self.file_name.map(|name| file_name::given(name.as_deref().unwrap_or_default())).transpose()?,
            source_path: self.source_path.map(|path| path.as_deref().map(source_path).transpose()).transpose()?,
            taken: self.taken_at.map(|text| text.as_deref().map(taken_at).transpose()).transpose()?,
            caption: self.caption,
            generation_prompt: self.generation_prompt,
        })
    }
}

/// A change whose fields are within their limits.
#[derive(Debug)]
pub struct CheckedPatch {
    caption: Option<Option<String>>,
    generation_prompt: Option<Option<String>>,
    tags: Option<Vec<String>>,
    add_tags: Vec<String>,
    remove_tags: Vec<String>,
    file_name: Option<String>,
    source_path: Option<Option<String>>,
    taken: Option<Option<TakenAt>>,
}

impl CheckedPatch {
    /// Parses the generation prompt, which takes time, and returns the change for the store.
    #[must_use]
    pub fn parsed(self) -> ImagePatch {
        let with_parts = |prompt: String| {
            let parts = parse_generation_prompt(&prompt);
            (prompt, parts)
        };
        ImagePatch {
            caption: self.caption,
            generation_prompt: self.generation_prompt.map(|prompt| prompt.map(with_parts)),
            tags: self.tags,
            add_tags: self.add_tags,
            remove_tags: self.remove_tags,
            file_name: self.file_name,
            source_path: self.source_path,
            taken: self.taken,
        }
    }
}

/// Checks the path of a file in its folder.
///
/// # Errors
/// [`ErrorCode::TextTooLong`](crate::error::ErrorCode::TextTooLong), or
/// [`ErrorCode::InvalidRequest`](crate::error::ErrorCode::InvalidRequest) for a path that names no file.
pub fn source_path(path: &str) -> Result<String, ApiError> {
    checks::text("source_path", Some(path), MAX_SOURCE_PATH_CHARS)?;
    clean_source_path(path).ok_or_else(|| {
        ApiError::invalid("source_path", "`source_path` must name a file in a folder, such as `Photos/2024/cat.jpg`.")
    })
}

fn taken_at(text: &str) -> Result<TakenAt, ApiError> {
    taken::read(text).ok_or_else(|| {
        let detail =
            "`taken_at` must be a day or a time, such as 2024-05-01, 2024-05-01T12:00:00 or 2024-05-01T12:00:00+09:00.";
        ApiError::invalid("taken_at", detail)
    })
}

/// Reads a list of tags so that `null` (an empty list) differs from a missing field (`None`, by default).
fn present_tags<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<String>>, D::Error> {
    let tags: Option<Vec<String>> = Deserialize::deserialize(deserializer)?;
    Ok(Some(tags.unwrap_or_default()))
}

/// Reads a field so that `null` (`Some(None)`) differs from a missing field (`None`, by default).
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    // A blank text clears the field as null does.
    let text: Option<String> = Deserialize::deserialize(deserializer)?;
    Ok(Some(text.filter(|text| !text.trim().is_empty())))
}

/// The images of a bulk change: either `image_ids`, or all that pass `filter`.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"image_ids": [1, 2], "change": {"add_tags": ["海"]}}))]
pub struct BulkUpdateRequest {
    /// The images, 1,000 at most.
    #[serde(default)]
    #[schema(max_items = 1000)]
    pub image_ids: Vec<i64>,
    /// The filter that the images pass. It may not be empty, and 10,000 images at most may pass it.
    #[serde(default, deserialize_with = "object")]
    pub filter: Option<FilterRequest>,
    /// The number of images that pass the filter, as `total` of `GET /images` has it. When another number passes, nothing
    /// changes.
    pub confirm_total: Option<u64>,
    /// The change of each image.
    pub change: PatchRequest,
}

/// The images to delete: either `image_ids`, or all that pass `filter`.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"image_ids": [65, 66]}))]
pub struct BulkDeleteRequest {
    /// The images, 1,000 at most.
    #[serde(default)]
    #[schema(max_items = 1000)]
    pub image_ids: Vec<i64>,
    /// The filter that the images pass. It may not be empty, and 10,000 images at most may pass it.
    #[serde(default, deserialize_with = "object")]
    pub filter: Option<FilterRequest>,
    /// The number of images that pass the filter, as `total` of `GET /images` has it. When another number passes, nothing
    /// is deleted.
    pub confirm_total: Option<u64>,
}

/// The result of a bulk change for one image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum BulkStatus {
    /// The image differs from what it was.
    Changed,
    /// The image is as it was, because it had all that was set.
    Unchanged,
    /// The image is deleted.
    Deleted,
    /// The image is as it was; `problem` says why.
    Rejected,
}

/// One image of a bulk change.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct BulkItem {
    /// The image.
    #[schema(example = 1)]
    pub image_id: i64,
    /// The result.
    pub status: BulkStatus,
    /// The reason why the image was rejected; null when it was not.
    pub problem: Option<Problem>,
}

/// The answer to a bulk change: an item for each image, in the order of `image_ids` or of ascending ids.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct BulkResponse {
    /// The items.
    pub items: Vec<BulkItem>,
    /// Number of items.
    #[schema(example = 2)]
    pub total: usize,
    /// Number of images that were changed or deleted.
    #[schema(example = 2)]
    pub changed: usize,
    /// Number of images that were rejected.
    #[schema(example = 0)]
    pub rejected: usize,
}
