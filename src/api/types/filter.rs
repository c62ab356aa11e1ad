//! The shape of a filter. It is the same in a JSON body, a form part and a query string.

use std::fmt;

use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use utoipa::{IntoParams, ToSchema};

use super::file_type::FileTypeSchema;
use crate::api::checks;
use crate::error::ApiError;
use mitsuke_image::FileType;
use mitsuke_store::Filter;

/// Characters of a file-name pattern at most: no stored name is longer.
const PATTERN_CHARS: usize = 255;

/// Number of `*` in a file-name pattern at most: each one multiplies the ways to try.
const PATTERN_STARS: usize = 16;

/// Number of tags in each list of a filter at most: each one is a look-up for every image.
const FILTER_TAGS: usize = 32;

/// The images that may be found. Fields combine with AND, items of a list with OR. A blank text asks for nothing.
#[derive(Debug, Clone, Default, Deserialize, ToSchema, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct FilterRequest {
    /// Media types, in upper or lower case. In a query string they are separated by commas.
    #[serde(default, deserialize_with = "file_types")]
    #[schema(value_type = Vec<FileTypeSchema>, example = json!(["image/png"]))]
    #[param(value_type = Vec<FileTypeSchema>, style = Form, explode = false, example = json!(["image/png"]))]
    pub file_types: Vec<FileType>,
    /// Earliest time of the upload (RFC 3339).
    #[serde(default, deserialize_with = "date")]
    #[schema(value_type = Option<String>, format = DateTime, example = "2026-01-01T00:00:00Z")]
    #[param(value_type = Option<String>, format = DateTime, example = "2026-01-01T00:00:00Z")]
    pub uploaded_from: Option<OffsetDateTime>,
    /// Time before which the image was uploaded (RFC 3339).
    #[serde(default, deserialize_with = "date")]
    #[schema(value_type = Option<String>, format = DateTime, example = "2030-01-01T00:00:00Z")]
    #[param(value_type = Option<String>, format = DateTime, example = "2030-01-01T00:00:00Z")]
    pub uploaded_before: Option<OffsetDateTime>,
    /// Smallest width in pixels.
    #[schema(example = 320)]
    #[param(example = 320)]
    pub min_width: Option<u32>,
    /// Largest width in pixels.
    #[schema(example = 4096)]
    #[param(example = 4096)]
    pub max_width: Option<u32>,
    /// Smallest height in pixels.
    #[schema(example = 240)]
    #[param(example = 240)]
    pub min_height: Option<u32>,
    /// Largest height in pixels.
    #[schema(example = 4096)]
    #[param(example = 4096)]
    pub max_height: Option<u32>,
    /// Smallest size of the file in bytes.
    #[schema(example = 1000)]
    #[param(example = 1000)]
    pub min_bytes: Option<u64>,
    /// Largest size of the file in bytes.
    #[schema(example = 10_000_000)]
    #[param(example = 10_000_000)]
    pub max_bytes: Option<u64>,
    /// True for images with a generation prompt, false for images without one.
    #[schema(example = true)]
    #[param(example = true)]
    pub has_generation_prompt: Option<bool>,
    /// True for images with a caption, false for images without one.
    #[schema(example = true)]
    #[param(example = true)]
    pub has_caption: Option<bool>,
    /// A part of the file name; spellings that differ in case, width, accents, kana and the like are one.
    #[schema(example = "sunset")]
    #[param(example = "sunset")]
    pub file_name_contains: Option<String>,
    /// A pattern of the whole file name: `*` stands for any characters, `?` for any one character; spellings that differ
    /// in case, width, accents, kana and the like are one. It may have 255 characters and 16 `*` at most.
    #[schema(example = "IMG_*.jpg", max_length = 255)]
    #[param(example = "IMG_*.jpg", max_length = 255)]
    pub file_name_pattern: Option<String>,
    /// The whole name of the image generator's model (`generation.model`); ASCII letters are compared without case.
    #[schema(example = "sd_xl_base_1.0")]
    #[param(example = "sd_xl_base_1.0")]
    pub generation_model: Option<String>,
    /// The whole name of the sampler (`generation.sampler`); ASCII letters are compared without case.
    #[schema(example = "DPM++ 2M Karras")]
    #[param(example = "DPM++ 2M Karras")]
    pub sampler: Option<String>,
    /// The seed (`generation.seed`).
    #[schema(example = 1_659_825_313_u64)]
    #[param(example = 1_659_825_313_u64)]
    pub seed: Option<u64>,
    /// Tags that an image must have, all of them; letters are compared without case and width. In a query string they are
    /// separated by commas. There may be 32 at most.
    #[serde(default, deserialize_with = "tags")]
    #[schema(value_type = Vec<String>, max_items = 32, example = json!(["海"]))]
    #[param(value_type = Vec<String>, style = Form, explode = false, example = json!(["海"]))]
    pub tags: Vec<String>,
    /// Tags of which an image must have at least one, as in `tags`.
    #[serde(default, deserialize_with = "tags")]
    #[schema(value_type = Vec<String>, max_items = 32, example = json!(["sunset", "夕焼け"]))]
    #[param(value_type = Vec<String>, style = Form, explode = false, example = json!(["sunset", "夕焼け"]))]
    pub any_tags: Vec<String>,
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
        Ok(Filter {
            file_types: self.file_types.into_iter().map(|t| t.media_type().to_owned()).collect(),
            uploaded_from: self.uploaded_from,
            uploaded_before: self.uploaded_before,
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
            checkpoints: text("generation_model", self.generation_model, max_chars)?.into_iter().collect(),
            samplers: text("sampler", self.sampler, max_chars)?.into_iter().collect(),
            seed: self.seed,
            tags: checks::tags("tags", self.tags, FILTER_TAGS)?,
            any_tags: checks::tags("any_tags", self.any_tags, FILTER_TAGS)?,
            ..Filter::default()
        })
    }
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

/// Reads an RFC 3339 date. The error message shows an example.
fn date<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<OffsetDateTime>, D::Error> {
    let Some(text) = Option::<String>::deserialize(deserializer)? else { return Ok(None) };
    // In a query string an unescaped `+` reads as a space.
    let parsed = OffsetDateTime::parse(&text, &Rfc3339)
        .or_else(|_| OffsetDateTime::parse(&text.replace(' ', "+"), &Rfc3339))
        .map_err(|_| {
            de::Error::custom(format_args!(
                "`{text}` is not a date and time of RFC 3339; write 2026-01-31T12:00:00Z or \
                 2026-01-31T21:00:00+09:00"
            ))
        })?;
    Ok(Some(parsed))
}

/// Reads media types as a list, or as one text in which commas separate them.
fn file_types<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<FileType>, D::Error> {
    struct Types;

    impl<'de> Visitor<'de> for Types {
        type Value = Vec<FileType>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list of media types")
        }

        fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
            Ok(Vec::new())
        }

        fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
            let mut types = Vec::new();
            for name in text.split(',').map(str::trim).filter(|name| !name.is_empty()) {
                add(&mut types, name)?;
            }
            Ok(types)
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
            let mut types = Vec::new();
            while let Some(name) = list.next_element::<String>()? {
                add(&mut types, &name)?;
            }
            Ok(types)
        }
    }

    /// Adds a type that is not in the list yet, so that the list is never longer than there are types.
    fn add<E: de::Error>(types: &mut Vec<FileType>, name: &str) -> Result<(), E> {
        let file_type = FileType::from_media_type(&name.to_ascii_lowercase()).ok_or_else(|| {
            let known: Vec<_> = FileType::ALL.iter().map(|t| t.media_type()).collect();
            E::custom(format_args!(
                "`{name}` is not a type of picture that is stored; the types are: {}",
                known.join(", ")
            ))
        })?;
        if !types.contains(&file_type) {
            types.push(file_type);
        }
        Ok(())
    }

    deserializer.deserialize_any(Types)
}

/// Reads tags as a list, or as one text in which commas separate them.
fn tags<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "a list of tags")]
    enum Tags {
        Text(String),
        List(Vec<String>),
    }
    Ok(match Option::<Tags>::deserialize(deserializer)? {
        None => Vec::new(),
        Some(Tags::Text(text)) => split_tags(&text).collect(),
        Some(Tags::List(tags)) => tags,
    })
}

/// Splits a text at its commas, also those of Japanese text, and leaves out blank parts.
pub fn split_tags(text: &str) -> impl Iterator<Item = String> {
    text.split([',', '，', '、']).map(str::trim).filter(|tag| !tag.is_empty()).map(str::to_owned)
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
        assert!(parsed(json!({"tags": 7})).unwrap_err().contains("a list of tags"));
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
