//! Asks the server which pictures it has, many at a time, so that those are not sent.

use std::collections::HashMap;

use tokio::sync::mpsc::{Receiver, Sender};

use super::prepare::Picture;
use super::progress::Progress;
use crate::client::Client;
use crate::failure::FailureKind;
use crate::images::MAX_KNOWN_HASHES;

/// The number of pictures in one question: half of what the server takes, so that one half is sent while the other is
/// looked up.
const BATCH: usize = MAX_KNOWN_HASHES / 2;

/// A picture that has been looked up.
pub struct LookedUp {
    pub picture: Picture,
    /// The image with the same bytes, where the server has one.
    pub known_image_id: Option<i64>,
}

/// Looks pictures up as they arrive, with one question for all that are waiting, and passes them on in their order. A
/// picture counts as new to the server when the server is too old for the question or fails to answer it.
pub async fn look_up_all(
    client: &Client,
    progress: &Progress,
    mut pictures: Receiver<Picture>,
    looked_up: Sender<LookedUp>,
) {
    let mut supported = true;
    let mut batch = Vec::with_capacity(BATCH);
    while pictures.recv_many(&mut batch, BATCH).await > 0 {
        let mut known = HashMap::new();
        if supported {
            let hashes: Vec<_> = batch.iter().map(|picture| picture.sha256.clone()).collect();
            match client.known_images(&hashes).await {
                Ok(Some(answer)) => known = answer,
                Ok(None) => {
                    supported = false;
                    progress.message("this server cannot tell which pictures it has; all of them are sent");
                }
                Err(failure) if failure.kind == FailureKind::Cancelled => {}
                Err(failure) => {
                    progress.message(&format!(
                        "the server did not tell which pictures it has, so they are sent: {failure}"
                    ));
                }
            }
        }
        for picture in batch.drain(..) {
            let known_image_id = known.get(&picture.sha256).copied();
            if looked_up.send(LookedUp { picture, known_image_id }).await.is_err() {
                return;
            }
        }
    }
}
