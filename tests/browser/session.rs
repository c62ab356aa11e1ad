//! A browser for each test, with a fresh profile, its log and its requests.

use std::path::Path;
use std::time::Duration;

use fantoccini::wd::Capabilities;
use fantoccini::{Client, ClientBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::driver::{Driver, Programs};

/// The language and the screen of a browser.
#[derive(Clone, Copy)]
pub struct Look {
    pub language: &'static str,
    pub width: u32,
    pub height: u32,
    pub phone: bool,
    pub dark: bool,
}

/// A desktop browser of an English reader.
pub const DESKTOP: Look = Look { language: "en", width: 1280, height: 900, phone: false, dark: false };

pub struct Browser {
    pub client: Client,
    session: String,
    http: reqwest::Client,
    driver: Driver,
    _profile: TempDir,
}

impl Browser {
    /// Starts a browser that keeps its console and its requests.
    pub async fn start(programs: &Programs, look: Look) -> Self {
        Self::start_with(programs, look, &[]).await
    }

    /// Starts a browser with more arguments.
    pub async fn start_with(programs: &Programs, look: Look, arguments: &[&str]) -> Self {
        Self::start_logging(programs, look, arguments, json!({"browser": "ALL", "performance": "ALL"})).await
    }

    /// Starts a browser that keeps neither its console nor its requests, which take memory and time.
    pub async fn start_silent(programs: &Programs, look: Look) -> Self {
        Self::start_logging(programs, look, &[], json!({})).await
    }

    async fn start_logging(programs: &Programs, look: Look, arguments: &[&str], logs: Value) -> Self {
        let driver = Driver::start(&programs.driver);
        let profile = tempfile::tempdir().unwrap();
        let mut builder = ClientBuilder::new(HttpConnector::new());
        builder.capabilities(capabilities(&programs.browser, profile.path(), look, arguments, &logs));
        let client = builder.connect(&driver.url).await.expect("a browser session starts");
        let session = format!("{}/session/{}", driver.url, client.session_id().await.unwrap().unwrap());
        // An error means that a provider was chosen before.
        drop(rustls::crypto::ring::default_provider().install_default());
        let browser = Self { client, session, http: reqwest::Client::new(), driver, _profile: profile };
        let Look { width, height, phone, dark, .. } = look;
        let scale = if phone { 2 } else { 1 };
        let metrics = json!({"width": width, "height": height, "deviceScaleFactor": scale, "mobile": phone});
        browser.cdp("Emulation.setDeviceMetricsOverride", metrics).await;
        browser.cdp("Emulation.setTouchEmulationEnabled", json!({"enabled": phone})).await;
        let scheme = if dark { "dark" } else { "light" };
        let features = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        browser.cdp("Emulation.setEmulatedMedia", features).await;
        browser
    }

    /// Sends a command of the Chrome DevTools Protocol, which covers what WebDriver lacks: input methods, networks,
    /// screens.
    pub async fn cdp(&self, command: &str, params: Value) -> Value {
        self.post("goog/cdp/execute", &json!({"cmd": command, "params": params})).await
    }

    /// Returns the messages of the console, without those that Chromium writes for every answer of 400 and more.
    pub async fn console(&self) -> Vec<String> {
        let entries = self.post("se/log", &json!({"type": "browser"})).await;
        let own = |entry: &&Value| entry["source"] != "network";
        entries.as_array().unwrap().iter().filter(own).map(|entry| entry["message"].to_string()).collect()
    }

    /// Returns every address that the page has requested since the last call.
    pub async fn requests(&self) -> Vec<String> {
        let entries = self.post("se/log", &json!({"type": "performance"})).await;
        entries
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|entry| serde_json::from_str::<Value>(entry["message"].as_str()?).ok())
            .filter(|event| event["message"]["method"] == "Network.requestWillBeSent")
            .filter_map(|event| Some(event["message"]["params"]["request"]["url"].as_str()?.to_owned()))
            .collect()
    }

    /// Returns the process id of ChromeDriver, whose descendants are the processes of the browser.
    pub fn process_id(&self) -> u32 {
        self.driver.process_id()
    }

    pub async fn close(self) {
        self.client.close().await.expect("the session ends");
    }

    async fn post(&self, path: &str, body: &Value) -> Value {
        let request = self.http.post(format!("{}/{path}", self.session)).json(body).timeout(Duration::from_secs(60));
        let answer: Value = request.send().await.unwrap().json().await.unwrap();
        assert!(answer["value"]["error"].is_null(), "{path}: {}", answer["value"]);
        answer["value"].clone()
    }
}

fn capabilities(browser: &Path, profile: &Path, look: Look, more: &[&str], logs: &Value) -> Capabilities {
    let mut arguments = vec![
        "--headless".to_owned(),
        "--disable-gpu".to_owned(),
        "--disable-quic".to_owned(),
        "--no-first-run".to_owned(),
        "--disable-background-networking".to_owned(),
        "--disable-component-update".to_owned(),
        "--disable-sync".to_owned(),
        "--disable-dev-shm-usage".to_owned(),
        format!("--user-data-dir={}", profile.display()),
        format!("--window-size={},{}", look.width, look.height),
    ];
    arguments.extend(more.iter().map(|&argument| argument.to_owned()));
    if rustix::process::geteuid().is_root() {
        // Chromium's sandbox does not start for root, as in a container.
        arguments.push("--no-sandbox".to_owned());
    }
    let capabilities = json!({
        "goog:chromeOptions": {
            "binary": browser,
            "args": arguments,
            "prefs": {"intl.accept_languages": look.language},
        },
        "goog:loggingPrefs": logs,
        "unhandledPromptBehavior": "accept",
    });
    match capabilities {
        Value::Object(map) => map,
        _ => unreachable!(),
    }
}
