//! The grid of pictures: only those near the visible part are elements, and the rest of a large collection costs nothing.

use image::ImageFormat;
use serde_json::json;

use crate::page::browser::{DESKTOP, Look};
use crate::page::tab::{Page, with, with_page};
use crate::pictures::{encoded, pixels, png};

const HOME: &str = "\u{e011}";
const END: &str = "\u{e010}";
const UP: &str = "\u{e013}";
const DOWN: &str = "\u{e015}";

const COUNT: u32 = 300;

/// The place in the whole list of the picture that has the focus, from 1.
const FOCUSED: &str = "Number(document.activeElement.closest('li')?.ariaPosInSet)";

/// Title, place in the list and distance to the window's top of the first picture in sight below the bar.
const TOP: &str = "(() => {
    const bar = document.querySelector('header').getBoundingClientRect().bottom;
    const boxes = [...document.querySelectorAll('#grid li[data-id]')].map((cell) => [cell, cell.getBoundingClientRect()]);
    const [cell, box] = boxes.find(([, box]) => box.bottom > bar);
    return [cell.firstElementChild.title, Number(cell.ariaPosInSet), Math.round(box.top)];
  })()";

/// Whether each cell shows its picture.
const ALL_SHOWN: &str = "document.querySelector('#grid canvas') && !document.querySelector('#grid canvas:not(.shown)')";

/// The pictures whose pixels are not those of the screen: name, width and height in pixels.
const NOT_SHARP: &str = "return [...document.querySelectorAll('#grid canvas')].filter((canvas) => {
    const { width, height } = canvas.getBoundingClientRect();
    const scale = Math.min(width / canvas.width, height / canvas.height) * devicePixelRatio;
    return Math.abs(scale - 1) > 0.05;
  }).map((canvas) => [canvas.ariaLabel, canvas.width, canvas.height])";

/// Stores pictures of several shapes, named by their number. The newest comes first in the page.
async fn add_many(page: &Page, count: u32) {
    // The pictures of one request are stored side by side, in any order.
    for seed in 0..count {
        let bytes = encoded(&pixels(seed, 24 + 12 * (seed % 5), 36), ImageFormat::Png);
        page.app.add(&format!("{seed}.png"), bytes).await;
    }
}

/// Scrolls to a height of the page and waits for what is there.
async fn scroll_to(page: &Page, height: &str) {
    page.js(&format!("scrollTo(0, {height})"), &[]).await;
    page.js_later("requestAnimationFrame(() => setTimeout(arguments[0], 100))").await;
    page.settled().await;
}

#[tokio::test]
async fn few_pictures_of_a_large_collection_are_elements_and_all_can_be_reached() {
    with_page(async |page| {
        add_many(page, COUNT).await;
        page.open("/").await;
        page.settled().await;
        assert_eq!(page.text("#status").await, "300 pictures");
        let first = page.names().await;
        assert!(first.len() < 100, "{} cells", first.len());
        let newest: Vec<_> = (0..COUNT).rev().take(first.len()).map(|seed| format!("{seed}.png")).collect();
        assert_eq!(first, newest, "in the order of the list");
        assert!(!page.is_shown("#more").await, "nobody needs to ask for more");

        scroll_to(page, "document.body.scrollHeight").await;
        let last = page.names().await;
        assert!(last.len() < 100, "{} cells", last.len());
        assert_eq!(last.last().unwrap(), "0.png");
        let height = "return document.querySelector('#grid').offsetHeight";
        let before = page.js(height, &[]).await;
        scroll_to(page, "0").await;
        assert_eq!(page.names().await, first);
        assert_eq!(page.js(height, &[]).await, before, "the height was known from the beginning");
    })
    .await;
}

#[tokio::test]
async fn pictures_lie_in_rows_of_their_shapes_without_overlap() {
    with_page(async |page| {
        add_many(page, 60).await;
        page.open("/").await;
        page.settled().await;
        let wrong = page
            .js(
                "const cells = [...document.querySelectorAll('#grid li')];
                 const boxes = cells.map((cell) => cell.getBoundingClientRect());
                 const grid = document.querySelector('#grid').getBoundingClientRect();
                 const wrong = [];
                 boxes.forEach((box, index) => {
                   const seed = parseInt(cells[index].firstElementChild.title);
                   const shape = (24 + 12 * (seed % 5)) / 36;
                   if (Math.abs(box.width / box.height / shape - 1) > 0.02) wrong.push(`shape of ${seed}`);
                   if (box.left < grid.left - 1 || box.right > grid.right + 1) wrong.push(`${seed} lies outside`);
                   const next = boxes[index + 1];
                   if (!next) return;
                   const isInRow = Math.abs(next.top - box.top) < 1;
                   if (isInRow && (next.left < box.right || Math.abs(next.height - box.height) > 1)) wrong.push(`row of ${seed}`);
                   if (!isInRow && next.top < box.bottom) wrong.push(`below ${seed}`);
                   if (!isInRow && Math.abs(box.right - grid.right) > 1) wrong.push(`the row of ${seed} does not fill the width`);
                 });
                 return wrong;",
                &[],
            )
            .await;
        assert_eq!(wrong, json!([]));
    })
    .await;
}

#[tokio::test]
async fn the_keyboard_reaches_every_picture() {
    with_page(async |page| {
        add_many(page, COUNT).await;
        page.open("/").await;
        page.settled().await;
        page.js("document.querySelector('#grid .card').focus()", &[]).await;
        page.press(END).await;
        page.until(&format!("{FOCUSED} === 300")).await;
        page.until("document.activeElement.title === '0.png'").await;
        page.press(UP).await;
        let above = page.js(&format!("return {FOCUSED}"), &[]).await.as_u64().unwrap();
        assert!((290..300).contains(&above), "{above}");
        page.press(DOWN).await;
        let below = page.js(&format!("return {FOCUSED}"), &[]).await.as_u64().unwrap();
        assert!(below > above && below <= 300, "{below}");

        // The focus stays with its picture while the mouse scrolls away, and the keys go on from there.
        scroll_to(page, "0").await;
        assert_eq!(page.js(&format!("return {FOCUSED}"), &[]).await, below);
        page.press(UP).await;
        assert_eq!(page.js(&format!("return {FOCUSED}"), &[]).await, above);
        let sight = "document.activeElement.getBoundingClientRect()";
        page.until(&format!("{sight}.top > 0 && {sight}.bottom < innerHeight")).await;
        page.press(HOME).await;
        page.until(&format!("{FOCUSED} === 1 && scrollY < 400")).await;
        let stops = "document.querySelectorAll('#grid .card[tabindex=\"0\"]').length";
        assert_eq!(page.js(&format!("return {stops}"), &[]).await, 1, "the Tab key passes the grid with one step");
    })
    .await;
}

#[tokio::test]
async fn another_width_keeps_what_the_reader_sees() {
    with_page(async |page| {
        add_many(page, COUNT).await;
        page.open("/").await;
        page.settled().await;
        scroll_to(page, "5000").await;
        let before = page.js(&format!("return {TOP}"), &[]).await;
        let narrow = json!({"width": 700, "height": 900, "deviceScaleFactor": 1, "mobile": false});
        page.browser.cdp("Emulation.setDeviceMetricsOverride", narrow).await;
        page.until("document.querySelector('#grid').clientWidth < 700").await;
        page.js_later("requestAnimationFrame(() => setTimeout(arguments[0], 100))").await;
        page.settled().await;
        let cell = format!("document.querySelector('#grid .card[title={}]')", before[0]);
        let box_ = format!("{cell}.getBoundingClientRect()");
        let seen = page.js(&format!("return {box_}.bottom > 0 && {box_}.top < innerHeight"), &[]).await;
        assert_eq!(seen, true, "{} is still in sight", before[0]);
    })
    .await;
}

#[tokio::test]
async fn back_returns_to_the_same_picture_and_a_deletion_keeps_the_place() {
    with_page(async |page| {
        add_many(page, COUNT).await;
        page.open("/").await;
        page.settled().await;
        scroll_to(page, "6000").await;
        let before = page.js(&format!("return {TOP}"), &[]).await;
        page.search("name").await;
        assert_eq!(page.js("return scrollY", &[]).await, 0);
        page.back().await;
        page.until(&format!("JSON.stringify({TOP}) === {}", json!(before.to_string()))).await;

        let first = page.app.get("/images?limit=1").await.ids()[0];
        page.app.request(reqwest::Method::DELETE, &format!("/images/{first}")).send().await.unwrap();
        page.reload().await;
        assert_eq!(page.text("#status").await, "299 pictures");
    })
    .await;
}

#[tokio::test]
async fn pictures_that_somebody_else_has_deleted_leave_the_list() {
    with_page(async |page| {
        add_many(page, COUNT).await;
        page.open("/").await;
        page.settled().await;
        let listed = page.app.get("/images?limit=1&order=asc").await.ids();
        page.app.request(reqwest::Method::DELETE, &format!("/images/{}", listed[0])).send().await.unwrap();
        scroll_to(page, "document.body.scrollHeight").await;
        assert_eq!(page.names().await.last().unwrap(), "1.png");
    })
    .await;
}

#[tokio::test]
async fn hits_come_page_by_page_before_the_reader_reaches_their_end() {
    with_page(async |page| {
        add_many(page, COUNT).await;
        page.open("/?q=picture&mode=vector").await;
        page.settled().await;
        let shown = "Number(document.querySelector('#status').textContent.match(/\\d+/)?.[0])";
        let first = page.js(&format!("return {shown}"), &[]).await.as_u64().unwrap();
        assert!((100..300).contains(&first), "{first}");
        scroll_to(page, "document.body.scrollHeight").await;
        page.until(&format!("{shown} > {first}")).await;
        page.settled().await;
        // The button does without scrolling what scrolling does.
        while page.is_shown("#more").await {
            page.js("if (!more.disabled) more.click()", &[]).await;
            page.settled().await;
        }
        scroll_to(page, "document.body.scrollHeight").await;
        let place =
            "return Math.max(...[...document.querySelectorAll('#grid li')].map((cell) => Number(cell.ariaPosInSet)))";
        assert_eq!(page.js(place, &[]).await, 300);
        page.js("document.querySelector('#grid li:last-child .card').click()", &[]).await;
        page.until("viewer.open && document.querySelector('#next').disabled").await;
    })
    .await;
}

#[tokio::test]
async fn a_server_with_small_pages_gives_everything_all_the_same() {
    with(DESKTOP, &[("MITSUKE_MAX_PAGE", "7")], async |page| {
        add_many(page, 40).await;
        page.open("/").await;
        page.settled().await;
        let newest: Vec<_> = (0..40).rev().map(|seed| format!("{seed}.png")).collect();
        let names = page.names().await;
        assert_eq!(names, newest[..names.len()]);
        page.search("picture").await;
        assert!(!page.is_shown("#error").await, "{}", page.text("#error").await);
        assert!(page.names().await.len() >= 7);
    })
    .await;
}

#[tokio::test]
async fn thumbnails_are_those_of_the_visible_part_and_sharp_on_the_screen() {
    let phone = Look { width: 400, height: 800, phone: true, ..DESKTOP };
    with(phone, &[], async |page| {
        for (name, width, height) in [("wide.png", 1600, 400), ("tall.png", 300, 1500), ("square.png", 900, 900)] {
            page.app.add(name, encoded(&pixels(width, width, height), ImageFormat::Png)).await;
        }
        page.app.add("small.png", png(7)).await;
        page.open("/").await;
        page.settled().await;
        page.until(ALL_SHOWN).await;
        assert_eq!(page.js(NOT_SHARP, &[]).await, json!([["small.png", 48, 32]]), "nothing is enlarged in memory");

        let wide = json!({"width": 1000, "height": 800, "deviceScaleFactor": 2, "mobile": true});
        page.browser.cdp("Emulation.setDeviceMetricsOverride", wide).await;
        page.until(&format!(
            "document.querySelector('#grid').clientWidth > 800 && (() => {{ {NOT_SHARP} }})().length === 1"
        ))
        .await;
    })
    .await;
}

#[tokio::test]
async fn a_picture_far_from_the_visible_part_takes_no_memory() {
    with_page(async |page| {
        add_many(page, COUNT).await;
        page.open("/").await;
        page.settled().await;
        page.until(ALL_SHOWN).await;
        page.js("window.before = [...document.querySelectorAll('#grid canvas')]", &[]).await;
        scroll_to(page, "document.body.scrollHeight").await;
        page.until(ALL_SHOWN).await;
        let left = "return before.filter((canvas) => canvas.isConnected || canvas.width || canvas.height).length";
        assert_eq!(page.js(left, &[]).await, 0);
        scroll_to(page, "0").await;
        page.until(ALL_SHOWN).await;
    })
    .await;
}

#[tokio::test]
async fn a_picture_that_cannot_be_loaded_shows_its_name() {
    with_page(async |page| {
        page.app.add("a.png", png(1)).await;
        page.app.add("b.png", png(2)).await;
        let damage = "const real = fetch;
            window.fetch = (path, options) =>
              String(path).startsWith('images/1/thumbnail') ? Promise.resolve(new Response('no picture')) : real(path, options);";
        page.browser.cdp("Page.addScriptToEvaluateOnNewDocument", json!({"source": damage})).await;
        page.open("/").await;
        page.settled().await;
        page.until("document.querySelector('#grid .shown') && document.querySelector('#grid .broken')").await;
        let texts = "return [...document.querySelectorAll('#grid .card')].map((card) => {
            const { content } = getComputedStyle(card, '::before');
            return [card.title, content.includes(card.title), card.firstElementChild.ariaLabel];
          })";
        assert_eq!(page.js(texts, &[]).await, json!([["b.png", false, "b.png"], ["a.png", true, "a.png"]]));
    })
    .await;
}
