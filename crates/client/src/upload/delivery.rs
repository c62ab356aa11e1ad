//! Brings one picture to the server.

use super::lookup::LookedUp;
use super::prepare::Picture;
use super::session::Session;
use super::stop::StopReason;
use super::upload_log::{Status, caption_fingerprint};
use crate::FIRST_CONTACT;
use crate::failure::{Failure, FailureKind};
use crate::images::PictureFile;

/// A picture whose bytes are on the server.
struct Delivered {
    status: Status,
    image_id: i64,
    /// Whether the image has the caption of the picture.
    caption_set: bool,
}

/// Brings one picture to the server and notes the result. Does nothing once the upload is told to stop.
pub async fn deliver(session: &Session<'_>, LookedUp { picture, known_image_id }: LookedUp) {
    if session.stop.is_set() {
        return;
    }
    match send_or_update(session, &picture, known_image_id).await {
        Ok(Delivered { status, image_id, caption_set }) => {
            let caption = picture.caption.as_deref().filter(|_| caption_set).map(caption_fingerprint);
            session.write_log(&picture.file, Some(&picture.sha256), status, |entry| {
                (entry.image_id, entry.caption) = (Some(image_id), caption);
            });
            session.finish_file();
        }
        Err(failure) => match reach(session, &failure).await {
            Reach::ThisFile => {
                session.fail_file(&picture.file, Some(&picture.sha256), &failure.code, &failure.detail);
            }
            Reach::EveryFile(reason) => session.stop.stop(reason),
            Reach::Unknown => {}
        },
    }
}

/// Sends a picture, or only the caption when the server has the picture already.
async fn send_or_update(
    session: &Session<'_>,
    picture: &Picture,
    known_image_id: Option<i64>,
) -> Result<Delivered, Failure> {
    if let Some(image_id) = known_image_id {
        match update_caption(session, picture, image_id, None).await {
            // The image has been deleted since the lookup.
            Err(failure) if failure.code == "image_not_found" => {}
            Err(failure) => return Err(failure),
            Ok(caption_set) => {
                session.summary.borrow_mut().known_unsent += 1;
                return Ok(Delivered { status: Status::Known, image_id, caption_set });
            }
        }
    }
    let file = PictureFile {
        path: &picture.file.path,
        media_type: picture.file_type.media_type(),
        bytes: picture.file.bytes,
        caption: picture.caption.as_deref(),
        source_path: picture.file.source_path.as_deref(),
    };
    let image = session.client.upload_image(file).await?;
    let image_id = image.image_id;
    if image.sha256 != picture.sha256 {
        let path = picture.file.path.display();
        session.progress.message(&format!("{path} changed while it was read; image {image_id} has the newer bytes"));
    }
    let caption_set = image.created || update_caption(session, picture, image_id, image.caption.as_deref()).await?;
    let mut summary = session.summary.borrow_mut();
    summary.bytes_sent += picture.file.bytes;
    let status = if image.created {
        summary.created += 1;
        Status::Created
    } else {
        summary.known_sent += 1;
        Status::Known
    };
    Ok(Delivered { status, image_id, caption_set })
}

/// Sets the caption of an image that the server had before, where the user wants that. Returns whether the image has
/// the caption of the picture now; `current` is the image's caption before, if known.
async fn update_caption(
    session: &Session<'_>,
    picture: &Picture,
    image_id: i64,
    current: Option<&str>,
) -> Result<bool, Failure> {
    let Some(caption) = picture.caption.as_deref() else { return Ok(false) };
    if current == Some(caption) {
        return Ok(true);
    }
    if !session.options.update_captions {
        session.summary.borrow_mut().captions_not_set += 1;
        return Ok(false);
    }
    session.client.set_caption(image_id, caption).await?;
    session.summary.borrow_mut().captions_set += 1;
    Ok(true)
}

/// The files that a failure concerns.
enum Reach {
    /// This file alone; others may be stored.
    ThisFile,
    /// Every file, for this reason. The file is not to blame, and counts as not tried.
    EveryFile(StopReason),
    /// The upload was told to stop before that was known.
    Unknown,
}

/// Finds out whether every other file would meet the same failure.
async fn reach(session: &Session<'_>, failure: &Failure) -> Reach {
    let detail = || failure.detail.clone();
    match failure.kind {
        FailureKind::Unauthorized => Reach::EveryFile(StopReason::Unauthorized(detail())),
        FailureKind::StorageFull => Reach::EveryFile(StopReason::StorageFull(detail())),
        // The server may have trouble with this file alone.
        FailureKind::Unreachable => match session.client.giving_up_after(FIRST_CONTACT).check_connection().await {
            Ok(()) => Reach::ThisFile,
            Err(failure) if failure.kind == FailureKind::Cancelled => Reach::Unknown,
            Err(failure) => Reach::EveryFile(StopReason::Unreachable(failure.detail)),
        },
        FailureKind::Rejected | FailureKind::ServerError => Reach::ThisFile,
        FailureKind::Cancelled => Reach::Unknown,
    }
}
