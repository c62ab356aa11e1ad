//! Reads the id in a path.

use std::future::{Ready, ready};

use actix_web::{FromRequest, HttpRequest, dev};

use crate::error::{ApiError, ErrorCode};

/// The `{image_id}` or `{model_id}` of a path. Text that is not a number is answered like an id that does not exist.
#[derive(Debug, Clone, Copy)]
pub struct PathId(pub i64);

impl FromRequest for PathId {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut dev::Payload) -> Self::Future {
        let info = request.match_info();
        let (code, text) = match info.get("image_id") {
            Some(text) => (ErrorCode::ImageNotFound, text),
            None => (ErrorCode::ModelNotFound, info.get("model_id").unwrap_or_default()),
        };
        let id = text.parse().map(Self);
        ready(id.map_err(|_| ApiError::new(code, "The id in the path must be a whole number.")))
    }
}
