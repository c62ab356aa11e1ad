//! The answers about what is stored: whether it is what was written.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::serde::rfc3339;
use utoipa::ToSchema;

use mitsuke_engine::scrub::ScrubStatus;
use mitsuke_store::{DamageReason, DamagedImage, StoreCondition};

/// An image whose stored bytes are not those that were uploaded.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = DamagedImage)]
pub struct DamagedImageBody {
    /// The image.
    #[schema(example = 7)]
    pub image_id: i64,
    /// The name of the image; null when the image has just been deleted.
    #[schema(example = "panorama.png")]
    pub file_name: Option<String>,
    /// The time at which the damage was found.
    #[serde(with = "rfc3339")]
    #[schema(example = "2026-01-02T03:04:05Z")]
    pub found_at: OffsetDateTime,
    /// The reason why it is listed.
    #[serde(default)]
    pub reason: DamageReasonBody,
}

/// The damage of the original of an image: `bytes`, they are not those that were uploaded; `missing`, its file is not
/// there; `changed`, the file that lies in place has other bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = DamageReason)]
pub enum DamageReasonBody {
    /// The bytes are not those that were uploaded.
    #[default]
    Bytes,
    /// The file is not there.
    Missing,
    /// The file that lies in place has other bytes.
    Changed,
}

impl From<DamageReason> for DamageReasonBody {
    fn from(reason: DamageReason) -> Self {
        match reason {
            DamageReason::Bytes => Self::Bytes,
            DamageReason::Missing => Self::Missing,
            DamageReason::Changed => Self::Changed,
        }
    }
}

impl DamagedImageBody {
    /// Describes a damaged image with its name.
    #[must_use]
    pub fn new(damaged: DamagedImage, file_name: Option<String>) -> Self {
        let DamagedImage { image_id, found_at, reason } = damaged;
        Self { image_id, file_name, found_at, reason: reason.into() }
    }
}

/// The facts that are known about the condition of the store.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = Check)]
pub struct CheckBody {
    /// Whether the stored pictures are being compared with their hashes.
    #[schema(example = false)]
    pub running: bool,
    /// Pictures that this process has compared.
    #[schema(example = 2000)]
    pub checked_images: u64,
    /// Their bytes.
    #[schema(example = 4_000_000_000_u64)]
    pub checked_bytes: u64,
    /// Faults that this process has found.
    #[schema(example = 1)]
    pub faults: u64,
    /// The time at which a comparison of all pictures ended last; null for never.
    #[serde(with = "rfc3339::option")]
    #[schema(example = "2026-01-02T03:04:05Z")]
    pub finished_at: Option<OffsetDateTime>,
    /// Images that are known to be damaged.
    #[schema(example = 1)]
    pub damaged_total: u64,
    /// Changes that were answered as stored and are missing, until an operator acknowledges the loss.
    #[schema(example = 0)]
    pub lost_changes: u64,
    /// A page of the damaged images, by ascending id.
    pub damaged: Vec<DamagedImageBody>,
    /// The `cursor` of the next page; null on the last page.
    #[schema(example = "7")]
    pub next_cursor: Option<String>,
}

impl CheckBody {
    /// Describes the condition of the store with a page of its damaged images.
    #[must_use]
    pub fn new(
        status: &ScrubStatus,
        condition: &StoreCondition,
        damaged: Vec<DamagedImageBody>,
        next_cursor: Option<String>,
    ) -> Self {
        Self {
            running: status.running,
            checked_images: status.images,
            checked_bytes: status.bytes,
            faults: status.faults,
            finished_at: status.finished_at,
            damaged_total: condition.damaged_images,
            lost_changes: condition.lost_commits,
            damaged,
            next_cursor,
        }
    }
}
