//! The open page, with the actions and questions of the tests.

use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::time::Duration;

use fantoccini::elements::Element;
use fantoccini::{Client, Locator};
use futures_util::FutureExt as _;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::app::{TestApp, spawn_with};
use crate::page::browser::{Browser, DESKTOP, Look};
use crate::page::driver;

/// The number of browsers at once. Each browser is several processes.
static BROWSERS: Semaphore = Semaphore::const_new(3);
/// The longest wait for an expected state. It only bounds a test that fails.
const TIMEOUT: Duration = Duration::from_secs(60);

/// An app, and a browser that shows its page.
pub struct Page {
    pub app: TestApp,
    pub browser: Browser,
}

/// Runs a test with an empty store and the tiny model in a desktop browser.
pub async fn with_page(test: impl AsyncFnOnce(&Page)) {
    with(DESKTOP, &[], test).await;
}

/// Runs a test with the demo model, whose searches find what a text describes.
pub async fn with_demo(test: impl AsyncFnOnce(&Page)) {
    with(DESKTOP, &[("MITSUKE_MODELS_DIR", repository("models").to_str().unwrap())], test).await;
}

/// Runs a test, and closes the browser even when the test fails. No page may write an error to the console, break its
/// Content-Security-Policy (which the console shows too) or request anything from another host.
pub async fn with(look: Look, settings: &[(&str, &str)], test: impl AsyncFnOnce(&Page)) {
    let Some(programs) = driver::programs() else { return };
    let _turn = BROWSERS.acquire().await.unwrap();
    let page = Page { app: spawn_with(settings), browser: Browser::start(&programs, look).await };
    let result = AssertUnwindSafe(async {
        test(&page).await;
        assert_eq!(page.browser.console().await, Vec::<String>::new(), "the console is silent");
        // Chromium's own style sheets hold pictures (data:), and its empty tab (chrome:) is not a page of the app.
        let own = |url: &String| {
            [page.app.url.as_str(), "blob:", "chrome:", "data:"].iter().any(|start| url.starts_with(start))
        };
        let strangers: Vec<_> = page.browser.requests().await.into_iter().filter(|url| !own(url)).collect();
        assert_eq!(strangers, Vec::<String>::new(), "the page asks its own server only");
    })
    .catch_unwind()
    .await;
    if result.is_err() {
        let seen = page.js("return location.href + '\\n' + document.body.innerText", &[]).await;
        eprintln!(
            "the console said {:#?}, the page {}",
            page.browser.console().await,
            seen.as_str().unwrap_or_default()
        );
    }
    page.browser.close().await;
    if let Err(panic) = result {
        std::panic::resume_unwind(panic);
    }
}

/// Returns a path in the repository.
pub fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Returns the bytes of a sample picture.
pub fn sample(name: &str) -> Vec<u8> {
    std::fs::read(repository("images").join(name)).unwrap()
}

/// Describes a file for the page: its name, media type and bytes.
pub fn file(name: &str, media_type: &str, bytes: &[u8]) -> Value {
    json!({"name": name, "type": media_type, "bytes": bytes})
}

impl Page {
    fn client(&self) -> &Client {
        &self.browser.client
    }

    /// Opens an address of the app.
    pub async fn open(&self, path: &str) {
        self.client().goto(&format!("{}{path}", self.app.url)).await.unwrap();
    }

    /// Stores sample pictures.
    pub async fn add_samples(&self, names: &[&str]) {
        for name in names {
            self.app.add(name, sample(name)).await;
        }
    }

    /// Runs a script in the page; `arguments` has the arguments.
    pub async fn js(&self, script: &str, arguments: &[Value]) -> Value {
        self.client().execute(script, arguments.to_vec()).await.unwrap_or_else(|error| panic!("{script}: {error}"))
    }

    /// Runs a script that ends by calling its last argument with an answer.
    pub async fn js_later(&self, script: &str) -> Value {
        self.client().execute_async(script, vec![]).await.unwrap_or_else(|error| panic!("{script}: {error}"))
    }

    /// Waits until an expression is true, and returns its value.
    pub async fn until(&self, expression: &str) -> Value {
        let started = std::time::Instant::now();
        loop {
            let value = self.js(&format!("return {expression}"), &[]).await;
            let empty = [json!(null), json!(false), json!(0), json!("")].contains(&value);
            if !empty {
                return value;
            }
            if started.elapsed() >= TIMEOUT {
                panic!("this never became true: {expression}");
            }
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
    }

    pub async fn find(&self, css: &str) -> Element {
        self.client().find(Locator::Css(css)).await.unwrap_or_else(|error| panic!("{css}: {error}"))
    }

    pub async fn click(&self, css: &str) {
        self.find(css).await.click().await.unwrap_or_else(|error| panic!("{css}: {error}"));
    }

    /// Types into an existing field.
    pub async fn type_into(&self, css: &str, text: &str) {
        self.find(css).await.send_keys(text).await.unwrap_or_else(|error| panic!("{css}: {error}"));
    }

    /// Types into the element that has the focus.
    pub async fn press(&self, keys: &str) {
        self.client().active_element().await.unwrap().send_keys(keys).await.unwrap();
    }

    /// Types words into the search field and searches.
    pub async fn search(&self, text: &str) {
        let field = self.find("#query").await;
        field.clear().await.unwrap();
        field.send_keys(&format!("{text}\u{e007}")).await.unwrap();
        self.settled().await;
    }

    /// Waits until the answer to the last query is shown.
    pub async fn settled(&self) {
        self.until("document.querySelector('#grid').ariaBusy === 'false' && document.readyState === 'complete'").await;
    }

    /// Opens the filter panel with all its sections.
    pub async fn open_filter(&self) {
        self.click("#filter-toggle").await;
        self.js("for (const section of document.querySelectorAll('#filter details')) section.open = true", &[]).await;
    }

    pub async fn text(&self, css: &str) -> String {
        self.find(css).await.text().await.unwrap()
    }

    pub async fn is_shown(&self, css: &str) -> bool {
        self.find(css).await.is_displayed().await.unwrap()
    }

    /// Returns the file names of the pictures on the page in their order.
    pub async fn names(&self) -> Vec<String> {
        let names =
            self.js("return [...document.querySelectorAll('#grid .card')].map((card) => card.title)", &[]).await;
        serde_json::from_value(names).unwrap()
    }

    /// Returns path and query of the address.
    pub async fn address(&self) -> String {
        self.js("return location.pathname + location.search", &[]).await.as_str().unwrap().to_owned()
    }

    pub async fn back(&self) {
        self.client().back().await.unwrap();
        self.settled().await;
    }

    pub async fn forward(&self) {
        self.client().forward().await.unwrap();
        self.settled().await;
    }

    pub async fn reload(&self) {
        self.client().refresh().await.unwrap();
        self.settled().await;
    }

    /// Opens the large view of a picture on the page.
    pub async fn enlarge(&self, name: &str) {
        self.click(&format!("#grid .card[title=\"{name}\"]")).await;
        self.until(&format!(
            "document.querySelector('#viewer').open && document.querySelector('#viewer-name').textContent === {}",
            json!(name)
        ))
        .await;
    }

    /// Drags files over the page, and waits for the two places to drop them.
    pub async fn drag(&self, files: &[Value]) {
        self.transfer(files, "dragenter", "body").await;
        self.until("document.querySelector('#drop').open").await;
    }

    /// Drops files on one of the places.
    pub async fn drop_on(&self, css: &str, files: &[Value]) {
        self.drag(files).await;
        self.transfer(files, "dragover", css).await;
        self.transfer(files, "drop", css).await;
        assert!(!self.is_shown("#drop").await, "the places go away");
    }

    /// Pastes a file.
    pub async fn paste(&self, file: &Value) {
        self.transfer(std::slice::from_ref(file), "paste", "body").await;
    }

    async fn transfer(&self, files: &[Value], event: &str, css: &str) {
        let script = "
            const [files, name, css] = arguments;
            const transfer = new DataTransfer();
            for (const { name, type, bytes } of files)
              transfer.items.add(new File([new Uint8Array(bytes)], name, { type }));
            const common = { bubbles: true, cancelable: true };
            const event = name === 'paste'
              ? new ClipboardEvent(name, { ...common, clipboardData: transfer })
              : new DragEvent(name, { ...common, dataTransfer: transfer });
            document.querySelector(css).dispatchEvent(event);";
        self.js(script, &[json!(files), json!(event), json!(css)]).await;
    }
}
