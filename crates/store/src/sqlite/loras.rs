//! Rows of IMAGE_LORAS.

use mitsuke_image::Generation;
use rusqlite::{Transaction, params};

use crate::loras::stored_loras;
use crate::{ImageId, StoreError};

/// Writes the LoRAs of a new image.
pub(super) fn insert(
    transaction: &Transaction<'_>,
    image_id: ImageId,
    generation: Option<&Generation>,
) -> Result<(), StoreError> {
    let mut row = transaction
        .prepare_cached("INSERT INTO image_loras (image_id, folded, place, name, weight) VALUES (?, ?, ?, ?, ?)")?;
    for (place, lora) in (0_i64..).zip(stored_loras(generation)) {
        row.execute(params![image_id, lora.folded, place, lora.name, lora.weight])?;
    }
    Ok(())
}

/// Writes the LoRAs of an image in place of those before.
pub(super) fn replace(
    transaction: &Transaction<'_>,
    image_id: ImageId,
    generation: Option<&Generation>,
) -> Result<(), StoreError> {
    transaction.prepare_cached("DELETE FROM image_loras WHERE image_id = ?")?.execute([image_id])?;
    insert(transaction, image_id, generation)
}
