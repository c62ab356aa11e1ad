//! The shape of a filter. It is the same in a JSON body, a form part and a query string.

mod read;

use serde::Deserialize;
use time::{OffsetDateTime, PrimitiveDateTime};
use utoipa::{IntoParams, ToSchema};

use super::file_type::FileTypeSchema;
use crate::api::checks;
use crate::error::ApiError;
use mitsuke_image::FileType;
use mitsuke_store::{Filter, MAX_NONE_OF, terms};

pub use read::split_tags;
use read::{clock, date, file_types, tags, texts};

/// Characters of a file-name pattern at most: no stored name is longer.
const PATTERN_CHARS: usize = 255;

/// Number of `*` in a file-name pattern at most: each one multiplies the ways to try.
const PATTERN_STARS: usize = 16;

/// Number of texts in each list of a filter at most: each one is a look-up for every image.
const LIST: usize = 32;

/// The images that may be found. Fields combine with AND, and items of a list with OR where the list does not say
/// otherwise. A blank text asks for nothing. In a query string, commas separate the items of a list, and a JSON list
/// is read as well: it can hold texts with commas.
#[derive(Debug, Clone, Default, Deserialize, ToSchema, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct FilterRequest {
    /// Media types, in upper or lower case, such as `image/png`.
    #[serde(default, deserialize_with = "file_types")]
    #[schema(value_type = Vec<FileTypeSchema>)]
    #[param(value_type = Vec<FileTypeSchema>, style = Form, explode = false)]
    pub file_types: Vec<FileType>,
    /// Earliest time of the upload (RFC 3339), such as `2026-01-31T12:00:00Z`.
    #[serde(default, deserialize_with = "date")]
    #[schema(value_type = Option<String>, format = DateTime)]
    #[param(value_type = Option<String>, format = DateTime)]
    pub uploaded_from: Option<OffsetDateTime>,
    /// Time before which the image was uploaded (RFC 3339).
    #[serde(default, deserialize_with = "date")]
    #[schema(value_type = Option<String>, format = DateTime)]
    #[param(value_type = Option<String>, format = DateTime)]
    pub uploaded_before: Option<OffsetDateTime>,
    /// Earliest time at which the picture was taken, by the clock of the camera: a day such as `2024-05-01`, or a time
    /// such as `2024-05-01T12:00:00`. Images without that time are left out.
    #[serde(default, deserialize_with = "clock")]
    #[schema(value_type = Option<String>)]
    #[param(value_type = Option<String>)]
    pub taken_from: Option<PrimitiveDateTime>,
    /// Time before which the picture was taken, as in `taken_from`.
    #[serde(default, deserialize_with = "clock")]
    #[schema(value_type = Option<String>)]
    #[param(value_type = Option<String>)]
    pub taken_before: Option<PrimitiveDateTime>,
    /// True for images whose `taken_at` is known, false for the others.
    pub has_taken_at: Option<bool>,
    /// Smallest width in pixels.
    pub min_width: Option<u32>,
    /// Largest width in pixels.
    pub max_width: Option<u32>,
    /// Smallest height in pixels.
    pub min_height: Option<u32>,
    /// Largest height in pixels.
    pub max_height: Option<u32>,
    /// Smallest size of the file in bytes.
    pub min_bytes: Option<u64>,
    /// Largest size of the file in bytes.
    pub max_bytes: Option<u64>,
    /// True for images with a generation prompt, false for images without one.
    pub has_generation_prompt: Option<bool>,
    /// True for images with a caption, false for images without one.
    pub has_caption: Option<bool>,
    /// A part of the file name, such as `sunset`; spellings that differ in case, width, accents, kana and the like are
    /// one.
    pub file_name_contains: Option<String>,
    /// A pattern of the whole file name, such as `IMG_*.jpg`: `*` stands for any characters, `?` for any one character;
    /// spellings that differ in case, width, accents, kana and the like are one. It may have 255 characters and 16 `*`
    /// at most.
    #[schema(max_length = 255)]
    #[param(max_length = 255)]
    pub file_name_pattern: Option<String>,
    /// Whole names of the model that made the picture (`generation.model`), one of these, such as `sd_xl_base_1.0`;
    /// ASCII letters are compared without case. There may be 32 at most, as in every list of texts.
    #[serde(default, deserialize_with = "texts")]
    #[schema(value_type = Vec<String>, max_items = 32)]
    #[param(value_type = Vec<String>, style = Form, explode = false, max_items = 32)]
    pub checkpoints: Vec<String>,
    /// Whole names of samplers (`generation.sampler`), one of these, such as `Euler a`; ASCII letters are compared
    /// without case.
    #[serde(default, deserialize_with = "texts")]
    #[schema(value_type = Vec<String>, max_items = 32)]
    #[param(value_type = Vec<String>, style = Form, explode = false, max_items = 32)]
    pub samplers: Vec<String>,
    /// Names of cameras (`camera`), one of these, such as `Canon EOS R5`; letters are compared without case and width.
    #[serde(default, deserialize_with = "texts")]
    #[schema(value_type = Vec<String>, max_items = 32)]
    #[param(value_type = Vec<String>, style = Form, explode = false, max_items = 32)]
    pub cameras: Vec<String>,
    /// Folders of `source_path`, one of these. A text that begins with `/` is the path from the top, such as
    /// `/Photos/2024`: that folder and all below it. Any other text is one or more whole parts of a path, such as
    /// `Kyoto`.
    #[serde(default, deserialize_with = "texts")]
    #[schema(value_type = Vec<String>, max_items = 32)]
    #[param(value_type = Vec<String>, style = Form, explode = false, max_items = 32)]
    pub folders: Vec<String>,
    /// Names of LoRAs that made the picture, all of these, such as `ink_wash`; letters are compared without case and
    /// width.
    #[serde(default, deserialize_with = "texts")]
    #[schema(value_type = Vec<String>, max_items = 32)]
    #[param(value_type = Vec<String>, style = Form, explode = false, max_items = 32)]
    pub loras: Vec<String>,
    /// Names of LoRAs of which an image must have at least one, as in `loras`.
    #[serde(default, deserialize_with = "texts")]
    #[schema(value_type = Vec<String>, max_items = 32)]
    #[param(value_type = Vec<String>, style = Form, explode = false, max_items = 32)]
    pub any_loras: Vec<String>,
    /// The old form of `checkpoints` with one name.
    #[schema(deprecated)]
    pub generation_model: Option<String>,
    /// The old form of `samplers` with one name.
    #[schema(deprecated)]
    pub sampler: Option<String>,
    /// The seed (`generation.seed`), such as `1659825313`.
    pub seed: Option<u64>,
    /// Tags that an image must have, all of them, such as `海`; letters are compared without case and width. There may
    /// be 32 at most.
    #[serde(default, deserialize_with = "tags")]
    #[schema(value_type = Vec<String>, max_items = 32)]
    #[param(value_type = Vec<String>, style = Form, explode = false, max_items = 32)]
    pub tags: Vec<String>,
    /// Tags of which an image must have at least one, as in `tags`.
    #[serde(default, deserialize_with = "tags")]
    #[schema(value_type = Vec<String>, max_items = 32)]
    #[param(value_type = Vec<String>, style = Form, explode = false, max_items = 32)]
    pub any_tags: Vec<String>,
    /// Tags that an image may not have, as in `tags`.
    #[serde(default, deserialize_with = "tags")]
    #[schema(value_type = Vec<String>, max_items = 32)]
    #[param(value_type = Vec<String>, style = Form, explode = false, max_items = 32)]
    pub without_tags: Vec<String>,
    /// Words that the texts of an image must hold, all of them, and phrases in double quotes, as in a keyword search.
    #[serde(default, deserialize_with = "texts")]
    #[schema(value_type = Vec<String>, max_items = 32)]
    #[param(value_type = Vec<String>, style = Form, explode = false, max_items = 32)]
    pub terms: Vec<String>,
    /// Words that the texts of an image may not hold, and phrases in double quotes. An image is left out when it holds
    /// all words of one item.
    #[serde(default, deserialize_with = "texts")]
    #[schema(value_type = Vec<String>, max_items = 32)]
    #[param(value_type = Vec<String>, style = Form, explode = false, max_items = 32)]
    pub without_terms: Vec<String>,
}

impl FilterRequest {
    /// Checks every field and returns the filter for the store.
    ///
    /// # Errors
    /// [`ErrorCode::InvalidRequest`](crate::error::ErrorCode::InvalidRequest) with the name of the field that makes no
    /// sense.
    pub fn checked(self, max_chars: usize) -> Result<Filter, ApiError> {
        let from_and_before = self.uploaded_from.zip(self.uploaded_before);
        if from_and_before.is_some_and(|(from, before)| from >= before) {
            return Err(ApiError::invalid("uploaded_from", "`uploaded_from` must be earlier than `uploaded_before`."));
        }
        if self.taken_from.zip(self.taken_before).is_some_and(|(from, before)| from >= before) {
            return Err(ApiError::invalid("taken_from", "`taken_from` must be earlier than `taken_before`."));
        }
        in_order("width", self.min_width, self.max_width)?;
        in_order("height", self.min_height, self.max_height)?;
        in_order("bytes", self.min_bytes, self.max_bytes)?;
        let pattern = text("file_name_pattern", self.file_name_pattern, PATTERN_CHARS)?;
        if pattern.as_ref().is_some_and(|pattern| pattern.matches('*').count() > PATTERN_STARS) {
            return Err(ApiError::invalid(
                "file_name_pattern",
                format!("`file_name_pattern` may hold {PATTERN_STARS} `*` at most."),
            ));
        }
        let list = |field, items| list(field, items, max_chars);
        let with_old = |old, one, field, items| with_old(old, text(old, one, max_chars)?, field, list(field, items)?);
        Ok(Filter {
            file_types: self.file_types.into_iter().map(|t| t.media_type().to_owned()).collect(),
            uploaded_from: self.uploaded_from,
            uploaded_before: self.uploaded_before,
            taken_from: self.taken_from,
            taken_before: self.taken_before,
            has_taken: self.has_taken_at,
            min_width: self.min_width,
            max_width: self.max_width,
            min_height: self.min_height,
            max_height: self.max_height,
            min_bytes: self.min_bytes,
            max_bytes: self.max_bytes,
            has_generation_prompt: self.has_generation_prompt,
            has_caption: self.has_caption,
            file_name_contains: text("file_name_contains", self.file_name_contains, max_chars)?,
            file_name_pattern: pattern,
            checkpoints: with_old("generation_model", self.generation_model, "checkpoints", self.checkpoints)?,
            samplers: with_old("sampler", self.sampler, "samplers", self.samplers)?,
            cameras: list("cameras", self.cameras)?,
            folders: list("folders", self.folders)?,
            loras: list("loras", self.loras)?,
            any_loras: list("any_loras", self.any_loras)?,
            seed: self.seed,
            tags: checks::tags("tags", self.tags, LIST)?,
            any_tags: checks::tags("any_tags", self.any_tags, LIST)?,
            none_of: none_of(
                checks::tags("without_tags", self.without_tags, LIST)?,
                list("without_terms", self.without_terms)?,
            )?,
            terms: list("terms", self.terms)?.iter().flat_map(|item| terms(item)).collect(),
        })
    }
}

/// Returns the conditions of the images that are left out.
fn none_of(tags: Vec<String>, texts: Vec<String>) -> Result<Vec<Filter>, ApiError> {
    let with_tags = (!tags.is_empty()).then(|| Filter { any_tags: tags, ..Filter::default() });
    let holding = texts.iter().map(|item| Filter { terms: terms(item), ..Filter::default() });
    let all: Vec<Filter> = with_tags.into_iter().chain(holding.filter(|filter| !filter.is_empty())).collect();
    if all.len() > MAX_NONE_OF {
        let most = MAX_NONE_OF - 1;
        return Err(ApiError::invalid(
            "without_terms",
            format!("`without_terms` may hold {most} items at most beside `without_tags`."),
        ));
    }
    Ok(all)
}

/// Joins a field with the one-item field that it has replaced.
fn with_old(old: &str, one: Option<String>, field: &str, items: Vec<String>) -> Result<Vec<String>, ApiError> {
    match one {
        Some(_) if !items.is_empty() => {
            Err(ApiError::invalid(old, format!("`{old}` is the old form of `{field}`. Send one of them.")))
        }
        Some(one) => Ok(vec![one]),
        None => Ok(items),
    }
}

/// Checks a list of texts and returns those that are not blank.
fn list(field: &str, items: Vec<String>, max_chars: usize) -> Result<Vec<String>, ApiError> {
    if items.len() > LIST {
        return Err(ApiError::invalid(field, format!("`{field}` may hold {LIST} items at most.")).with("limit", LIST));
    }
    items.iter().try_for_each(|item| checks::text(field, Some(item), max_chars))?;
    Ok(items.into_iter().filter(|item| !item.trim().is_empty()).collect())
}

fn in_order<T: PartialOrd>(what: &str, min: Option<T>, max: Option<T>) -> Result<(), ApiError> {
    if min.zip(max).is_some_and(|(min, max)| min > max) {
        return Err(ApiError::invalid(
            &format!("min_{what}"),
            format!("`min_{what}` must not be larger than `max_{what}`."),
        ));
    }
    Ok(())
}

/// Checks a text and returns it, or none when it is blank.
fn text(field: &str, text: Option<String>, max_chars: usize) -> Result<Option<String>, ApiError> {
    checks::text(field, text.as_deref(), max_chars)?;
    Ok(text.filter(|text| !text.trim().is_empty()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parsed(json: serde_json::Value) -> Result<FilterRequest, String> {
        serde_json::from_value(json).map_err(|error| error.to_string())
    }

    #[test]
    fn types_are_known_in_any_case_and_in_both_forms() {
        let types = |json| parsed(json).unwrap().file_types;
        assert_eq!(types(json!({"file_types": ["image/PNG", "image/png"]})), [FileType::Png]);
        assert_eq!(types(json!({"file_types": "image/webp, image/gif"})), [FileType::WebP, FileType::Gif]);
        assert!(types(json!({"file_types": null})).is_empty());
        let refused = parsed(json!({"file_types": ["image/svg+xml"]})).unwrap_err();
        assert!(refused.contains("image/svg+xml") && refused.contains("image/tiff"), "{refused}");
    }

    #[test]
    fn tags_are_a_list_or_a_text_with_commas() {
        let filter = |json| parsed(json).unwrap().checked(100);
        let both = filter(json!({"tags": ["New York", " ", "a, b"], "any_tags": "海、空 ,,sky"})).unwrap();
        assert_eq!(
            (both.tags, both.any_tags),
            (vec!["New York".into(), "a, b".into()], vec!["海".into(), "空".into(), "sky".into()])
        );
        assert!(filter(json!({"tags": null, "any_tags": ""})).unwrap().is_empty());
        assert!(
            filter(json!({"tags": vec!["x"; 33]})).is_err() && filter(json!({"any_tags": ["x".repeat(101)]})).is_err()
        );
        assert!(parsed(json!({"tags": 7})).unwrap_err().contains("a list of texts"));
    }

    #[test]
    fn the_document_names_the_types_that_are_stored() {
        let schema = serde_json::to_value(<FileTypeSchema as utoipa::PartialSchema>::schema()).unwrap();
        let known: Vec<_> = FileType::ALL.iter().map(|t| t.media_type()).collect();
        assert_eq!(schema["enum"], json!(known));
    }

    #[test]
    fn a_date_that_is_none_is_answered_with_one_that_is() {
        let at = parsed(json!({"uploaded_from": "2026-01-31T21:00:00 09:00"})).unwrap().uploaded_from.unwrap();
        assert_eq!(at, time::macros::datetime!(2026-01-31 12:00 UTC));
        for text in ["2026-01-31", "yesterday", "", "2026-13-01T00:00:00Z"] {
            let refused = parsed(json!({"uploaded_from": text})).unwrap_err();
            assert!(refused.contains("RFC 3339"), "{refused}");
        }
    }

    #[test]
    fn a_list_in_a_query_string_may_be_json() {
        let filter =
            parsed(json!({"cameras": "A, B", "folders": r#"["Smith, John", "b"]"#, "checkpoints": "[x"})).unwrap();
        assert_eq!(filter.cameras, ["A", "B"]);
        assert_eq!(filter.folders, ["Smith, John", "b"]);
        assert_eq!(filter.checkpoints, ["[x"]);
    }

    #[test]
    fn a_time_of_taking_has_no_offset() {
        let from = |text: &str| parsed(json!({"taken_from": text})).map(|filter| filter.taken_from.unwrap());
        assert_eq!(from("2024-05-01"), Ok(time::macros::datetime!(2024-05-01 0:00)));
        assert_eq!(from("2024-05-01T12:30"), Ok(time::macros::datetime!(2024-05-01 12:30)));
        assert!(from("2024-05-01T12:30Z").unwrap_err().contains("leave the offset out"));
        assert!(from("May").unwrap_err().contains("write 2024-05-01"));
    }

    #[test]
    fn what_is_left_out_and_the_old_names_become_conditions() {
        let request = json!({"without_tags": ["海"], "without_terms": ["red car", "…"], "sampler": "Euler a"});
        let filter = parsed(request).unwrap().checked(100).unwrap();
        let expected = Filter {
            samplers: vec!["Euler a".into()],
            none_of: vec![
                Filter { any_tags: vec!["海".into()], ..Filter::default() },
                Filter { terms: vec!["red".into(), "car".into()], ..Filter::default() },
            ],
            ..Filter::default()
        };
        assert_eq!(filter, expected);
        let both = parsed(json!({"sampler": "a", "samplers": ["b"]})).unwrap().checked(100).unwrap_err();
        assert_eq!(both.problem().members["field"], "sampler");
    }

    #[test]
    fn bounds_must_be_in_order_and_blank_texts_ask_for_nothing() {
        let refused = |json| parsed(json).unwrap().checked(100).unwrap_err().problem().members["field"].clone();
        assert_eq!(refused(json!({"min_width": 2, "max_width": 1})), "min_width");
        assert_eq!(refused(json!({"min_bytes": 2, "max_bytes": 1})), "min_bytes");
        let date = "2026-01-01T00:00:00Z";
        assert_eq!(refused(json!({"uploaded_from": date, "uploaded_before": date})), "uploaded_from");
        assert_eq!(refused(json!({"file_name_pattern": "*a".repeat(17)})), "file_name_pattern");
        assert_eq!(refused(json!({"sampler": "x".repeat(101)})), "sampler");
        assert_eq!(refused(json!({"sampler": "a\0b"})), "sampler");
        let blank =
            json!({"sampler": " ", "file_name_pattern": "", "generation_model": "", "file_name_contains": "　"});
        assert!(parsed(blank).unwrap().checked(100).unwrap().is_empty());
    }
}
