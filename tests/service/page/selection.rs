//! Selecting pictures: marks, clicks with modifier keys, a drawn rectangle, the keyboard, a long press.

use crate::page::browser::{DESKTOP, Look};
use crate::page::pointer::{CTRL, SHIFT};
use crate::page::tab::{Page, file, with, with_page};
use crate::pictures::png;

const ESCAPE: &str = "\u{e00c}";
const CTRL_A: &str = "\u{e009}a";

/// Stores pictures, of which the last is the first on the page, and opens the page.
async fn open_with(page: &Page, count: u32) {
    for seed in 0..count {
        page.app.add(&format!("{seed}.png"), png(seed)).await;
    }
    page.open("/").await;
    page.settled().await;
}

/// Returns the names of the selected pictures that are on the page.
async fn selected(page: &Page) -> Vec<String> {
    let script = "return [...document.querySelectorAll('#grid .selected .card')].map((card) => card.title)";
    serde_json::from_value(page.js(script, &[]).await).unwrap()
}

async fn count(page: &Page) -> String {
    page.js("return document.querySelector('#selection').hidden ? '' : document.querySelector('#selection-count').textContent", &[])
        .await
        .as_str()
        .unwrap()
        .to_owned()
}

fn card(name: &str) -> String {
    format!("#grid .card[title=\"{name}\"]")
}

fn mark(name: &str) -> String {
    format!("{} + .mark", card(name))
}

async fn focus(page: &Page, name: &str) {
    page.js(&format!("document.querySelector('{}').focus()", card(name)), &[]).await;
}

#[tokio::test]
async fn marks_and_clicks_with_modifier_keys_select_pictures() {
    with_page(async |page| {
        open_with(page, 8).await;
        assert!(!page.is_shown("#selection").await);
        page.click_with(&mark("7.png"), 0).await;
        assert_eq!((selected(page).await, count(page).await), (vec!["7.png".to_owned()], "1 selected".to_owned()));
        assert_eq!(page.find(&mark("7.png")).await.attr("aria-checked").await.unwrap().unwrap(), "true");
        page.click_with(&mark("4.png"), SHIFT).await;
        assert_eq!(selected(page).await, ["7.png", "6.png", "5.png", "4.png"]);
        page.click_with(&card("5.png"), SHIFT).await;
        assert_eq!(selected(page).await, ["7.png", "6.png", "5.png"], "another range takes the place of the last one");
        page.click_with(&card("2.png"), CTRL).await;
        page.click_with(&card("6.png"), CTRL).await;
        assert_eq!(selected(page).await, ["7.png", "5.png", "2.png"]);
        assert!(!page.is_shown("#viewer").await);

        page.enlarge("4.png").await;
        page.click("#viewer-close").await;
        assert_eq!(count(page).await, "3 selected", "a picture can be looked at in between");
        page.drop_on("#drop-add", &[file("new.png", "image/png", &png(100))]).await;
        page.until("document.querySelector('#grid .card').title === 'new.png'").await;
        assert_eq!(selected(page).await, ["7.png", "5.png", "2.png"], "an upload leaves the selection");
        page.click("#uploads-close").await;
        page.click("#selection-clear").await;
        assert_eq!((selected(page).await.len(), count(page).await.as_str()), (0, ""));

        page.click_with(&mark("7.png"), 0).await;
        page.search("cat").await;
        assert_eq!(count(page).await, "", "another query has a selection of its own");
    })
    .await;
}

#[tokio::test]
async fn a_drawn_rectangle_selects_what_it_touches() {
    with_page(async |page| {
        open_with(page, 60).await;
        let (first, second) = (page.middle(&card("59.png")).await, page.middle(&card("58.png")).await);
        let ground = (6.0, first.1);
        page.drag_to(ground, second, 0).await;
        page.until("!document.querySelector('#lasso').hidden").await;
        page.release(second, 0).await;
        page.until("document.querySelector('#lasso').hidden").await;
        assert_eq!(selected(page).await, ["59.png", "58.png"]);

        page.drag_to(ground, first, CTRL).await;
        page.release(first, CTRL).await;
        assert_eq!(selected(page).await, ["58.png"], "with Ctrl it takes away");

        page.drag_to(first, second, SHIFT).await;
        page.until("document.querySelectorAll('#grid .selected').length === 2").await;
        page.press(ESCAPE).await;
        page.release(second, SHIFT).await;
        assert_eq!(selected(page).await, ["58.png"], "Escape leaves everything as it was");
        page.drag_to(first, second, SHIFT).await;
        page.release(second, SHIFT).await;
        assert_eq!(selected(page).await, ["59.png", "58.png"], "with Shift it begins on a picture too");
        assert!(!page.is_shown("#viewer").await, "no rectangle is a click");

        // At the edge of the window the page scrolls on.
        let bottom = (second.0, 890.0);
        page.drag_to(ground, bottom, 0).await;
        page.until("scrollY > 600").await;
        page.release(bottom, 0).await;
        let all: usize = count(page).await.split(' ').next().unwrap().parse().unwrap();
        assert!((5..60).contains(&all), "{all} selected");
        assert!(!selected(page).await.contains(&"57.png".to_owned()), "the third column is not touched");
    })
    .await;
}

#[tokio::test]
async fn the_keyboard_selects_pictures() {
    with_page(async |page| {
        open_with(page, 80).await;
        focus(page, "79.png").await;
        page.press(" ").await;
        assert_eq!(selected(page).await, ["79.png"]);
        assert!(!page.is_shown("#viewer").await, "the space bar opens nothing");
        page.press("\u{e008}\u{e014}\u{e014}").await;
        assert_eq!(selected(page).await, ["79.png", "78.png", "77.png"]);
        page.press("\u{e008}\u{e012}").await;
        assert_eq!(selected(page).await, ["79.png", "78.png"]);
        page.press("\u{e014}x").await;
        assert_eq!(selected(page).await, ["79.png", "78.png", "77.png"], "x selects the next picture");
        page.press("x").await;
        assert_eq!(selected(page).await, ["79.png", "78.png"]);

        page.press(CTRL_A).await;
        assert_eq!(count(page).await, "80 selected");
        assert!(page.names().await.len() < 80, "most of the selected pictures are no elements of the page");
        assert!(!page.is_shown("#select-all").await);
        page.press(ESCAPE).await;
        assert_eq!(count(page).await, "");
        page.press("\u{e008}\u{e010}").await;
        page.until("document.querySelector('#selection-count').textContent !== ''").await;
        assert_eq!(count(page).await, "78 selected", "from the picture that has the focus to the last");

        page.press(ESCAPE).await;
        page.click("#query").await;
        page.type_into("#query", &format!("x{CTRL_A}")).await;
        assert_eq!(count(page).await, "", "keys in a text field belong to the field");
    })
    .await;
}

#[tokio::test]
async fn a_selection_of_hits_says_that_more_may_follow() {
    with_page(async |page| {
        open_with(page, 110).await;
        page.search("cat").await;
        focus(page, &page.names().await[0]).await;
        page.press(CTRL_A).await;
        page.until("document.querySelector('#selection-status').textContent").await;
        let told = page.text("#selection-status").await;
        assert!(told.starts_with("Only the ") && told.ends_with("loaded so far are selected."), "{told}");
    })
    .await;
}

#[tokio::test]
async fn a_long_press_begins_a_selection_that_taps_go_on_with() {
    let phone = Look { width: 390, height: 844, phone: true, ..DESKTOP };
    with(phone, &[], async |page| {
        open_with(page, 6).await;
        page.touch_down(&card("5.png")).await;
        page.until("document.querySelectorAll('#grid .selected').length === 1").await;
        page.touch_up().await;
        page.tap(&card("4.png")).await;
        page.until("document.querySelectorAll('#grid .selected').length === 2").await;
        assert_eq!(
            (selected(page).await, page.is_shown("#viewer").await),
            (vec!["5.png".into(), "4.png".into()], false)
        );
        page.tap(&card("5.png")).await;
        page.until("document.querySelectorAll('#grid .selected').length === 1").await;
        page.tap(&card("4.png")).await;
        page.until("document.querySelector('#selection').hidden").await;

        page.touch_down(&card("5.png")).await;
        let (x, y) = page.middle(&card("5.png")).await;
        page.touch_move((x, y + 60.0)).await;
        page.js_later("setTimeout(arguments[0], 700)").await;
        page.touch_up().await;
        assert_eq!(selected(page).await.len(), 0, "a finger that moves scrolls");
        page.tap(&card("4.png")).await;
        page.until("document.querySelector('#viewer').open").await;
    })
    .await;
}
