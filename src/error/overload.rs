//! The errors of a server that has no room for a request.

use super::{ApiError, ErrorCode};
use mitsuke_engine::admission::Overload;
use mitsuke_engine::budget::Full;

impl From<Full> for ApiError {
    fn from(full: Full) -> Self {
        Self::new(
            ErrorCode::MemoryFull,
            "The server's memory for requests is in use. Try again after the seconds of Retry-After, with fewer files at \
             once.",
        )
        .retry_after(full.retry_after_s)
    }
}

impl From<Overload> for ApiError {
    fn from(overload: Overload) -> Self {
        Self::new(
            ErrorCode::QueueFull,
            "So many requests came before this one that it would wait too long. Try again after the seconds of \
             Retry-After.",
        )
        .retry_after(overload.retry_after_s)
    }
}
