//! Adding pictures.

use serde_json::json;

use crate::page::browser::DESKTOP;
use crate::page::tab::{Page, file, repository, with, with_page};
use crate::pictures::{encoded, pixels, png};

/// Returns file name and state of each line of the panel.
async fn lines(page: &Page) -> Vec<(String, String)> {
    let script = "return [...document.querySelectorAll('#uploads-list li')]
        .map((li) => [li.querySelector('.link').textContent, li.className])";
    serde_json::from_value(page.js(script, &[]).await).unwrap()
}

async fn done(page: &Page) {
    page.until("document.querySelector('#uploads-all').hidden && !document.querySelector('#uploads').hidden").await;
}

fn named(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, state)| ((*name).to_owned(), (*state).to_owned())).collect()
}

#[tokio::test]
async fn a_broken_file_among_several_dropped_ones_is_named_and_the_others_are_stored() {
    with_page(async |page| {
        page.app.add("old.png", png(1)).await;
        page.open("/").await;
        page.settled().await;
        let mut broken = png(2);
        broken.truncate(60);
        let files = [
            file("new.png", "image/png", &png(3)),
            file("broken.png", "image/png", &broken),
            file("again.png", "image/png", &png(1)),
            file("notes.txt", "text/plain", b"no picture at all"),
        ];
        page.drop_on("#drop-add", &files).await;
        done(page).await;
        let states =
            [("new.png", "created"), ("broken.png", "rejected"), ("again.png", "known"), ("notes.txt", "rejected")];
        assert_eq!(lines(page).await, named(&states));
        assert_eq!(page.text("#uploads-title").await, "2 added (1 new, 1 existing), 2 failed");
        let why = page.text("#uploads-list li:nth-child(2) .state").await;
        assert!(why.starts_with("Failed: ") && why.ends_with('.'), "{why}");
        assert!(!page.is_shown("#uploads-retry").await, "the same files would fail again");
        page.until("document.querySelector('#grid .card')?.title === 'new.png'").await;
        assert_eq!(page.app.get("/images").await.ids().len(), 2);

        page.click("#uploads-list li:nth-child(1) .link").await;
        page.until("document.querySelector('#viewer').open").await;
        assert_eq!(page.text("#viewer-name").await, "new.png");
    })
    .await;
}

#[tokio::test]
async fn an_upload_leaves_the_reader_where_they_are() {
    with_page(async |page| {
        for seed in 0..70 {
            page.app.add(&format!("{seed}.png"), png(seed)).await;
        }
        page.open("/").await;
        page.settled().await;
        // The first picture in sight, and its position.
        page.js("scrollTo(0, document.querySelector('#grid').offsetHeight / 2)", &[]).await;
        page.js_later("setTimeout(arguments[0], 300)").await;
        page.settled().await;
        let seen = "[...document.querySelectorAll('.card')].find((card) => card.getBoundingClientRect().top > 200)";
        let name = page.js(&format!("return {seen}.title"), &[]).await;
        let place =
            format!("return [scrollY > 0, document.querySelector('.card[title={name}]').getBoundingClientRect().top]");
        let top = page.js(&place, &[]).await;
        assert_eq!(top[0], true);
        let before = page.names().await;

        page.drop_on("#drop-add", &[file("again.png", "image/png", &png(1)), file("no.png", "image/png", b"no")]).await;
        done(page).await;
        page.js_later("setTimeout(arguments[0], 200)").await;
        assert_eq!((page.names().await, page.js(&place, &[]).await), (before.clone(), top.clone()), "nothing is new");

        page.drop_on("#drop-add", &[file("new.png", "image/png", &png(100))]).await;
        page.until("document.querySelector('#status').textContent === '71 pictures'").await;
        page.js_later("requestAnimationFrame(() => requestAnimationFrame(arguments[0]))").await;
        let now = page.js(&place, &[]).await;
        let moved = now[1].as_f64().unwrap() - top[1].as_f64().unwrap();
        // The new picture may push others into another row; the reader's first row stays.
        assert!(now[0] == true && moved.abs() < 400.0, "{top} became {now}");
    })
    .await;
}

#[tokio::test]
async fn files_can_be_picked() {
    with_page(async |page| {
        page.open("/").await;
        page.settled().await;
        assert!(page.text("#status").await.starts_with("No pictures yet"));
        let paths = ["images/earth.jpg", "images/onigiri.webp"].map(|path| repository(path).display().to_string());
        page.type_into("#add-files", &paths.join("\n")).await;
        done(page).await;
        assert_eq!(lines(page).await, named(&[("earth.jpg", "created"), ("onigiri.webp", "created")]));
        page.until("document.querySelectorAll('#grid li').length === 2").await;
        page.click("#uploads-close").await;
        assert!(!page.is_shown("#uploads").await);
    })
    .await;
}

#[tokio::test]
async fn a_busy_server_is_asked_again_until_every_file_is_stored() {
    with(DESKTOP, &[("MITSUKE_MAX_CONCURRENT_UPLOADS", "1")], async |page| {
        page.open("/").await;
        page.settled().await;
        let files: Vec<_> = (0..12).map(|seed| file(&format!("{seed}.png"), "image/png", &large(seed))).collect();
        page.drop_on("#drop-add", &files).await;
        done(page).await;
        assert!(lines(page).await.iter().all(|(_, state)| state == "created"), "{:?}", lines(page).await);
        assert_eq!(page.app.get("/images?limit=50").await.ids().len(), 12);
    })
    .await;
}

/// Makes a picture that takes a while to send and decode.
fn large(seed: u32) -> Vec<u8> {
    encoded(&pixels(seed, 420, 320), image::ImageFormat::Bmp)
}

#[tokio::test]
async fn the_panel_shows_how_far_a_file_is_and_stops_it() {
    with_page(async |page| {
        page.open("/").await;
        page.settled().await;
        let slow = json!({"offline": false, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 100_000});
        page.browser.cdp("Network.emulateNetworkConditions", slow).await;
        let files = [file("slow.bmp", "image/bmp", &large(1)), file("slower.bmp", "image/bmp", &large(2))];
        page.drop_on("#drop-add", &files).await;
        page.until(
            "[...document.querySelectorAll('#uploads-list progress')].some((bar) => bar.value > 0 && bar.value < 1)",
        )
        .await;
        assert!(page.text("#uploads-list li .state").await.starts_with("Sending "));
        assert_eq!(page.text("#uploads-title").await, "Adding pictures: 0 of 2");
        page.click("#uploads-list li:nth-child(1) .close").await;
        page.until("document.querySelector('#uploads-list li').className === 'stopped'").await;
        page.click("#uploads-cancel").await;
        done(page).await;
        assert_eq!(lines(page).await, named(&[("slow.bmp", "stopped"), ("slower.bmp", "stopped")]));
        assert!(page.app.get("/images").await.ids().is_empty(), "nothing by halves");

        let fast = json!({"offline": false, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1});
        page.browser.cdp("Network.emulateNetworkConditions", fast).await;
        page.click("#uploads-retry").await;
        page.until("document.querySelectorAll('#uploads-list .created').length === 2").await;
        assert_eq!(page.app.get("/images").await.ids().len(), 2);
    })
    .await;
}
