//! The three stages of an upload, which work at the same time: prepare, look up, deliver.

use std::collections::HashMap;
use std::path::PathBuf;

use futures_util::StreamExt as _;
use tokio::sync::mpsc;
use tokio::task::JoinError;

use super::delivery::deliver;
use super::lookup::look_up_all;
use super::prepare::{Picture, Prepared, prepare};
use super::scan::SourceFile;
use super::session::Session;

/// The number of pictures that can wait between two stages. The bytes of the pictures stay on disk.
const QUEUE_CAPACITY: usize = 500;

/// Uploads the files. `listed_captions` are the captions of the table, by the absolute path of their file.
///
/// # Errors
/// When reading a file panics.
pub async fn upload_files(
    session: &Session<'_>,
    files: Vec<SourceFile>,
    listed_captions: HashMap<PathBuf, String>,
) -> Result<(), JoinError> {
    let (prepared, to_look_up) = mpsc::channel(QUEUE_CAPACITY);
    let (looked_up, to_deliver) = mpsc::channel(QUEUE_CAPACITY);
    let prepare = prepare_all(session, files, listed_captions, prepared);
    let look_up = look_up_all(session.client, session.progress, to_look_up, looked_up);
    let deliver = futures_util::stream::unfold(to_deliver, |mut queue: mpsc::Receiver<_>| async {
        queue.recv().await.map(|picture| (picture, queue))
    })
    .for_each_concurrent(session.options.jobs, |picture| deliver(session, picture));
    tokio::join!(prepare, look_up, deliver).0
}

/// Reads files ahead of the uploads, as many at once as there are cores.
async fn prepare_all(
    session: &Session<'_>,
    files: Vec<SourceFile>,
    mut listed_captions: HashMap<PathBuf, String>,
    pictures: mpsc::Sender<Picture>,
) -> Result<(), JoinError> {
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    let mut prepared = futures_util::stream::iter(files)
        .map(|file| {
            let listed = listed_captions.remove(&file.absolute_path);
            tokio::task::spawn_blocking(move || prepare(file, listed))
        })
        .buffered(cores);
    while !session.stop.is_set()
        && let Some(prepared) = prepared.next().await
    {
        match prepared? {
            Prepared::Picture(picture) => {
                if let Some(reason) = &picture.unusable_caption {
                    session.leave_caption_out(reason);
                }
                tokio::select! {
                    sent = pictures.send(picture) => if sent.is_err() { break },
                    () = session.stop.stopped() => break,
                }
            }
            Prepared::NotPicture { file, found } => session.skip_file(&file, found),
            Prepared::Failed { file, code, detail } => session.fail_file(&file, None, code, &detail),
        }
    }
    Ok(())
}
