//! Findings about backups and the room on the disk.

use std::path::Path;

use time::OffsetDateTime;

use crate::config::Settings;
use mitsuke_store::Finding;
use mitsuke_store::sqlite::{copies, room_of, upgrade_copies};

/// Returns the findings about backups and the room on the disk. A database is looked after by its own tools.
pub(super) fn findings(settings: &Settings) -> Vec<Finding> {
    if settings.oracle.is_some() {
        return Vec::new();
    }
    let backup = settings.backup.backup_dir.as_deref();
    let backup = backup.map(|folder| newest_backup(folder, settings.backup.backup_every_h, OffsetDateTime::now_utc()));
    let upgrades = upgrade_copies(&settings.data_dir).into_iter().map(|path| upgrade_copy(&path));
    room(&settings.data_dir, settings.backup.min_free_bytes).into_iter().chain(backup).chain(upgrades).collect()
}

fn newest_backup(folder: &Path, every_h: u64, now: OffsetDateTime) -> Finding {
    const WHAT: &str = "backup";
    let shown = folder.display();
    let newest = match copies(folder) {
        Ok(mut copies) => copies.pop(),
        Err(error) => {
            return Finding::problem(
                WHAT,
                format!("{shown} cannot be read: {error}"),
                "Set MITSUKE_BACKUP_DIR to a folder that this user can write, or leave it out.",
            );
        }
    };
    let Some(newest) = newest else {
        return Finding::note(WHAT, format!("{shown} holds no copy yet"), "`mitsuke backup` makes one.");
    };
    let hours = (now - newest.made_at).whole_hours();
    let found = format!("the newest copy in {shown} holds {} images and is {hours} h old", newest.images);
    // A copy may be late by a half, because a backup takes its time and a server may be down for a night.
    if every_h > 0 && hours.unsigned_abs() > every_h + every_h.div_ceil(2) {
        return Finding::note(
            WHAT,
            found,
            format!("One is due every {every_h} h while a server runs; its log says why there is none."),
        );
    }
    if newest.damaged.is_empty() {
        return Finding::good(WHAT, found);
    }
    let lacking = format!("{found}, and lacks {} originals that are damaged in the store", newest.damaged.len());
    Finding::note(WHAT, lacking, "`mitsuke check` lists them; upload those files again.")
}

fn room(data_dir: &Path, min_free_bytes: Option<u64>) -> Option<Finding> {
    const WHAT: &str = "room on the disk";
    // The server makes a missing folder below the nearest one that exists.
    let nearest = data_dir.ancestors().find(|folder| folder.is_dir()).unwrap_or(Path::new("."));
    let room = room_of(nearest, min_free_bytes)?;
    let found = format!("{} MB are free for {}", room.free / 1_000_000, data_dir.display());
    Some(if room.is_low() {
        Finding::note(
            WHAT,
            format!("{found}, and uploads need {} MB", room.wanted / 1_000_000),
            "Uploads are refused. Delete pictures, give the disk room, or lower MITSUKE_MIN_FREE_BYTES.",
        )
    } else {
        Finding::good(WHAT, found)
    })
}

fn upgrade_copy(path: &Path) -> Finding {
    let megabytes = path.metadata().map(|file| file.len() / 1_000_000).unwrap_or_default();
    Finding::note(
        "copy before an upgrade",
        format!("{} takes {megabytes} MB", path.display()),
        "It is the database as it was before the last upgrade. Delete it once you are content with this version.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_with_too_little_room_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let text = |mark| room(&folder.path().join("not/there/yet"), mark).unwrap().to_string();
        assert!(text(Some(0)).starts_with("ok"));
        assert!(text(Some(u64::MAX)).contains("Uploads are refused"));
    }

    #[test]
    fn a_backup_folder_is_looked_at() {
        let folder = tempfile::tempdir().unwrap();
        let told = |folder: &Path| newest_backup(folder, 24, OffsetDateTime::now_utc());
        assert!(told(&folder.path().join("none")).to_string().contains("no copy yet"));
        std::fs::write(folder.path().join("copies"), b"x").unwrap();
        assert!(told(folder.path()).is_problem(), "it is no backup");
    }
}
