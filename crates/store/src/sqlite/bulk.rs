//! Many images in one transaction: one change of them, or their insert.

use rusqlite::Transaction;

use super::images::{self, Insertion};
use crate::originals::Homes;
use crate::{ChangeOutcome, ImageChange, ImageId, MAX_CHANGED, NewImage, StoreError};

/// An image, and what has become of it.
pub(super) type Outcome = (ImageId, ChangeOutcome);

/// Changes images in parts, each of which `write` changes in a transaction. What a failed transaction would have changed is
/// as it was, and so is the rest after an error that the next part would meet too.
pub(super) fn in_parts(
    ids: &[ImageId],
    write: impl Fn(&[ImageId]) -> Result<Vec<Outcome>, StoreError>,
) -> Vec<Outcome> {
    let mut outcomes = Vec::with_capacity(ids.len());
    for part in ids.chunks(MAX_CHANGED) {
        match write(part) {
            Ok(changed) => outcomes.extend(changed),
            Err(error) => outcomes.extend(failed(part, &error)),
        }
        let ended = outcomes.iter().rev().find_map(|(_, outcome)| match outcome {
            ChangeOutcome::Failed(error) if error.ends_bulk_work() => Some(error.clone()),
            _ => None,
        });
        if let Some(error) = ended {
            let rest = ids.get(outcomes.len()..).unwrap_or_default();
            outcomes.extend(failed(rest, &error));
            break;
        }
    }
    outcomes
}

fn failed(ids: &[ImageId], error: &StoreError) -> Vec<Outcome> {
    ids.iter().map(|image_id| (*image_id, ChangeOutcome::Failed(error.clone()))).collect()
}

/// Returns the images that a part has changed or deleted.
pub(super) fn changed(outcomes: &[Outcome]) -> Vec<ImageId> {
    let changed = |outcome: &ChangeOutcome| matches!(outcome, ChangeOutcome::Changed | ChangeOutcome::Deleted);
    outcomes.iter().filter(|(_, outcome)| changed(outcome)).map(|(image_id, _)| *image_id).collect()
}

/// Returns the error of a full disk among the outcomes.
pub(super) fn disk_full(outcomes: &[Outcome]) -> Option<StoreError> {
    outcomes.iter().find_map(|(_, outcome)| match outcome {
        ChangeOutcome::Failed(error @ StoreError::DiskFull(_)) => Some(error.clone()),
        _ => None,
    })
}

/// Changes the images of one part. An image whose change fails is as it was.
///
/// # Errors
/// The errors that end the transaction.
pub(super) fn change(
    transaction: &Transaction<'_>,
    ids: &[ImageId],
    change: &ImageChange,
) -> Result<Vec<Outcome>, StoreError> {
    let mut outcomes = Vec::with_capacity(ids.len());
    for (at, image_id) in ids.iter().enumerate() {
        match in_savepoint(transaction, || change_one(transaction, *image_id, change))? {
            Ok(outcome) => outcomes.push((*image_id, outcome)),
            Err(error) if error.ends_bulk_work() => {
                outcomes.extend(failed(ids.get(at..).unwrap_or_default(), &error));
                break;
            }
            Err(error) => outcomes.push((*image_id, ChangeOutcome::Failed(error))),
        }
    }
    Ok(outcomes)
}

/// Does the work on one image. After an error of the work, the image is as it was and the transaction goes on.
///
/// # Errors
/// The errors that end the transaction.
fn in_savepoint<T>(
    transaction: &Transaction<'_>,
    work: impl FnOnce() -> Result<T, StoreError>,
) -> Result<Result<T, StoreError>, StoreError> {
    transaction.execute_batch("SAVEPOINT image")?;
    let outcome = work();
    if outcome.is_err() {
        transaction.execute_batch("ROLLBACK TO image")?;
    }
    transaction.execute_batch("RELEASE image")?;
    Ok(outcome)
}

/// Inserts images, and returns an answer for each. The hashes of the chunks of each original come with it, or the reason why
/// it is not inserted.
///
/// # Errors
/// The errors that end the transaction, and those that the next image would meet too. Nothing is inserted then.
pub(super) fn insert(
    transaction: &Transaction<'_>,
    images: &[NewImage<'_>],
    chunk_hashes: &[Result<Vec<u8>, StoreError>],
    homes: &Homes,
) -> Result<Vec<Result<Insertion, StoreError>>, StoreError> {
    let mut answers = Vec::with_capacity(images.len());
    for (image, hashes) in images.iter().zip(chunk_hashes) {
        let answer = match hashes {
            Ok(hashes) => in_savepoint(transaction, || images::insert(transaction, image, hashes, homes))?,
            Err(error) => Err(error.clone()),
        };
        match answer {
            Err(error) if error.ends_bulk_work() => return Err(error),
            answer => answers.push(answer),
        }
    }
    Ok(answers)
}

fn change_one(
    transaction: &Transaction<'_>,
    image_id: ImageId,
    change: &ImageChange,
) -> Result<ChangeOutcome, StoreError> {
    let patch = match change {
        ImageChange::Delete if images::delete(transaction, image_id)? => return Ok(ChangeOutcome::Deleted),
        ImageChange::Delete => return Ok(ChangeOutcome::Unknown),
        ImageChange::Patch(patch) => patch,
    };
    let before = images::image(transaction, image_id)?;
    let after = images::update(transaction, image_id, patch)?;
    Ok(match (before, after) {
        (Some(before), Some(after)) if before == after => ChangeOutcome::Unchanged,
        (Some(_), Some(_)) => ChangeOutcome::Changed,
        _ => ChangeOutcome::Unknown,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_that_the_next_part_would_meet_too_ends_the_work() {
        let ids: Vec<ImageId> = (0..350).collect();
        let full = StoreError::DiskFull("full".into());
        let outcomes = in_parts(&ids, |part| {
            let changed = |image_id: &ImageId| (*image_id, ChangeOutcome::Changed);
            if part.contains(&120) { Err(full.clone()) } else { Ok(part.iter().map(changed).collect()) }
        });
        assert_eq!(outcomes.iter().map(|(image_id, _)| *image_id).collect::<Vec<_>>(), ids);
        for (image_id, outcome) in &outcomes {
            let failed = matches!(outcome, ChangeOutcome::Failed(StoreError::DiskFull(_)));
            assert_eq!(failed, *image_id >= 100, "{image_id}");
        }
        // An error of one part alone leaves the others be.
        let outcomes = in_parts(&ids, |part| {
            let changed = |image_id: &ImageId| (*image_id, ChangeOutcome::Changed);
            if part.contains(&0) {
                Err(StoreError::Damaged("x".into()))
            } else {
                Ok(part.iter().map(changed).collect())
            }
        });
        let failed = outcomes.iter().filter(|(_, outcome)| matches!(outcome, ChangeOutcome::Failed(_))).count();
        assert_eq!((failed, outcomes.len()), (100, 350));
    }
}
