//! Changes of many images at once.

use std::collections::HashSet;

use mitsuke_store::{ChangeOutcome, Filter, ImageChange, ImageId, Store, StoreError};

/// The largest number of images that a filter may select for a change.
pub const MAX_SELECTED: usize = 10_000;

/// The images of a change.
#[derive(Debug, Clone, PartialEq)]
pub enum Selection {
    /// These images; one that is named twice is changed once.
    Ids(Vec<ImageId>),
    /// The images that pass a filter.
    Filter {
        /// The filter.
        filter: Box<Filter>,
        /// The number of images that the caller expects to pass.
        expected: u64,
    },
}

/// The reason why nothing is changed.
#[derive(Debug, thiserror::Error)]
pub enum BulkError {
    /// The store failed before the first change.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// More than [`MAX_SELECTED`] images pass the filter.
    #[error("more than {MAX_SELECTED} images pass the filter")]
    TooMany,
    /// Another number of images passes the filter than the caller expects.
    #[error("{0} images pass the filter")]
    TotalChanged(u64),
}

/// Makes one change to each selected image, and returns an outcome for each: in the order in which the ids are given, or
/// of ascending ids for a filter. This blocks.
///
/// # Errors
/// See [`BulkError`]; nothing is changed then.
pub fn change(
    store: &dyn Store,
    selection: Selection,
    change: &ImageChange,
) -> Result<Vec<(ImageId, ChangeOutcome)>, BulkError> {
    let ids = selected(store, selection)?;
    Ok(store.change_images(&ids, change)?)
}

fn selected(store: &dyn Store, selection: Selection) -> Result<Vec<ImageId>, BulkError> {
    match selection {
        Selection::Ids(ids) => {
            let mut seen = HashSet::new();
            Ok(ids.into_iter().filter(|id| seen.insert(*id)).collect())
        }
        Selection::Filter { filter, expected } => {
            let ids = store.image_ids(&filter, None, MAX_SELECTED + 1)?;
            let total = ids.len() as u64;
            if ids.len() > MAX_SELECTED {
                Err(BulkError::TooMany)
            } else if total != expected {
                Err(BulkError::TotalChanged(total))
            } else {
                Ok(ids)
            }
        }
    }
}
