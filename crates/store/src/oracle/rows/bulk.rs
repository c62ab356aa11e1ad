//! One change of many images.

use super::images;
use crate::oracle::connection::error::OracleError;
use crate::oracle::connection::session::Session;
use crate::{ChangeOutcome, ImageChange, ImageId, MAX_CHANGED, StoreError};

/// An image, and what has become of it.
pub(crate) type Outcome = (ImageId, ChangeOutcome);

/// Changes images in parts, each of which `write` changes in a transaction. When a transaction fails, its images are changed
/// one by one, so that the error is that of its image alone. An error that the next image would meet too ends the work.
/// Where the connection is lost while a transaction commits, its images count as failed, although they may have changed.
pub(crate) fn in_parts(
    ids: &[ImageId],
    write: impl Fn(&[ImageId]) -> Result<Vec<Outcome>, StoreError>,
) -> Vec<Outcome> {
    let mut outcomes = Vec::with_capacity(ids.len());
    for part in ids.chunks(MAX_CHANGED) {
        let ended = match write(part) {
            Ok(changed) => {
                outcomes.extend(changed);
                None
            }
            Err(error) if error.ends_bulk_work() => Some(error),
            Err(_) => one_by_one(part, &write, &mut outcomes),
        };
        if let Some(error) = ended {
            let rest = ids.get(outcomes.len()..).unwrap_or_default();
            outcomes.extend(rest.iter().map(|image_id| (*image_id, ChangeOutcome::Failed(error.clone()))));
            break;
        }
    }
    outcomes
}

/// Changes each image in a transaction of its own, and returns the error that ends the work.
fn one_by_one(
    part: &[ImageId],
    write: &impl Fn(&[ImageId]) -> Result<Vec<Outcome>, StoreError>,
    outcomes: &mut Vec<Outcome>,
) -> Option<StoreError> {
    for image_id in part {
        match write(&[*image_id]) {
            Ok(changed) => outcomes.extend(changed),
            Err(error) if error.ends_bulk_work() => return Some(error),
            Err(error) => outcomes.push((*image_id, ChangeOutcome::Failed(error))),
        }
    }
    None
}

/// Changes the images of one transaction.
pub(crate) fn change(
    session: &Session<'_>,
    ids: &[ImageId],
    change: &ImageChange,
) -> Result<Vec<Outcome>, OracleError> {
    ids.iter().map(|image_id| Ok((*image_id, change_one(session, *image_id, change)?))).collect()
}

fn change_one(session: &Session<'_>, image_id: ImageId, change: &ImageChange) -> Result<ChangeOutcome, OracleError> {
    let patch = match change {
        ImageChange::Delete if images::delete(session, image_id)? => return Ok(ChangeOutcome::Deleted),
        ImageChange::Delete => return Ok(ChangeOutcome::Unknown),
        ImageChange::Patch(patch) => patch,
    };
    let before = images::image(session, image_id)?;
    let after = images::update(session, image_id, patch)?;
    Ok(match (before, after) {
        (Some(before), Some(after)) if before == after => ChangeOutcome::Unchanged,
        (Some(_), Some(_)) => ChangeOutcome::Changed,
        _ => ChangeOutcome::Unknown,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(part: &[ImageId]) -> Vec<Outcome> {
        part.iter().map(|image_id| (*image_id, ChangeOutcome::Changed)).collect()
    }

    fn failed(outcomes: &[Outcome]) -> Vec<ImageId> {
        let failed = outcomes.iter().filter(|(_, outcome)| matches!(outcome, ChangeOutcome::Failed(_)));
        failed.map(|(image_id, _)| *image_id).collect()
    }

    #[test]
    fn an_error_is_that_of_its_image_alone() {
        let ids: Vec<ImageId> = (0..350).collect();
        let outcomes =
            in_parts(
                &ids,
                |part| {
                    if part.contains(&120) { Err(StoreError::Damaged("x".into())) } else { Ok(changed(part)) }
                },
            );
        assert_eq!(outcomes.iter().map(|(image_id, _)| *image_id).collect::<Vec<_>>(), ids);
        assert_eq!(failed(&outcomes), [120]);
    }

    #[test]
    fn an_error_that_the_next_image_would_meet_too_ends_the_work() {
        let ids: Vec<ImageId> = (0..350).collect();
        let busy = |part: &[ImageId]| match part {
            [130] => Err(StoreError::Busy("later".into())),
            part if part.contains(&130) => Err(StoreError::Damaged("x".into())),
            part => Ok(changed(part)),
        };
        let outcomes = in_parts(&ids, busy);
        assert_eq!(outcomes.iter().map(|(image_id, _)| *image_id).collect::<Vec<_>>(), ids);
        assert_eq!(failed(&outcomes), (130..350).collect::<Vec<_>>());
    }
}
