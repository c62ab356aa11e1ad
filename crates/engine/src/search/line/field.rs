//! The fields of a query line.

use std::fmt;

use mitsuke_image::FileType;
use mitsuke_store::Filter;

use super::parse::half_width;
use super::taken::Days;

/// A condition on a fact of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Field {
    /// A tag.
    Tag(String),
    /// The model that made the picture.
    Checkpoint(String),
    /// A LoRA that changed that model.
    Lora(String),
    /// The sampler.
    Sampler(String),
    /// The camera.
    Camera(String),
    /// The folder, or a folder above it.
    In(String),
    /// The days on which the picture was taken, by the clock of the camera.
    Taken(Days),
    /// The type of the file.
    Type(FileType),
    /// The presence of a fact.
    Has(Fact),
}

/// A fact that an image may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fact {
    /// A caption.
    Caption,
    /// A generation prompt.
    Prompt,
    /// The time at which the picture was taken.
    Taken,
}

impl Field {
    /// Reads a field; `None` when there is no field of that name, or the value is none of its values. The name and the
    /// values of `taken`, `type` and `has` may be in any case and width.
    pub(super) fn read(name: &str, value: &str) -> Option<Self> {
        let text = value.to_owned();
        Some(match half_width(name).as_str() {
            "tag" => Self::Tag(text),
            "checkpoint" => Self::Checkpoint(text),
            "lora" => Self::Lora(text),
            "sampler" => Self::Sampler(text),
            "camera" => Self::Camera(text),
            "in" => Self::In(text),
            "taken" => Self::Taken(Days::read(&half_width(value))?),
            "type" => Self::Type(file_type(&half_width(value))?),
            "has" => Self::Has(match half_width(value).as_str() {
                "caption" => Fact::Caption,
                "prompt" => Fact::Prompt,
                "taken" => Fact::Taken,
                _ => return None,
            }),
            _ => return None,
        })
    }

    /// The name as a line writes it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Tag(_) => "tag",
            Self::Checkpoint(_) => "checkpoint",
            Self::Lora(_) => "lora",
            Self::Sampler(_) => "sampler",
            Self::Camera(_) => "camera",
            Self::In(_) => "in",
            Self::Taken(_) => "taken",
            Self::Type(_) => "type",
            Self::Has(_) => "has",
        }
    }

    /// The value, without quotes.
    #[must_use]
    pub fn value(&self) -> String {
        match self {
            Self::Tag(text)
            | Self::Checkpoint(text)
            | Self::Lora(text)
            | Self::Sampler(text)
            | Self::Camera(text)
            | Self::In(text) => text.clone(),
            Self::Taken(days) => days.to_string(),
            Self::Type(file_type) => {
                file_type.extensions().first().copied().unwrap_or(file_type.media_type()).to_owned()
            }
            Self::Has(Fact::Caption) => "caption".to_owned(),
            Self::Has(Fact::Prompt) => "prompt".to_owned(),
            Self::Has(Fact::Taken) => "taken".to_owned(),
        }
    }

    /// Adds the condition to a filter.
    pub(super) fn narrow(&self, filter: &mut Filter) {
        match self {
            Self::Tag(tag) => filter.tags.push(tag.clone()),
            Self::Checkpoint(checkpoint) => filter.checkpoints.push(checkpoint.clone()),
            Self::Lora(lora) => filter.loras.push(lora.clone()),
            Self::Sampler(sampler) => filter.samplers.push(sampler.clone()),
            Self::Camera(camera) => filter.cameras.push(camera.clone()),
            Self::In(folder) => filter.folders.push(folder.clone()),
            Self::Taken(days) => days.narrow(filter),
            Self::Type(file_type) => {
                let media_type = file_type.media_type();
                if !filter.file_types.iter().any(|listed| listed == media_type) {
                    filter.file_types.push(media_type.to_owned());
                }
            }
            Self::Has(fact) => {
                if let Some(without) = fact.require(filter) {
                    filter.none_of.push(without);
                }
            }
        }
    }
}

impl Fact {
    /// Requires the fact. When the filter already requires its absence, returns the images that have to be left out as
    /// well, so that no image passes.
    fn require(self, filter: &mut Filter) -> Option<Filter> {
        let field = self.of(filter);
        if *field == Some(false) {
            let mut absent = Filter::default();
            *self.of(&mut absent) = Some(false);
            return Some(absent);
        }
        *field = Some(true);
        None
    }

    fn of(self, filter: &mut Filter) -> &mut Option<bool> {
        match self {
            Self::Caption => &mut filter.has_caption,
            Self::Prompt => &mut filter.has_generation_prompt,
            Self::Taken => &mut filter.has_taken,
        }
    }
}

fn file_type(text: &str) -> Option<FileType> {
    FileType::from_media_type(text).or_else(|| FileType::from_extension(text))
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.value();
        let quote = if value.contains(char::is_whitespace) { "\"" } else { "" };
        write!(f, "{}:{quote}{value}{quote}", self.name())
    }
}
