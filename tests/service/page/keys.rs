//! API keys, and a server that does not answer.

use reqwest::Method;
use reqwest::multipart::Form;
use serde_json::json;

use crate::app::file as file_part;
use crate::page::browser::DESKTOP;
use crate::page::tab::{Page, file, with, with_page};
use crate::pictures::png;

const KEY: &str = "0123456789abcdef";
const ENTER: &str = "\u{e007}";

#[tokio::test]
async fn a_server_with_keys_is_opened_by_a_key_that_only_the_tab_keeps() {
    with(DESKTOP, &[("MITSUKE_API_KEYS", KEY)], async |page| {
        page.open("/").await;
        page.until("document.querySelector('#key').open").await;
        page.type_into("#key-value", "a-wrong-key\u{e007}").await;
        page.until("document.querySelector('#key').open && !document.querySelector('#key-wrong').hidden").await;
        page.click("#key-cancel").await;
        page.until("!document.querySelector('#error').hidden").await;
        page.click("#error button").await;
        page.until("document.querySelector('#key').open").await;
        page.type_into("#key-value", &format!("{KEY}\u{e007}")).await;
        page.until("document.querySelector('#status').textContent.startsWith('No pictures yet')").await;

        page.drop_on("#drop-add", &[file("a.png", "image/png", &png(1))]).await;
        page.until("document.querySelector('.card .shown')").await;
        page.enlarge("a.png").await;
        page.until("document.querySelector('#large').naturalWidth > 0").await;
        // Pictures need the key, too. An img element cannot send it, so the page fetches them.
        assert!(
            page.js("return document.querySelector('#large').src", &[]).await.as_str().unwrap().starts_with("blob:")
        );
        assert_eq!(page.js("return JSON.stringify({ ...localStorage }) + document.cookie", &[]).await, "{}");
        page.reload().await;
        page.until("document.querySelector('#large').naturalWidth > 0").await;
        new_tab(page).await;
        page.until("document.querySelector('#key').open").await;
    })
    .await;
}

/// Opens the page as another tab does, which has the storage of the device only.
async fn new_tab(page: &Page) {
    page.js("sessionStorage.clear()", &[]).await;
    page.open("/").await;
}

#[tokio::test]
async fn a_key_is_remembered_on_request_until_the_reader_forgets_it() {
    with(DESKTOP, &[("MITSUKE_API_KEYS", KEY)], async |page| {
        let upload = page.app.request(Method::POST, "/images").bearer_auth(KEY);
        assert_eq!(
            upload.multipart(Form::new().part("file", file_part("a.png", png(1)))).send().await.unwrap().status(),
            201
        );
        page.open("/").await;
        page.until("document.querySelector('#key').open").await;
        assert!(!page.is_shown("#forget-key").await);
        assert_eq!(page.text("#key-note").await, "Kept in this tab until it is closed.");
        page.click("#key-remember").await;
        assert_eq!(page.text("#key-note").await, "Kept on this device until you forget it.");
        page.type_into("#key-value", &format!("{KEY}{ENTER}")).await;
        page.until("document.querySelector('.card .shown')").await;
        // The name has the path of the page, because pages below other prefixes of the host have keys of their own.
        assert_eq!(page.js("return { ...localStorage }", &[]).await, json!({"mitsuke-api-key:/": KEY}));
        new_tab(page).await;
        page.until("document.querySelector('.card .shown')").await;
        assert!(!page.is_shown("#key").await);

        page.click("#forget-key").await;
        page.until("document.querySelector('#key')?.open").await;
        assert_eq!(page.js("return localStorage.length + sessionStorage.length", &[]).await, 0);
        assert!(page.names().await.is_empty(), "the next reader sees no picture");
        new_tab(page).await;
        page.until("document.querySelector('#key').open").await;
    })
    .await;
}

#[tokio::test]
async fn a_remembered_key_that_the_server_does_not_know_any_more_is_forgotten() {
    with(DESKTOP, &[("MITSUKE_API_KEYS", KEY)], async |page| {
        page.open("/").await;
        page.js("localStorage.setItem('mitsuke-api-key:/', 'a-key-of-last-year')", &[]).await;
        page.open("/").await;
        page.until("document.querySelector('#key').open && !document.querySelector('#key-wrong').hidden").await;
        page.click("#key-cancel").await;
        assert_eq!(page.js("return localStorage.length", &[]).await, 0);
        page.until("!document.querySelector('#error').hidden").await;
        page.click("#error button").await;
        page.until("document.querySelector('#key').open").await;
        page.type_into("#key-value", &format!("{KEY}{ENTER}")).await;
        page.until("document.querySelector('#status').textContent.startsWith('No pictures yet')").await;
        assert_eq!(page.js("return localStorage.length", &[]).await, 0, "remembering is asked for each time");
    })
    .await;
}

#[tokio::test]
async fn a_key_from_an_input_method_is_read_or_refused_and_never_locks_the_tab() {
    with(DESKTOP, &[("MITSUKE_API_KEYS", KEY)], async |page| {
        page.open("/").await;
        page.until("document.querySelector('#key').open").await;
        page.type_into("#key-value", "ひみつの鍵\u{e007}").await;
        page.until("document.querySelector('#key').open && !document.querySelector('#key-wrong').hidden").await;
        assert!(page.text("#key-wrong").await.starts_with("Keys contain only ASCII letters"));
        assert_eq!(page.js("return sessionStorage.length", &[]).await, 0, "nothing is kept");
        let wide: String = KEY.chars().filter_map(|c| char::from_u32(c as u32 + 0xFEE0)).collect();
        page.type_into("#key-value", &format!("{wide}\u{e007}")).await;
        page.until("document.querySelector('#status').textContent.startsWith('No pictures yet')").await;
    })
    .await;
}

#[tokio::test]
async fn a_server_out_of_reach_is_named_and_can_be_tried_again() {
    with_page(async |page| {
        page.app.add("a.png", png(1)).await;
        page.open("/").await;
        page.settled().await;
        let network =
            |offline: bool| json!({"offline": offline, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1});
        page.browser.cdp("Network.emulateNetworkConditions", network(true)).await;
        page.search("cat").await;
        assert!(page.text("#error").await.contains("Cannot reach the server"), "{}", page.text("#error").await);
        page.browser.cdp("Network.emulateNetworkConditions", network(false)).await;
        // The search is repeated by itself when the connection is back.
        page.until("document.querySelector('#error').hidden").await;
        page.until("document.querySelectorAll('#grid li').length === 1").await;
    })
    .await;
}

#[tokio::test]
async fn a_refused_query_says_what_to_do() {
    with_page(async |page| {
        page.open("/?like=999").await;
        page.settled().await;
        let error = page.text("#error").await;
        assert!(error.contains("No image has the id 999."), "{error}");
        assert_eq!(page.find("#error").await.attr("role").await.unwrap().unwrap(), "alert");
        page.click("#language").await;
        let error = page.text("#error").await;
        assert!(error.contains("画像が見つかりません"), "{error}");
        assert_eq!(page.find("#error .own p").await.attr("lang").await.unwrap().unwrap(), "en");
    })
    .await;
}
