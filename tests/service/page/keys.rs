//! API keys, and a server that does not answer.

use serde_json::json;

use crate::page::browser::DESKTOP;
use crate::page::tab::{file, with, with_page};
use crate::pictures::png;

const KEY: &str = "0123456789abcdef";

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
        // Pictures need the key, too. An img element cannot send it, so the page fetches them.
        page.until("document.querySelector('.card img')?.naturalWidth > 0").await;
        assert!(
            page.js("return document.querySelector('.card img').src", &[]).await.as_str().unwrap().starts_with("blob:")
        );
        page.enlarge("a.png").await;
        page.until("document.querySelector('#large').naturalWidth > 0").await;
        assert_eq!(page.js("return JSON.stringify({ ...localStorage }) + document.cookie", &[]).await, "{}");
        page.reload().await;
        page.until("document.querySelector('#large').naturalWidth > 0").await;
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
        assert!(page.text("#key-wrong").await.starts_with("Keys have letters, digits and signs"));
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
        assert!(page.text("#error").await.contains("The server does not answer"), "{}", page.text("#error").await);
        page.browser.cdp("Network.emulateNetworkConditions", network(false)).await;
        page.click("#error button").await;
        page.until("document.querySelectorAll('#grid li').length === 1").await;
        assert!(!page.is_shown("#error").await);
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
        assert!(error.contains("この画像はないか"), "{error}");
        assert_eq!(page.find("#error .own").await.attr("lang").await.unwrap().unwrap(), "en");
    })
    .await;
}
