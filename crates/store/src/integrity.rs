//! Integrity: whether what is stored is what was written.

use time::OffsetDateTime;

use crate::{Content, ImageId, ImageStore, Sha256, StoreError};

/// The bytes of an original that one chunk hash covers.
pub const CHUNK_BYTES: usize = 256 << 10;

/// The result of a comparison of an original with its hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verified {
    /// The bytes have the hash.
    Whole,
    /// The bytes have another hash, or cannot be read.
    Damaged,
    /// There is no such image.
    Unknown,
    /// The home of the original is not there, so that nothing is known about it.
    Away,
}

/// The damage of an original.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DamageReason {
    /// The bytes have another hash, or cannot be read.
    Bytes,
    /// The file is not there.
    Missing,
    /// The file in place has other bytes than when it was registered.
    Changed,
}

impl DamageReason {
    /// All reasons.
    const ALL: [Self; 3] = [Self::Bytes, Self::Missing, Self::Changed];

    /// Returns the number that stands for the reason in IMAGE_DAMAGE.
    pub(crate) fn number(self) -> i64 {
        match self {
            Self::Bytes => 0,
            Self::Missing => 1,
            Self::Changed => 2,
        }
    }

    /// Returns the reason that a number stands for; of another program's number, that the bytes are wrong.
    pub(crate) fn of_number(number: i64) -> Self {
        Self::ALL.into_iter().find(|reason| reason.number() == number).unwrap_or(Self::Bytes)
    }

    /// Returns the error that a reader of the original gets.
    pub(crate) fn error(self, image_id: ImageId) -> StoreError {
        match self {
            Self::Bytes => StoreError::ImageDamaged(image_id),
            Self::Missing | Self::Changed => StoreError::OriginalMissing(image_id),
        }
    }
}

/// A part of an original.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContentPart {
    /// The bytes of the part.
    pub bytes: Vec<u8>,
    /// The place of the first byte in the original, from 0.
    pub first: u64,
    /// The size of the original in bytes.
    pub total: u64,
    /// The media type found in the original.
    pub file_type: String,
    /// The name that the caller gave.
    pub file_name: String,
    /// The hash of the original.
    pub sha256: Sha256,
}

impl ContentPart {
    /// Cuts the bytes from `first` to `last`, both included, out of an original. Bytes behind the end are left out.
    #[must_use]
    pub fn of(content: Content, first: u64, last: u64) -> Self {
        let Content { mut bytes, file_type, file_name, sha256 } = content;
        let length = bytes.len();
        let place = |position: u64| usize::try_from(position).map_or(length, |position| position.min(length));
        let (from, to) = (place(first), place(last.saturating_add(1)));
        bytes.truncate(to);
        bytes.drain(..from.min(to));
        Self { bytes, first, total: length as u64, file_type, file_name, sha256 }
    }
}

/// An image that is known to be damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DamagedImage {
    /// The image.
    pub image_id: ImageId,
    /// The time at which the damage was found.
    pub found_at: OffsetDateTime,
    /// The damage.
    pub reason: DamageReason,
}

/// A part of the check of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CheckPart {
    /// The pages of the database, and the references between its rows.
    Pages,
    /// The originals against their hashes.
    Pictures,
    /// The embeddings.
    Embeddings,
    /// The vector indexes against the embeddings.
    Index,
    /// Rows that belong to nothing.
    Orphans,
    /// The full-text index against the texts.
    Texts,
}

impl CheckPart {
    /// All parts, in the order in which they are checked.
    pub const ALL: [Self; 6] = [Self::Pages, Self::Pictures, Self::Embeddings, Self::Index, Self::Orphans, Self::Texts];

    /// Returns the name of the part in lowercase.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pages => "pages",
            Self::Pictures => "pictures",
            Self::Embeddings => "embeddings",
            Self::Index => "index",
            Self::Orphans => "orphans",
            Self::Texts => "texts",
        }
    }
}

/// A step of the check of one part.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CheckStep {
    /// The number of items that the step has looked at.
    pub checked: u64,
    /// The faults among them.
    pub faults: Vec<Fault>,
    /// The place that the next step goes on after; `None` when the part is done.
    pub next: Option<i64>,
}

/// A fault that a check has found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The part of the check.
    pub part: CheckPart,
    /// The image that the fault belongs to, if it belongs to one.
    pub image_id: Option<ImageId>,
    /// Says what is wrong, for the operator.
    pub found: String,
    /// True when the check has repaired it.
    pub repaired: bool,
}

/// The place of the running comparison of all originals with their hashes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ScrubState {
    /// The last image that the running comparison has read; 0 before the first one.
    pub after: ImageId,
    /// The time at which a comparison has ended last.
    pub finished_at: Option<OffsetDateTime>,
}

/// The facts that are known about the condition of a store without reading it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StoreCondition {
    /// The number of images that are known to be damaged.
    pub damaged_images: u64,
    /// The number of changes that were answered as stored and are missing, until an operator acknowledges the loss.
    pub lost_commits: u64,
    /// The number of pages of the database that hold nothing.
    pub free_pages: u64,
}

/// Compares what is stored with what was written.
pub trait IntegrityStore: ImageStore {
    /// Reads the bytes of an original from `first` to `last`, both included and counted from 0; `None` when there is no
    /// such image. Bytes behind the end are left out. The default reads the whole original.
    ///
    /// # Errors
    /// [`StoreError::ImageDamaged`] when the bytes are not those that were uploaded; [`StoreError::OriginalMissing`] when
    /// they lie in a file that is not there or has changed.
    fn content_part(&self, image_id: ImageId, first: u64, last: u64) -> Result<Option<ContentPart>, StoreError> {
        let Some(content) = self.content(image_id)? else { return Ok(None) };
        Ok(Some(ContentPart::of(content, first, last)))
    }

    /// Compares an original with its hash. A store that keeps chunk hashes and a list of damaged images writes the chunk
    /// hashes that are missing, and brings the list up to date. The default keeps neither.
    fn verify_image(&self, image_id: ImageId) -> Result<Verified, StoreError> {
        match self.content(image_id) {
            Ok(Some(content)) if Sha256::of(&content.bytes) == content.sha256 => Ok(Verified::Whole),
            Ok(Some(_)) => Ok(Verified::Damaged),
            Ok(None) => Ok(Verified::Unknown),
            Err(error) if error.lost_original().is_some() => Ok(Verified::Damaged),
            Err(error) => Err(error),
        }
    }

    /// Lists the images that are known to be damaged in ascending order of their ids: at most `limit` of those after
    /// `after`. The default knows none.
    fn damaged_images(&self, after: Option<ImageId>, limit: usize) -> Result<Vec<DamagedImage>, StoreError> {
        let _ = (after, limit);
        Ok(Vec::new())
    }

    /// Writes the bytes of a damaged original anew; returns false when they have another hash than the image. The
    /// default repairs nothing and returns false.
    fn repair_content(&self, image_id: ImageId, bytes: &[u8]) -> Result<bool, StoreError> {
        let _ = (image_id, bytes);
        Ok(false)
    }

    /// Checks at most `limit` items of one part after the place `after`, and repairs their faults if `repair` is set. The
    /// default checks nothing.
    fn check_part(
        &self,
        part: CheckPart,
        after: Option<i64>,
        limit: usize,
        repair: bool,
    ) -> Result<CheckStep, StoreError> {
        let _ = (part, after, limit, repair);
        Ok(CheckStep::default())
    }

    /// Returns the place of the running comparison of all originals. The default keeps none, and such a store is
    /// compared only on request.
    fn scrub_state(&self) -> Result<Option<ScrubState>, StoreError> {
        Ok(None)
    }

    /// Keeps the place of the running comparison, and the time at which one has ended.
    fn put_scrub_state(&self, after: ImageId, finished_at: Option<OffsetDateTime>) -> Result<(), StoreError> {
        let _ = (after, finished_at);
        Ok(())
    }

    /// Returns what is known about the condition of the store. The default knows nothing bad.
    fn condition(&self) -> Result<StoreCondition, StoreError> {
        Ok(StoreCondition::default())
    }

    /// Forgets that changes were lost, because an operator knows of it.
    fn acknowledge_loss(&self) -> Result<(), StoreError> {
        Ok(())
    }
}
