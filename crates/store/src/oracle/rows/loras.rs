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
    insert_all(send, &[(image_id, generation)])
}

/// Writes the LoRAs of images that have none, with as few statements as they fit.
pub(crate) fn insert_all(send: Send<'_>, images: &[(ImageId, Option<&Generation>)]) -> Result<(), OracleError> {
    let name = |name: &str| name.chars().take(NAME_CHARS).collect::<String>();
    let mut rows = Vec::new();
    for (image_id, generation) in images {
        for (place, lora) in stored_loras(*generation).into_iter().enumerate() {
            rows.push((image_id, lora.folded, place, name(&lora.name), lora.weight));
        }
    }
    json_rows::insert(
        send,
        "INSERT INTO image_loras (image_id, folded, place, name, weight) \
         SELECT j.image_id, j.folded, j.place, j.name, j.weight FROM JSON_TABLE(:items, '$[*]' COLUMNS (\
         image_id NUMBER PATH '$[0]', folded VARCHAR2(255 CHAR) PATH '$[1]', place NUMBER PATH '$[2]', \
         name VARCHAR2(255 CHAR) PATH '$[3]', weight NUMBER PATH '$[4]')) j",
        &Binds::none(),
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
