//! Sends requests to one server, repeats those that can still succeed, and reads the answers.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue, LOCATION, RETRY_AFTER};
use reqwest::{Method, RequestBuilder, Response, StatusCode, Url, redirect};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio_util::sync::CancellationToken;

use crate::failure::{self, Failure, FailureKind};
use crate::retry;

/// The slowest transfer of a body that does not count as hanging, in bytes per second.
const MIN_BYTES_PER_SECOND: u64 = 32 << 10;
/// The longest JSON of an answer that is read, in bytes; no answer of a Mitsuke server is longer.
const MAX_ANSWER_BYTES: usize = 64 << 20;
/// The longest time for making a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The limits of time for one attempt and for the repetitions of a request.
#[derive(Debug, Clone, Copy)]
pub struct RetryPolicy {
    /// The longest time for one attempt, on top of the time that its body may take.
    pub attempt_timeout: Duration,
    /// The time from the first attempt after which no other attempt is made.
    pub give_up_after: Duration,
}

/// The reason why a client cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The key has characters that a header cannot hold.
    #[error("the API key has characters that no key has; look for a line break")]
    InvalidKey,
    /// The HTTP library refuses.
    #[error("no connection can be made: {0}")]
    Unusable(String),
}

/// A client of one server. Clones share their connections and their count of repeated requests.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    server: Url,
    policy: RetryPolicy,
    cancellation: CancellationToken,
    repeated: Arc<AtomicU64>,
}

/// The result of one attempt.
pub(crate) enum Attempt<T> {
    /// A success or a failure that is final.
    Done(Result<T, Failure>),
    /// A failure that a repetition may mend, after the wait that the server asks for.
    Repeat(Failure, Option<Duration>),
}

impl Client {
    /// Makes a client of the server at `server`, whose address may have a path. Sends nothing.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn new(server: &Url, key: Option<&SecretString>, policy: RetryPolicy) -> Result<Self, ClientError> {
        crate::tls::choose_provider();
        let mut headers = HeaderMap::new();
        if let Some(key) = key {
            let mut value = HeaderValue::from_str(&format!("Bearer {}", key.expose_secret()))
                .map_err(|_| ClientError::InvalidKey)?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        let builder = || {
            reqwest::Client::builder()
                .default_headers(headers.clone())
                .user_agent(concat!("mitsuke/", env!("CARGO_PKG_VERSION")))
                .connect_timeout(policy.attempt_timeout.min(CONNECT_TIMEOUT))
                // A body that is being sent cannot be sent again elsewhere, and a key is for one host.
                .redirect(redirect::Policy::none())
        };
        let http = match builder().build() {
            // A system without certificates, as a bare one is, speaks http all the same.
            Err(_) if server.scheme() == "http" => builder().tls_certs_only([]).build(),
            built => built,
        };
        let http = http.map_err(|error| ClientError::Unusable(failure::causes(&error)))?;
        let mut server = server.clone();
        if !server.path().ends_with('/') {
            server.set_path(&format!("{}/", server.path()));
        }
        Ok(Self { http, server, policy, cancellation: CancellationToken::new(), repeated: Arc::default() })
    }

    /// Returns this client with a token. Once the token is cancelled, requests are no longer repeated; attempts that
    /// are under way still end by themselves.
    #[must_use]
    pub fn with_cancellation(self, cancellation: CancellationToken) -> Self {
        Self { cancellation, ..self }
    }

    /// Returns a clone that repeats requests for `limit` at most.
    #[must_use]
    pub fn giving_up_after(&self, limit: Duration) -> Self {
        let policy = RetryPolicy { give_up_after: limit.min(self.policy.give_up_after), ..self.policy };
        Self { policy, ..self.clone() }
    }

    /// Returns the address of the server; the path of the address ends in a slash.
    #[must_use]
    pub fn server(&self) -> &Url {
        &self.server
    }

    /// Returns the limits of time for attempts and repetitions.
    #[must_use]
    pub fn policy(&self) -> RetryPolicy {
        self.policy
    }

    /// Returns the number of requests that were repeated so far; a request that was repeated twice counts twice.
    #[must_use]
    pub fn repeated_requests(&self) -> u64 {
        self.repeated.load(Ordering::Relaxed)
    }

    /// Sends a GET request and reads the JSON of its answer. `path` is relative to the address of the server.
    ///
    /// # Errors
    /// When no answer comes, or the answer is a refusal or not JSON of this shape.
    pub async fn get<T: DeserializeOwned>(&self, path: &str, query: &[(&str, &str)]) -> Result<T, Failure> {
        self.send(Method::GET, path, 0, async |request| Ok(request.query(query))).await
    }

    /// Sends a request with a JSON body and reads the JSON of its answer.
    ///
    /// # Errors
    /// See [`Client::get`].
    pub async fn send_json<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, Failure> {
        self.send(method, path, 0, async |request| Ok(request.json(body))).await
    }

    /// Sends a request and reads the JSON of the answer. `complete` gives the request its body, anew for each attempt.
    /// `body_bytes`, about the length of the body, lengthens the time that an attempt may take.
    ///
    /// # Errors
    /// When `complete` fails; otherwise see [`Client::get`].
    pub async fn send<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body_bytes: u64,
        complete: impl AsyncFn(RequestBuilder) -> io::Result<RequestBuilder>,
    ) -> Result<T, Failure> {
        let request = || self.request(method.clone(), path, body_bytes);
        let body = self.repeat(async || attempt(complete(request()).await).await).await?;
        serde_json::from_slice(&body).map_err(|_| {
            Failure::unexpected_answer("a server answers, but not as a Mitsuke server does; check the address")
        })
    }

    /// Returns a request without its body. `body_bytes`, about the length of what is sent or received, lengthens the time
    /// that it may take.
    pub(crate) fn request(&self, method: Method, path: &str, body_bytes: u64) -> RequestBuilder {
        // The address ends in a slash and the path is a constant of this crate, so that joining cannot fail.
        let url = self.server.join(path).unwrap_or_else(|_| self.server.clone());
        let timeout = self.policy.attempt_timeout + Duration::from_secs(body_bytes / MIN_BYTES_PER_SECOND);
        self.http.request(method, url).timeout(timeout)
    }

    /// Makes attempts until one is final, the time is up or the client is cancelled. Returns what a success brings.
    pub(crate) async fn repeat<T>(&self, make_attempt: impl AsyncFn() -> Attempt<T>) -> Result<T, Failure> {
        let begin = Instant::now();
        let mut number = 0u32;
        loop {
            let (failure, retry_after) = match make_attempt().await {
                Attempt::Done(result) => return result,
                Attempt::Repeat(failure, retry_after) => (failure, retry_after),
            };
            let wait = retry::delay(number, retry_after, retry::jitter());
            if begin.elapsed() + wait > self.policy.give_up_after {
                return Err(failure);
            }
            log::debug!("{failure}; repeated in {:.1} s", wait.as_secs_f64());
            self.repeated.fetch_add(1, Ordering::Relaxed);
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = self.cancellation.cancelled() => return Err(Failure { kind: FailureKind::Cancelled, ..failure }),
            }
            number = number.saturating_add(1);
        }
    }
}

/// Sends a request once and reads the whole answer.
async fn attempt(request: io::Result<RequestBuilder>) -> Attempt<Vec<u8>> {
    match respond(request).await {
        Ok(mut response) => read(&mut response).await.map_or_else(|attempt| attempt, |body| Attempt::Done(Ok(body))),
        Err(attempt) => attempt,
    }
}

/// Sends a request once. Returns a successful answer, whose body is still to be read.
pub(crate) async fn respond<T>(request: io::Result<RequestBuilder>) -> Result<Response, Attempt<T>> {
    let request = request.map_err(|error| {
        Attempt::Done(Err(Failure::new(FailureKind::Rejected, "file_unreadable", error.to_string())))
    })?;
    let mut response = request.send().await.map_err(|error| without_answer(&error))?;
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let body = read(&mut response).await?;
    let failure = Failure::from_answer(status, header(&response, &LOCATION), &body);
    let retry_after = header(&response, &RETRY_AFTER);
    Err(match status {
        // Status 408 says that the body took too long on its way, and the next attempt may be faster. Proxies answer
        // 502 for "no connection" and 504 for "no answer in time".
        StatusCode::REQUEST_TIMEOUT
        | StatusCode::SERVICE_UNAVAILABLE
        | StatusCode::TOO_MANY_REQUESTS
        | StatusCode::BAD_GATEWAY
        | StatusCode::GATEWAY_TIMEOUT => {
            Attempt::Repeat(failure, retry_after.and_then(|value| retry::parse_retry_after(value, SystemTime::now())))
        }
        _ => Attempt::Done(Err(failure)),
    })
}

/// Reads the body of an answer.
async fn read<T>(response: &mut Response) -> Result<Vec<u8>, Attempt<T>> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| without_answer(&error))? {
        if body.len() + chunk.len() > MAX_ANSWER_BYTES {
            return Err(Attempt::Done(Err(Failure::unexpected_answer(
                "the answer is longer than any of a Mitsuke server; check the address",
            ))));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// Returns the attempt that an error of the transport ends.
pub(crate) fn without_answer<T>(error: &reqwest::Error) -> Attempt<T> {
    let failure = Failure::from_transport(error);
    match failure.kind {
        FailureKind::Unreachable => Attempt::Repeat(failure, None),
        _ => Attempt::Done(Err(failure)),
    }
}

fn header<'a>(response: &'a Response, name: &HeaderName) -> Option<&'a str> {
    response.headers().get(name).and_then(|value| value.to_str().ok())
}
