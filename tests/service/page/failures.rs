//! A search that fails: the pictures stay, the page says what to do, and tries again by itself when it makes sense.

use serde_json::json;

use crate::page::browser::{DESKTOP, Look};
use crate::page::tab::{Page, file, with, with_page};
use crate::pictures::png;

async fn set_offline(page: &Page, offline: bool) {
    let network = json!({"offline": offline, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1});
    page.browser.cdp("Network.emulateNetworkConditions", network).await;
}

/// Lets the next request below a path be answered with a problem document.
async fn refuse(page: &Page, path: &str, status: u16, problem: serde_json::Value) {
    let script = "const [path, status, problem] = arguments;
        const real = fetch;
        window.fetch = async (address, options) => {
          if (!String(address).startsWith(path)) return real(address, options);
          window.fetch = real;
          return new Response(JSON.stringify(problem), { status, headers: { 'Content-Type': 'application/problem+json' } });
        };";
    page.js(script, &[json!(path), json!(status), problem]).await;
}

#[tokio::test]
async fn without_a_network_the_pictures_stay_and_the_search_is_repeated_later() {
    with_page(async |page| {
        page.app.add("cat.png", png(1)).await;
        page.open("/?q=cat").await;
        page.settled().await;
        set_offline(page, true).await;
        page.search("dog").await;
        page.until("!document.querySelector('#error').hidden").await;
        assert_eq!(page.names().await, ["cat.png"]);
        assert_eq!(page.text("#status").await, "Still showing: cat");
        let said = page.text("#error p").await;
        assert!(
            said.contains("Cannot reach the server") && said.contains("repeated when the connection is back"),
            "{said}"
        );
        assert_eq!(page.text("#error button").await, "Try again");
        assert_eq!(page.address().await, "/?q=dog", "a reload tries the new search");

        set_offline(page, false).await;
        page.until("document.querySelector('#error').hidden").await;
        page.settled().await;
        assert_eq!(page.text("#status").await, "1 found");
        assert_eq!(page.js("return document.querySelector('#grid').className", &[]).await, "");
    })
    .await;
}

#[tokio::test]
async fn going_back_after_a_failure_shows_the_search_before() {
    with_page(async |page| {
        page.app.add("cat.png", png(1)).await;
        page.open("/?q=cat").await;
        page.settled().await;
        refuse(page, "search", 500, json!({"code": "internal", "title": "Internal error", "detail": "It broke."}))
            .await;
        page.search("dog").await;
        page.until("!document.querySelector('#error').hidden").await;
        page.back().await;
        assert_eq!((page.text("#status").await.as_str(), page.is_shown("#error").await), ("1 found", false));
        page.forward().await;
        assert_eq!(page.address().await, "/?q=dog");
        assert_eq!(page.text("#status").await, "1 found");
    })
    .await;
}

#[tokio::test]
async fn only_what_may_succeed_later_offers_to_try_again() {
    with_page(async |page| {
        page.app.add("a.png", png(1)).await;
        page.open("/").await;
        page.settled().await;
        page.drop_on("#drop-search", &[file("notes.png", "image/png", b"no picture at all")]).await;
        page.until("!document.querySelector('#error').hidden").await;
        assert_eq!(page.js("return document.querySelectorAll('#error button').length", &[]).await, 0);
        assert_eq!(page.names().await, ["a.png"]);

        refuse(page, "search", 500, json!({"code": "internal", "detail": "It broke.", "request_id": "abc"})).await;
        page.click("#chips button").await;
        page.settled().await;
        page.search("cat").await;
        page.until("document.querySelector('#error button')").await;
        page.click("#error button").await;
        page.until("document.querySelector('#error').hidden").await;
        page.settled().await;
        assert_eq!(page.names().await, ["a.png"]);
    })
    .await;
}

#[tokio::test]
async fn the_sentence_is_in_the_language_of_the_page_and_the_words_of_the_service_open_on_request() {
    with(Look { language: "ja", ..DESKTOP }, &[], async |page| {
        page.app.add("a.png", png(1)).await;
        page.open("/").await;
        page.settled().await;
        refuse(page, "search", 500, json!({"code": "internal", "detail": "It broke.", "request_id": "abc"})).await;
        page.search("猫").await;
        page.until("!document.querySelector('#error').hidden").await;
        let said = page.js("return document.querySelector('#error > p').textContent", &[]).await;
        assert!(!said.as_str().unwrap().is_ascii() && !said.as_str().unwrap().contains("It broke"), "{said}");
        assert_eq!(page.js("return document.querySelector('#error details').open", &[]).await, false);
        page.click("#error summary").await;
        let details = page.text("#error details").await;
        assert!(details.starts_with("詳細") && details.contains("It broke.") && details.contains("abc"), "{details}");
        assert_eq!(page.js("return document.querySelector('#error details p').lang", &[]).await, "en");
    })
    .await;
}

#[tokio::test]
async fn details_that_do_not_arrive_can_be_asked_for_again() {
    with_page(async |page| {
        page.app.add("a.png", png(1)).await;
        let fail_once = "const real = fetch;
            window.fetch = (path, options) => {
              if (window.failed || !String(path).startsWith('images/get')) return real(path, options);
              window.failed = true;
              return Promise.reject(new TypeError('Failed to fetch'));
            };";
        page.browser.cdp("Page.addScriptToEvaluateOnNewDocument", json!({"source": fail_once})).await;
        page.open("/").await;
        page.until("document.querySelector('#error button')").await;
        assert_eq!(page.js("return document.querySelectorAll('#grid li').length", &[]).await, 1, "its shape is known");
        page.click("#error button").await;
        page.until("document.querySelector('#grid .card').title === 'a.png'").await;
        assert!(!page.is_shown("#error").await);
    })
    .await;
}
