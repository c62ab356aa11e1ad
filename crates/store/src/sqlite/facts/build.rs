//! The reading of all facts from the rows.

use std::collections::HashMap;

use rusqlite::{Row, Transaction};

use super::row::FactValue;
use super::{FactsIndex, FactsRow};
use crate::sqlite::values::unsigned;
use crate::taken::taken_of;
use crate::{ImageId, StoreError};

/// The facts that the list index holds. The rows of the table are much larger.
const FACTS: &str = "SELECT image_id, upload_date, taken_local, byte_count, width, height, has_generation_prompt,
    generation_seed, file_name_folded, generation_model, generation_sampler, file_type, camera, folder
    FROM images INDEXED BY images_newest";

/// Reads the facts of all images from one snapshot. Returns `None` when `stop` returns true.
///
/// # Errors
/// The errors of the database.
pub(in crate::sqlite) fn build(
    snapshot: &Transaction<'_>,
    stop: impl Fn() -> bool,
) -> Result<Option<FactsIndex>, StoreError> {
    let mut forms = Forms::default();
    let mut facts = FactsIndex::default();
    let mut statement = snapshot.prepare(FACTS)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        facts.put(&forms.row(row)?);
        if facts.len().is_multiple_of(10_000) && stop() {
            return Ok(None);
        }
    }
    let mut captions = snapshot.prepare("SELECT image_id FROM image_descriptions")?;
    let mut rows = captions.query([])?;
    while let Some(row) = rows.next()? {
        facts.set_has_caption(row.get(0)?);
    }
    let tags = "SELECT image_id, folded, tag FROM image_tags ORDER BY image_id, place";
    each_list(snapshot, tags, |image_id, values| facts.set_tags(image_id, values))?;
    let loras = "SELECT image_id, folded, name FROM image_loras ORDER BY image_id, place";
    each_list(snapshot, loras, |image_id, values| facts.set_loras(image_id, values))?;
    Ok((!stop()).then_some(facts))
}

/// Reads pairs of a folded form and a spelling in the order of their images, and passes those of each image to `each`.
fn each_list(
    snapshot: &Transaction<'_>,
    sql: &str,
    mut each: impl FnMut(ImageId, &[FactValue]),
) -> Result<(), StoreError> {
    let mut statement = snapshot.prepare(sql)?;
    let mut rows = statement.query([])?;
    let mut of_image = 0;
    let mut values: Vec<FactValue> = Vec::new();
    while let Some(row) = rows.next()? {
        let image_id = row.get(0)?;
        if image_id != of_image && !values.is_empty() {
            each(of_image, &values);
            values.clear();
        }
        of_image = image_id;
        values.push(FactValue { folded: row.get(1)?, spelling: row.get(2)? });
    }
    each(of_image, &values);
    Ok(())
}

/// The compared forms of the values that have been read, so that each is folded once.
#[derive(Default)]
struct Forms {
    parts: HashMap<String, FactValue>,
    cameras: HashMap<String, FactValue>,
    folders: HashMap<String, FactValue>,
}

impl Forms {
    fn row(&mut self, row: &Row<'_>) -> Result<FactsRow, StoreError> {
        let taken: Option<i64> = row.get(2)?;
        let month = taken.map(|taken| taken_of(taken, None)).transpose()?;
        let seed: Option<String> = row.get(7)?;
        let values = [
            form(&mut self.parts, row.get(9)?, FactValue::checkpoint_or_sampler),
            form(&mut self.parts, row.get(10)?, FactValue::checkpoint_or_sampler),
            Some(FactValue::plain(row.get::<_, String>(11)?)),
            month.map(|taken| FactValue::month(taken.local.date())),
            form(&mut self.cameras, row.get(12)?, FactValue::camera),
            form(&mut self.folders, row.get(13)?, FactValue::folder),
        ];
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
            values,
            tags: Vec::new(),
            loras: Vec::new(),
        })
    }
}

fn form(
    known: &mut HashMap<String, FactValue>,
    text: Option<String>,
    make: fn(&str) -> FactValue,
) -> Option<FactValue> {
    let text = text?;
    if let Some(value) = known.get(&text) {
        return Some(value.clone());
    }
    let value = make(&text);
    known.insert(text, value.clone());
    Some(value)
}
