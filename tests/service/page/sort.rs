//! The order of a list.

use reqwest::Method;
use serde_json::json;

use crate::page::tab::{Page, with_page};
use crate::pictures::{encoded, pixels, png};
use image::ImageFormat;

/// Stores three pictures whose orders by name, time of taking and size differ.
async fn add_three(page: &Page) {
    for (name, side, taken) in [("b.png", 60, "2024-01-01"), ("c.png", 20, "2022-01-01"), ("a.png", 40, "2023-01-01")] {
        let id = page.app.add(name, encoded(&pixels(side, side, side), ImageFormat::Png)).await;
        page.app.send_json(Method::PATCH, &format!("/images/{id}"), &json!({ "taken_at": taken })).await;
    }
}

async fn choose(page: &Page, order: &str) {
    page.find("#sort").await.select_by_value(order).await.unwrap();
    page.settled().await;
}

#[tokio::test]
async fn each_order_is_chosen_and_stands_in_the_address() {
    with_page(async |page| {
        add_three(page).await;
        page.open("/").await;
        page.settled().await;
        for (order, address, names) in [
            ("uploaded asc", "/?order=asc", ["b.png", "c.png", "a.png"]),
            ("taken desc", "/?sort=taken", ["b.png", "a.png", "c.png"]),
            ("taken asc", "/?sort=taken&order=asc", ["c.png", "a.png", "b.png"]),
            ("name asc", "/?sort=name", ["a.png", "b.png", "c.png"]),
            ("name desc", "/?sort=name&order=desc", ["c.png", "b.png", "a.png"]),
            ("bytes desc", "/?sort=bytes", ["b.png", "a.png", "c.png"]),
            ("bytes asc", "/?sort=bytes&order=asc", ["c.png", "a.png", "b.png"]),
            ("uploaded desc", "/", ["a.png", "c.png", "b.png"]),
        ] {
            choose(page, order).await;
            assert_eq!(
                (page.address().await.as_str(), page.names().await),
                (address, names.map(str::to_owned).to_vec())
            );
        }
        choose(page, "random asc").await;
        assert_eq!((page.address().await.as_str(), page.names().await.len()), ("/?sort=random", 3));
    })
    .await;
}

#[tokio::test]
async fn back_restores_the_order_and_a_chip_removes_it() {
    with_page(async |page| {
        add_three(page).await;
        page.open("/").await;
        page.settled().await;
        choose(page, "name asc").await;
        choose(page, "bytes desc").await;
        page.back().await;
        assert_eq!(page.js("return document.querySelector('#sort').value", &[]).await, "name asc");
        assert_eq!(page.names().await, ["a.png", "b.png", "c.png"]);
        assert_eq!(page.text("#line li span").await, "Sort by: Name, A to Z");
        page.click("#line button").await;
        page.settled().await;
        assert_eq!((page.address().await.as_str(), page.names().await[0].as_str()), ("/", "a.png"));
        assert_eq!(page.js("return document.querySelector('#sort').value", &[]).await, "uploaded desc");
    })
    .await;
}

#[tokio::test]
async fn a_filter_keeps_the_order_and_a_search_has_its_own() {
    with_page(async |page| {
        add_three(page).await;
        page.app.add("d.png", png(9)).await;
        page.open("/?sort=name").await;
        page.settled().await;
        page.open_filter().await;
        page.find("#filter [name=dated]").await.select_by_value("yes").await.unwrap();
        page.settled().await;
        assert_eq!((page.address().await.as_str(), page.names().await.len()), ("/?dated=yes&sort=name", 3));

        page.search("png").await;
        let shown =
            "const sort = document.querySelector('#sort'); return [sort.disabled, sort.selectedOptions[0].textContent]";
        assert_eq!(page.js(shown, &[]).await, json!([true, "Best match"]));
        page.search("").await;
        assert_eq!(page.js(shown, &[]).await, json!([false, "Name, A to Z"]), "the list has its order again");
    })
    .await;
}
