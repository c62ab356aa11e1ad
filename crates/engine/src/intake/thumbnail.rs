//! Makes thumbnails of images, and keeps one of each in the store.

use std::sync::Arc;

use bytes::Bytes;
use mitsuke_clip::Priority;
use mitsuke_image::{self as image, DecodeLimits, DecodeRequest, ImageError, enough_for_thumbnail};
use mitsuke_store::{Image, ImageId};

use super::error::IntakeError;
use super::upload::Intake;
use crate::blocking;

/// The size of the thumbnail that is kept of each image: the longer edge in pixels. It is the largest that the page
/// shows in its lists; smaller ones are made of it in a few milliseconds. A photograph takes about 45 kB, a hundredth of
/// the picture of a camera.
pub(super) const KEPT_SIZE: u32 = 512;

impl Intake {
    /// Returns a JPEG thumbnail of a stored image whose longer edge has at most `max_edge` pixels; `None` when the image
    /// is gone. Only a thumbnail that is larger than the kept one, or the first of an image that an earlier version has
    /// stored, is made of the original; it takes a decoding slot of uploads.
    ///
    /// # Errors
    /// When the image cannot be read from the store or decoded.
    pub async fn thumbnail(&self, image: &Image, max_edge: u32) -> Result<Option<Bytes>, IntakeError> {
        let longer_edge = image.width.max(image.height);
        if max_edge > KEPT_SIZE && longer_edge > KEPT_SIZE {
            return self.make_from_original(image.image_id, max_edge).await;
        }
        let Some(kept) = self.kept_thumbnail(image.image_id).await? else { return Ok(None) };
        if max_edge.min(longer_edge) >= KEPT_SIZE.min(longer_edge) {
            return Ok(Some(kept));
        }
        let shrunk = blocking::run(move || shrink(&kept, max_edge)).await?;
        match shrunk {
            Ok(thumbnail) => Ok(Some(thumbnail)),
            Err(error) => {
                log::warn!("the thumbnail of image {} is made again: {error}", image.image_id);
                self.make_from_original(image.image_id, max_edge).await
            }
        }
    }

    /// Reads the kept thumbnail, or makes it and keeps it.
    async fn kept_thumbnail(&self, image_id: ImageId) -> Result<Option<Bytes>, IntakeError> {
        let store = Arc::clone(&self.store);
        if let Some(kept) = blocking::run(move || store.thumbnail(image_id, KEPT_SIZE)).await?? {
            return Ok(Some(kept.into()));
        }
        let made = self.make_from_original(image_id, KEPT_SIZE).await?;
        if let Some(made) = &made {
            self.keep_thumbnail(image_id, Bytes::clone(made));
        }
        Ok(made)
    }

    async fn make_from_original(&self, image_id: ImageId, max_edge: u32) -> Result<Option<Bytes>, IntakeError> {
        // The slot is taken before the original is read, because originals in memory count as well.
        let slot = self.decoder.slot(Priority::Upload).await?;
        let store = Arc::clone(&self.store);
        let Some(content) = blocking::run(move || store.content(image_id)).await?? else { return Ok(None) };
        let enough = enough_for_thumbnail(max_edge);
        let thumbnail = slot.decode(content.bytes, enough, move |decoded| image::thumbnail(&decoded.pixels, max_edge));
        Ok(Some(thumbnail.await???.into()))
    }

    /// Keeps a thumbnail in the background. Nobody waits for it: without it, the next request makes it again.
    pub(super) fn keep_thumbnail(&self, image_id: ImageId, thumbnail: Bytes) {
        let store = Arc::clone(&self.store);
        tokio::task::spawn_blocking(move || {
            // A thumbnail can be made again, and the room is for what cannot.
            if store.has_room().is_ok()
                && let Err(error) = store.put_thumbnail(image_id, KEPT_SIZE, &thumbnail)
            {
                log::warn!("the thumbnail of image {image_id} is not kept: {error}");
            }
        });
    }
}

/// Makes a smaller thumbnail of the kept one, which is too small to need a decoding slot.
fn shrink(kept: &[u8], max_edge: u32) -> Result<Bytes, ImageError> {
    let limits = DecodeLimits { max_edge: KEPT_SIZE, ..DecodeLimits::default() };
    let request = DecodeRequest::at_least(&limits, enough_for_thumbnail(max_edge));
    Ok(image::thumbnail(&image::decode(kept, request)?.pixels, max_edge)?.into())
}
