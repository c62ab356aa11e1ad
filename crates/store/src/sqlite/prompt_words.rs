//! Rows of PROMPT_WORDS: the words of readable prompts, counted by image.

use std::collections::{BTreeMap, BTreeSet};

use mitsuke_image::Generation;
use rusqlite::{Connection, OptionalExtension as _, Transaction, params};

use crate::text::prompt_words;
use crate::{ImageId, StoreError, generation};

/// Returns the words of a readable prompt.
pub(super) fn words_of(generation: Option<&Generation>) -> BTreeSet<String> {
    prompt_words(generation.and_then(|parts| parts.prompt.as_deref()).unwrap_or_default())
}

/// Returns the counted words of a stored image.
pub(super) fn stored(connection: &Connection, image_id: ImageId) -> Result<BTreeSet<String>, StoreError> {
    let json: Option<Option<String>> = connection
        .prepare_cached("SELECT generation FROM images WHERE image_id = ?")?
        .query_row([image_id], |row| row.get(0))
        .optional()?;
    Ok(words_of(generation::from_json(json.flatten().as_deref()).as_ref()))
}

/// Counts an image that has the words `after` and had the words `before`.
pub(super) fn change(
    transaction: &Transaction<'_>,
    before: &BTreeSet<String>,
    after: &BTreeSet<String>,
) -> Result<(), StoreError> {
    add(transaction, after.difference(before).map(|word| (word, 1)))?;
    for word in before.difference(after) {
        transaction
            .prepare_cached("UPDATE prompt_words SET images = max(images - 1, 0) WHERE word = ?")?
            .execute([word])?;
        transaction.prepare_cached("DELETE FROM prompt_words WHERE word = ? AND images = 0")?.execute([word])?;
    }
    Ok(())
}

/// Adds to the counts of some words.
pub(super) fn add<'a>(
    transaction: &Transaction<'_>,
    counts: impl Iterator<Item = (&'a String, i64)>,
) -> Result<(), StoreError> {
    let mut row = transaction.prepare_cached(
        "INSERT INTO prompt_words (word, images) VALUES (?, ?)
         ON CONFLICT (word) DO UPDATE SET images = images + excluded.images",
    )?;
    for (word, images) in counts {
        row.execute(params![word, images])?;
    }
    Ok(())
}

/// The numbers of images that have some words.
#[derive(Debug, Default)]
pub(super) struct WordCounts(BTreeMap<String, i64>);

impl WordCounts {
    /// Counts an image.
    pub(super) fn count(&mut self, words: BTreeSet<String>) {
        for word in words {
            *self.0.entry(word).or_default() += 1;
        }
    }

    /// Adds the numbers to those of the table.
    pub(super) fn write(&self, transaction: &Transaction<'_>) -> Result<(), StoreError> {
        add(transaction, self.0.iter().map(|(word, images)| (word, *images)))
    }
}
