//! Makes thumbnails of stored images.

use std::sync::Arc;

use bytes::Bytes;
use mitsuke_clip::Priority;
use mitsuke_image as image;
use mitsuke_store::ImageId;

use super::error::IntakeError;
use super::upload::Intake;
use crate::blocking;

impl Intake {
    /// Makes a JPEG thumbnail of a stored image whose longer edge has at most `max_edge` pixels; `None` when there is no
    /// such image. Thumbnails take the decoding slots of uploads.
    ///
    /// # Errors
    /// When the image cannot be read from the store or decoded.
    pub async fn thumbnail(&self, image_id: ImageId, max_edge: u32) -> Result<Option<Bytes>, IntakeError> {
        // The slot is taken before the original is read, because originals in memory count as well.
        let slot = self.decoder.slot(Priority::Upload).await?;
        let store = Arc::clone(&self.store);
        let Some(content) = blocking::run(move || store.content(image_id)).await?? else { return Ok(None) };
        let thumbnail = slot.decode(content.bytes, move |decoded| image::thumbnail(&decoded.pixels, max_edge));
        Ok(Some(thumbnail.await???.into()))
    }
}
