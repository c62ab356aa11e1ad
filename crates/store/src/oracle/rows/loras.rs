//! Rows of IMAGE_LORAS.

use super::json_rows::{self, Send};
use crate::ImageId;
use crate::loras::stored_loras;
use crate::oracle::connection::error::OracleError;
use crate::oracle::connection::session::Session;
use crate::oracle::connection::value::Binds;
use mitsuke_image::Generation;

/// The number of characters of a name that rows hold.
const NAME_CHARS: usize = 255;

/// Writes the LoRAs of an image that has none.
pub(crate) fn insert(send: Send<'_>, image_id: ImageId, generation: Option<&Generation>) -> Result<(), OracleError> {
    let name = |name: &str| name.chars().take(NAME_CHARS).collect::<String>();
    let loras = stored_loras(generation);
    let rows: Vec<_> =
        loras.iter().enumerate().map(|(place, lora)| (&lora.folded, place, name(&lora.name), lora.weight)).collect();
    json_rows::insert(
        send,
        "INSERT INTO image_loras (image_id, folded, place, name, weight) \
         SELECT :image_id, j.folded, j.place, j.name, j.weight FROM JSON_TABLE(:items, '$[*]' COLUMNS (\
         folded VARCHAR2(255 CHAR) PATH '$[0]', place NUMBER PATH '$[1]', name VARCHAR2(255 CHAR) PATH '$[2]', \
         weight NUMBER PATH '$[3]')) j",
        &Binds::none().with("image_id", image_id),
        &rows,
    )
}

/// Writes the LoRAs of a generation prompt in place of those of the one before.
pub(crate) fn replace(
    session: &Session<'_>,
    image_id: ImageId,
    before: Option<&Generation>,
    after: Option<&Generation>,
) -> Result<(), OracleError> {
    if stored_loras(before) == stored_loras(after) {
        return Ok(());
    }
    session.execute("DELETE FROM image_loras WHERE image_id = :image_id", &Binds::none().with("image_id", image_id))?;
    insert(&|sql, binds| session.execute(sql, binds), image_id, after)
}
