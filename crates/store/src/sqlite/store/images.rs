//! The embedded store as a store of images, thumbnails and readings.

use super::SqliteStore;
use crate::sqlite::images::Insertion;
use crate::sqlite::originals::{self, Place};
use crate::sqlite::statements::count_images;
use crate::sqlite::{bulk, chunks, images, lists, readings, thumbnails};
use crate::taken::micros;
use crate::{
    ChangeOutcome, Changes, Content, Cursor, Filter, Image, ImageChange, ImageId, ImagePatch, ImageStore, Inserted,
    ListedImage, NewImage, Page, Reading, ReadingStore, Sha256, Shape, Sort, SortCursor, SortKey, SortValue,
    Store as _, StoreError, ThumbnailStore, Total, plain,
};

/// The order of the lists of newest images.
const NEWEST_FIRST: Sort = Sort { key: SortKey::Uploaded, descending: true };

impl SqliteStore {
    /// Checks that there is room for the originals of new images, and notes what they take.
    fn make_room(&self, images: &[NewImage<'_>]) -> Result<(), StoreError> {
        self.has_room()?;
        let mut in_database = 0;
        for image in images {
            if let Place::Database = originals::place_of(image, &self.homes)? {
                in_database += image.bytes.len();
            }
        }
        self.check_fits(in_database)?;
        self.room.note_stored(in_database);
        Ok(())
    }

    /// Does what an insert needs before other writes have to wait for it, and returns the hashes of the original's chunks.
    fn prepare(&self, image: &NewImage<'_>) -> Result<Vec<u8>, StoreError> {
        for (model_id, vector) in image.embeddings {
            self.check_dimension(*model_id, vector)?;
        }
        let chunk_hashes = chunks::hashes_of(image.bytes);
        self.put_file(image)?;
        Ok(chunk_hashes)
    }

    /// Applies the embeddings of a committed insert. The caller holds the writer.
    fn apply_insertion(&self, image: &NewImage<'_>, insertion: &Insertion) {
        if let Some(image_id) = insertion.created() {
            for ((model_id, vector), change) in image.embeddings.iter().zip(&insertion.changes) {
                self.apply_embedding(*model_id, image_id, vector, *change);
            }
        }
    }
}

impl ImageStore for SqliteStore {
    fn insert_image(&self, image: &NewImage<'_>) -> Result<Inserted, StoreError> {
        self.make_room(std::slice::from_ref(image))?;
        let chunk_hashes = self.prepare(image)?;
        let insertion = self.shared.write_images(
            |db| images::insert(db, image, &chunk_hashes, &self.homes),
            |insertion| insertion.created().into_iter().collect(),
            |insertion| self.apply_insertion(image, insertion),
        )?;
        Ok(insertion.inserted)
    }

    fn insert_images(&self, images: &[NewImage<'_>]) -> Result<Vec<Result<Inserted, StoreError>>, StoreError> {
        if images.len() < 2 {
            return plain::insert_images(self, images);
        }
        self.make_room(images)?;
        let mut chunk_hashes = Vec::with_capacity(images.len());
        for image in images {
            match self.prepare(image) {
                Err(error) if error.ends_bulk_work() => return Err(error),
                prepared => chunk_hashes.push(prepared),
            }
        }
        let insertions = self.shared.write_images(
            |db| bulk::insert(db, images, &chunk_hashes, &self.homes),
            |insertions| insertions.iter().flatten().filter_map(Insertion::created).collect(),
            |insertions| {
                for (image, insertion) in images.iter().zip(insertions) {
                    if let Ok(insertion) = insertion {
                        self.apply_insertion(image, insertion);
                    }
                }
            },
        );
        match insertions {
            Ok(insertions) => {
                Ok(insertions.into_iter().map(|answer| answer.map(|insertion| insertion.inserted)).collect())
            }
            Err(error) if error.ends_bulk_work() => Err(error),
            // The error may be that of one image, which then does not keep the others out.
            Err(_) => plain::insert_images(self, images),
        }
    }

    fn image(&self, image_id: ImageId) -> Result<Option<Image>, StoreError> {
        self.shared.read(|db| images::image(db, image_id))
    }

    fn images(&self, image_ids: &[ImageId]) -> Result<Vec<Image>, StoreError> {
        self.shared.read(|db| images::images(db, image_ids))
    }

    fn images_short(&self, image_ids: &[ImageId], max_chars: usize) -> Result<Vec<Image>, StoreError> {
        self.shared.read(|db| images::images_short(db, image_ids, max_chars))
    }

    fn image_by_sha256(&self, sha256: &Sha256) -> Result<Option<Image>, StoreError> {
        self.shared.read(|db| images::by_sha256(db, sha256))
    }

    fn images_by_sha256(&self, hashes: &[Sha256]) -> Result<Vec<(Sha256, ImageId)>, StoreError> {
        self.shared.read(|db| images::ids_by_sha256(db, hashes))
    }

    fn content(&self, image_id: ImageId) -> Result<Option<Content>, StoreError> {
        self.verified_content(image_id)
    }

    fn newest(&self, filter: &Filter, cursor: Option<Cursor>, limit: usize) -> Result<Vec<Image>, StoreError> {
        let after = cursor.map(|cursor| SortCursor {
            value: SortValue::Micros(micros(cursor.upload_date)),
            image_id: cursor.image_id,
        });
        let listed = self.list(filter, NEWEST_FIRST, after.as_ref(), limit)?;
        Ok(listed.into_iter().map(|listed| listed.image).collect())
    }

    fn newest_page(&self, page: &Page) -> Result<Vec<Image>, StoreError> {
        self.list_page(page, NEWEST_FIRST)
    }

    fn update_image(&self, image_id: ImageId, patch: &ImagePatch) -> Result<Option<Image>, StoreError> {
        self.shared.write_images(
            |db| images::update(db, image_id, patch),
            |image| image.iter().map(|image| image.image_id).collect(),
            |_| (),
        )
    }

    fn delete_image(&self, image_id: ImageId) -> Result<bool, StoreError> {
        let deleted = self.deleting(|| {
            self.shared.write_images(
                |db| {
                    self.room.note_unwiped(db)?;
                    images::delete(db, image_id)
                },
                |deleted| if *deleted { vec![image_id] } else { Vec::new() },
                |deleted| {
                    if *deleted {
                        self.apply_delete(image_id);
                    }
                },
            )
        })?;
        self.remove_files_now();
        Ok(deleted)
    }

    fn count_images(&self) -> Result<u64, StoreError> {
        self.shared.read(|db| count_images(db))
    }

    fn list(
        &self,
        filter: &Filter,
        sort: Sort,
        after: Option<&SortCursor>,
        limit: usize,
    ) -> Result<Vec<ListedImage>, StoreError> {
        self.shared.read(|db| lists::list(&self.shared.memory, db, filter, sort, after, limit, None))
    }

    fn list_short(
        &self,
        filter: &Filter,
        sort: Sort,
        after: Option<&SortCursor>,
        limit: usize,
        max_chars: usize,
    ) -> Result<Vec<ListedImage>, StoreError> {
        self.shared.read(|db| lists::list(&self.shared.memory, db, filter, sort, after, limit, Some(max_chars)))
    }

    fn shapes(
        &self,
        filter: &Filter,
        sort: Sort,
        after: Option<&SortCursor>,
        limit: usize,
    ) -> Result<Vec<Shape>, StoreError> {
        self.shared.read(|db| lists::shapes(&self.shared.memory, db, filter, sort, after, limit))
    }

    fn list_page(&self, page: &Page, sort: Sort) -> Result<Vec<Image>, StoreError> {
        self.shared.read(|db| lists::page(&self.shared.memory, db, page, sort))
    }

    fn page_ids(&self, page: &Page, sort: Sort) -> Result<Vec<ImageId>, StoreError> {
        self.shared.read(|db| lists::page_ids(&self.shared.memory, db, page, sort))
    }

    fn count(&self, filter: &Filter) -> Result<Total, StoreError> {
        self.shared.read(|db| lists::count(&self.shared.memory, db, filter))
    }

    fn image_ids(&self, filter: &Filter, after: Option<ImageId>, limit: usize) -> Result<Vec<ImageId>, StoreError> {
        self.shared.read(|db| lists::ids(&self.shared.memory, db, filter, after, limit))
    }

    fn change_images(
        &self,
        ids: &[ImageId],
        change: &ImageChange,
    ) -> Result<Vec<(ImageId, ChangeOutcome)>, StoreError> {
        let write = |part: &[ImageId]| {
            self.shared.write_images(
                |db| {
                    self.room.note_unwiped(db)?;
                    let outcomes = bulk::change(db, part, change)?;
                    // On a full disk the whole part is undone, so that it can be tried again with more room.
                    bulk::disk_full(&outcomes).map_or(Ok(outcomes), Err)
                },
                |outcomes| bulk::changed(outcomes),
                |outcomes| {
                    let deleted = outcomes.iter().filter(|(_, outcome)| matches!(outcome, ChangeOutcome::Deleted));
                    deleted.for_each(|(image_id, _)| self.apply_delete(*image_id));
                },
            )
        };
        match change {
            ImageChange::Delete => {
                let outcomes = bulk::in_parts(ids, |part| self.deleting(|| write(part)));
                self.remove_files_now();
                Ok(outcomes)
            }
            _ => Ok(bulk::in_parts(ids, write)),
        }
    }
}

impl ReadingStore for SqliteStore {
    fn images_read_before(
        &self,
        reader_version: u32,
        after: Option<(u32, ImageId)>,
        limit: usize,
    ) -> Result<Vec<(u32, ImageId)>, StoreError> {
        self.shared.read(|db| readings::read_before(db, reader_version, after, limit))
    }

    fn count_images_read_before(&self, reader_version: u32) -> Result<u64, StoreError> {
        self.shared.read(|db| readings::count_read_before(db, reader_version))
    }

    fn put_reading(
        &self,
        image_id: ImageId,
        reader_version: u32,
        reading: Option<&Reading<'_>>,
    ) -> Result<Option<Changes>, StoreError> {
        self.shared.write_images(
            |db| readings::put(db, image_id, reader_version, reading),
            |changes| if changes.is_some_and(Changes::any) { vec![image_id] } else { Vec::new() },
            |_| (),
        )
    }
}

impl ThumbnailStore for SqliteStore {
    fn thumbnail(&self, image_id: ImageId, size: u32) -> Result<Option<Vec<u8>>, StoreError> {
        self.shared.read(|db| thumbnails::thumbnail(db, image_id, size))
    }

    fn put_thumbnail(&self, image_id: ImageId, size: u32, jpeg: &[u8]) -> Result<bool, StoreError> {
        self.shared.write(|db| thumbnails::put(db, image_id, size, jpeg), |_| ())
    }
}
