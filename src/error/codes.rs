//! The table of errors: the stable code, HTTP status and title of every error that a caller can meet.

use actix_web::http::StatusCode;

/// Defines [`ErrorCode`] and its table in one place, so that a code cannot lack a status or a title.
macro_rules! error_codes {
    ($($(#[doc = $doc:literal])* $name:ident = $code:literal, $status:ident, $title:literal;)*) => {
        /// The stable codes of all errors.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum ErrorCode { $($(#[doc = $doc])* $name),* }

        impl ErrorCode {
            /// All codes, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The code as callers see it.
            #[must_use]
            pub const fn as_str(self) -> &'static str { match self { $(Self::$name => $code),* } }

            /// The HTTP status of the answer.
            #[must_use]
            pub const fn status(self) -> StatusCode { match self { $(Self::$name => StatusCode::$status),* } }

            /// One short sentence that is the same for every occurrence.
            #[must_use]
            pub const fn title(self) -> &'static str { match self { $(Self::$name => $title),* } }
        }
    };
}

error_codes! {
    /// A field or parameter has a value that is not allowed.
    InvalidRequest = "invalid_request", BAD_REQUEST, "The request is not valid";
    /// The body is not the JSON that the endpoint expects.
    InvalidJson = "invalid_json", BAD_REQUEST, "The body is not valid JSON for this endpoint";
    /// The multipart body cannot be read.
    InvalidMultipart = "invalid_multipart", BAD_REQUEST, "The multipart body cannot be read";
    /// The full-text search of the store cannot take the words of a query.
    KeywordsRefused = "keywords_refused", BAD_REQUEST, "The keywords cannot be searched for";
    /// The page begins deeper in a ranking than pages reach.
    PageTooDeep = "page_too_deep", BAD_REQUEST, "The page lies too deep in the ranking";
    /// A text is longer than its limit.
    TextTooLong = "text_too_long", BAD_REQUEST, "A text is too long";
    /// The request shows no key, or a wrong one.
    Unauthorized = "unauthorized", UNAUTHORIZED, "An API key is needed";
    /// No image has that id.
    ImageNotFound = "image_not_found", NOT_FOUND, "There is no such image";
    /// No model has that id.
    ModelNotFound = "model_not_found", NOT_FOUND, "There is no such model";
    /// No endpoint has that path.
    RouteNotFound = "route_not_found", NOT_FOUND, "There is no such endpoint";
    /// The path does not take the method.
    MethodNotAllowed = "method_not_allowed", METHOD_NOT_ALLOWED, "The endpoint does not take this method";
    /// The body did not arrive in time.
    RequestTimeout = "request_timeout", REQUEST_TIMEOUT, "The request took too long to arrive";
    /// A model that was asked for has no usable folder on this server.
    ModelUnusable = "model_unusable", CONFLICT, "The model cannot be used on this server";
    /// A backfill, usually of another process, does not stop in time.
    BackfillElsewhere = "backfill_elsewhere", CONFLICT, "The backfill does not stop yet";
    /// The model has not embedded all images yet.
    CoverageIncomplete = "coverage_incomplete", CONFLICT, "The model does not cover all images yet";
    /// The current model cannot be retired.
    ModelIsCurrent = "model_is_current", CONFLICT, "The model is the current one";
    /// The image has no embedding of the current model yet.
    NotEmbedded = "not_embedded", CONFLICT, "The image has no embedding of the current model";
    /// Another number of images passes a filter than the caller has confirmed.
    TotalChanged = "total_changed", CONFLICT, "Another number of images passes the filter";
    /// The whole body is over its limit.
    BodyTooLarge = "body_too_large", PAYLOAD_TOO_LARGE, "The body is too large";
    /// One file is over its limit.
    FileTooLarge = "file_too_large", PAYLOAD_TOO_LARGE, "The file is too large";
    /// The request carries more files than it may.
    TooManyFiles = "too_many_files", PAYLOAD_TOO_LARGE, "There are too many files in one request";
    /// The picture has more pixels than may be decoded.
    TooManyPixels = "too_many_pixels", PAYLOAD_TOO_LARGE, "The picture has too many pixels";
    /// No byte of the picture lies in the range that is asked for.
    RangeNotSatisfiable = "range_not_satisfiable", RANGE_NOT_SATISFIABLE, "The range lies outside the picture";
    /// The endpoint does not take the Content-Type of the request.
    UnsupportedMediaType = "unsupported_media_type", UNSUPPORTED_MEDIA_TYPE, "The endpoint does not take this Content-Type";
    /// The bytes are not a picture of a type that can be decoded.
    UnsupportedImageType = "unsupported_image_type", UNSUPPORTED_MEDIA_TYPE, "Unsupported file type";
    /// The picture is damaged.
    ImageCorrupt = "image_corrupt", UNPROCESSABLE_ENTITY, "The picture cannot be decoded";
    /// The model gives no embedding for the input.
    NoEmbedding = "no_embedding", UNPROCESSABLE_ENTITY, "The model finds nothing to compare in the input";
    /// The encoder queue is full.
    QueueFull = "queue_full", SERVICE_UNAVAILABLE, "The server is busy";
    /// The server cannot answer yet, or is shutting down.
    NotReady = "not_ready", SERVICE_UNAVAILABLE, "The server is not ready";
    /// Every connection to the store is in use.
    StoreBusy = "store_busy", SERVICE_UNAVAILABLE, "The store is busy";
    /// The store is not set up correctly.
    StoreMisconfigured = "store_misconfigured", SERVICE_UNAVAILABLE, "The store is not set up";
    /// The store cannot be reached at the moment.
    StoreUnavailable = "store_unavailable", SERVICE_UNAVAILABLE, "The store cannot be reached";
    /// No disk space is left.
    StorageFull = "storage_full", INSUFFICIENT_STORAGE, "The storage is full";
    /// The server has a fault; the log has the reason under the request id.
    Internal = "internal", INTERNAL_SERVER_ERROR, "The server failed";
    /// The original of an image is not what was uploaded.
    ImageDamaged = "image_damaged", INTERNAL_SERVER_ERROR, "The stored picture is damaged";
    /// The file that is the original of an image is missing or has changed.
    OriginalMissing = "original_missing", CONFLICT, "The original is not where it was";
    /// Stored data differs from what was written.
    StoreDamaged = "store_damaged", INTERNAL_SERVER_ERROR, "The store is damaged";
    /// A backup is being made already.
    BackupRunning = "backup_running", CONFLICT, "A backup is running";
    /// The server has no folder to back up to, or the folder cannot be used.
    BackupNowhere = "backup_nowhere", CONFLICT, "No backup can be made here";
    /// The memory for requests is used up.
    MemoryFull = "memory_full", SERVICE_UNAVAILABLE, "The memory for requests is used up";
    /// The request calls the server by a name that is not the server's.
    HostUnknown = "host_unknown", MISDIRECTED_REQUEST, "The server does not answer to this name";
    /// A page of another site asks for a change.
    OriginRefused = "origin_refused", FORBIDDEN, "The request comes from a page of another site";
    /// The key may not do what the endpoint does.
    KeyScope = "key_scope", FORBIDDEN, "The key may not do this";
    /// The caller has sent too many wrong keys.
    TooManyAttempts = "too_many_attempts", TOO_MANY_REQUESTS, "There were too many wrong keys";
    /// The caller sends more requests than it may.
    RateLimited = "rate_limited", TOO_MANY_REQUESTS, "There are too many requests";
}
