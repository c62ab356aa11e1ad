//! Turns the errors of all parts of the program into errors for callers: the row of the table, and the sentence that
//! says what to do. Every kind of failure is named here, so that the compiler does not let a new one be forgotten.

use super::{ApiError, ErrorCode, current_request_id};
use mitsuke_clip::EncodeError;
use mitsuke_engine::blocking::Unfinished;
use mitsuke_engine::bulk::{BulkError, MAX_SELECTED};
use mitsuke_engine::compare::CompareError;
use mitsuke_engine::duplicates::DuplicatesError;
use mitsuke_engine::intake::IntakeError;
use mitsuke_engine::models::ModelsError;
use mitsuke_engine::search::SearchError;
use mitsuke_image::ImageError;
use mitsuke_store::{Coverage, ModelId, StoreError};

/// Seconds after which a request may be sent again for which the system had no memory.
const MEMORY_RETRY_S: u32 = 5;

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::UnknownModel(model_id) => {
                Self::new(ErrorCode::ModelNotFound, format!("No model has the id {model_id}. GET /models lists them."))
            }
            StoreError::Coverage { model_id, embedded, total } => Self::new(
                ErrorCode::CoverageIncomplete,
                format!(
                    "Model {model_id} has embedded {embedded} of {total} images. Wait for its backfill, or ask \
                     with allow_partial to search only those."
                ),
            )
            .with("embedded", embedded)
            .with("total", total),
            StoreError::CurrentModel(model_id) => Self::new(
                ErrorCode::ModelIsCurrent,
                format!("Model {model_id} is the current one. Make another one current first: PUT /models/current."),
            ),
            error @ StoreError::BadKeywords(_) => {
                log::info!("request {}: {error}", current_request_id());
                Self::new(
                    ErrorCode::KeywordsRefused,
                    "The store cannot search for these words. Use fewer or shorter ones, or mode vector.",
                )
            }
            error @ StoreError::Busy(_) => {
                log::warn!("request {}: {error}", current_request_id());
                Self::new(ErrorCode::StoreBusy, "The store has too much to do. Try again in a moment.").retry_after(1)
            }
            error @ (StoreError::Misconfigured(_) | StoreError::NewerSchema { .. }) => {
                log::error!("request {}: {error}", current_request_id());
                Self::new(
                    ErrorCode::StoreMisconfigured,
                    "The store is not set up. Tell the operator; `mitsuke doctor` and the server's log have the reason.",
                )
                .retry_after(30)
            }
            error @ (StoreError::Unavailable(_) | StoreError::Unreachable(_) | StoreError::Locked(_)) => {
                log::warn!("request {}: {error}", current_request_id());
                Self::new(ErrorCode::StoreUnavailable, "The store cannot answer now. Try again in a few seconds.")
                    .retry_after(5)
            }
            error @ StoreError::DiskFull(_) => {
                log::error!("request {}: {error}", current_request_id());
                Self::new(
                    ErrorCode::StorageFull,
                    "There is no room left to store images. Delete pictures, or give the disk room.",
                )
            }
            error @ StoreError::Damaged(_) => {
                log::error!("request {}: {error}", current_request_id());
                Self::new(
                    ErrorCode::StoreDamaged,
                    "Stored data is damaged. Tell the operator; `mitsuke check` says what is damaged.",
                )
            }
            error @ StoreError::ImageDamaged(image_id) => {
                log::error!("request {}: {error}", current_request_id());
                Self::new(
                    ErrorCode::ImageDamaged,
                    format!(
                        "The stored bytes of image {image_id} are not those that were uploaded, and are not sent. Upload \
                         the file again, or have the operator restore it: mitsuke check --repair --from BACKUP."
                    ),
                )
                .with("image_id", image_id)
            }
            error @ StoreError::OriginalMissing(image_id) => {
                log::warn!("request {}: {error}", current_request_id());
                Self::new(
                    ErrorCode::OriginalMissing,
                    format!(
                        "The file of image {image_id} is missing or has changed where it lay. Put it back, or upload the \
                         file again."
                    ),
                )
                .with("image_id", image_id)
            }
            error @ (StoreError::ModelDimension { .. } | StoreError::Internal(_)) => Self::internal(&error),
        }
    }
}

impl From<BulkError> for ApiError {
    fn from(error: BulkError) -> Self {
        match error {
            BulkError::Store(error) => error.into(),
            BulkError::TooMany => {
                let detail = format!("More than {MAX_SELECTED} images pass the filter. Narrow it, and change them in parts.");
                Self::invalid("filter", detail).with("limit", MAX_SELECTED)
            }
            BulkError::TotalChanged(total) => Self::new(
                ErrorCode::TotalChanged,
                format!("{total} images pass the filter, and `confirm_total` is another number. Nothing is changed; look again."),
            )
            .with("total", total),
        }
    }
}

impl From<ModelsError> for ApiError {
    fn from(error: ModelsError) -> Self {
        match error {
            ModelsError::Store(error) => error.into(),
            ModelsError::Unfinished(error) => error.into(),
            ModelsError::Coverage { model_id, coverage } => coverage_incomplete(model_id, coverage),
            ModelsError::Unusable { model, reason } => Self::new(
                ErrorCode::ModelUnusable,
                format!("{model} cannot be used here: {reason}. Repair its folder, then POST /models/refresh."),
            ),
            ModelsError::HeldElsewhere(model_id) => Self::new(
                ErrorCode::BackfillElsewhere,
                format!(
                    "The backfill of model {model_id} does not stop yet, here or on another server. Try again in a minute."
                ),
            ),
            error @ ModelsError::NoCurrent => {
                log::warn!("request {}: {error}", current_request_id());
                Self::new(ErrorCode::NotReady, "No model is registered yet. Try again in a few seconds.").retry_after(5)
            }
            error @ (ModelsError::Folder { .. }
            | ModelsError::Empty { .. }
            | ModelsError::Refused { .. }
            | ModelsError::NotReady { .. }) => {
                log::error!("request {}: {error}", current_request_id());
                Self::new(
                    ErrorCode::NotReady,
                    "The embedding model cannot be used now. Tell the operator; the server's log has the reason.",
                )
                .retry_after(30)
            }
        }
    }
}

fn coverage_incomplete(model_id: ModelId, coverage: Coverage) -> ApiError {
    let Coverage { embedded, failed, total } = coverage;
    let advice = if coverage.missing() > 0 {
        "Start its backfill and wait for its end"
    } else {
        "The others failed: look at its failures and start its backfill with retry_failed"
    };
    let detail = format!(
        "Model {model_id} has embedded {embedded} of {total} images, and {failed} failed. {advice}, or ask with \
         allow_partial to search only what it has."
    );
    ApiError::new(ErrorCode::CoverageIncomplete, detail)
        .with("embedded", embedded)
        .with("failed", failed)
        .with("total", total)
}

impl From<CompareError> for ApiError {
    fn from(error: CompareError) -> Self {
        match error {
            CompareError::Models(error) => error.into(),
            CompareError::Store(error) => error.into(),
            CompareError::Encode(error) => error.into(),
            CompareError::Picture(error) => error.into(),
            CompareError::Unfinished(error) => error.into(),
            CompareError::UnknownImage(image_id) => Self::image_not_found(image_id),
        }
    }
}

impl From<IntakeError> for ApiError {
    fn from(error: IntakeError) -> Self {
        match error {
            IntakeError::Image(error) => error.into(),
            IntakeError::Encode(error) => error.into(),
            IntakeError::Models(error) => error.into(),
            IntakeError::Store(error) => error.into(),
            IntakeError::Unfinished(error) => error.into(),
        }
    }
}

impl From<SearchError> for ApiError {
    fn from(error: SearchError) -> Self {
        match error {
            SearchError::Encode(error) => error.into(),
            SearchError::Picture(error) => error.into(),
            SearchError::Models(error) => error.into(),
            SearchError::Store(error) => error.into(),
            SearchError::Unfinished(error) => error.into(),
            SearchError::UnknownImage(image_id) => Self::image_not_found(image_id),
            SearchError::NotEmbedded(image_id) => Self::new(
                ErrorCode::NotEmbedded,
                format!("Image {image_id} has no embedding of the current model yet. Try again after its backfill."),
            ),
            SearchError::NoTerms => Self::new(
                ErrorCode::KeywordsRefused,
                "The query holds no letter, digit or symbol that a keyword search could look for. Add a word, or use \
                 mode vector.",
            ),
            SearchError::NoDirection(_) => Self::new(
                ErrorCode::InvalidRequest,
                "The parts of the query cancel each other out. Change one of them, or its weight.",
            ),
        }
    }
}

impl From<DuplicatesError> for ApiError {
    fn from(error: DuplicatesError) -> Self {
        match error {
            DuplicatesError::Models(error) => error.into(),
            DuplicatesError::Store(error) => error.into(),
            DuplicatesError::Unfinished(error) => error.into(),
            DuplicatesError::Running => Self::new(
                ErrorCode::QueueFull,
                "A report of near-duplicates is being made already. Try again when it is done.",
            )
            .retry_after(5),
        }
    }
}

impl From<Unfinished> for ApiError {
    fn from(error: Unfinished) -> Self {
        Self::internal(&error)
    }
}

impl From<ImageError> for ApiError {
    fn from(error: ImageError) -> Self {
        if let Some(detail) = error.detail() {
            log::info!("request {}: a picture is refused: {detail}", current_request_id());
        }
        let detail = sentence(&error);
        match error {
            ImageError::UnsupportedType { found } => {
                Self::new(ErrorCode::UnsupportedImageType, detail).with("found", found.code())
            }
            ImageError::UnsupportedKind { .. } => Self::new(ErrorCode::UnsupportedImageType, detail),
            ImageError::TooManyPixels { max_pixels, .. } => {
                Self::new(ErrorCode::TooManyPixels, detail).with("limit", max_pixels)
            }
            ImageError::EdgeTooLong { max_edge, .. } => {
                Self::new(ErrorCode::TooManyPixels, detail).with("limit", max_edge)
            }
            ImageError::TooMuchMemory { max_bytes, .. } => {
                Self::new(ErrorCode::TooManyPixels, detail).with("limit", max_bytes)
            }
            ImageError::OutOfMemory { .. } => Self::new(ErrorCode::MemoryFull, detail).retry_after(MEMORY_RETRY_S),
            ImageError::Corrupt { .. } => Self::new(ErrorCode::ImageCorrupt, detail),
            ImageError::Encode { .. } => Self::internal(&detail),
        }
    }
}

/// Turns a message into a sentence with a capital letter and a full stop.
fn sentence(message: &dyn std::fmt::Display) -> String {
    let message = message.to_string();
    let mut letters = message.chars();
    let first: String = letters.next().map(|c| c.to_uppercase().collect()).unwrap_or_default();
    format!("{first}{}.", letters.as_str())
}

impl From<EncodeError> for ApiError {
    fn from(error: EncodeError) -> Self {
        match error {
            EncodeError::QueueFull => Self::new(
                ErrorCode::QueueFull,
                "The queue of the encoder is full. Try again after the seconds of Retry-After.",
            )
            .retry_after(1),
            EncodeError::Closed => Self::new(ErrorCode::NotReady, "The server is shutting down.").retry_after(30),
            EncodeError::NoVector => Self::new(
                ErrorCode::NoEmbedding,
                "The model finds nothing to compare in this input. Use other words, or another picture.",
            ),
            error @ EncodeError::OutOfMemory => {
                Self::new(ErrorCode::MemoryFull, sentence(&error)).retry_after(MEMORY_RETRY_S)
            }
            error @ EncodeError::Failed(_) => Self::internal(&error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_that_cannot_answer_has_a_code_and_keeps_its_reason_to_itself() {
        let secret = "ORA-12541 at db.internal";
        let cases = [
            (StoreError::Unreachable(secret.into()), "store_unavailable", 503),
            (StoreError::Unavailable(secret.into()), "store_unavailable", 503),
            (StoreError::Busy(secret.into()), "store_busy", 503),
            (StoreError::Misconfigured(secret.into()), "store_misconfigured", 503),
            (StoreError::NewerSchema { found: 9, known: 8 }, "store_misconfigured", 503),
            (StoreError::DiskFull(secret.into()), "storage_full", 507),
            (StoreError::BadKeywords(secret.into()), "keywords_refused", 400),
            (StoreError::Damaged(secret.into()), "store_damaged", 500),
            (StoreError::Internal(secret.into()), "internal", 500),
            (StoreError::ImageDamaged(7), "image_damaged", 500),
            (StoreError::OriginalMissing(7), "original_missing", 409),
        ];
        for (error, code, status) in cases {
            let problem = ApiError::from(error).problem();
            assert_eq!((problem.code.as_str(), problem.status), (code, status));
            assert!(!serde_json::to_string(&problem).unwrap().contains("ORA-"), "{problem:?}");
        }
    }
}
