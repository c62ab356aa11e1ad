//! The query line in the page: suggestions while typing, and chips of what the line was read as.

use reqwest::Method;
use serde_json::json;

use crate::page::browser::{DESKTOP, Look};
use crate::page::tab::{Page, with, with_page};
use crate::pictures::png;

const ENTER: char = '\u{e007}';
const DOWN: char = '\u{e015}';
const UP: char = '\u{e013}';
const ESCAPE: char = '\u{e00c}';

/// The texts of the suggestions that are shown.
const SHOWN: &str =
    "[...document.querySelectorAll('#suggestions:not([hidden]) li span:first-child')].map((text) => text.textContent)";

/// Stores three pictures; two have tags.
async fn add_tagged(page: &Page) {
    for (seed, name, tags) in
        [(1, "a.png", json!(["sunset", "海"])), (2, "sun.png", json!(["Sunny day"])), (3, "c.png", json!([]))]
    {
        let id = page.app.add(name, png(seed)).await;
        page.app.send_json(Method::PATCH, &format!("/images/{id}"), &json!({ "tags": tags })).await;
    }
}

async fn chips(page: &Page) -> serde_json::Value {
    page.js("return [...document.querySelectorAll('#line li span')].map((chip) => chip.textContent)", &[]).await
}

#[tokio::test]
async fn suggestions_are_chosen_with_the_keyboard() {
    with_page(async |page| {
        add_tagged(page).await;
        page.open("/").await;
        page.settled().await;
        page.type_into("#query", "c sun").await;
        page.until(&format!("{SHOWN}.length")).await;
        assert_eq!(page.js(&format!("return {SHOWN}"), &[]).await, json!(["Sunny day", "sunset", "sun.png"]));
        let expanded = "return [query.ariaExpanded, query.getAttribute('aria-activedescendant')]";
        assert_eq!(page.js(expanded, &[]).await, json!(["true", null]));
        page.press(&format!("{DOWN}{DOWN}{DOWN}{UP}")).await;
        assert_eq!(page.js(expanded, &[]).await, json!(["true", "suggestion-1"]));
        let chosen = "return document.querySelector('#suggestions [aria-selected=true] span').textContent";
        assert_eq!(page.js(chosen, &[]).await, "sunset");
        page.press(&ENTER.to_string()).await;
        assert_eq!(page.js("return query.value", &[]).await, "c tag:sunset ");
        assert_eq!(
            (page.address().await.as_str(), page.is_shown("#suggestions").await),
            ("/", false),
            "nothing is sent yet"
        );

        page.press("tag:su").await;
        page.until(&format!("{SHOWN}.length")).await;
        assert_eq!(page.js(&format!("return {SHOWN}"), &[]).await, json!(["Sunny day", "sunset"]));
        page.press(&ESCAPE.to_string()).await;
        assert!(!page.is_shown("#suggestions").await);
        assert_eq!(page.js("return query.value", &[]).await, "c tag:sunset tag:su", "Escape closes the list only");
        page.press("n").await;
        page.until(&format!("{SHOWN}.length")).await;
        page.click("#suggestions li:first-child").await;
        assert_eq!(
            page.js("return [query.value, document.activeElement.id]", &[]).await,
            json!(["c tag:sunset tag:\"Sunny day\" ", "query"])
        );
    })
    .await;
}

#[tokio::test]
async fn enter_searches_when_no_suggestion_is_chosen() {
    with_page(async |page| {
        add_tagged(page).await;
        page.open("/").await;
        page.settled().await;
        page.type_into("#query", "sun").await;
        page.until(&format!("{SHOWN}.length")).await;
        page.press(&ENTER.to_string()).await;
        page.settled().await;
        assert_eq!((page.address().await.as_str(), page.is_shown("#suggestions").await), ("/?q=sun", false));
    })
    .await;
}

#[tokio::test]
async fn suggestions_wait_while_an_input_method_converts() {
    with_page(async |page| {
        add_tagged(page).await;
        page.open("/").await;
        page.settled().await;
        page.click("#query").await;
        page.type_into("#query", "su").await;
        page.until(&format!("{SHOWN}.length")).await;
        page.js("query.value = ''", &[]).await;
        let composing = json!({"text": "うみ", "selectionStart": 2, "selectionEnd": 2});
        page.browser.cdp("Input.imeSetComposition", composing).await;
        assert!(!page.is_shown("#suggestions").await, "the candidates of the input method have the place");
        // Longer than the pause after which suggestions come.
        page.js_later("setTimeout(arguments[0], 600)").await;
        assert!(!page.is_shown("#suggestions").await);
        page.browser.cdp("Input.insertText", json!({"text": "海"})).await;
        page.until(&format!("{SHOWN}.length")).await;
        assert_eq!(page.js(&format!("return {SHOWN}"), &[]).await, json!(["海"]));
        let taken = "return query.dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowDown', keyCode: 229, cancelable: true }))";
        assert_eq!(page.js(taken, &[]).await, true, "a key of the input method stays its own");
    })
    .await;
}

#[tokio::test]
async fn chips_show_what_the_line_was_read_as_and_search_without_it() {
    with_page(async |page| {
        add_tagged(page).await;
        page.open("/").await;
        page.settled().await;
        assert!(!page.is_shown("#line").await);
        page.search("png tag:sunset -nothing has:caption").await;
        assert_eq!(chips(page).await, json!(["tag: sunset", "not: nothing", "has a caption"]));
        assert!(page.names().await.is_empty());
        page.click("#line li:nth-child(3) button").await;
        page.settled().await;
        assert_eq!(page.names().await, ["a.png"]);
        assert_eq!(page.js("return query.value", &[]).await, "png tag:sunset -nothing");
        page.search("png").await;
        assert!(!page.is_shown("#line").await, "a plain word needs no chip");
        page.back().await;
        assert_eq!(chips(page).await, json!(["tag: sunset", "not: nothing"]));
    })
    .await;
}

#[tokio::test]
async fn the_line_speaks_japanese() {
    with(Look { language: "ja", ..DESKTOP }, &[], async |page| {
        add_tagged(page).await;
        page.open("/").await;
        page.settled().await;
        page.search("ｔａｇ：海 －人 has:prompt").await;
        assert_eq!(chips(page).await, json!(["タグ: 海", "除外: 人", "生成プロンプトあり"]));
        page.find("#query").await.clear().await.unwrap();
        page.type_into("#query", "sun").await;
        page.until(&format!("{SHOWN}.length")).await;
        assert_eq!(page.text("#suggestions li:first-child span:last-child").await, "タグ · 1 件");
    })
    .await;
}
