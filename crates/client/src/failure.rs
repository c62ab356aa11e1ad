//! Failed requests as one type, whether the server answered with a problem document or no answer arrived.

use std::error::Error as _;

use reqwest::{StatusCode, Url};
use serde::Deserialize;
use serde_json::Value;

/// The consequence of a failure for the requests after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// The server refuses this request; other requests may succeed.
    Rejected,
    /// The server failed while it worked on this request; other requests may succeed.
    ServerError,
    /// No answer came, or only "unavailable", for as long as the retry policy allows.
    Unreachable,
    /// The key is missing or wrong.
    Unauthorized,
    /// The server has no storage left.
    StorageFull,
    /// The client was cancelled while it waited to repeat the request.
    Cancelled,
}

/// A request that failed for good: repeating it now does not help.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{detail} ({code})")]
pub struct Failure {
    /// The consequence for other requests.
    pub kind: FailureKind,
    /// The code of the server's problem document. The code is `http_` and the status where the answer is not a problem
    /// document, and `unreachable`, `timeout`, `redirected`, `unexpected_answer`, `file_unreadable` or `unsendable`
    /// where the client found the problem.
    pub code: String,
    /// A sentence for the user.
    pub detail: String,
    /// The limit that the request exceeds, where the server's problem document names one.
    pub limit: Option<u64>,
}

/// A server that cannot be used at all.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The server does not accept the key.
    #[error("the server at {server} requires an API key, or a different one: set MITSUKE_API_KEY, or give --api-key")]
    Unauthorized {
        /// The server.
        server: Url,
    },
    /// The server does not answer, or does not answer as Mitsuke does.
    #[error("no Mitsuke server can be reached at {server}: {failure}. Is it running there? See --server")]
    Unreachable {
        /// The server.
        server: Url,
        /// The failure of the first request.
        failure: Box<Failure>,
    },
}

impl ConnectError {
    /// Explains the failure of the first request to `server`.
    #[must_use]
    pub fn new(server: &Url, failure: Failure) -> Self {
        let server = server.clone();
        match failure.kind {
            FailureKind::Unauthorized => Self::Unauthorized { server },
            _ => Self::Unreachable { server, failure: Box::new(failure) },
        }
    }
}

impl Failure {
    pub(crate) fn new(kind: FailureKind, code: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { kind, code: code.into(), detail: detail.into(), limit: None }
    }

    /// Makes the failure of an answer that a Mitsuke server does not give.
    pub(crate) fn unexpected_answer(detail: &str) -> Self {
        Self::new(FailureKind::Rejected, "unexpected_answer", detail)
    }

    /// Makes the failure of a request that got no answer, or only a part of one.
    pub(crate) fn from_transport(error: &reqwest::Error) -> Self {
        if error.is_builder() {
            Self::new(FailureKind::Rejected, "unsendable", causes(error))
        } else if error.is_timeout() {
            Self::new(FailureKind::Unreachable, "timeout", "the server did not answer in time")
        } else {
            Self::new(FailureKind::Unreachable, "unreachable", causes(error))
        }
    }

    /// Makes the failure of an answer with a status other than 2xx, in the words of its problem document where the body
    /// is one. `location` is the header of that name.
    pub(crate) fn from_answer(status: StatusCode, location: Option<&str>, body: &[u8]) -> Self {
        #[derive(Deserialize)]
        struct Problem {
            code: String,
            detail: String,
            #[serde(default)]
            limit: Option<Value>,
        }
        let kind = match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => FailureKind::Unauthorized,
            StatusCode::INSUFFICIENT_STORAGE => FailureKind::StorageFull,
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT => {
                FailureKind::Unreachable
            }
            status if status.is_server_error() => FailureKind::ServerError,
            _ => FailureKind::Rejected,
        };
        if status.is_redirection() {
            let target = location.unwrap_or("another address");
            return Self::new(
                kind,
                "redirected",
                format!("the server redirects to {target}; name that server instead"),
            );
        }
        match serde_json::from_slice(body) {
            Ok(Problem { code, detail, limit }) => {
                Self { limit: limit.as_ref().and_then(Value::as_u64), ..Self::new(kind, code, detail) }
            }
            Err(_) => Self::new(kind, format!("http_{}", status.as_u16()), format!("the server answered {status}")),
        }
    }
}

/// Returns the messages of an error and its causes, without the address that reqwest puts first and the caller knows.
pub(crate) fn causes(error: &reqwest::Error) -> String {
    let mut text = String::new();
    let mut cause = error.source();
    while let Some(error) = cause {
        let message = error.to_string();
        if !text.contains(&message) {
            text = if text.is_empty() { message } else { format!("{text}: {message}") };
        }
        cause = error.source();
    }
    if text.is_empty() { error.to_string() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_document_gives_code_and_detail_and_the_status_gives_the_kind() {
        let body = br#"{"type": "about:blank", "status": 507, "code": "storage_full", "detail": "There is no space."}"#;
        let failure = Failure::from_answer(StatusCode::INSUFFICIENT_STORAGE, None, body);
        assert_eq!(failure.kind, FailureKind::StorageFull);
        assert_eq!(failure.to_string(), "There is no space. (storage_full)");
    }

    #[test]
    fn an_answer_without_a_problem_document_is_named_by_its_status() {
        for (status, kind) in [
            (400, FailureKind::Rejected),
            (401, FailureKind::Unauthorized),
            (403, FailureKind::Unauthorized),
            (429, FailureKind::Rejected),
            (500, FailureKind::ServerError),
            (502, FailureKind::Unreachable),
            (503, FailureKind::Unreachable),
            (504, FailureKind::Unreachable),
        ] {
            let failure = Failure::from_answer(StatusCode::from_u16(status).unwrap(), None, b"<html>");
            assert_eq!((failure.kind, failure.code), (kind, format!("http_{status}")));
        }
    }

    #[test]
    fn a_redirection_names_its_target() {
        let failure = Failure::from_answer(StatusCode::MOVED_PERMANENTLY, Some("https://pictures.example/"), b"");
        assert_eq!(failure.code, "redirected");
        assert!(failure.detail.contains("redirects to https://pictures.example/"), "{failure}");
    }

    #[test]
    fn a_refused_key_is_told_apart_from_a_server_that_does_not_answer() {
        let server = Url::parse("http://127.0.0.1:8080").unwrap();
        let connect_error = |kind| ConnectError::new(&server, Failure::new(kind, "code", "detail")).to_string();
        assert!(connect_error(FailureKind::Unauthorized).contains("set MITSUKE_API_KEY"));
        assert!(connect_error(FailureKind::Unreachable).contains("http://127.0.0.1:8080/: detail (code)"));
    }
}
