//! POST /images/update and POST /images/delete.

use actix_web::{HttpResponse, web};

use crate::api::Services;
use crate::api::json::JsonBody;
use crate::api::types::{BulkDeleteRequest, BulkItem, BulkResponse, BulkStatus, BulkUpdateRequest, FilterRequest};
use crate::config::Limits;
use crate::error::{ApiError, ErrorCode};
use mitsuke_engine::blocking;
use mitsuke_engine::bulk::{self, BulkError, Selection};
use mitsuke_store::{ChangeOutcome, ImageChange, ImageId};

/// Images that one request may name.
const MAX_IDS: usize = 1_000;

/// Change many images
///
/// Makes one change to each of many images: those of `image_ids`, or all that pass `filter`. A filter needs
/// `confirm_total`, so that nobody changes more than they have seen. An image that cannot be changed stops no other; the
/// answer has an item for each.
#[utoipa::path(
    post, path = "/images/update", tag = "images", operation_id = "update_images",
    request_body = BulkUpdateRequest,
    responses((status = 200, description = "An item for each image", body = BulkResponse))
)]
pub async fn update(
    services: web::Data<Services>,
    JsonBody(request): JsonBody<BulkUpdateRequest>,
) -> Result<HttpResponse, ApiError> {
    if request.change.file_name.is_some() {
        return Err(ApiError::invalid(
            "change.file_name",
            "Many images cannot have one file name. Use PATCH for each.",
        ));
    }
    let selection = selection(request.image_ids, request.filter, request.confirm_total, &services.limits)?;
    let patch = request.change.checked(&services.limits)?;
    answer(&services, selection, move || ImageChange::Patch(patch.parsed())).await
}

/// Delete many images
///
/// Removes many images everywhere: those of `image_ids`, or all that pass `filter`. A filter needs `confirm_total`, so
/// that nobody deletes more than they have seen.
#[utoipa::path(
    post, path = "/images/delete", tag = "images", operation_id = "delete_images",
    request_body = BulkDeleteRequest,
    responses((status = 200, description = "An item for each image", body = BulkResponse))
)]
pub async fn delete(
    services: web::Data<Services>,
    JsonBody(request): JsonBody<BulkDeleteRequest>,
) -> Result<HttpResponse, ApiError> {
    let selection = selection(request.image_ids, request.filter, request.confirm_total, &services.limits)?;
    answer(&services, selection, || ImageChange::Delete).await
}

/// Checks which images a request names.
fn selection(
    ids: Vec<ImageId>,
    filter: Option<FilterRequest>,
    confirm_total: Option<u64>,
    limits: &Limits,
) -> Result<Selection, ApiError> {
    let Some(filter) = filter else {
        if ids.is_empty() || ids.len() > MAX_IDS {
            let detail = format!("Send `image_ids` with 1 to {MAX_IDS} images, or a `filter` with `confirm_total`.");
            return Err(ApiError::invalid("image_ids", detail).with("limit", MAX_IDS));
        }
        return Ok(Selection::Ids(ids));
    };
    if !ids.is_empty() {
        return Err(ApiError::invalid("image_ids", "Send `image_ids` or `filter`, not both."));
    }
    let filter = filter.checked(limits.query_chars)?;
    if filter.is_empty() {
        return Err(ApiError::invalid("filter", "An empty `filter` passes all images. Name a condition."));
    }
    let expected = confirm_total.ok_or_else(|| {
        let detail = "`confirm_total` must be the number of images that pass the filter: `total.count` of GET /images.";
        ApiError::invalid("confirm_total", detail)
    })?;
    Ok(Selection::Filter { filter: Box::new(filter), expected })
}

async fn answer(
    services: &web::Data<Services>,
    selection: Selection,
    change: impl FnOnce() -> ImageChange + Send + 'static,
) -> Result<HttpResponse, ApiError> {
    // The work goes on when the caller leaves, and then the thumbnails have to be forgotten too.
    let services = web::Data::clone(services);
    let outcomes = blocking::run(move || {
        let outcomes = bulk::change(services.store.as_ref(), selection, &change())?;
        for (image_id, _) in outcomes.iter().filter(|(_, outcome)| matches!(outcome, ChangeOutcome::Deleted)) {
            services.thumbnails.forget(*image_id);
        }
        Ok::<_, BulkError>(outcomes)
    })
    .await??;
    let items: Vec<BulkItem> = outcomes.into_iter().map(|(image_id, outcome)| item(image_id, outcome)).collect();
    let count = |statuses: &[BulkStatus]| items.iter().filter(|item| statuses.contains(&item.status)).count();
    let changed = count(&[BulkStatus::Changed, BulkStatus::Deleted]);
    let rejected = count(&[BulkStatus::Rejected]);
    Ok(HttpResponse::Ok().json(BulkResponse { total: items.len(), changed, rejected, items }))
}

fn item(image_id: ImageId, outcome: ChangeOutcome) -> BulkItem {
    let error = match outcome {
        ChangeOutcome::Changed => return BulkItem { image_id, status: BulkStatus::Changed, problem: None },
        ChangeOutcome::Unchanged => return BulkItem { image_id, status: BulkStatus::Unchanged, problem: None },
        ChangeOutcome::Deleted => return BulkItem { image_id, status: BulkStatus::Deleted, problem: None },
        ChangeOutcome::Unknown => ApiError::image_not_found(image_id),
        ChangeOutcome::Failed(error) => ApiError::from(error),
    };
    if error.code() == ErrorCode::Internal {
        log::error!("a change of image {image_id} failed: {error}");
    }
    BulkItem { image_id, status: BulkStatus::Rejected, problem: Some(error.problem()) }
}
