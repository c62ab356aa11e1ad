//! The Oracle store as a store of images, thumbnails and readings.

use std::cell::Cell;

use crate::oracle::OracleStore;
use crate::oracle::rows::{bulk, hashes, images, readings, several, thumbnails};
use crate::oracle::search::lists::{self, Part};
use crate::taken::micros;
use crate::{
    ChangeOutcome, Changes, Content, Cursor, Filter, Image, ImageChange, ImageId, ImagePatch, ImageStore, Inserted,
    ListedImage, NewImage, Page, Reading, ReadingStore, Sha256, Shape, Sort, SortCursor, SortValue, StoreError,
    ThumbnailStore, Total, plain,
};

impl OracleStore {
    fn page(&self, part: Part<'_>) -> Result<Vec<Image>, StoreError> {
        self.complete(|session| lists::page(session, part), |images| images.as_slice())
    }

    /// Tries once to insert an image; `None` when its bytes were known and their image has been deleted meanwhile.
    fn try_insert(&self, image: &NewImage<'_>) -> Result<Option<Inserted>, StoreError> {
        let written: Cell<Option<ImageId>> = Cell::new(None);
        let attempt = self.write(|session| {
            written.set(None);
            let mut tables = Vec::with_capacity(image.embeddings.len());
            for (model_id, vector) in image.embeddings {
                let table = self.tables.get(session, *model_id)?;
                table.check(vector.dimension())?;
                tables.push((table, vector));
            }
            let embeddings: Vec<_> = tables.iter().map(|(table, vector)| (table, *vector)).collect();
            if let Some(image_id) = images::insert(session, image, &embeddings)? {
                written.set(Some(image_id));
                return Ok(Some(Inserted::Created(image_id)));
            }
            Ok(hashes::find(session, &image.sha256)?.map(Inserted::Known))
        });
        match (attempt, written.get()) {
            // The commit was sent, and its answer is late or lost. Only the database knows whether the commit was done.
            (Err(error @ (StoreError::Unreachable(_) | StoreError::Busy(_))), Some(image_id)) => {
                let found = self.read(|session| hashes::find(session, &image.sha256))?;
                match found {
                    Some(found) if found == image_id => Ok(Some(Inserted::Created(image_id))),
                    Some(found) => Ok(Some(Inserted::Known(found))),
                    None => Err(error),
                }
            }
            (attempt, _) => attempt,
        }
    }
}

impl ImageStore for OracleStore {
    fn insert_image(&self, image: &NewImage<'_>) -> Result<Inserted, StoreError> {
        // The image that had the bytes may have been deleted between the two statements, so there are two attempts.
        for _ in 0..2 {
            if let Some(inserted) = self.try_insert(image)? {
                return Ok(inserted);
            }
        }
        Err(StoreError::Unavailable("an image of the same bytes comes and goes".into()))
    }

    fn insert_images(&self, images: &[NewImage<'_>]) -> Result<Vec<Result<Inserted, StoreError>>, StoreError> {
        if images.len() < 2 {
            return plain::insert_images(self, images);
        }
        match self.write(|session| several::insert(session, &self.tables, images)) {
            Ok(answers) => Ok(answers),
            Err(error) if error.ends_bulk_work() => Err(error),
            // The error may be that of one image, which then does not keep the others out.
            Err(_) => plain::insert_images(self, images),
        }
    }

    fn image(&self, image_id: ImageId) -> Result<Option<Image>, StoreError> {
        self.complete(|session| images::image(session, image_id), |image| image.as_slice())
    }

    fn images(&self, image_ids: &[ImageId]) -> Result<Vec<Image>, StoreError> {
        if image_ids.is_empty() {
            return Ok(Vec::new());
        }
        self.complete(|session| images::images(session, image_ids), |images| images.as_slice())
    }

    fn image_by_sha256(&self, sha256: &Sha256) -> Result<Option<Image>, StoreError> {
        self.read(|session| match hashes::find(session, sha256)? {
            Some(image_id) => images::image(session, image_id),
            None => Ok(None),
        })
    }

    fn images_by_sha256(&self, hashes: &[Sha256]) -> Result<Vec<(Sha256, ImageId)>, StoreError> {
        self.read(|session| hashes::find_many(session, hashes))
    }

    fn content(&self, image_id: ImageId) -> Result<Option<Content>, StoreError> {
        self.verified_content(image_id)
    }

    fn newest(&self, filter: &Filter, cursor: Option<Cursor>, limit: usize) -> Result<Vec<Image>, StoreError> {
        let after = cursor.map(|cursor| SortCursor {
            value: SortValue::Micros(micros(cursor.upload_date)),
            image_id: cursor.image_id,
        });
        self.page(Part { filter, sort: Sort::NEWEST, after: after.as_ref(), offset: 0, limit })
    }

    fn newest_page(&self, page: &Page) -> Result<Vec<Image>, StoreError> {
        self.list_page(page, Sort::NEWEST)
    }

    fn list(
        &self,
        filter: &Filter,
        sort: Sort,
        after: Option<&SortCursor>,
        limit: usize,
    ) -> Result<Vec<ListedImage>, StoreError> {
        let images = self.page(Part { filter, sort, after, offset: 0, limit })?;
        Ok(images.into_iter().map(|image| ListedImage { at: sort.place(&image), image }).collect())
    }

    fn shapes(
        &self,
        filter: &Filter,
        sort: Sort,
        after: Option<&SortCursor>,
        limit: usize,
    ) -> Result<Vec<Shape>, StoreError> {
        self.read(|session| lists::shapes(session, Part { filter, sort, after, offset: 0, limit }))
    }

    fn list_page(&self, page: &Page, sort: Sort) -> Result<Vec<Image>, StoreError> {
        self.page(Part { filter: &page.filter, sort, after: None, offset: page.offset, limit: page.limit })
    }

    fn count(&self, filter: &Filter) -> Result<Total, StoreError> {
        self.read(|session| lists::count(session, filter))
    }

    fn image_ids(&self, filter: &Filter, after: Option<ImageId>, limit: usize) -> Result<Vec<ImageId>, StoreError> {
        self.read(|session| lists::ids(session, filter, after, limit))
    }

    fn change_images(
        &self,
        ids: &[ImageId],
        change: &ImageChange,
    ) -> Result<Vec<(ImageId, ChangeOutcome)>, StoreError> {
        Ok(bulk::in_parts(ids, |part| self.write(|session| bulk::change(session, part, change))))
    }

    fn update_image(&self, image_id: ImageId, patch: &ImagePatch) -> Result<Option<Image>, StoreError> {
        self.write(|session| images::update(session, image_id, patch))
    }

    fn delete_image(&self, image_id: ImageId) -> Result<bool, StoreError> {
        self.write(|session| images::delete(session, image_id))
    }

    fn count_images(&self) -> Result<u64, StoreError> {
        self.read(images::count)
    }
}

impl ReadingStore for OracleStore {
    fn images_read_before(
        &self,
        reader_version: u32,
        after: Option<(u32, ImageId)>,
        limit: usize,
    ) -> Result<Vec<(u32, ImageId)>, StoreError> {
        self.read(|session| readings::read_before(session, reader_version, after, limit))
    }

    fn count_images_read_before(&self, reader_version: u32) -> Result<u64, StoreError> {
        self.read(|session| readings::count_read_before(session, reader_version))
    }

    fn put_reading(
        &self,
        image_id: ImageId,
        reader_version: u32,
        reading: Option<&Reading<'_>>,
    ) -> Result<Option<Changes>, StoreError> {
        self.write(|session| readings::put(session, image_id, reader_version, reading))
    }
}

impl ThumbnailStore for OracleStore {
    fn thumbnail(&self, image_id: ImageId, size: u32) -> Result<Option<Vec<u8>>, StoreError> {
        self.read(|session| thumbnails::thumbnail(session, image_id, size))
    }

    fn put_thumbnail(&self, image_id: ImageId, size: u32, jpeg: &[u8]) -> Result<bool, StoreError> {
        self.write(|session| thumbnails::put(session, image_id, size, jpeg))
    }
}
