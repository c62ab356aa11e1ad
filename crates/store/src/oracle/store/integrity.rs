//! The Oracle store as a store that compares originals with their hashes. The pages, indexes and logs of the database are
//! the business of the database and its own tools.

use crate::oracle::OracleStore;
use crate::oracle::rows::{content, images};
use crate::{
    CheckPart, CheckStep, Content, DamageReason, DamagedImage, Fault, Filter, ImageId, ImageStore as _, IntegrityStore,
    Sha256, StoreCondition, StoreError, Verified,
};

impl OracleStore {
    /// Reads an original and compares it with its hash.
    ///
    /// # Errors
    /// [`StoreError::ImageDamaged`] when it has another hash.
    pub(super) fn verified_content(&self, image_id: ImageId) -> Result<Option<Content>, StoreError> {
        let Some(found) = self.read(|session| images::content(session, image_id))? else { return Ok(None) };
        let Some(reason) = content::damage(&found) else { return Ok(Some(found)) };
        match self.write(|session| content::note(session, image_id, DamageReason::Bytes)) {
            Ok(true) => log::error!("the stored bytes of image {image_id} are damaged and are not used: {reason}"),
            Ok(false) => log::debug!("the stored bytes of image {image_id} are still damaged: {reason}"),
            Err(error) => log::error!(
                "the stored bytes of image {image_id} are damaged and are not used: {reason}. That could not be noted: \
                 {error}"
            ),
        }
        Err(StoreError::ImageDamaged(image_id))
    }
}

impl IntegrityStore for OracleStore {
    fn verify_image(&self, image_id: ImageId) -> Result<Verified, StoreError> {
        match self.content(image_id) {
            Ok(Some(_)) => {
                if self.read(|session| content::is_noted(session, image_id))? {
                    self.write(|session| content::clear(session, image_id))?;
                }
                Ok(Verified::Whole)
            }
            Ok(None) => Ok(Verified::Unknown),
            Err(error) if error.lost_original().is_some() => Ok(Verified::Damaged),
            Err(error) => Err(error),
        }
    }

    fn damaged_images(&self, after: Option<ImageId>, limit: usize) -> Result<Vec<DamagedImage>, StoreError> {
        self.read(|session| content::list(session, after.unwrap_or(0), limit))
    }

    fn repair_content(&self, image_id: ImageId, bytes: &[u8]) -> Result<bool, StoreError> {
        let sha256 = Sha256::of(bytes);
        self.write(|session| content::repair(session, image_id, &sha256, bytes))
    }

    fn check_part(
        &self,
        part: CheckPart,
        after: Option<i64>,
        limit: usize,
        _repair: bool,
    ) -> Result<CheckStep, StoreError> {
        if part != CheckPart::Pictures {
            return Ok(CheckStep::default());
        }
        let batch = self.image_ids(&Filter::default(), after, limit)?;
        let mut faults = Vec::new();
        for image_id in &batch {
            if self.verify_image(*image_id)? == Verified::Damaged {
                let found = format!("the stored bytes of image {image_id} are not those that were uploaded");
                faults.push(Fault { part, image_id: Some(*image_id), found, repaired: false });
            }
        }
        let next = if batch.len() < limit { None } else { batch.last().copied() };
        Ok(CheckStep { checked: batch.len() as u64, faults, next })
    }

    fn condition(&self) -> Result<StoreCondition, StoreError> {
        let damaged_images = self.read(content::count)?;
        Ok(StoreCondition { damaged_images, ..StoreCondition::default() })
    }
}
