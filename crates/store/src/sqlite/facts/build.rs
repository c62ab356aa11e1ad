//! The reading of all facts from the rows.

use rusqlite::{Row, Transaction};

use super::row::month;
use super::{FactsIndex, FactsRow};
use crate::generation::compared_part;
use crate::sqlite::values::unsigned;
use crate::taken::taken_of;
use crate::{ImageId, StoreError};

/// The facts that the list index holds. The rows of the table are much larger.
const FACTS: &str = "SELECT image_id, upload_date, taken_local, byte_count, width, height, has_generation_prompt,
    generation_seed, file_name_folded, generation_model, generation_sampler, file_type, camera_folded, folder_folded
    FROM images INDEXED BY images_newest";

/// Reads the facts of all images from one snapshot. Returns `None` when `stop` returns true.
///
/// # Errors
/// The errors of the database.
pub(in crate::sqlite) fn build(
    snapshot: &Transaction<'_>,
    stop: impl Fn() -> bool,
) -> Result<Option<FactsIndex>, StoreError> {
    let mut facts = FactsIndex::default();
    let mut statement = snapshot.prepare(FACTS)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        facts.put(&facts_of(row)?);
        if facts.len().is_multiple_of(10_000) && stop() {
            return Ok(None);
        }
    }
    let mut captions = snapshot.prepare("SELECT image_id FROM image_descriptions")?;
    let mut rows = captions.query([])?;
    while let Some(row) = rows.next()? {
        facts.set_has_caption(row.get(0)?);
    }
    let tags = "SELECT image_id, folded FROM image_tags ORDER BY image_id, place";
    each_list(snapshot, tags, |image_id, values| facts.set_tags(image_id, values))?;
    let loras = "SELECT image_id, folded FROM image_loras ORDER BY image_id, place";
    each_list(snapshot, loras, |image_id, values| facts.set_loras(image_id, values))?;
    Ok((!stop()).then_some(facts))
}

/// Reads values in the order of their images, and passes those of each image to `each`.
fn each_list(
    snapshot: &Transaction<'_>,
    sql: &str,
    mut each: impl FnMut(ImageId, &[String]),
) -> Result<(), StoreError> {
    let mut statement = snapshot.prepare(sql)?;
    let mut rows = statement.query([])?;
    let mut of_image = 0;
    let mut values: Vec<String> = Vec::new();
    while let Some(row) = rows.next()? {
        let image_id = row.get(0)?;
        if image_id != of_image && !values.is_empty() {
            each(of_image, &values);
            values.clear();
        }
        of_image = image_id;
        values.push(row.get(1)?);
    }
    each(of_image, &values);
    Ok(())
}

/// Reads the facts of one row of [`FACTS`].
fn facts_of(row: &Row<'_>) -> Result<FactsRow, StoreError> {
    let taken: Option<i64> = row.get(2)?;
    let date = taken.map(|taken| taken_of(taken, None)).transpose()?.map(|taken| taken.local.date());
    let seed: Option<String> = row.get(7)?;
    let part = |column| row.get::<_, Option<String>>(column).map(|part| part.as_deref().map(compared_part));
    Ok(FactsRow {
        image_id: row.get(0)?,
        uploaded: row.get(1)?,
        taken,
        bytes: unsigned(row, 3)?,
        width: row.get(4)?,
        height: row.get(5)?,
        has_generation_prompt: row.get(6)?,
        has_caption: false,
        seed: seed.and_then(|seed| seed.parse().ok()),
        name: row.get(8)?,
        values: [part(9)?, part(10)?, row.get(11)?, date.map(month), row.get(12)?, row.get(13)?],
        tags: Vec::new(),
        loras: Vec::new(),
    })
}
