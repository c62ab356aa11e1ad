//! Speaks to the server: sends, asks, and tries again what can succeed later.

use std::cell::Cell;
use std::collections::HashMap;
use std::error::Error as _;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue, LOCATION, RETRY_AFTER};
use reqwest::multipart::{Form, Part};
use reqwest::{Method, RequestBuilder, Response, StatusCode, Url, redirect};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use time::OffsetDateTime;

use super::prepare::Picture;
use super::retry;
use super::run::Stop;
use secrecy::{ExposeSecret as _, SecretString};

/// Slowest line that is borne with, in bytes per second; slower uploads count as hanging.
const SLOWEST: u64 = 32 << 10;
/// Longer answers are no words of Mitsuke.
const MAX_ANSWER_BYTES: usize = 4 << 20;

/// How patient to be.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// Longest time for one try, on top of what its bytes may take.
    pub timeout: Duration,
    /// Longest time that one thing is tried again.
    pub retry: Duration,
}

/// What kind of failure it is, for what follows from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// This file fails; others may not.
    File,
    /// The server did not answer for all our patience.
    Unreachable,
    /// The key is missing or wrong.
    Unauthorized,
    /// The server has no room left.
    Full,
    /// We were told to stop while waiting for the next try.
    Stopped,
}

/// A failure that trying again does not mend now.
#[derive(Debug, Clone)]
pub struct Failure {
    /// What follows.
    pub kind: Kind,
    /// The server's problem code, or a word of ours.
    pub code: String,
    /// For a reader.
    pub detail: String,
}

impl Failure {
    fn new(kind: Kind, code: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { kind, code: code.into(), detail: detail.into() }
    }

    fn unexpected(detail: impl Into<String>) -> Self {
        Self::new(Kind::File, "unexpected_answer", detail)
    }
}

/// What became of a picture that was sent.
#[derive(Debug, Clone)]
pub struct Stored {
    /// Whether it is new to the server.
    pub created: bool,
    /// The image.
    pub image_id: i64,
    /// SHA-256 of what the server has, hexadecimal.
    pub sha256: String,
    /// The caption it has now.
    pub caption: Option<String>,
}

/// A connection to one server.
pub struct Client<'a> {
    http: reqwest::Client,
    base: Url,
    patience: Patience,
    stop: &'a Stop,
    /// Tries that had to be repeated.
    retries: Cell<u64>,
}

/// One try: an answer, or a reason to try again or not.
enum Try {
    Done(Result<Vec<u8>, Failure>),
    Again(Failure, Option<Duration>),
}

impl<'a> Client<'a> {
    /// A client for the server below `base`.
    ///
    /// # Errors
    /// When the key cannot stand in a header, or there is no way to speak https.
    pub fn new(base: &Url, key: Option<&SecretString>, patience: Patience, stop: &'a Stop) -> Result<Self, String> {
        crate::tls::choose_provider();
        let mut headers = HeaderMap::new();
        if let Some(key) = key {
            let mut value = HeaderValue::from_str(&format!("Bearer {}", key.expose_secret()))
                .map_err(|_| "the API key has characters that no key has; look for a line break".to_owned())?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        let http = reqwest::Client::builder()
            .default_headers(headers)
            .user_agent(concat!("mitsuke/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(patience.timeout.min(Duration::from_secs(10)))
            // A body that is being sent cannot be sent again elsewhere, and a key is for one host.
            .redirect(redirect::Policy::none())
            .build()
            .map_err(|error| format!("no connection can be made: {}", causes(&error)))?;
        let mut base = base.clone();
        if !base.path().ends_with('/') {
            base.set_path(&format!("{}/", base.path()));
        }
        Ok(Self { http, base, patience, stop, retries: Cell::new(0) })
    }

    /// Tries that had to be repeated so far.
    #[must_use]
    pub fn retries(&self) -> u64 {
        self.retries.get()
    }

    /// Whether a Mitsuke answers and lets us in.
    ///
    /// # Errors
    /// When not, with what to do.
    pub async fn probe(&self, retry: Duration) -> Result<(), Failure> {
        let patience = Patience { retry: retry.min(self.patience.retry), ..self.patience };
        let make = async || Ok(self.request(Method::GET, "images", 0).query(&[("limit", "1")]));
        let answer: serde_json::Value = read_json(&self.send(patience, make).await?)?;
        if answer["images"].is_array() {
            return Ok(());
        }
        Err(Failure::unexpected("a server answers, and it is no Mitsuke"))
    }

    /// Sends a picture, straight from its file.
    ///
    /// # Errors
    /// Why it is not stored.
    pub async fn upload(&self, picture: &Picture) -> Result<Stored, Failure> {
        #[derive(Deserialize)]
        struct Answer {
            images: [Item; 1],
        }
        #[derive(Deserialize)]
        struct Item {
            status: String,
            image: Image,
        }
        #[derive(Deserialize)]
        struct Image {
            image_id: i64,
            sha256: String,
            caption: Option<String>,
        }
        let make = async || {
            let form = form(picture).await?;
            Ok(self.request(Method::POST, "images", picture.file.bytes).multipart(form))
        };
        let Answer { images: [Item { status, image }] } = read_json(&self.send(self.patience, make).await?)?;
        let Image { image_id, sha256, caption } = image;
        Ok(Stored { created: status == "created", image_id, sha256, caption })
    }

    /// Which of these hashes the server has, with their images. `None` when it cannot tell (an older server).
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn known(&self, sha256: &[String]) -> Result<Option<HashMap<String, i64>>, Failure> {
        #[derive(Deserialize)]
        struct Answer {
            known: Vec<Known>,
        }
        #[derive(Deserialize)]
        struct Known {
            sha256: String,
            image_id: i64,
        }
        let make = async || Ok(self.request(Method::POST, "images/known", 0).json(&json!({ "sha256": sha256 })));
        match self.send(self.patience, make).await {
            Ok(answer) => {
                let answer: Answer = read_json(&answer)?;
                Ok(Some(answer.known.into_iter().map(|known| (known.sha256, known.image_id)).collect()))
            }
            Err(failure)
                if ["route_not_found", "method_not_allowed", "http_404", "http_405"].contains(&&*failure.code) =>
            {
                Ok(None)
            }
            Err(failure) => Err(failure),
        }
    }

    /// Sets the caption of an image.
    ///
    /// # Errors
    /// When it is not set.
    pub async fn set_caption(&self, image_id: i64, caption: &str) -> Result<(), Failure> {
        let path = format!("images/{image_id}");
        let make = async || Ok(self.request(Method::PATCH, &path, 0).json(&json!({ "caption": caption })));
        self.send(self.patience, make).await.map(drop)
    }

    fn request(&self, method: Method, path: &str, bytes: u64) -> RequestBuilder {
        // The base ends in a slash and the paths are ours, so joining cannot fail.
        let url = self.base.join(path).unwrap_or_else(|_| self.base.clone());
        let timeout = self.patience.timeout + Duration::from_secs(bytes / SLOWEST);
        self.http.request(method, url).timeout(timeout)
    }

    /// Sends what `make` makes, again and again while that can help and patience lasts. The whole
    /// body of a success, or a failure.
    async fn send(
        &self,
        patience: Patience,
        make: impl AsyncFn() -> io::Result<RequestBuilder>,
    ) -> Result<Vec<u8>, Failure> {
        let begin = Instant::now();
        let mut attempt = 0u32;
        loop {
            let (failure, retry_after) = match self.once(&make).await {
                Try::Done(done) => return done,
                Try::Again(failure, retry_after) => (failure, retry_after),
            };
            let wait = retry::delay(attempt, retry_after, retry::dice());
            if begin.elapsed() + wait > patience.retry {
                return Err(failure);
            }
            log::debug!("{}: {}; again in {:.1} s", failure.code, failure.detail, wait.as_secs_f64());
            self.retries.set(self.retries.get() + 1);
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = self.stop.stopped() => return Err(Failure { kind: Kind::Stopped, ..failure }),
            }
            attempt = attempt.saturating_add(1);
        }
    }

    async fn once(&self, make: &impl AsyncFn() -> io::Result<RequestBuilder>) -> Try {
        let request = match make().await {
            Ok(request) => request,
            Err(error) => return Try::Done(Err(Failure::new(Kind::File, "file_unreadable", error.to_string()))),
        };
        let mut response = match request.send().await {
            Ok(response) => response,
            Err(error) => return no_answer(&error),
        };
        let status = response.status();
        let mut body = Vec::new();
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) if body.len() + chunk.len() <= MAX_ANSWER_BYTES => body.extend_from_slice(&chunk),
                Ok(Some(_)) => return Try::Done(Err(Failure::unexpected("the answer is far too long for a Mitsuke"))),
                Ok(None) => break,
                Err(error) => return no_answer(&error),
            }
        }
        if status.is_success() {
            return Try::Done(Ok(body));
        }
        let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let retry_after = retry_after.and_then(|text| retry::parse_retry_after(text, OffsetDateTime::now_utc()));
        let failure = refusal(&response, &body);
        match status {
            // 408: the body took too long on its way, which the next try may not. 502 and 504 are a proxy's words for
            // "no connection" and "no answer in time".
            StatusCode::REQUEST_TIMEOUT
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::GATEWAY_TIMEOUT => Try::Again(failure, retry_after),
            _ => Try::Done(Err(failure)),
        }
    }
}

/// The form of an upload; the file is opened and not read.
async fn form(picture: &Picture) -> io::Result<Form> {
    let path: &Path = &picture.file.path;
    let part = Part::file(path).await?;
    let part = part.mime_str(picture.file_type.media_type()).map_err(io::Error::other)?;
    let form = Form::new();
    Ok(match &picture.caption {
        // Before the file: small parts first lets a server refuse early.
        Some(caption) => form.text("caption", caption.clone()),
        None => form,
    }
    .part("file", part))
}

/// No answer, or not a whole one.
fn no_answer(error: &reqwest::Error) -> Try {
    if error.is_builder() {
        return Try::Done(Err(Failure::new(Kind::File, "unsendable", causes(error))));
    }
    let (code, detail) = if error.is_timeout() {
        ("timeout", "the server did not answer in time".to_owned())
    } else {
        ("unreachable", causes(error))
    };
    Try::Again(Failure::new(Kind::Unreachable, code, detail), None)
}

/// A refusal in the server's own words, where they are Mitsuke's.
fn refusal(response: &Response, body: &[u8]) -> Failure {
    #[derive(Deserialize)]
    struct Problem {
        code: String,
        detail: String,
    }
    let status = response.status();
    let kind = match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Kind::Unauthorized,
        StatusCode::INSUFFICIENT_STORAGE => Kind::Full,
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT => Kind::Unreachable,
        _ => Kind::File,
    };
    if status.is_redirection() {
        let place = response.headers().get(LOCATION).and_then(|value| value.to_str().ok()).unwrap_or("elsewhere");
        return Failure::new(kind, "redirected", format!("the server sends us to {place}; name that server instead"));
    }
    match serde_json::from_slice(body) {
        Ok(Problem { code, detail }) => Failure::new(kind, code, detail),
        Err(_) => Failure::new(kind, format!("http_{}", status.as_u16()), format!("the answer was {status}")),
    }
}

fn read_json<T: DeserializeOwned>(body: &[u8]) -> Result<T, Failure> {
    serde_json::from_slice(body).map_err(|_| Failure::unexpected("the answer is not Mitsuke's; is the address right?"))
}

/// An error and what is behind it, without the address, which the caller knows.
fn causes(error: &reqwest::Error) -> String {
    let mut text = String::new();
    let mut cause = error.source();
    while let Some(error) = cause {
        let words = error.to_string();
        if !text.contains(&words) {
            text = if text.is_empty() { words } else { format!("{text}: {words}") };
        }
        cause = error.source();
    }
    if text.is_empty() { error.to_string() } else { text }
}
