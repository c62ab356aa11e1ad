//! The page on a phone: one row at the top, a menu for the rest, swipes.

use serde_json::{Value, json};

use crate::page::browser::{DESKTOP, Look};
use crate::page::tab::{Page, with, with_page};
use crate::pictures::png;

const TAB: &str = "\u{e004}";
const ENTER: &str = "\u{e007}";
const ESCAPE: &str = "\u{e00c}";

const PHONE: Look = Look { width: 390, height: 844, phone: true, ..DESKTOP };
/// The tools that a wide bar shows.
const TOOLS: [&str; 5] = ["modes", "duplicates-open", "model", "language", "add"];

/// Returns the ids of those elements that are there.
async fn shown(page: &Page, ids: &[&str]) -> Value {
    page.js("return arguments[0].filter((id) => document.getElementById(id).checkVisibility())", &[json!(ids)]).await
}

async fn add(page: &Page, count: u32) {
    for seed in 1..=count {
        page.app.add(&format!("{seed}.png"), png(seed)).await;
    }
}

/// Moves one finger from a point to another in steps, and lifts it. Each step takes 16 ms or more.
async fn swipe(page: &Page, from: (f64, f64), to: (f64, f64), steps: u32) {
    let touch = async |kind: &str, points: Value| {
        page.browser.cdp("Input.dispatchTouchEvent", json!({"type": kind, "touchPoints": points})).await;
    };
    touch("touchStart", json!([{"x": from.0, "y": from.1}])).await;
    for step in 1..=steps {
        let share = f64::from(step) / f64::from(steps);
        let at = |from: f64, to: f64| (to - from).mul_add(share, from);
        tokio::time::sleep(std::time::Duration::from_millis(16)).await;
        touch("touchMove", json!([{"x": at(from.0, to.0), "y": at(from.1, to.1)}])).await;
    }
    touch("touchEnd", json!([])).await;
}

async fn large(page: &Page, name: &str) {
    let name = json!(name);
    page.until(&format!("document.querySelector('#viewer-name').textContent === {name}")).await;
    page.until("document.querySelector('#large').naturalWidth && !document.querySelector('#large').style.translate")
        .await;
}

#[tokio::test]
async fn one_row_stays_at_the_top_and_the_rest_scrolls_away() {
    for (width, height) in [(390, 844), (844, 390)] {
        with(Look { width, height, ..PHONE }, &[], async |page| {
            add(page, 30).await;
            page.open("/?q=-dog&prompt=no").await;
            page.until("document.querySelector('#line li')").await;
            page.settled().await;
            let bar = "const { top, bottom, height } = document.querySelector('header').getBoundingClientRect();
                const own = (id) => document.getElementById(id).getBoundingClientRect();
                return [top, height <= 64, getComputedStyle(document.documentElement).getPropertyValue('--header') === `${height}px`,
                  ['home', 'query', 'pick', 'filter-toggle', 'menu-open'].every((id) => own(id).top >= 0 && own(id).bottom <= bottom && own(id).right <= innerWidth)]";
            assert_eq!(page.js(bar, &[]).await, json!([0, true, true, true]));
            page.js("scrollTo(0, 300)", &[]).await;
            page.until("document.querySelector('header').classList.contains('scrolled')").await;
            assert_eq!(page.js(bar, &[]).await, json!([0, true, true, true]));
            let chips = page.js("return document.querySelector('#line').getBoundingClientRect().bottom", &[]).await;
            assert!(chips.as_f64().unwrap() < 0.0, "{chips}");
            // A narrow bar has the number of the conditions beside the icon of the filter, a wide one has words.
            let number = "return getComputedStyle(document.querySelector('#filter-toggle'), '::after').content";
            let expected = if width < height { "\"1\"" } else { "none" };
            assert_eq!(page.js(number, &[]).await, expected);
        })
        .await;
    }
}

#[tokio::test]
async fn the_menu_has_every_tool_of_the_wide_bar() {
    with(PHONE, &[], async |page| {
        add(page, 8).await;
        page.open("/?q=cat").await;
        page.settled().await;
        assert_eq!(shown(page, &TOOLS).await, json!([]));
        page.click("#menu-open").await;
        assert_eq!(shown(page, &TOOLS).await, json!(TOOLS));
        assert_eq!(shown(page, &["menu-api"]).await, json!(["menu-api"]));
        // The menu stays open while a mode is chosen.
        page.click("#modes label").await;
        page.settled().await;
        assert_eq!(page.address().await, "/?q=cat&mode=vector");
        assert_eq!(shown(page, &TOOLS).await, json!(TOOLS));
        // A tap beside the menu closes it, and opens no picture.
        let beside = (30.0, 600.0);
        let cards = "return [...document.querySelectorAll('.card')].map((card) => card.getBoundingClientRect())
            .filter(({ left, right, top, bottom }) => left < 30 && right > 30 && top < 600 && bottom > 600).length";
        assert_eq!(page.js(cards, &[]).await, 1, "there is a picture");
        swipe(page, beside, beside, 0).await;
        page.until("!document.querySelector('#tools').matches(':popover-open')").await;
        assert!(!page.is_shown("#viewer").await);
        // A tool closes the menu and opens what it names.
        page.click("#menu-open").await;
        page.click("#duplicates-open").await;
        page.until("document.querySelector('#duplicates').open").await;
        assert_eq!(shown(page, &TOOLS).await, json!([]));
        page.click("#duplicates-close").await;
        page.click("#menu-open").await;
        page.click("#language").await;
        assert_eq!(page.js("return document.documentElement.lang", &[]).await, "ja");
        assert_eq!(shown(page, &TOOLS).await, json!([]));
    })
    .await;
}

#[tokio::test]
async fn the_menu_is_used_by_keyboard_where_a_screen_is_enlarged() {
    with(Look { phone: false, ..PHONE }, &[], async |page| {
        page.open("/").await;
        page.settled().await;
        page.js("document.querySelector('#menu-open').focus()", &[]).await;
        page.press(ENTER).await;
        assert_eq!(shown(page, &TOOLS).await, json!(TOOLS));
        page.press(TAB).await;
        assert_eq!(page.js("return document.activeElement.name", &[]).await, "mode");
        page.press(ESCAPE).await;
        assert_eq!(shown(page, &TOOLS).await, json!([]));
        assert_eq!(page.js("return document.activeElement.id", &[]).await, "menu-open");
        // On a wide screen the tools are back in the bar.
        page.press(ENTER).await;
        let wide = json!({"width": 1280, "height": 900, "deviceScaleFactor": 1, "mobile": false});
        page.browser.cdp("Emulation.setDeviceMetricsOverride", wide).await;
        page.until("!document.querySelector('#tools').matches(':popover-open')").await;
        assert_eq!(shown(page, &TOOLS).await, json!(TOOLS));
        assert!(!page.is_shown("#menu-open").await);
    })
    .await;
}

#[tokio::test]
async fn the_keyboard_of_a_touch_screen_goes_away_after_a_search() {
    for (look, focused) in [(PHONE, false), (DESKTOP, true)] {
        with(look, &[], async |page| {
            add(page, 2).await;
            page.open("/").await;
            page.settled().await;
            page.search("cat").await;
            assert_eq!(page.address().await, "/?q=cat");
            assert_eq!(page.js("return document.activeElement.id === 'query'", &[]).await, focused);
        })
        .await;
    }
}

#[tokio::test]
async fn a_swipe_shows_the_picture_beside_and_a_swipe_down_closes_the_view() {
    for motion in ["no-preference", "reduce"] {
        with(PHONE, &[], async |page| {
            let feature = json!({"features": [{"name": "prefers-reduced-motion", "value": motion}]});
            page.browser.cdp("Emulation.setEmulatedMedia", feature).await;
            add(page, 3).await;
            page.open("/").await;
            page.settled().await;
            page.enlarge("2.png").await;
            large(page, "2.png").await;
            swipe(page, (300.0, 200.0), (60.0, 210.0), 6).await;
            large(page, "1.png").await;
            assert_eq!(page.address().await, "/?image=1");
            // Nothing follows the last picture.
            swipe(page, (300.0, 200.0), (60.0, 210.0), 6).await;
            large(page, "1.png").await;
            swipe(page, (60.0, 200.0), (300.0, 190.0), 6).await;
            large(page, "2.png").await;
            // A short movement is no swipe: 50 px in half a second.
            swipe(page, (60.0, 200.0), (110.0, 200.0), 30).await;
            large(page, "2.png").await;
            // A movement up scrolls to the facts, and a movement down scrolls back before another one closes.
            swipe(page, (200.0, 400.0), (200.0, 100.0), 20).await;
            page.until("document.querySelector('#viewer').classList.contains('scrolled')").await;
            swipe(page, (200.0, 60.0), (200.0, 500.0), 20).await;
            page.until("document.querySelector('#viewer').scrollTop === 0").await;
            page.until("!document.querySelector('#viewer').classList.contains('scrolled')").await;
            assert!(page.is_shown("#viewer").await);
            swipe(page, (200.0, 100.0), (205.0, 300.0), 6).await;
            // The address goes back a moment after the view has closed.
            page.until("!document.querySelector('#viewer').open && location.search === ''").await;
        })
        .await;
    }
}

#[tokio::test]
async fn a_second_finger_enlarges_and_turns_no_page() {
    with(PHONE, &[], async |page| {
        add(page, 3).await;
        page.open("/").await;
        page.settled().await;
        page.enlarge("2.png").await;
        large(page, "2.png").await;
        let touch = async |kind: &str, points: Value| {
            page.browser.cdp("Input.dispatchTouchEvent", json!({"type": kind, "touchPoints": points})).await;
        };
        touch("touchStart", json!([{"x": 190, "y": 200, "id": 0}])).await;
        touch("touchStart", json!([{"x": 190, "y": 200, "id": 0}, {"x": 200, "y": 200, "id": 1}])).await;
        for step in 1..10 {
            let away = 15 * step;
            touch("touchMove", json!([{"x": 190 - away, "y": 200, "id": 0}, {"x": 200 + away, "y": 200, "id": 1}]))
                .await;
        }
        touch("touchEnd", json!([])).await;
        large(page, "2.png").await;
    })
    .await;
}

#[tokio::test]
async fn the_originals_beside_the_open_picture_are_loaded_ahead() {
    with_page(async |page| {
        add(page, 4).await;
        page.open("/").await;
        page.settled().await;
        page.browser.requests().await;
        page.enlarge("2.png").await;
        large(page, "2.png").await;
        let mut loaded = Vec::new();
        while loaded.len() < 3 {
            let requests = page.browser.requests().await;
            let paths = requests.iter().filter_map(|url| url.strip_prefix(&page.app.url)).map(str::to_owned);
            loaded.extend(paths.filter(|path| path.ends_with("/content")));
        }
        loaded.sort_unstable();
        assert_eq!(loaded, ["/images/1/content", "/images/2/content", "/images/3/content"]);
    })
    .await;
}
