//! Readings: what the reader of files finds in the file of a stored image, and what becomes of the image's texts.

use mitsuke_image::{Generation, parse_generation_prompt};

use crate::tags::{Origin, Tags};
use crate::taken::stored_taken;
use crate::{ImageId, StoreError, TakenAt};

/// Keeps the version of the reader that has read each image's file, and takes the results of reading files again.
pub trait ReadingStore: Send + Sync {
    /// Lists the images whose file was last read by a reader of a version before `reader_version`, each with that
    /// version, in ascending order of version and id: those after `after`.
    fn images_read_before(
        &self,
        reader_version: u32,
        after: Option<(u32, ImageId)>,
        limit: usize,
    ) -> Result<Vec<(u32, ImageId)>, StoreError>;

    /// Counts the images whose file was last read by a reader of a version before `reader_version`.
    fn count_images_read_before(&self, reader_version: u32) -> Result<u64, StoreError>;

    /// Puts the result of reading an image's file again in the place of the texts and tags that were found in it before.
    /// A text that a caller has set, cleared or removed stays as it is, and the generation prompt that a caller has set is
    /// parsed again. `reading` is `None` for a file that cannot be read; its texts stay as they are. Returns what has
    /// changed, and `None` when there is no such image.
    fn put_reading(
        &self,
        image_id: ImageId,
        reader_version: u32,
        reading: Option<&Reading<'_>>,
    ) -> Result<Option<Changes>, StoreError>;
}

/// The texts, tags and facts that the reader finds in a file.
#[derive(Debug, Clone, Default)]
pub struct Reading<'a> {
    /// The caption.
    pub caption: Option<&'a str>,
    /// The raw text of the generation prompt.
    pub generation_prompt: Option<&'a str>,
    /// The readable parts of the generation prompt.
    pub generation: Option<&'a Generation>,
    /// The tags.
    pub tags: &'a [String],
    /// The time at which the picture was taken.
    pub taken: Option<TakenAt>,
    /// The name of the camera.
    pub camera: Option<&'a str>,
    /// The text that the reader of version 0 stored, as a caption or a generation prompt. Rows of that version do not
    /// say whether a caller has set their texts; a text that no reader finds in the file counts as set.
    pub earlier_text: Option<&'a str>,
}

/// The texts and facts of an image that a reading has changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Changes {
    /// Whether the caption has changed.
    pub caption: bool,
    /// Whether the generation prompt or its readable parts have changed.
    pub generation_prompt: bool,
    /// Whether the tags have changed.
    pub tags: bool,
    /// Whether the time at which the picture was taken has changed.
    pub taken: bool,
    /// Whether the camera has changed.
    pub camera: bool,
}

impl Changes {
    /// Returns whether anything has changed.
    #[must_use]
    pub fn any(self) -> bool {
        self.caption || self.generation_prompt || self.tags || self.taken || self.camera
    }
}

/// The texts of an image with their origins, and the facts that a reading may change. An origin is `None` in a row of a
/// version that did not note it.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Texts {
    pub(crate) caption: Option<String>,
    pub(crate) caption_origin: Option<Origin>,
    pub(crate) generation_prompt: Option<String>,
    pub(crate) generation_prompt_origin: Option<Origin>,
    pub(crate) generation: Option<Generation>,
    pub(crate) tags: Tags,
    pub(crate) taken: Option<TakenAt>,
    /// The source of `taken`, or of its absence.
    pub(crate) taken_origin: Origin,
    pub(crate) camera: Option<String>,
}

impl Texts {
    /// Returns texts and facts after the file has been read again. Both origins are known then.
    pub(crate) fn read_again(&self, reading: &Reading<'_>) -> Self {
        let caption_origin = self.caption_origin.unwrap_or_else(|| self.guess(self.caption.as_deref(), reading));
        let prompt_origin =
            self.generation_prompt_origin.unwrap_or_else(|| self.guess(self.generation_prompt.as_deref(), reading));
        let (generation_prompt, generation) = match prompt_origin {
            Origin::Found => (reading.generation_prompt.map(str::to_owned), reading.generation.cloned()),
            Origin::Set => {
                (self.generation_prompt.clone(), self.generation_prompt.as_deref().and_then(parse_generation_prompt))
            }
        };
        Self {
            caption: match caption_origin {
                Origin::Found => reading.caption.map(str::to_owned),
                Origin::Set => self.caption.clone(),
            },
            caption_origin: Some(caption_origin),
            generation_prompt,
            generation_prompt_origin: Some(prompt_origin),
            generation,
            tags: self.tags.read_again(reading.tags),
            taken: match self.taken_origin {
                Origin::Found => reading.taken.map(stored_taken),
                Origin::Set => self.taken,
            },
            taken_origin: self.taken_origin,
            camera: reading.camera.map(str::to_owned),
        }
    }

    /// Returns the origin of one of the two texts whose row does not tell it. A missing text counts as cleared only
    /// where neither text is stored, although the first reader found one.
    fn guess(&self, text: Option<&str>, reading: &Reading<'_>) -> Origin {
        let found = match text {
            Some(text) => [reading.earlier_text, reading.caption, reading.generation_prompt]
                .into_iter()
                .flatten()
                .any(|t| t == text),
            None => reading.earlier_text.is_none() || self.caption.is_some() || self.generation_prompt.is_some(),
        };
        if found { Origin::Found } else { Origin::Set }
    }

    /// Returns how these texts differ from those before.
    pub(crate) fn changes_since(&self, before: &Self) -> Changes {
        Changes {
            caption: self.caption != before.caption,
            generation_prompt: self.generation_prompt != before.generation_prompt
                || self.generation != before.generation,
            tags: self.tags.texts() != before.tags.texts(),
            taken: self.taken != before.taken,
            camera: self.camera != before.camera,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(caption: Option<&str>, prompt: Option<&str>) -> Texts {
        Texts { caption: caption.map(Into::into), generation_prompt: prompt.map(Into::into), ..Texts::default() }
    }

    fn reading() -> Reading<'static> {
        Reading { caption: Some("the sea"), earlier_text: Some("Title:the sea"), ..Reading::default() }
    }

    #[test]
    fn a_text_of_unknown_origin_counts_as_found_where_a_reader_finds_it() {
        let again = stored(Some("Title:the sea"), None).read_again(&reading());
        assert_eq!((again.caption.as_deref(), again.caption_origin), (Some("the sea"), Some(Origin::Found)));
        let again = stored(Some("my words"), None).read_again(&reading());
        assert_eq!((again.caption.as_deref(), again.caption_origin), (Some("my words"), Some(Origin::Set)));
        assert_eq!(again.generation_prompt_origin, Some(Origin::Found));
    }

    #[test]
    fn a_text_that_is_missing_although_the_first_reader_found_it_counts_as_cleared() {
        let cleared = stored(None, None).read_again(&reading());
        assert_eq!((cleared.caption, cleared.caption_origin), (None, Some(Origin::Set)));
        let never_there = stored(None, None).read_again(&Reading { earlier_text: None, ..reading() });
        assert_eq!(never_there.caption.as_deref(), Some("the sea"));
    }

    #[test]
    fn a_caption_that_is_a_generation_prompt_by_now_moves_there() {
        let reading =
            Reading { generation_prompt: Some("a cat"), earlier_text: Some("Comment:a cat"), ..Reading::default() };
        let again = stored(Some("Comment:a cat"), None).read_again(&reading);
        assert_eq!((again.caption, again.generation_prompt.as_deref()), (None, Some("a cat")));
    }

    #[test]
    fn a_generation_prompt_that_a_caller_has_set_is_only_parsed_again() {
        let text = "a cat\nNegative prompt: dog\nSteps: 20, Sampler: Euler a, Seed: 7";
        let mut texts = stored(None, Some(text));
        texts.generation_prompt_origin = Some(Origin::Set);
        let again = texts.read_again(&Reading { generation_prompt: Some("other"), ..Reading::default() });
        assert_eq!(again.generation_prompt.as_deref(), Some(text));
        assert_eq!(again.generation.as_ref().and_then(|parts| parts.seed), Some(7));
        let changes = again.changes_since(&texts);
        assert_eq!((changes.caption, changes.generation_prompt, changes.tags), (false, true, false));
    }
}
