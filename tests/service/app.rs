//! The app under test, and a client of it.

use std::path::Path;
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use mitsuke::app::Application;
use mitsuke::config::Settings;
use reqwest::multipart::{Form, Part};
use reqwest::{Client, Method, RequestBuilder, Response};
use serde_json::Value;
use tempfile::TempDir;

/// A running app. Stopped when dropped.
pub struct TestApp {
    pub url: String,
    pub client: Client,
    handle: ServerHandle,
    thread: Option<JoinHandle<()>>,
    data: Option<TempDir>,
}

impl Drop for TestApp {
    fn drop(&mut self) {
        self.shut_down();
    }
}

/// Starts an app with default settings and an empty store.
pub fn spawn() -> TestApp {
    spawn_with(&[])
}

/// Starts an app with an empty store and some settings changed.
pub fn spawn_with(settings: &[(&str, &str)]) -> TestApp {
    spawn_in(tempfile::tempdir().unwrap(), settings)
}

/// Returns the settings of an app over a data directory.
pub fn settings_in(data: &TempDir, changed: &[(&str, &str)]) -> Settings {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/models");
    let defaults = [
        ("MITSUKE_BIND", "127.0.0.1:0"),
        ("MITSUKE_DATA_DIR", data.path().to_str().unwrap()),
        ("MITSUKE_MODELS_DIR", models.to_str().unwrap()),
        ("MITSUKE_IMAGES_DIR", ""),
        ("MITSUKE_DEVICE", "cpu"),
        // These values make the answers alike on every machine.
        ("MITSUKE_PRECISION", "float32"),
        ("MITSUKE_ENCODER_WORKERS", "2"),
        ("MITSUKE_WORKERS", "2"),
        ("MITSUKE_SHUTDOWN_TIMEOUT_S", "5"),
    ];
    let store_settings = crate::stores::settings(data.path());
    Settings::from_lookup(&|name| {
        let store_settings = store_settings.iter().map(|(key, value)| (*key, value.as_str()));
        let mut pairs = changed.iter().copied().chain(store_settings).chain(defaults);
        pairs.find(|(key, _)| *key == name).map(|(_, value)| value.to_owned())
    })
    .unwrap()
}

/// Starts an app over a data directory, which may hold images already.
pub fn spawn_in(data: TempDir, changed: &[(&str, &str)]) -> TestApp {
    let settings = settings_in(&data, changed);
    let (sender, receiver) = mpsc::channel();
    let thread = std::thread::spawn(move || {
        actix_web::rt::System::new().block_on(async move {
            let app = Application::build(&settings).unwrap();
            if let Some(samples) = app.samples().await {
                samples.register(&app.services().intake).await.unwrap();
            }
            sender.send((app.address(), app.handle())).unwrap();
            app.run_until_stopped().await.unwrap();
        });
    });
    mitsuke_client::tls::choose_provider();
    let (address, handle) = receiver.recv().expect("the app starts");
    // A test that waits for a program does not see the server close idle connections, so the client drops them first.
    let client = Client::builder().pool_idle_timeout(Duration::from_secs(1)).build().unwrap();
    TestApp { url: format!("http://{address}"), client, handle, thread: Some(thread), data: Some(data) }
}

impl TestApp {
    fn shut_down(&mut self) {
        if let Some(thread) = self.thread.take() {
            drop(self.handle.stop(true));
            let joined = thread.join();
            assert!(joined.is_ok() || std::thread::panicking(), "the server thread panicked");
        }
    }

    /// Stops the app and returns its data directory.
    pub fn stop(mut self) -> TempDir {
        self.shut_down();
        self.data.take().unwrap()
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url))
    }

    pub async fn get(&self, path: &str) -> Answer {
        Answer::read(self.request(Method::GET, path).send().await.unwrap()).await
    }

    pub async fn send_json(&self, method: Method, path: &str, body: &Value) -> Answer {
        Answer::read(self.request(method, path).json(body).send().await.unwrap()).await
    }

    pub async fn search_text(&self, body: Value) -> Answer {
        self.send_json(Method::POST, "/search/text", &body).await
    }

    pub async fn search_image(&self, body: Value) -> Answer {
        self.send_json(Method::POST, "/search/image", &body).await
    }

    pub async fn post_form(&self, path: &str, form: Form) -> Answer {
        Answer::read(self.request(Method::POST, path).multipart(form).send().await.unwrap()).await
    }

    pub async fn upload(&self, file_name: &str, bytes: Vec<u8>) -> Answer {
        self.post_form("/images", Form::new().part("file", file(file_name, bytes))).await
    }

    /// Waits for the end of the reindex and returns its run.
    pub async fn reindexed(&self) -> Value {
        for _ in 0..600 {
            let run = self.get("/reindex").await.json["run"].clone();
            if run["state"] != "running" {
                return run;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("the reindex does not end");
    }

    /// Uploads one new picture with a caption and returns its id.
    pub async fn add_with_caption(&self, bytes: Vec<u8>, caption: &str) -> i64 {
        let form = Form::new().part("file", file("x.png", bytes)).text("caption", caption.to_owned());
        let answer = self.post_form("/images", form).await;
        assert_eq!(answer.status, 201, "{}", answer.json);
        answer.json["images"][0]["image"]["image_id"].as_i64().unwrap()
    }

    /// Uploads one new picture and returns its id.
    pub async fn add(&self, file_name: &str, bytes: Vec<u8>) -> i64 {
        let answer = self.upload(file_name, bytes).await;
        assert_eq!(answer.status, 201, "{}", answer.json);
        answer.json["images"][0]["image"]["image_id"].as_i64().unwrap()
    }
}

/// Returns the part of a form that holds a file.
pub fn file(file_name: &str, bytes: Vec<u8>) -> Part {
    Part::bytes(bytes).file_name(file_name.to_owned())
}

/// An answer, read to its end.
pub struct Answer {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub bytes: Vec<u8>,
    /// The body as JSON; null when it is not JSON.
    pub json: Value,
}

impl Answer {
    pub async fn read(response: Response) -> Self {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let bytes = response.bytes().await.unwrap().to_vec();
        let json = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        Self { status, headers, bytes, json }
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Returns the ids of the hits or images in their order.
    pub fn ids(&self) -> Vec<i64> {
        let list = if self.json["hits"].is_array() { &self.json["hits"] } else { &self.json["images"] };
        list.as_array()
            .unwrap_or_else(|| panic!("no list in {}", self.json))
            .iter()
            .map(|item| item["image_id"].as_i64().unwrap())
            .collect()
    }

    /// Returns a field of the hit or image with this id.
    pub fn field(&self, image_id: i64, field: &str) -> &Value {
        let list = if self.json["hits"].is_array() { &self.json["hits"] } else { &self.json["images"] };
        let item = list.as_array().and_then(|items| items.iter().find(|item| item["image_id"] == image_id));
        &item.unwrap_or_else(|| panic!("no {image_id} in {}", self.json))[field]
    }

    /// Asserts that the answer is a complete problem document with this status and code.
    pub fn assert_problem(&self, status: u16, code: &str) {
        assert_eq!((self.status, self.json["code"].as_str()), (status, Some(code)), "{}", self.json);
        assert_eq!(self.header("content-type"), "application/problem+json");
        assert_eq!(self.json["status"], status);
        assert_eq!(self.json["type"], format!("urn:mitsuke:problem:{code}"));
        assert!(self.json["title"].as_str().is_some_and(|title| !title.is_empty()));
        assert!(self.json["detail"].as_str().is_some_and(|detail| detail.ends_with('.')), "{}", self.json["detail"]);
        assert_eq!(self.json["request_id"].as_str().unwrap(), self.header("x-request-id"));
    }
}
