//! Originals as they are read: out of the database, or out of the home that a row names.

use crate::originals::{Home, HomeError, Homes};
use crate::sqlite::images::Stored;
use crate::{Content, DamageReason, Sha256, StoreError};

/// The reason why an original is not given out.
pub(super) enum Lost {
    /// It is not what was stored; the text says what was found.
    Damaged(DamageReason, String),
    /// It lies in place in a folder that is not there now, so that nothing is known about it.
    Away(String),
    /// The store cannot read now.
    Failed(StoreError),
}

/// Reads an original and compares it with its hash. `rows` reads where it lies, in a snapshot of its own: no snapshot is held
/// while a file is read, and a file that is not there may have moved meanwhile.
///
/// # Errors
/// See [`Lost`].
pub(super) fn read_verified(
    homes: &Homes,
    rows: impl Fn() -> Result<Option<Stored>, StoreError>,
) -> Result<Option<Content>, Lost> {
    let mut missing = None;
    loop {
        let located = match rows() {
            Ok(None) => return Ok(None),
            Ok(Some(Stored::Bytes(content))) => return verified(content, DamageReason::Bytes).map(Some),
            Ok(Some(Stored::File(located))) => located,
            Err(StoreError::Damaged(reason)) => return Err(Lost::Damaged(DamageReason::Bytes, reason)),
            Err(error) => return Err(Lost::Failed(error)),
        };
        let name = located.path.clone().unwrap_or_else(|| located.sha256.to_string());
        // One byte beyond the end tells a file that has grown.
        match homes.read(located.home, &located.key(), 0..located.bytes.saturating_add(1)) {
            Ok(Some(bytes)) => {
                let reason = if located.home == Home::InPlace { DamageReason::Changed } else { DamageReason::Bytes };
                return verified(located.content(bytes), reason).map(Some);
            }
            Ok(None) if missing.as_ref() == Some(&located) => {
                return Err(Lost::Damaged(DamageReason::Missing, format!("the file {name} is not there")));
            }
            Ok(None) => missing = Some(located),
            Err(HomeError::Away(reason)) if located.home == Home::InPlace => return Err(Lost::Away(reason)),
            Err(HomeError::Failed(reason)) => {
                let lost = if located.home == Home::InPlace { DamageReason::Missing } else { DamageReason::Bytes };
                return Err(Lost::Damaged(lost, reason));
            }
            Err(error) => return Err(Lost::Failed(error.into())),
        }
    }
}

fn verified(content: Content, reason: DamageReason) -> Result<Content, Lost> {
    let found = Sha256::of(&content.bytes);
    if found == content.sha256 {
        return Ok(content);
    }
    Err(Lost::Damaged(reason, format!("{}: its SHA-256 is {found} and was {}", content.file_name, content.sha256)))
}
