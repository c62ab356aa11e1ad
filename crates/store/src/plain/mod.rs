//! The definitions of lists, totals, changes, facets and suggestions, over the list of newest images alone. Stores answer
//! the same from their indexes.

mod facets;
mod passes;
mod suggestions;

pub(crate) use facets::facets;
pub(crate) use suggestions::{folded_prefix, suggestions};

use crate::{
    ChangeOutcome, Cursor, Filter, Image, ImageChange, ImageId, ImageStore, Inserted, ListedImage, NewImage, Page,
    Sort, SortCursor, StoreError, Total,
};
use passes::Passing;

/// The number of images that are read at once.
const BATCH: usize = 1_000;

/// Visits every image that passes a filter.
fn each_passing<S: ImageStore + ?Sized>(
    store: &S,
    filter: &Filter,
    mut visit: impl FnMut(&Image),
) -> Result<(), StoreError> {
    let passing = Passing::new(filter)?;
    let mut cursor = None;
    loop {
        let batch = store.newest(&Filter::default(), cursor, BATCH)?;
        let Some(last) = batch.last() else { return Ok(()) };
        cursor = Some(Cursor { upload_date: last.upload_date, image_id: last.image_id });
        batch.iter().filter(|image| passing.passes(image)).for_each(&mut visit);
    }
}

/// Returns the places of all images that pass a filter, in their order.
fn places<S: ImageStore + ?Sized>(store: &S, filter: &Filter, sort: Sort) -> Result<Vec<SortCursor>, StoreError> {
    let mut places = Vec::new();
    each_passing(store, filter, |image| places.push(sort.place(image)))?;
    places.sort_by(|a, b| sort.compare(a, b));
    Ok(places)
}

pub(crate) fn list<S: ImageStore + ?Sized>(
    store: &S,
    filter: &Filter,
    sort: Sort,
    after: Option<&SortCursor>,
    limit: usize,
) -> Result<Vec<ListedImage>, StoreError> {
    let mut places = places(store, filter, sort)?;
    places.retain(|place| after.is_none_or(|after| sort.compare(place, after).is_gt()));
    let ids: Vec<ImageId> = places.iter().take(limit).map(|place| place.image_id).collect();
    let listed = store.images(&ids)?.into_iter().map(|image| ListedImage { at: sort.place(&image), image });
    Ok(listed.collect())
}

pub(crate) fn list_page<S: ImageStore + ?Sized>(store: &S, page: &Page, sort: Sort) -> Result<Vec<Image>, StoreError> {
    let places = places(store, &page.filter, sort)?;
    let ids: Vec<ImageId> = places.iter().skip(page.offset).take(page.limit).map(|place| place.image_id).collect();
    store.images(&ids)
}

pub(crate) fn count<S: ImageStore + ?Sized>(store: &S, filter: &Filter) -> Result<Total, StoreError> {
    let mut count = 0;
    each_passing(store, filter, |_| count += 1)?;
    Ok(Total::exactly(count))
}

pub(crate) fn image_ids<S: ImageStore + ?Sized>(
    store: &S,
    filter: &Filter,
    after: Option<ImageId>,
    limit: usize,
) -> Result<Vec<ImageId>, StoreError> {
    let mut ids = Vec::new();
    each_passing(store, filter, |image| ids.push(image.image_id))?;
    ids.retain(|image_id| after.is_none_or(|after| *image_id > after));
    ids.sort_unstable();
    ids.truncate(limit);
    Ok(ids)
}

pub(crate) fn insert_images<S: ImageStore + ?Sized>(
    store: &S,
    images: &[NewImage<'_>],
) -> Result<Vec<Result<Inserted, StoreError>>, StoreError> {
    let mut answers = Vec::with_capacity(images.len());
    for image in images {
        match store.insert_image(image) {
            Err(error) if error.ends_bulk_work() => return Err(error),
            answer => answers.push(answer),
        }
    }
    Ok(answers)
}

#[expect(clippy::unnecessary_wraps, reason = "the call of the trait has errors of other stores")]
pub(crate) fn change_images<S: ImageStore + ?Sized>(
    store: &S,
    ids: &[ImageId],
    change: &ImageChange,
) -> Result<Vec<(ImageId, ChangeOutcome)>, StoreError> {
    let mut ended: Option<StoreError> = None;
    let outcome = |image_id| {
        if let Some(error) = &ended {
            return (image_id, ChangeOutcome::Failed(error.clone()));
        }
        let outcome = change_image(store, image_id, change).unwrap_or_else(|error| {
            if error.ends_bulk_work() {
                ended = Some(error.clone());
            }
            ChangeOutcome::Failed(error)
        });
        (image_id, outcome)
    };
    Ok(ids.iter().copied().map(outcome).collect())
}

fn change_image<S: ImageStore + ?Sized>(
    store: &S,
    image_id: ImageId,
    change: &ImageChange,
) -> Result<ChangeOutcome, StoreError> {
    let patch = match change {
        ImageChange::Delete if store.delete_image(image_id)? => return Ok(ChangeOutcome::Deleted),
        ImageChange::Delete => return Ok(ChangeOutcome::Unknown),
        ImageChange::Patch(patch) => patch,
    };
    let Some(before) = store.image(image_id)? else { return Ok(ChangeOutcome::Unknown) };
    Ok(match store.update_image(image_id, patch)? {
        Some(after) if after == before => ChangeOutcome::Unchanged,
        Some(_) => ChangeOutcome::Changed,
        None => ChangeOutcome::Unknown,
    })
}
