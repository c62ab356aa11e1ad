//! Checks which files an earlier run finished.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;

use super::captions;
use super::progress::Progress;
use super::scan::SourceFile;
use super::stop::StopSignal;
use super::upload_log::{PreviousRuns, caption_fingerprint};
use crate::client::Client;
use crate::images::MAX_KNOWN_HASHES;

/// Asks the server for the images of the files that the log calls finished, and removes from `previous` those that
/// the server does not have: images may have been deleted since, or the address may be that of another store now.
pub async fn confirm(
    mut previous: PreviousRuns,
    files: &[SourceFile],
    client: &Client,
    stop: &StopSignal,
    progress: &Progress,
) -> PreviousRuns {
    let hashes = previous.finished_hashes(files);
    let mut missing = HashSet::new();
    for batch in hashes.chunks(MAX_KNOWN_HASHES) {
        if stop.is_set() {
            break;
        }
        match client.known_images(batch).await {
            Ok(Some(known)) => missing.extend(batch.iter().filter(|hash| !known.contains_key(*hash)).cloned()),
            // A server that is too old for this question leaves only the log to decide.
            Ok(None) => return previous,
            // The lookup before sending asks about these files again.
            Err(_) => missing.extend(batch.iter().cloned()),
        }
    }
    if !missing.is_empty() {
        progress.message(&format!(
            "the server does not have {} of the {} pictures that the log calls done; their files are checked again",
            missing.len(),
            hashes.len()
        ));
        previous.forget(&missing);
    }
    previous
}

/// Returns whether nothing is left to do for a file. With `update_captions`, a file whose caption differs from the sent
/// caption is not finished. `listed_captions` are the captions of the table, by the absolute path of their file.
pub fn is_finished(
    previous: &PreviousRuns,
    file: &SourceFile,
    update_captions: bool,
    listed_captions: &HashMap<PathBuf, String>,
) -> bool {
    let Some(entry) = previous.finished(file) else { return false };
    if !update_captions {
        return true;
    }
    let listed = listed_captions.get(&file.absolute_path).cloned();
    let caption = listed.or_else(|| captions::sidecar_caption(&file.path).ok().flatten());
    caption.is_none_or(|caption| entry.caption == Some(caption_fingerprint(&caption)))
}
