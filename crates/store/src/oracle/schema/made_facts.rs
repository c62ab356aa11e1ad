//! Fills the facts that are made of other columns: the keys of file names, the LoRAs, and the words of prompts.

use std::collections::BTreeMap;

use oracle::Connection;

use crate::oracle::connection::error::{DriverError, OracleError};
use crate::oracle::connection::session::{MAX_LOB_ROWS, execute, query};
use crate::oracle::connection::value::{Binds, Value};
use crate::oracle::rows::columns::name_binds;
use crate::oracle::rows::{loras, words};
use crate::{ImageId, generation};

/// The number of images of one transaction.
const BATCH: usize = 200;

/// The columns of an image that the facts are made of.
struct StoredImage {
    image_id: ImageId,
    file_name: String,
    generation: Option<String>,
}

/// Fills the facts of every image that has no key of its file name, so an interruption loses no more than one batch.
pub(crate) fn fill(connection: &Connection) -> Result<(), OracleError> {
    let mut after: ImageId = 0;
    let mut count = 0;
    loop {
        let batch = stored_images(connection, after)?;
        let Some(last) = batch.last() else { return Ok(()) };
        after = last.image_id;
        fill_batch(connection, &batch)?;
        connection.commit().map_err(DriverError::from)?;
        count += batch.len();
        log::info!("the facts of {count} images have been filled in, up to image {after}");
    }
}

fn stored_images(connection: &Connection, after: ImageId) -> Result<Vec<StoredImage>, OracleError> {
    query(
        connection,
        "SELECT i.image_id, i.file_name, i.generation \
         FROM (SELECT n.image_id FROM images n WHERE n.image_id > :after AND n.file_name_key IS NULL \
         ORDER BY n.image_id FETCH FIRST :take ROWS ONLY) b JOIN images i ON i.image_id = b.image_id \
         ORDER BY i.image_id",
        &Binds::none().with("after", after).with("take", Value::count(BATCH)),
        MAX_LOB_ROWS,
        &mut |row| {
            Ok(StoredImage {
                image_id: row.get(0)?,
                file_name: row.get::<_, Option<String>>(1)?.unwrap_or_default(),
                generation: row.get(2)?,
            })
        },
    )
}

fn fill_batch(connection: &Connection, batch: &[StoredImage]) -> Result<(), OracleError> {
    let send = |sql: &str, binds: &Binds<'_>| execute(connection, sql, binds);
    let mut counts: BTreeMap<String, i64> = BTreeMap::new();
    for image in batch {
        send(
            "UPDATE images SET file_name_folded = :file_name_folded, file_name_key = :file_name_key \
             WHERE image_id = :image_id",
            &Binds::none().with("image_id", image.image_id).and(name_binds(&image.file_name)),
        )?;
        let readable = generation::from_json(image.generation.as_deref());
        loras::insert(&send, image.image_id, readable.as_ref())?;
        for word in words::words_of(readable.as_ref()) {
            *counts.entry(word).or_default() += 1;
        }
    }
    let counts: Vec<(&str, i64)> = counts.iter().map(|(word, images)| (word.as_str(), *images)).collect();
    words::add(&send, &counts)
}
