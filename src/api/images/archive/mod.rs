//! POST /images/archive.

mod names;
mod tail;
mod writer;

use std::collections::HashSet;
use std::sync::Arc;

use actix_web::http::header::{self, ContentDisposition, DispositionParam, DispositionType};
use actix_web::{HttpResponse, web};
use futures_util::stream;
use mitsuke_engine::blocking;
use mitsuke_store::ImageId;
use time::OffsetDateTime;

use crate::api::json::JsonBody;
use crate::api::sending::Answering;
use crate::api::types::{ArchiveBytes, ArchiveRequest};
use crate::api::{Services, checks};
use crate::error::ApiError;
use writer::ArchiveWriter;

/// Images that one archive may have.
const MAX_IMAGES: usize = 1_000;

/// Memory for an archive, as a multiple of its largest picture: the picture, and its bytes in the archive.
const COPIES: u64 = 2;

/// Get several images' original bytes
///
/// Answers with a ZIP archive of the originals, unchanged, under their file names. A picture that does not exist, is
/// deleted meanwhile or turns out to be damaged is left out, and a last file `left-out.txt` names it.
#[utoipa::path(
    post, path = "/images/archive", tag = "images", operation_id = "archive_images",
    request_body = ArchiveRequest,
    responses((status = 200, description = "The archive", body = ArchiveBytes, content_type = "application/zip"))
)]
pub async fn archive(
    services: web::Data<Services>,
    answering: Answering,
    JsonBody(request): JsonBody<ArchiveRequest>,
) -> Result<HttpResponse, ApiError> {
    let ids = checks::ids(request.image_ids, MAX_IMAGES)?;
    let asked = ids.clone();
    let images = services.with_store(move |store| store.images_short(&asked, 0)).await?;
    let largest = images.iter().map(|image| image.bytes).max();
    let largest = largest.ok_or_else(|| ApiError::image_not_found(ids.first().copied().unwrap_or_default()))?;
    let room = services.sending.reserve(largest.saturating_mul(COPIES));
    let room = room.ok_or_else(|| ApiError::too_many("downloads of pictures"))?;
    let known: HashSet<ImageId> = images.iter().map(|image| image.image_id).collect();
    let unknown: Vec<ImageId> = ids.into_iter().filter(|id| !known.contains(id)).collect();
    let writer = ArchiveWriter::new(Arc::clone(&services.store), images, &unknown);
    let pieces = stream::try_unfold(writer, |writer| async move { blocking::run(move || writer.next()).await? });
    Ok(HttpResponse::Ok()
        .content_type("application/zip")
        // Compression would take time and make nothing smaller.
        .insert_header((header::CONTENT_ENCODING, "identity"))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header(disposition(OffsetDateTime::now_utc()))
        .body(answering.streamed(room, pieces)))
}

/// Names the archive for a caller that saves it.
fn disposition(now: OffsetDateTime) -> ContentDisposition {
    let name = format!("mitsuke-{}.zip", now.date());
    ContentDisposition { disposition: DispositionType::Attachment, parameters: vec![DispositionParam::Filename(name)] }
}
