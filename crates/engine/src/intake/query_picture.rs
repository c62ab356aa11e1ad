//! Embeds pictures to search by.

use std::sync::Arc;

use bytes::Bytes;
use mitsuke_clip::Priority;
use mitsuke_index::UnitVector;

use super::enough::enough;
use super::error::IntakeError;
use super::upload::Intake;
use crate::models::ActiveModel;

impl Intake {
    /// Embeds a picture that is not stored, at the priority of searches. The texts in the file are not read.
    ///
    /// # Errors
    /// When the picture cannot be decoded or encoded.
    pub async fn embed_query_picture(&self, bytes: Bytes, active: &ActiveModel) -> Result<UnitVector, IntakeError> {
        let slot = self.decoder.slot(Priority::Search).await?;
        let encoder = Arc::clone(&active.encoder);
        let prepared =
            slot.decode(bytes, enough([&*encoder]), move |decoded| encoder.preprocess_decoded(&decoded)).await??;
        Ok(active.encoder.encode_image(prepared, Priority::Search).await?)
    }
}
