//! POST /images/known.

use std::collections::HashMap;

use actix_web::{HttpResponse, web};

use crate::api::Services;
use crate::api::json::JsonBody;
use crate::api::types::{KnownImage, KnownRequest, KnownResponse};
use crate::error::ApiError;
use mitsuke_store::{MAX_HASHES, Sha256};

/// Ask which files are known
///
/// Tells by their SHA-256 which files are stored as images already, so that a bulk upload need not send them. Sending
/// such a file all the same does no harm: the answer says `known`, and the file is stored once.
#[utoipa::path(
    post, path = "/images/known", tag = "images", operation_id = "known_images",
    request_body = KnownRequest,
    responses((status = 200, description = "The files that are known", body = KnownResponse))
)]
pub async fn known(
    services: web::Data<Services>,
    JsonBody(request): JsonBody<KnownRequest>,
) -> Result<HttpResponse, ApiError> {
    let hashes = hashes(&request.sha256)?;
    let asked = hashes.clone();
    let found = services.with_store(move |store| store.images_by_sha256(&asked)).await?;
    let ids: HashMap<_, _> = found.into_iter().collect();
    let image = |hash: Sha256| ids.get(&hash).map(|id| KnownImage { sha256: hash.to_string(), image_id: *id });
    Ok(HttpResponse::Ok().json(KnownResponse { known: hashes.into_iter().filter_map(image).collect() }))
}

/// The hashes of a request in their order, each once.
fn hashes(texts: &[String]) -> Result<Vec<Sha256>, ApiError> {
    if texts.is_empty() || texts.len() > MAX_HASHES {
        return Err(ApiError::invalid("sha256", format!("`sha256` must hold from 1 to {MAX_HASHES} hashes."))
            .with("limit", MAX_HASHES));
    }
    let mut hashes = Vec::with_capacity(texts.len());
    for text in texts {
        let hash = Sha256::parse(text).ok_or_else(|| {
            ApiError::invalid("sha256", "Each of `sha256` must be 64 hexadecimal digits, as sha256sum prints them.")
        })?;
        if !hashes.contains(&hash) {
            hashes.push(hash);
        }
    }
    Ok(hashes)
}
