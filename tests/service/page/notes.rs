//! Notes above the pictures, which stay as long as they apply.

use serde_json::json;

use crate::page::tab::{file, with_page};
use crate::pictures::png;

#[tokio::test]
async fn a_note_never_lands_on_another_query() {
    with_page(async |page| {
        page.app.add("a.png", png(1)).await;
        // The first search waits until the test releases it.
        let hold = "const real = fetch;
            window.fetch = (path, options) => {
              if (window.release || !String(path).startsWith('search')) return real(path, options);
              return new Promise((go) => (window.release = go)).then(() => real(path, options));
            };";
        page.browser.cdp("Page.addScriptToEvaluateOnNewDocument", json!({"source": hold})).await;
        page.open("/?picture=1&q=cat").await;
        page.until("Boolean(window.release)").await;
        page.search("dog").await;
        page.js_later("release(); setTimeout(arguments[0], 200)").await;
        assert_eq!(page.address().await, "/?q=dog");
        assert!(!page.is_shown("#error").await, "{}", page.text("#error").await);
    })
    .await;
}

#[tokio::test]
async fn a_note_stays_while_scrolling_brings_more() {
    with_page(async |page| {
        for seed in 0..120 {
            page.app.add(&format!("{seed}.png"), png(seed)).await;
        }
        page.open("/?picture=1&q=cat&mode=vector").await;
        page.until("!document.querySelector('#error').hidden").await;
        page.settled().await;
        let last = "Math.max(...[...document.querySelectorAll('#grid li')].map((cell) => Number(cell.ariaPosInSet)))";
        page.js("scrollTo(0, document.body.scrollHeight)", &[]).await;
        page.until(&format!("{last} > 100")).await;
        assert!(page.text("#error").await.contains("Drop or choose the picture again"));
    })
    .await;
}

#[tokio::test]
async fn the_words_that_a_long_query_came_down_to_are_named() {
    with_page(async |page| {
        page.app.add_with_caption(png(1), "a lighthouse").await;
        let query = (0..30).map(|n| format!("word{n}+")).collect::<String>();
        page.open(&format!("/?mode=keyword&q={query}lighthouse")).await;
        page.settled().await;
        let said = page.text("#error").await;
        assert!(said.contains("rarest words were searched for: lighthouse"), "{said}");
    })
    .await;
}

#[tokio::test]
async fn pictures_past_what_a_search_takes_are_named() {
    with_page(async |page| {
        page.app.add("a.png", png(1)).await;
        page.open("/").await;
        page.settled().await;
        let files: Vec<_> = (0..20).map(|seed| file(&format!("{seed}.png"), "image/png", &png(seed + 2))).collect();
        page.drop_on("#drop-search", &files).await;
        page.settled().await;
        assert_eq!(page.js("return document.querySelectorAll('#chips img').length", &[]).await, 16);
        let said = page.text("#error").await;
        assert!(said.contains("the first 16 of 20 were used"), "{said}");
    })
    .await;
}
