//! The strip of dates beside a list: dragging and keys scroll to a month.

use reqwest::Method;
use serde_json::json;

use crate::page::tab::{Page, with_page};
use crate::pictures::png;

const UP: &str = "\u{e013}";
const DOWN: &str = "\u{e015}";
const PAGE_DOWN: &str = "\u{e00f}";
const HOME: &str = "\u{e011}";
const END: &str = "\u{e010}";

const VALUE: &str = "document.querySelector('#scrubber').ariaValueText";

/// Stores pictures that were taken in three months of two years, twenty in each, and twenty without a date.
async fn add_dated(page: &Page) {
    for (month, start) in [(Some("2024-05"), 0), (Some("2024-07"), 20), (Some("2025-01"), 40), (None, 60)] {
        for seed in start..start + 20 {
            let id = page.app.add(&format!("{}-{seed}.png", month.unwrap_or("undated")), png(seed)).await;
            let day = month.map(|month| format!("{month}-{:02}", seed % 20 + 1));
            page.app.send_json(Method::PATCH, &format!("/images/{id}"), &json!({ "taken_at": day })).await;
        }
    }
}

/// Opens the list by the day on which pictures were taken, the latest first.
async fn open_taken(page: &Page) {
    add_dated(page).await;
    page.open("/?sort=taken").await;
    page.settled().await;
    assert!(page.is_shown("#scrubber").await);
}

/// The names of the pictures in sight.
async fn seen(page: &Page) -> Vec<String> {
    let script = "const bar = document.querySelector('header').getBoundingClientRect().bottom;
        return [...document.querySelectorAll('#grid .card')].filter((card) => {
          const { top, bottom } = card.getBoundingClientRect();
          return bottom > bar && top < innerHeight;
        }).map((card) => card.title)";
    serde_json::from_value(page.js(script, &[]).await).unwrap()
}

async fn rested(page: &Page) {
    page.js_later("requestAnimationFrame(() => setTimeout(arguments[0], 100))").await;
    page.settled().await;
}

#[tokio::test]
async fn keys_go_to_a_month_and_to_a_year() {
    with_page(async |page| {
        open_taken(page).await;
        assert_eq!(page.js(&format!("return {VALUE}"), &[]).await, "January 2025");
        page.js("document.querySelector('#scrubber').focus()", &[]).await;
        page.press(DOWN).await;
        page.until(&format!("{VALUE} === 'July 2024'")).await;
        rested(page).await;
        let names = seen(page).await;
        assert!(names.iter().any(|name| name.starts_with("2024-07-39")), "the last day of July: {names:?}");
        page.press(UP).await;
        page.until(&format!("{VALUE} === 'January 2025'")).await;
        page.press(PAGE_DOWN).await;
        page.until(&format!("{VALUE} === 'July 2024'")).await;
        page.press(END).await;
        rested(page).await;
        let names = seen(page).await;
        assert!(names.iter().any(|name| name.starts_with("undated")), "pictures without a date come last: {names:?}");
        page.press(HOME).await;
        page.until(&format!("{VALUE} === 'January 2025'")).await;
    })
    .await;
}

#[tokio::test]
async fn dragging_scrolls_and_names_the_month() {
    with_page(async |page| {
        open_taken(page).await;
        let strip = page
            .js(
                "const { left, width, top, height } = document.querySelector('#scrubber').getBoundingClientRect();
                 return [left + width / 2, top, height]",
                &[],
            )
            .await;
        let at = |share: f64| strip[1].as_f64().unwrap() + share * strip[2].as_f64().unwrap();
        let mouse = async |kind: &str, share: f64, buttons: u8| {
            let button = if kind == "mouseMoved" && buttons == 0 { "none" } else { "left" };
            let event = json!({"type": kind, "x": strip[0], "y": at(share), "button": button, "buttons": buttons, "clickCount": 1});
            page.browser.cdp("Input.dispatchMouseEvent", event).await
        };
        mouse("mouseMoved", 0.4, 0).await;
        page.until("!document.querySelector('#scrubber-bubble').hidden").await;
        assert_eq!(page.text("#scrubber-bubble").await, "July 2024", "hovering tells what a click would show");
        assert_eq!(page.js("return scrollY", &[]).await, 0);
        mouse("mousePressed", 0.4, 1).await;
        page.until("scrollY > 0").await;
        mouse("mouseMoved", 0.99, 1).await;
        page.until(&format!("{VALUE} !== 'January 2025' && scrollY + innerHeight > document.body.scrollHeight - 200")).await;
        mouse("mouseReleased", 0.99, 0).await;
        rested(page).await;
        assert!(seen(page).await.iter().any(|name| name.starts_with("undated")));
        mouse("mouseMoved", 0.5, 0).await;
        let height = page.js("return scrollY", &[]).await;
        assert!(height.as_f64().unwrap() > 0.0, "a released strip does not scroll: {height}");
    })
    .await;
}

#[tokio::test]
async fn years_stand_beside_the_strip() {
    with_page(async |page| {
        open_taken(page).await;
        let ticks = "return [...document.querySelectorAll('#scrubber-ticks span')].map((tick) => tick.textContent)";
        assert_eq!(page.js(ticks, &[]).await, json!(["2025", "2024", "No date"]));
        page.click("#language").await;
        assert_eq!(page.js(&format!("return {VALUE}"), &[]).await, "2025年1月");
        assert_eq!(page.js(ticks, &[]).await[2], "日付なし");
    })
    .await;
}

#[tokio::test]
async fn lists_without_dates_and_hits_have_no_strip() {
    with_page(async |page| {
        open_taken(page).await;
        for address in ["/?sort=name", "/?q=picture", "/"] {
            page.open(address).await;
            page.settled().await;
            // All pictures were added in this month.
            assert!(!page.is_shown("#scrubber").await, "{address}");
        }
    })
    .await;
}
