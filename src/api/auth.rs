//! API keys.

use actix_web::dev::ServiceRequest;
use actix_web::http::header;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::error::{ApiError, ErrorCode};

/// The paths that need no key: probes, documentation and the page. Every other path needs one.
const OPEN: [&str; 5] = ["/healthz", "/readyz", "/openapi.json", "/swagger-ui", "/"];
/// The folders that need no key.
const OPEN_BELOW: [&str; 2] = ["/swagger-ui/", "/assets/"];

/// Tells whether a path needs no key.
pub fn is_open(path: &str) -> bool {
    OPEN.contains(&path) || OPEN_BELOW.iter().any(|folder| path.starts_with(folder))
}

/// The keys that open the API. Only their hashes are kept.
pub struct KeyRing(Vec<[u8; 32]>);

impl KeyRing {
    /// A ring of keys; an empty one lets everybody in.
    #[must_use]
    pub fn new(keys: &[SecretString]) -> Self {
        Self(keys.iter().map(|key| Sha256::digest(key.expose_secret()).into()).collect())
    }

    /// Lets a request through when its path is open or it shows a key (`Authorization: Bearer …` or
    /// `X-API-Key: …`).
    ///
    /// # Errors
    /// [`ErrorCode::Unauthorized`].
    pub fn check(&self, request: &ServiceRequest) -> Result<(), ApiError> {
        if self.0.is_empty() || is_open(request.path()) || crate::local::shows_token(request.request()) {
            return Ok(());
        }
        let text = |name| request.headers().get(name).and_then(|value: &header::HeaderValue| value.to_str().ok());
        let bearer = text("authorization").and_then(|value| {
            let (scheme, key) = value.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
        });
        if bearer.or_else(|| text("x-api-key")).is_some_and(|key| self.opens(key)) {
            return Ok(());
        }
        Err(ApiError::new(
            ErrorCode::Unauthorized,
            "Send one of the server's keys as `Authorization: Bearer KEY` or `X-API-Key: KEY`.",
        ))
    }

    /// Compares a key with every known key, even after a match, so that the time taken tells nothing.
    fn opens(&self, key: &str) -> bool {
        let digest: [u8; 32] = Sha256::digest(key).into();
        self.0.iter().fold(false, |open, known| open | bool::from(known.ct_eq(&digest)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_key_opens() {
        let ring = KeyRing::new(&[SecretString::from("0123456789abcdef"), SecretString::from("fedcba9876543210")]);
        assert!(ring.opens("0123456789abcdef") && ring.opens("fedcba9876543210"));
        assert!(!ring.opens("0123456789abcde") && !ring.opens(""));
    }
}
