//! Typing into the fields: nothing typed is lost, and a value that makes no sense is named.

use image::ImageFormat;

use crate::page::tab::{Page, with_page};
use crate::pictures::{encoded, pixels};

const ENTER: char = '\u{e007}';

/// Stores three pictures, 20, 40 and 80 pixels wide.
async fn add_widths(page: &Page) {
    for (seed, width) in [(1, 20), (2, 40), (3, 80)] {
        page.app.add(&format!("{width}-wide.png"), encoded(&pixels(seed, width, 30), ImageFormat::Png)).await;
    }
}

#[tokio::test]
async fn a_typed_filter_counts_with_the_search_button_and_with_a_mode() {
    with_page(async |page| {
        add_widths(page).await;
        page.open("/").await;
        page.settled().await;
        page.open_filter().await;
        page.type_into("#filter [name=min_width]", "30").await;
        page.type_into("#filter [name=negative]", "dog").await;
        page.type_into("#query", "wide").await;
        page.click("#go").await;
        page.settled().await;
        assert_eq!(page.address().await, "/?q=wide&not=dog&min_width=30");
        assert_eq!(page.names().await.len(), 2);
        page.type_into("#filter [name=max_width]", "60").await;
        page.click("#modes label:nth-of-type(2)").await;
        page.settled().await;
        assert_eq!(page.address().await, "/?q=wide&not=dog&mode=keyword&min_width=30&max_width=60");
        assert_eq!(page.names().await, ["40-wide.png"]);
    })
    .await;
}

#[tokio::test]
async fn a_field_that_makes_no_sense_is_shown_and_stops_the_search() {
    with_page(async |page| {
        add_widths(page).await;
        page.open("/").await;
        page.settled().await;
        page.open_filter().await;
        page.type_into("#filter [name=closeness]", "7").await;
        page.click("#filter-toggle").await;
        page.click("#go").await;
        assert_eq!(page.js("return document.activeElement.name", &[]).await, "closeness", "the panel is open again");
        page.click("#modes label:nth-of-type(1)").await;
        assert_eq!(page.js("return document.querySelector('[name=mode]:checked').value", &[]).await, "hybrid");
        assert_eq!(page.address().await, "/");
        page.find("#filter [name=closeness]").await.clear().await.unwrap();

        page.type_into("#filter [name=seed]", &format!("18446744073709551616{ENTER}")).await;
        let said = page.js("return document.activeElement.validationMessage", &[]).await;
        assert_eq!(
            (said.as_str().unwrap(), page.address().await.as_str()),
            ("A seed is a whole number up to 18446744073709551615.", "/")
        );
        page.find("#filter [name=seed]").await.clear().await.unwrap();
        page.type_into("#filter [name=seed]", &format!("18446744073709551615{ENTER}")).await;
        page.settled().await;
        assert_eq!(page.address().await, "/?seed=18446744073709551615");
        assert!(!page.is_shown("#error").await);
    })
    .await;
}

#[tokio::test]
async fn numbers_count_however_they_are_written() {
    with_page(async |page| {
        add_widths(page).await;
        page.open("/?q=cat&gap=.25").await;
        page.settled().await;
        assert_eq!(page.js("return document.querySelector('#filter [name=gap]').value", &[]).await, "0.25");
        page.open_filter().await;
        page.type_into("#filter [name=closeness]", ".5").await;
        page.type_into("#filter [name=w_negative]", &format!("1e-1{ENTER}")).await;
        page.settled().await;
        assert_eq!(page.address().await, "/?q=cat&closeness=0.5&gap=0.25&w_negative=0.1");
    })
    .await;
}

#[tokio::test]
async fn numbers_past_what_the_server_takes_are_bounded_or_left_out() {
    with_page(async |page| {
        add_widths(page).await;
        let far = "99999999999999999999";
        for (address, count) in [
            (format!("/?seed={far}&like={far}&image={far}"), 3),
            ("/?max_width=99999999999&max_height=99999999999&max_mb=1e30".to_owned(), 3),
            ("/?min_width=99999999999".to_owned(), 0),
            ("/?min_mb=1e300".to_owned(), 0),
        ] {
            page.open(&address).await;
            page.settled().await;
            assert_eq!((page.names().await.len(), page.is_shown("#error").await), (count, false), "{address}");
        }
    })
    .await;
}
