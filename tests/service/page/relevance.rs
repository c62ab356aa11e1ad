//! How well a hit fits is seen: a bar, and a divider before the pictures that are less related.

use serde_json::json;

use crate::page::tab::{Page, with_demo};

const SAMPLES: [&str; 6] =
    ["cat-chelsea.jpg", "夕焼けの海.jpg", "red-car.webp", "onigiri.webp", "blue-dress-girl.png", "earth.jpg"];

async fn search_samples(page: &Page, address: &str) {
    page.add_samples(&SAMPLES).await;
    page.open(address).await;
    page.settled().await;
}

/// The items of the grid in their order: the title of a picture, or "---" for the divider.
async fn items(page: &Page) -> Vec<String> {
    let script = "return [...document.querySelector('#grid').children].map((item) =>
        item.classList.contains('divider') ? '---' : item.firstElementChild.title)";
    serde_json::from_value(page.js(script, &[]).await).unwrap()
}

#[tokio::test]
async fn a_bar_shows_how_well_a_hit_fits_and_a_divider_ends_the_good_ones() {
    with_demo(async |page| {
        search_samples(page, "/?q=%E8%B5%A4%E3%81%84%E8%BB%8A").await;
        assert_eq!(items(page).await[..2], ["red-car.webp", "---"], "one picture shows a red car");
        assert_eq!(page.text("#grid .divider").await, "Less related from here");
        let bars = page
            .js(
                "return [...document.querySelectorAll('#grid .fit')].map((bar) => [
                   parseFloat(getComputedStyle(bar, '::after').width) / bar.clientWidth, bar.classList.contains('likely')])",
                &[],
            )
            .await;
        let bars: Vec<(f64, bool)> = serde_json::from_value(bars).unwrap();
        assert!((bars[0].0 - 1.0).abs() < 0.01 && bars[0].1, "the best hit has the whole length: {bars:?}");
        assert!(bars[1..].iter().all(|(share, likely)| *share < 0.8 && !likely), "{bars:?}");

        let cards = page.js("return document.querySelector('#grid').innerText", &[]).await;
        assert_eq!(cards, "Less related from here", "no number stands on a picture");
        let labels = "return [...document.querySelectorAll('#grid canvas')].map((canvas) => canvas.ariaLabel.endsWith(', less related'))";
        assert_eq!(page.js(labels, &[]).await, json!([false, true, true, true, true, true]), "a screen reader says it too");
        page.click("#language").await;
        assert_eq!(page.text("#grid .divider").await, "ここから関連が薄い画像");
    })
    .await;
}

#[tokio::test]
async fn the_pictures_below_the_divider_begin_a_row_and_nothing_overlaps() {
    with_demo(async |page| {
        search_samples(page, "/?q=%E8%B5%A4%E3%81%84%E8%BB%8A").await;
        let gap = page
            .js(
                "const [first, divider, second] = [...document.querySelector('#grid').children].map((item) => item.getBoundingClientRect());
                 const { left } = document.querySelector('#grid').getBoundingClientRect();
                 return [first.bottom <= divider.top, divider.bottom <= second.top + 1, Math.abs(second.left - left) < 1]",
                &[],
            )
            .await;
        assert_eq!(gap, json!([true, true, true]));
    })
    .await;
}

#[tokio::test]
async fn words_that_nothing_shows_say_so_first() {
    with_demo(async |page| {
        search_samples(page, "/?q=zzkq+wrtgh&mode=vector").await;
        assert_eq!(page.text("#status").await, "No good match. The nearest pictures:");
        let items = items(page).await;
        assert_eq!((items[0].as_str(), items.len()), ("---", SAMPLES.len() + 1), "the nearest follow all the same");
    })
    .await;
}

#[tokio::test]
async fn the_numbers_stand_in_the_large_view_under_details_which_are_closed() {
    with_demo(async |page| {
        search_samples(page, "/?q=%E7%8C%AB").await;
        page.enlarge("cat-chelsea.jpg").await;
        assert_eq!(page.js("return document.querySelector('#match-group').open", &[]).await, false);
        assert!(!page.is_shown("#match").await);
        page.click("#match-group summary").await;
        assert!(page.text("#match").await.contains("Similarity"), "{}", page.text("#match").await);
    })
    .await;
}

#[tokio::test]
async fn a_list_has_neither_bars_nor_a_divider() {
    with_demo(async |page| {
        search_samples(page, "/").await;
        assert_eq!(items(page).await.len(), SAMPLES.len());
        assert_eq!(page.js("return document.querySelectorAll('#grid .fit:not([hidden])').length", &[]).await, 0);
    })
    .await;
}
