//! The finding about the folder of originals.

use crate::config::Settings;
use mitsuke_store::{Finding, Folder, Home};

/// Returns the finding about the folder of originals, if there is one.
pub(super) fn finding(settings: &Settings) -> Option<Finding> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_look_at_the_folder_leaves_nothing_there() {
        let folder = tempfile::tempdir().unwrap();
        writable(folder.path()).unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
