//! The review of near-duplicates: the groups, which picture is proposed to be kept, deleting the others, the large view
//! on top.

use image::ImageFormat;
use reqwest::Method;
use serde_json::{Value, json};

use crate::page::tab::{Page, sample, with_demo};
use crate::pictures::encoded;

/// Stores two pictures as they are and again as smaller BMP files, and one without a duplicate.
async fn twins(page: &Page) {
    page.add_samples(&["cat-chelsea.jpg", "earth.jpg", "red-car.webp"]).await;
    for name in ["cat-chelsea.jpg", "earth.jpg"] {
        let picture = image::load_from_memory(&sample(name)).unwrap().thumbnail(400, 400).to_rgb8();
        page.app.add(&name.replace(".jpg", ".bmp"), encoded(&picture, ImageFormat::Bmp)).await;
    }
}

async fn groups(page: &Page) -> Vec<Vec<String>> {
    let found = page
        .js(
            "return [...document.querySelectorAll('#duplicates-list > li')].map((group) =>
               [...group.querySelectorAll('.card')].map((card) => card.title))",
            &[],
        )
        .await;
    serde_json::from_value(found).unwrap()
}

async fn look(page: &Page) {
    page.open("/").await;
    page.settled().await;
    page.click("#duplicates-open").await;
    page.until("/^(No |\\d+ groups)/.test(document.querySelector('#duplicates-status').textContent)").await;
}

/// Returns the names of the pictures that the reader keeps.
async fn kept(page: &Page) -> Value {
    page.js("return [...document.querySelectorAll('.duplicate:not(.leaving) .card')].map((card) => card.title)", &[])
        .await
}

/// Says yes to the question that is asked, after checking it.
async fn confirm(page: &Page, question: &str) {
    page.until("document.querySelector('#confirm').open").await;
    let asked = page.text("#confirm-text").await;
    assert!(asked.starts_with(question), "{asked}");
    page.click("#confirm-yes").await;
    page.until("document.querySelector('#duplicates-status').textContent.startsWith('Deleted')").await;
}

#[tokio::test]
async fn the_best_picture_of_each_group_is_proposed_and_the_others_can_be_deleted() {
    with_demo(async |page| {
        twins(page).await;
        look(page).await;
        let both = [["cat-chelsea.jpg", "cat-chelsea.bmp"], ["earth.jpg", "earth.bmp"]].map(|g| g.map(str::to_owned));
        assert_eq!(groups(page).await, both.map(|group| group.to_vec()));
        assert_eq!(page.text("#duplicates-status").await, "2 groups in 5 pictures");
        assert_eq!(kept(page).await, json!(["cat-chelsea.jpg", "earth.jpg"]));
        assert_eq!(page.text(".duplicate .proposed").await, "Suggested · largest · oldest");
        assert!(!page.is_shown(".duplicate + .duplicate .proposed").await);
        let facts = page.text(".duplicate + .duplicate .facts").await;
        assert!(
            facts.starts_with("400 × ") && facts.contains("BMP") && facts.contains("No prompt · Tags: 0"),
            "{facts}"
        );
        assert_eq!(page.text("#duplicates-keep").await, "Keep the suggested ones, delete 2 others");

        page.click("#duplicates-list .others").await;
        confirm(page, "Delete 1 picture (").await;
        assert_eq!(groups(page).await, [["earth.jpg", "earth.bmp"]], "a group of one is none");
        assert_eq!(page.text("#duplicates-status").await, "Deleted 1 picture.");
        page.until("document.activeElement.closest('#duplicates')").await;
        page.click("#duplicates-close").await;
        assert_eq!(page.names().await, ["earth.bmp", "red-car.webp", "earth.jpg", "cat-chelsea.jpg"]);
    })
    .await;
}

#[tokio::test]
async fn the_reader_chooses_what_to_keep_with_the_keyboard_too() {
    with_demo(async |page| {
        twins(page).await;
        look(page).await;
        page.press("\u{e015}").await;
        page.press("\u{e015}").await;
        page.until("document.activeElement.ariaLabel === 'Group 2: 2 pictures'").await;
        page.press("1").await;
        assert_eq!(kept(page).await, json!(["cat-chelsea.jpg", "earth.jpg"]), "a group keeps one picture at least");
        page.press("2").await;
        assert_eq!(kept(page).await, json!(["cat-chelsea.jpg", "earth.jpg", "earth.bmp"]));
        assert_eq!(page.text("#duplicates-keep").await, "Keep the suggested ones, delete 1 other");
        page.press("1").await;
        assert_eq!(kept(page).await, json!(["cat-chelsea.jpg", "earth.bmp"]));
        page.press("\u{e007}").await;
        confirm(page, "Delete 1 picture (").await;
        page.click("#duplicates-close").await;
        assert_eq!(page.names().await, ["earth.bmp", "cat-chelsea.bmp", "red-car.webp", "cat-chelsea.jpg"]);
    })
    .await;
}

#[tokio::test]
async fn one_button_keeps_the_proposed_pictures_and_their_texts_take_over_those_of_the_others() {
    with_demo(async |page| {
        twins(page).await;
        let change = json!({"tags": ["cat", "pet"], "caption": "a cat that looks up", "generation_prompt": "a cat"});
        page.app.send_json(Method::PATCH, "/images/4", &change).await;
        page.app.send_json(Method::PATCH, "/images/1", &json!({"tags": ["Cat"]})).await;
        page.open("/").await;
        page.settled().await;
        // The report comes in parts of one group, so that the button has to load the rest.
        page.js(
            "const send = fetch; window.fetch = (path, options) => send(String(path).replace('limit=16', 'limit=1'), options)",
            &[],
        )
        .await;
        page.click("#duplicates-open").await;
        page.until("document.querySelectorAll('#duplicates-list > li').length === 1").await;
        assert_eq!(page.text("#duplicates-keep").await, "Keep the suggested ones, delete the others");
        page.click("#duplicates-keep").await;
        confirm(page, "Delete 2 pictures (").await;
        assert_eq!(page.text("#duplicates-status").await, "Deleted 2 pictures.");
        assert!(!page.is_shown("#duplicates-all").await);
        assert_eq!(page.app.get("/images").await.ids(), [3, 2, 1]);
        let cat = page.app.get("/images/1").await.json;
        assert_eq!((&cat["tags"], &cat["caption"]), (&json!(["Cat", "pet"]), &change["caption"]));
        assert_eq!(cat["generation_prompt"], "a cat");
    })
    .await;
}

#[tokio::test]
async fn one_of_a_group_opens_large_and_closes_back_to_the_report() {
    with_demo(async |page| {
        twins(page).await;
        look(page).await;
        page.click(".duplicate .card").await;
        page.until("document.querySelector('#viewer-name').textContent === 'cat-chelsea.jpg'").await;
        page.press("\u{e00c}").await;
        page.until("!document.querySelector('#viewer').open && location.search === ''").await;
        assert!(page.is_shown("#duplicates").await);
        assert_eq!(groups(page).await.len(), 2);

        page.click(".duplicate .card").await;
        page.until("document.querySelector('#viewer').open").await;
        page.click("#similar").await;
        page.settled().await;
        assert!(!page.is_shown("#duplicates").await, "another query is another place");
        assert_eq!(page.names().await[0], "cat-chelsea.bmp");
    })
    .await;
}

#[tokio::test]
async fn the_reader_chooses_how_alike_hits_are_and_reads_when_there_are_none() {
    with_demo(async |page| {
        page.add_samples(&["full-moon.jpg", "earth.jpg"]).await;
        look(page).await;
        assert_eq!(page.text("#duplicates-status").await, "No duplicates among 2 pictures");
        page.js("document.querySelector('#duplicates-from').value = 0.5", &[]).await;
        page.click("#duplicates-form button").await;
        page.until("document.querySelectorAll('.duplicate').length === 2").await;
        page.click("#duplicates-close").await;
        page.click("#language").await;
        page.click("#duplicates-open").await;
        page.until("document.querySelectorAll('.duplicate').length === 2").await;
        assert_eq!(page.text("#duplicates-status").await, "2 件中 1 グループ");
        assert_eq!(page.text("#duplicates-list .others").await, "ほかを削除");
    })
    .await;
}
