//! The report of near-duplicates: the groups, the facts of each picture, deleting one, the large view on top.

use image::ImageFormat;

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
    page.until("/^(No |Groups)/.test(document.querySelector('#duplicates-status').textContent)").await;
}

#[tokio::test]
async fn near_duplicates_are_shown_in_groups_and_one_can_be_deleted() {
    with_demo(async |page| {
        twins(page).await;
        look(page).await;
        let both = [["cat-chelsea.jpg", "cat-chelsea.bmp"], ["earth.jpg", "earth.bmp"]].map(|g| g.map(str::to_owned));
        assert_eq!(groups(page).await, both.map(|group| group.to_vec()));
        assert_eq!(page.text("#duplicates-status").await, "Groups: 2, in 5 pictures");
        assert_eq!(page.text(".duplicate .distance").await, "1.000", "the first of a group");
        let facts = page.text(".duplicate + .duplicate p").await;
        assert!(facts.starts_with("cat-chelsea.bmp · 400 × "), "{facts}");

        page.click(".duplicate + .duplicate .danger").await;
        page.until("document.querySelector('#confirm').open").await;
        page.click("#confirm-yes").await;
        page.until("document.querySelectorAll('#duplicates-list > li').length === 1").await;
        assert_eq!(groups(page).await, [["earth.jpg", "earth.bmp"]], "a group of one is none");
        page.until("document.activeElement.closest('#duplicates')").await;
        page.click("#duplicates-close").await;
        assert_eq!(page.names().await, ["earth.bmp", "red-car.webp", "earth.jpg", "cat-chelsea.jpg"]);
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
        assert_eq!(page.text("#duplicates-status").await, "No near-duplicates in 2 pictures");
        page.js("document.querySelector('#duplicates-from').value = 0.5", &[]).await;
        page.click("#duplicates-form button").await;
        page.until("document.querySelectorAll('.duplicate').length === 2").await;
        page.click("#duplicates-close").await;
        page.click("#language").await;
        page.click("#duplicates-open").await;
        page.until("document.querySelectorAll('.duplicate').length === 2").await;
        assert_eq!(page.text("#duplicates-status").await, "2 件中 1 グループ");
        assert_eq!(page.text(".duplicate .danger").await, "削除");
    })
    .await;
}
