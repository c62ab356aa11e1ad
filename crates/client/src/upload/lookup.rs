//! Asks the server which pictures it knows, many at a time, so that those are not sent.

use std::cell::Cell;

use tokio::sync::mpsc::{Receiver, Sender};

use super::client::{Client, Kind};
use super::prepare::Picture;
use super::progress::Progress;

/// Most hashes that the server takes in one question.
pub const MOST_HASHES: usize = 1_000;
/// Pictures that are asked about at once: while one half is being sent, the other is asked about.
const AT_ONCE: usize = MOST_HASHES / 2;

/// A picture, and its image where the server has its bytes.
pub type Asked = (Picture, Option<i64>);

/// Asks about pictures as they come, all that wait in one question, and passes them on in their order. A server
/// that does not know the question, or fails to answer it, gets the pictures themselves.
pub async fn ask(client: &Client<'_>, progress: &Progress, mut pictures: Receiver<Picture>, asked: Sender<Asked>) {
    let able = Cell::new(true);
    let mut batch = Vec::with_capacity(AT_ONCE);
    while pictures.recv_many(&mut batch, AT_ONCE).await > 0 {
        let hashes: Vec<_> = batch.iter().map(|picture| picture.sha256.clone()).collect();
        let known = if able.get() { question(client, progress, &able, &hashes).await } else { Default::default() };
        for picture in batch.drain(..) {
            let image_id = known.get(&picture.sha256).copied();
            if asked.send((picture, image_id)).await.is_err() {
                return;
            }
        }
    }
}

async fn question(
    client: &Client<'_>,
    progress: &Progress,
    able: &Cell<bool>,
    hashes: &[String],
) -> std::collections::HashMap<String, i64> {
    match client.known(hashes).await {
        Ok(Some(known)) => known,
        Ok(None) => {
            able.set(false);
            progress.say("this server cannot tell which pictures it knows: all of them are sent");
            Default::default()
        }
        Err(failure) => {
            if failure.kind != Kind::Stopped {
                progress.say(&format!("{}: {}; the pictures are sent unasked", failure.code, failure.detail));
            }
            Default::default()
        }
    }
}
