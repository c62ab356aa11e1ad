//! The removal of older copies, and of the originals that only they had.

use std::collections::HashSet;

use super::folder::{DATABASE, Folder, entries};
use super::{check, copy};
use crate::files;
use crate::{BackupError, Sha256};

/// Removes all copies but the newest `keep`, at least one, and then the originals that no copy names. When a copy that
/// stays cannot be read, all originals stay.
pub(super) fn prune(folder: &Folder, keep: usize) -> Result<(), BackupError> {
    let manifests = folder.manifests()?;
    let (old, kept) = manifests.split_at(manifests.len().saturating_sub(keep.max(1)));
    if old.is_empty() {
        return Ok(());
    }
    for manifest in old {
        let path = folder.copy(&manifest.name);
        // Under this name it is no copy any more, so one that is half removed is never restored from.
        let unfinished = files::partial_of(&path);
        files::rename(&path, &unfinished)?;
        files::remove(&unfinished)?;
        log::info!("removed the backup {}: the newest {keep} are kept", manifest.name);
    }
    let mut named = HashSet::new();
    for manifest in kept {
        let connection = check::open(&folder.copy(&manifest.name).join(DATABASE))?;
        named.extend(copy::hashes(&connection)?.into_iter().map(|hash| hash.0));
    }
    // Folders without a manifest may be copies of a newer program.
    if kept.len() != copies_on_disk(folder)? {
        log::warn!("a copy cannot be read, so originals that no copy names are kept");
        return Ok(());
    }
    for (_, part) in entries(&folder.pictures())? {
        for (name, path) in entries(&part)? {
            if !Sha256::parse(&name).is_some_and(|hash| named.contains(&hash.0)) {
                files::remove(&path)?;
            }
        }
    }
    Ok(())
}

fn copies_on_disk(folder: &Folder) -> Result<usize, BackupError> {
    let copies = entries(&folder.copy(""))?;
    Ok(copies.iter().filter(|(name, path)| path.is_dir() && !name.ends_with(files::PARTIAL)).count())
}
