//! Reads the fields of a filter, in a JSON body as in a query string.

use std::fmt;

use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, PrimitiveDateTime};

use crate::api::types::taken;
use mitsuke_image::FileType;
use mitsuke_store::TakenAt;

/// Reads an RFC 3339 date. The error message shows an example.
pub(super) fn date<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<OffsetDateTime>, D::Error> {
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
pub(super) fn file_types<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<FileType>, D::Error> {
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
            if let Ok(names) = serde_json::from_str::<Vec<String>>(text) {
                names.iter().try_for_each(|name| add(&mut types, name))?;
                return Ok(types);
            }
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

/// Reads a day, or a time by the clock of a camera. A day stands for its beginning.
pub(super) fn clock<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<PrimitiveDateTime>, D::Error> {
    let Some(text) = Option::<String>::deserialize(deserializer)? else { return Ok(None) };
    match taken::read(&text) {
        Some(TakenAt { local, offset: None }) => Ok(Some(local)),
        Some(_) => Err(de::Error::custom(format_args!(
            "`{text}` has an offset, and the times at which pictures were taken are compared by the clock of the camera; \
             leave the offset out"
        ))),
        None => Err(de::Error::custom(format_args!(
            "`{text}` is neither a day nor a time; write 2024-05-01 or 2024-05-01T12:00:00"
        ))),
    }
}

/// Reads tags as a list, or as one text in which commas separate them.
pub(super) fn tags<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    list(deserializer, |text| split_tags(text).collect())
}

/// Reads texts as a list, or as one text in which commas separate them.
pub(super) fn texts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    list(deserializer, |text| {
        text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
    })
}

/// Reads a list; one text is a JSON list, or else what `split` makes of it.
fn list<'de, D: Deserializer<'de>>(
    deserializer: D,
    split: impl FnOnce(&str) -> Vec<String>,
) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "a list of texts")]
    enum Texts {
        Text(String),
        List(Vec<String>),
    }
    Ok(match Option::<Texts>::deserialize(deserializer)? {
        None => Vec::new(),
        Some(Texts::Text(text)) => serde_json::from_str(&text).unwrap_or_else(|_| split(&text)),
        Some(Texts::List(list)) => list,
    })
}

/// Splits a text at its commas, also those of Japanese text, and leaves out blank parts.
pub fn split_tags(text: &str) -> impl Iterator<Item = String> {
    text.split([',', '，', '、']).map(str::trim).filter(|tag| !tag.is_empty()).map(str::to_owned)
}
