//! Findings about the homes of originals.

use crate::config::Settings;
use mitsuke_store::{Finding, Folder, Home};

/// Returns the findings about the folder of originals and the folders whose files may be registered where they lie.
pub(super) fn findings(settings: &Settings) -> Vec<Finding> {
    folder(settings).into_iter().chain(settings.originals.link_folders.iter().map(|folder| linked(folder))).collect()
}

fn folder(settings: &Settings) -> Option<Finding> {
    const WHAT: &str = "originals";
    let folder = settings.originals.folder.as_deref()?;
    let shown = folder.display();
    if Folder::is_marked(folder) {
        return Some(match writable(folder) {
            Ok(()) => Finding::good(WHAT, format!("{shown} keeps originals and can be written")),
            Err(error) => Finding::problem(
                WHAT,
                format!("{shown} keeps originals and cannot be written: {error}"),
                "Give this user the right to write there. Nothing can be stored in the folder or deleted from it.",
            ),
        });
    }
    (settings.originals.home == Home::Folder).then(|| {
        Finding::note(
            WHAT,
            format!("{shown} (MITSUKE_ORIGINALS_DIR) is not there yet"),
            "The server makes it when it starts. If originals lie in it already, its disk is not mounted.",
        )
    })
}

fn writable(folder: &std::path::Path) -> std::io::Result<()> {
    let probe = folder.join(".mitsuke-doctor");
    std::fs::write(&probe, b"x").and_then(|()| std::fs::remove_file(&probe))
}

fn linked(folder: &std::path::Path) -> Finding {
    const WHAT: &str = "pictures in place";
    match std::fs::read_dir(folder).map(|mut entries| entries.next().is_some()) {
        Ok(true) => Finding::good(WHAT, format!("{} can be read", folder.display())),
        Ok(false) => Finding::note(
            WHAT,
            format!("{} is empty", folder.display()),
            "If pictures of it are registered, its disk is not mounted, and they cannot be given out.",
        ),
        Err(error) => Finding::note(
            WHAT,
            format!("{} cannot be read: {error}", folder.display()),
            "Mount its disk, or take the folder out of MITSUKE_LINK_DIRS.",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_of_pictures_in_place_are_looked_at() {
        let folder = tempfile::tempdir().unwrap();
        assert!(linked(folder.path()).to_string().contains("is empty"));
        std::fs::write(folder.path().join("a"), b"x").unwrap();
        assert!(linked(folder.path()).to_string().starts_with("ok"));
        assert!(linked(&folder.path().join("none")).to_string().contains("cannot be read"));
        writable(folder.path()).unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
