//! The definitions of lists, totals, facets, suggestions and changes, as a view of a store that answers by them.

use mitsuke_store::{
    Content, Cursor, FacetStore, Filter, Image, ImageId, ImagePatch, ImageStore, Inserted, NewImage, Page, Sha256,
    Store, StoreError,
};

/// A view of a store that answers by the definitions, which the traits have as their defaults, and not by the indexes of
/// the store.
pub struct Reference<'a>(pub &'a dyn Store);

impl ImageStore for Reference<'_> {
    fn insert_image(&self, image: &NewImage<'_>) -> Result<Inserted, StoreError> {
        self.0.insert_image(image)
    }

    fn image(&self, image_id: ImageId) -> Result<Option<Image>, StoreError> {
        self.0.image(image_id)
    }

    fn images(&self, image_ids: &[ImageId]) -> Result<Vec<Image>, StoreError> {
        self.0.images(image_ids)
    }

    fn image_by_sha256(&self, sha256: &Sha256) -> Result<Option<Image>, StoreError> {
        self.0.image_by_sha256(sha256)
    }

    fn images_by_sha256(&self, hashes: &[Sha256]) -> Result<Vec<(Sha256, ImageId)>, StoreError> {
        self.0.images_by_sha256(hashes)
    }

    fn content(&self, image_id: ImageId) -> Result<Option<Content>, StoreError> {
        self.0.content(image_id)
    }

    fn newest(&self, filter: &Filter, cursor: Option<Cursor>, limit: usize) -> Result<Vec<Image>, StoreError> {
        self.0.newest(filter, cursor, limit)
    }

    fn newest_page(&self, page: &Page) -> Result<Vec<Image>, StoreError> {
        self.0.newest_page(page)
    }

    fn update_image(&self, image_id: ImageId, patch: &ImagePatch) -> Result<Option<Image>, StoreError> {
        self.0.update_image(image_id, patch)
    }

    fn delete_image(&self, image_id: ImageId) -> Result<bool, StoreError> {
        self.0.delete_image(image_id)
    }

    fn count_images(&self) -> Result<u64, StoreError> {
        self.0.count_images()
    }
}

impl FacetStore for Reference<'_> {}
