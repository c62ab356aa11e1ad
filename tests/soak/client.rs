//! A client of the HTTP service.

use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::multipart::{Form, Part};
use reqwest::{Method, RequestBuilder};
use serde_json::Value;

use crate::chance::{Chance, nanoseconds_since_1970};

/// The number of times that a request is sent again after a 503.
const MAX_REFUSALS: u32 = 60;

/// The longest wait before it is sent again, in seconds.
const MAX_WAIT_S: f64 = 10.0;

/// An HTTP answer, read to its end.
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
    /// The number of earlier attempts that were refused with 503.
    pub refusals: u32,
}

impl Answer {
    /// Returns the body as JSON; null when it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// Returns the answer in a few words, for messages.
    pub fn problem(&self) -> String {
        let text: String = String::from_utf8_lossy(&self.body).chars().take(300).collect();
        format!("{} {text}", self.status)
    }

    /// Returns the id of the one image in the answer to an upload.
    pub fn image_id(&self) -> i64 {
        let json = self.json();
        json["images"][0]["image"]["image_id"].as_i64().unwrap_or_else(|| panic!("no image_id in {}", self.problem()))
    }
}

/// An answer, or a sentence on why there is none.
pub type Outcome = Result<Answer, String>;

/// A client of one service. Clones share its connections.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    base: String,
    key: Option<String>,
}

impl Client {
    /// Makes a client that keeps its connections open between requests.
    pub fn new(base: &str, key: Option<String>) -> Self {
        // The server closes idle connections after five seconds, and a request must not meet that moment.
        Self::with_connections(reqwest::Client::builder().pool_idle_timeout(Duration::from_secs(2)), base, key)
    }

    /// Makes a client that opens a connection for each request.
    pub fn without_keep_alive(base: &str, key: Option<String>) -> Self {
        Self::with_connections(reqwest::Client::builder().pool_max_idle_per_host(0), base, key)
    }

    fn with_connections(builder: reqwest::ClientBuilder, base: &str, key: Option<String>) -> Self {
        // An error means that a provider was chosen before.
        drop(rustls::crypto::ring::default_provider().install_default());
        let http = builder.timeout(Duration::from_secs(120)).build().expect("an HTTP client");
        Self { http, base: base.trim_end_matches('/').to_owned(), key }
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.base));
        match &self.key {
            Some(key) => request.bearer_auth(key),
            None => request,
        }
    }

    /// Sends a request once.
    pub async fn send(&self, request: RequestBuilder) -> Outcome {
        let lost = |error: reqwest::Error| format!("{error:?}");
        let response = request.send().await.map_err(lost)?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Ok(Answer { status, headers, body: response.bytes().await.map_err(lost)?, refusals: 0 })
    }

    /// Sends a request, again after the time that `Retry-After` states when the service is full (503).
    async fn send_patiently(&self, request: impl Fn() -> RequestBuilder) -> Outcome {
        for refusals in 0.. {
            let answer = self.send(request()).await?;
            if answer.status != 503 || refusals == MAX_REFUSALS {
                return Ok(Answer { refusals, ..answer });
            }
            let stated = answer.headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse::<f64>().ok());
            let Some(seconds) = stated else {
                return Err("a 503 came without the seconds in Retry-After, which the service promises".to_owned());
            };
            // Clients that were refused at the same time come back at different times.
            let wait = seconds.min(MAX_WAIT_S) * Chance::new(nanoseconds_since_1970()).between(0.8, 1.2);
            tokio::time::sleep(Duration::from_secs_f64(wait)).await;
        }
        unreachable!("the loop ends at the last refusal")
    }

    pub async fn get(&self, path: &str) -> Outcome {
        self.send(self.request(Method::GET, path)).await
    }

    pub async fn send_json(&self, method: Method, path: &str, body: &Value) -> Outcome {
        self.send_patiently(|| self.request(method.clone(), path).json(body)).await
    }

    pub async fn post_json(&self, path: &str, body: &Value) -> Outcome {
        self.send_json(Method::POST, path, body).await
    }

    /// Sends a form with one file, whose type the service finds out.
    pub async fn post_file(&self, path: &str, name: &str, data: &Bytes) -> Outcome {
        self.send_patiently(|| {
            let part = Part::stream(data.clone()).file_name(name.to_owned());
            self.request(Method::POST, path).multipart(Form::new().part("file", part))
        })
        .await
    }

    pub async fn upload(&self, name: &str, data: &Bytes) -> Outcome {
        self.post_file("/images", name, data).await
    }

    /// Returns every registered image, read page by page.
    pub async fn images(&self) -> Vec<Value> {
        let (mut images, mut cursor) = (Vec::new(), None::<String>);
        loop {
            let mut request = self.request(Method::GET, "/images").query(&[("limit", "50")]);
            if let Some(cursor) = &cursor {
                request = request.query(&[("cursor", cursor)]);
            }
            let answer = self.send(request).await.unwrap_or_else(|error| panic!("GET /images: {error}"));
            assert_eq!(answer.status, 200, "GET /images answered {}", answer.problem());
            let page = answer.json();
            images.extend(page["images"].as_array().expect("a page of images").iter().cloned());
            match page["next_cursor"].as_str() {
                Some(next) => cursor = Some(next.to_owned()),
                None => return images,
            }
        }
    }

    /// Deletes the images that a check has uploaded to a server that was running before.
    pub async fn remove(&self, ids: &[i64]) {
        for image_id in ids {
            if let Err(error) = self.send(self.request(Method::DELETE, &format!("/images/{image_id}"))).await {
                eprintln!("image {image_id} could not be removed: {error}");
            }
        }
        eprintln!("{} test pictures removed", ids.len());
    }
}
