//! The insert of several images in one transaction, with fewer round trips than one after the other takes.

use std::collections::HashMap;

use super::models::{Tables, VectorTable};
use super::{columns, embeddings, hashes, images, loras, tags, words};
use crate::oracle::connection::error::OracleError;
use crate::oracle::connection::session::Session;
use crate::tags::Tags;
use crate::{ImageId, Inserted, NewImage, Sha256, StoreError};
use mitsuke_index::UnitVector;

/// A new image whose row is written.
struct New<'a> {
    image_id: ImageId,
    image: &'a NewImage<'a>,
    tags: Tags,
}

/// Inserts images with everything that belongs to them, and returns an answer for each. An image whose embeddings do not fit
/// leaves the others be.
///
/// # Errors
/// The errors that end the transaction. They may be due to one image.
pub(crate) fn insert(
    session: &Session<'_>,
    tables: &Tables,
    images: &[NewImage<'_>],
) -> Result<Vec<Result<Inserted, StoreError>>, OracleError> {
    let hashes: Vec<Sha256> = images.iter().map(|image| image.sha256).collect();
    let mut known: HashMap<Sha256, ImageId> = hashes::find_many(session, &hashes)?.into_iter().collect();
    let (mut answers, mut new) = (Vec::with_capacity(images.len()), Vec::new());
    for image in images {
        if let Some(image_id) = known.get(&image.sha256) {
            answers.push(Ok(Inserted::Known(*image_id)));
            continue;
        }
        let fitting = match tables_of(session, tables, image) {
            Ok(fitting) => fitting,
            Err(OracleError::Store(error)) if !error.ends_bulk_work() => {
                answers.push(Err(error));
                continue;
            }
            Err(error) => return Err(error),
        };
        let tags = Tags::of(image);
        let Some(image_id) = images::insert_row(session, image, &tags)? else {
            // Another session has committed an image of these bytes since the hashes were asked for.
            let found = hashes::find(session, &image.sha256)?;
            let comes_and_goes = || StoreError::Unavailable("an image of the same bytes comes and goes".into());
            answers.push(found.map(Inserted::Known).ok_or_else(comes_and_goes));
            continue;
        };
        if let Some(caption) = image.caption {
            columns::insert_caption(session, image_id, caption)?;
        }
        for (table, vector) in fitting {
            embeddings::insert(session, &table, image_id, vector)?;
        }
        known.insert(image.sha256, image_id);
        answers.push(Ok(Inserted::Created(image_id)));
        new.push(New { image_id, image, tags });
    }
    let tags: Vec<_> = new.iter().map(|new| (new.image_id, &new.tags)).collect();
    tags::insert_all(session, &tags)?;
    let generations: Vec<_> = new.iter().map(|new| (new.image_id, new.image.generation)).collect();
    loras::insert_all(&|sql, binds| session.execute(sql, binds), &generations)?;
    words::add_all(session, new.iter().map(|new| words::words_of(new.image.generation)))?;
    Ok(answers)
}

/// Returns the tables of an image's embeddings.
fn tables_of<'a>(
    session: &Session<'_>,
    tables: &Tables,
    image: &'a NewImage<'_>,
) -> Result<Vec<(VectorTable, &'a UnitVector)>, OracleError> {
    let mut fitting = Vec::with_capacity(image.embeddings.len());
    for (model_id, vector) in image.embeddings {
        let table = tables.get(session, *model_id)?;
        table.check(vector.dimension())?;
        fitting.push((table, vector));
    }
    Ok(fitting)
}
