//! API keys.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::OnceLock;

use actix_web::dev::ServiceRequest;
use actix_web::http::header;
use secrecy::{ExposeSecret as _, SecretString};
use subtle::Choice;
use time::OffsetDateTime;

use crate::access::{KeyDigest, KeyFileError, KeyName, Scope, WatchedFile};
use crate::api::Caller;
use crate::api::caller::{self, LOCAL};
use crate::api::throttle::Guesses;
use crate::error::{ApiError, ErrorCode};

/// The paths that need no key: probes, documentation and the page. Every other path needs one.
const OPEN: [&str; 6] = ["/healthz", "/readyz", "/openapi.json", "/swagger-ui", "/", "/manifest.webmanifest"];
/// The folders that need no key.
const OPEN_BELOW: [&str; 2] = ["/swagger-ui/", "/assets/"];

/// Tells whether a path needs no key.
pub fn is_open(path: &str) -> bool {
    OPEN.contains(&path) || OPEN_BELOW.iter().any(|folder| path.starts_with(folder))
}

/// The length in characters from which on a key of MITSUKE_API_KEYS counts as one that nobody guesses.
const LONG_KEY: usize = 32;

/// The keys that open the API. Only their hashes are kept.
pub struct KeyRing {
    /// The keys of MITSUKE_API_KEYS, which may do everything.
    given: Vec<Known>,
    /// The keys that `mitsuke key` makes; none for a ring that is made of settings alone.
    file: Option<WatchedFile>,
    /// The token by which commands on the same machine are known.
    local: OnceLock<KeyDigest>,
    guesses: Guesses,
}

#[derive(Clone)]
struct Known {
    name: KeyName,
    scope: Scope,
    expires_at: Option<OffsetDateTime>,
    digest: KeyDigest,
    /// Whether guesses find the key too seldom to be slowed down: it was made by `mitsuke key`, or is long.
    is_unguessable: bool,
}

impl KeyRing {
    /// A ring of the keys of the settings; an empty one lets everybody in.
    #[must_use]
    pub fn new(keys: &[SecretString]) -> Self {
        let known = |(index, key): (usize, &SecretString)| Known {
            name: KeyName(format!("env-{}", index + 1).into()),
            scope: Scope::Admin,
            expires_at: None,
            digest: KeyDigest::of(key.expose_secret()),
            is_unguessable: key.expose_secret().len() >= LONG_KEY,
        };
        let given = keys.iter().enumerate().map(known).collect();
        Self { given, file: None, local: OnceLock::new(), guesses: Guesses::new() }
    }

    /// Adds the keys of a file, which may be missing and may change.
    ///
    /// # Errors
    /// When the file is there and cannot be used.
    pub fn with_file(mut self, path: PathBuf) -> Result<Self, KeyFileError> {
        self.file = Some(WatchedFile::open(path)?);
        Ok(self)
    }

    /// Takes the token by which commands on the same machine are known. It counts as a key named `local` that may do
    /// everything, from loopback addresses and through no proxy. A server whose only key it is lets everybody in.
    pub fn accept_locally(&self, token: &SecretString) {
        if self.local.set(KeyDigest::of(token.expose_secret())).is_err() {
            log::error!("the server has a local token already; the first one counts");
        }
    }

    /// Tells whether callers need a key.
    #[must_use]
    pub fn has_keys(&self) -> bool {
        !self.given.is_empty() || self.file.as_ref().is_some_and(|file| file.with(|keys| keys.is_some()))
    }

    /// Returns the caller of a request from `address`: by the key that it shows (`Authorization: Bearer …` or
    /// `X-API-Key: …`), and without a key when its path is open or the ring is empty.
    ///
    /// # Errors
    /// [`ErrorCode::Unauthorized`], and [`ErrorCode::TooManyAttempts`] for an address that tries keys.
    pub fn check(&self, request: &ServiceRequest, address: IpAddr) -> Result<Caller, ApiError> {
        let without_key = |scope| Caller { key: None, address, scope };
        if is_open(request.path()) {
            return Ok(without_key(Scope::Search));
        }
        let digest = shown_key(request).map(KeyDigest::of);
        if let Some(digest) = &digest
            && self.is_local(digest, request)
        {
            return Ok(Caller { key: Some(KeyName(LOCAL.into())), address, scope: Scope::Admin });
        }
        if !self.has_keys() {
            return Ok(without_key(Scope::Admin));
        }
        let Some(digest) = digest else { return Err(unauthorized()) };
        let known = self.find(&digest);
        // The answer to a guess of a short key is to tell nothing while its address is slowed down.
        if !known.as_ref().is_some_and(|known| known.is_unguessable) {
            self.guesses.check(address, &digest)?;
        }
        match known {
            Some(known) if known.expires_at.is_some_and(|end| end <= OffsetDateTime::now_utc()) => Err(ApiError::new(
                ErrorCode::Unauthorized,
                format!("The key {} has expired. Ask the operator for a new one.", known.name),
            )),
            Some(known) => {
                self.guesses.opened(digest);
                Ok(Caller { key: Some(known.name), address, scope: known.scope })
            }
            None => {
                self.guesses.wrong(address)?;
                Err(unauthorized())
            }
        }
    }

    fn is_local(&self, digest: &KeyDigest, request: &ServiceRequest) -> bool {
        let is_here = request.peer_addr().is_some_and(|peer| peer.ip().to_canonical().is_loopback());
        is_here
            && !caller::is_forwarded(request.headers())
            && self.local.get().is_some_and(|token| bool::from(token.is(digest)))
    }

    /// Compares a key with every known key, even after a match, so that the time taken tells nothing.
    fn find(&self, digest: &KeyDigest) -> Option<Known> {
        let mut found = None;
        let mut compare = |known: Choice, make: &dyn Fn() -> Known| {
            if bool::from(known) {
                found = Some(make());
            }
        };
        for known in &self.given {
            compare(known.digest.is(digest), &|| known.clone());
        }
        if let Some(file) = &self.file {
            file.with(|keys| {
                for key in keys.unwrap_or_default() {
                    compare(key.digest.is(digest), &|| Known {
                        name: key.name.clone(),
                        scope: key.scope,
                        expires_at: key.expires_at,
                        digest: key.digest,
                        is_unguessable: true,
                    });
                }
            });
        }
        found
    }
}

/// Returns the key that a request shows.
fn shown_key(request: &ServiceRequest) -> Option<&str> {
    let text = |name| request.headers().get(name).and_then(|value: &header::HeaderValue| value.to_str().ok());
    let bearer = text("authorization").and_then(|value| {
        let (scheme, key) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
    });
    bearer.or_else(|| text("x-api-key")).filter(|key| !key.is_empty())
}

fn unauthorized() -> ApiError {
    ApiError::new(
        ErrorCode::Unauthorized,
        "Send one of the server's keys as `Authorization: Bearer KEY` or `X-API-Key: KEY`.",
    )
}

/// Refuses a caller whose key may not do what a route needs.
///
/// # Errors
/// [`ErrorCode::KeyScope`].
pub fn check_scope(caller: &Caller, needed: Scope) -> Result<(), ApiError> {
    if caller.scope >= needed {
        return Ok(());
    }
    let may = match caller.scope {
        Scope::Search => "search",
        Scope::Read => "read",
        Scope::Write | Scope::Admin => "read and write",
    };
    let detail = format!("This key may only {may}. The call needs a key with the scope {needed}.");
    Err(ApiError::new(ErrorCode::KeyScope, detail).with("needed", needed.name()))
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;
    use crate::access::{KeyFile, StoredKey, new_key};

    const KEYS: [&str; 2] = ["0123456789abcdef", "fedcba9876543210"];

    fn check(ring: &KeyRing, headers: &[(&str, &str)], peer: &str) -> Result<Caller, ApiError> {
        let mut request = TestRequest::with_uri("/images").peer_addr(peer.parse().unwrap());
        for (name, value) in headers {
            request = request.insert_header((*name, *value));
        }
        let request = request.to_srv_request();
        let address = request.peer_addr().unwrap().ip();
        ring.check(&request, address)
    }

    #[test]
    fn only_a_whole_key_opens_and_is_named() {
        let ring = KeyRing::new(&KEYS.map(SecretString::from));
        let name =
            |key| check(&ring, &[("x-api-key", key)], "10.0.0.1:1").ok().map(|caller| caller.key.unwrap().to_string());
        assert_eq!((name(KEYS[0]), name(KEYS[1])), (Some("env-1".to_owned()), Some("env-2".to_owned())));
        assert_eq!((name("0123456789abcde"), name("")), (None, None));
    }

    #[test]
    fn a_key_that_nobody_guesses_opens_at_an_address_that_guesses_and_a_short_one_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys.json");
        let made = new_key().unwrap();
        let stored = StoredKey {
            name: "phone".to_owned(),
            scope: Scope::Read,
            created_at: OffsetDateTime::UNIX_EPOCH,
            expires_at: None,
            sha256: KeyDigest::of(made.expose_secret()).to_hex(),
        };
        KeyFile::change(&path, |file| file.add(stored)).unwrap();
        let long = "0123456789abcdef".repeat(2);
        let given = [long.as_str(), KEYS[1]].map(SecretString::from);
        let ring = KeyRing::new(&given).with_file(path).unwrap();
        let status = |key: &str| check(&ring, &[("x-api-key", key)], "10.0.0.1:1").map_err(|error| error.code());
        for n in 0..30 {
            assert!(status(&format!("wrong-{n}")).is_err());
        }
        assert_eq!(status(made.expose_secret()).unwrap().scope, Scope::Read);
        assert_eq!(status(&long).unwrap().scope, Scope::Admin);
        assert_eq!(status(KEYS[1]).err(), Some(ErrorCode::TooManyAttempts));
        assert_eq!(status("another-wrong-key").err(), Some(ErrorCode::TooManyAttempts));
    }

    #[test]
    fn the_local_token_opens_from_loopback_and_through_no_proxy() {
        let token = SecretString::from("a-token-of-this-machine");
        let shown = ("authorization", "Bearer a-token-of-this-machine");
        for ring in [KeyRing::new(&[]), KeyRing::new(&KEYS.map(SecretString::from))] {
            let before = check(&ring, &[shown], "127.0.0.1:1").map(|caller| caller.is_local());
            assert_ne!(before.ok(), Some(true));
            ring.accept_locally(&token);
            for peer in ["127.0.0.1:1", "[::1]:1", "[::ffff:127.0.0.1]:1"] {
                let caller = check(&ring, &[shown], peer).unwrap();
                assert!(caller.is_local() && caller.scope == Scope::Admin, "{peer}");
            }
            let is_local =
                |headers: &[(&str, &str)], peer| check(&ring, headers, peer).is_ok_and(|caller| caller.is_local());
            assert!(!is_local(&[shown], "10.0.0.1:1"));
            assert!(!is_local(&[shown, ("x-forwarded-for", "127.0.0.1")], "127.0.0.1:1"));
            assert!(!is_local(&[shown, ("forwarded", "for=127.0.0.1")], "127.0.0.1:1"));
            assert!(!is_local(&[("authorization", "Bearer a-token")], "127.0.0.1:1"));
        }
        assert!(!KeyRing::new(&[]).has_keys());
    }

    #[test]
    fn a_scope_includes_those_before_it() {
        for (has, needs, is_enough) in [
            (Scope::Search, Scope::Search, true),
            (Scope::Search, Scope::Read, false),
            (Scope::Read, Scope::Search, true),
            (Scope::Write, Scope::Read, true),
            (Scope::Write, Scope::Admin, false),
            (Scope::Admin, Scope::Write, true),
        ] {
            let caller = Caller { scope: has, ..Caller::without_key(None) };
            assert_eq!(check_scope(&caller, needs).is_ok(), is_enough, "{has} {needs}");
        }
        let search = Caller { scope: Scope::Search, ..Caller::without_key(None) };
        let problem = check_scope(&search, Scope::Write).unwrap_err().problem();
        assert_eq!(problem.detail, "This key may only search. The call needs a key with the scope write.");
        assert_eq!(problem.members["needed"], "write");
    }
}
