//! Picking by facet: lists of values with their counts, chips, and links that narrow the query and keep the rest of it.

use reqwest::Method;
use serde_json::{Value, json};

use crate::page::browser::{DESKTOP, Look};
use crate::page::scopes::keys;
use crate::page::tab::{Page, with, with_page};
use crate::pictures::{jpeg_of_camera, png, png_with_text};

const ENTER: char = '\u{e007}';
const ESCAPE: char = '\u{e00c}';

/// Stores four pictures: two of one model, one of another, and a photo.
async fn add_collection(page: &Page) {
    let prompt = |model: &str, lora: &str| {
        format!("a cat <lora:{lora}:0.8>\nSteps: 2, Sampler: Euler a, Seed: 7, Model: {model}")
    };
    for (seed, name, model, lora, tags) in [
        (1, "a.png", "dreamshaper_8", "ink", json!(["海", "sunset"])),
        (2, "b.png", "dreamshaper_8", "grain", json!(["海"])),
        (3, "c.png", "flux1-dev", "ink", json!(["New York, NY"])),
    ] {
        let id = page.app.add(name, png_with_text(seed, &[("parameters", &prompt(model, lora))])).await;
        change(page, id, &json!({ "tags": tags })).await;
    }
    let photo = page.app.add("photo.jpg", jpeg_of_camera(4, "Canon EOS R5")).await;
    let facts = json!({
        "taken_at": "2024-05-01T23:30:00-08:00", "source_path": "Photos/2024/Kyoto/photo.jpg",
        "tags": ["海"],
    });
    change(page, photo, &facts).await;
}

async fn change(page: &Page, id: i64, facts: &Value) {
    assert_eq!(page.app.send_json(Method::PATCH, &format!("/images/{id}"), facts).await.status, 200);
}

/// Waits until a list has the counts of the last query, and compares the rows that are shown; * marks the chosen ones.
async fn shows(page: &Page, facet: &str, rows: &[&str]) {
    let found = format!(
        "[...document.querySelectorAll('[data-facet={facet}] .values li:not([hidden])')].map((row) =>
            `${{row.querySelector('.value').textContent}} ${{row.querySelector('.count').textContent}}`
            + (row.querySelector('input').checked ? ' *' : ''))"
    );
    page.until(&format!("JSON.stringify({found}) === {}", json!(json!(rows).to_string()))).await;
}

async fn chips(page: &Page) -> Value {
    page.js("return [...document.querySelectorAll('#line li span')].map((chip) => chip.textContent)", &[]).await
}

/// Returns path and query of the address as people read them.
async fn address(page: &Page) -> String {
    let read = "return decodeURIComponent(location.pathname + location.search).replaceAll('+', ' ')";
    page.js(read, &[]).await.as_str().unwrap().to_owned()
}

async fn open_panel(page: &Page, address: &str) {
    page.open(address).await;
    page.settled().await;
    page.click("#filter-toggle").await;
}

#[tokio::test]
async fn values_have_counts_and_a_tick_narrows_at_once() {
    with_page(async |page| {
        add_collection(page).await;
        open_panel(page, "/").await;
        shows(page, "tags", &["海 3", "New York, NY 1", "sunset 1"]).await;
        page.click("[data-facet=tags] input[value=海]").await;
        page.settled().await;
        assert_eq!(address(page).await, "/?tags=海");
        assert_eq!(page.names().await, ["photo.jpg", "b.png", "a.png"]);
        shows(page, "tags", &["海 3 *", "sunset 1"]).await;
        let focused = page.js("return document.activeElement.value", &[]).await;
        assert_eq!(focused, "海", "the focus stays on the box");
        assert_eq!(chips(page).await, json!(["tag: 海"]));

        page.click("#section-ai summary").await;
        page.click("[data-facet=checkpoint] input[value=dreamshaper_8]").await;
        page.settled().await;
        assert_eq!(address(page).await, "/?tags=海&checkpoint=dreamshaper_8");
        assert_eq!(page.names().await, ["b.png", "a.png"]);
        shows(page, "lora", &["grain 1", "ink 1"]).await;
        let summaries = "return [...document.querySelectorAll('#filter summary')].map((line) => line.textContent)";
        assert_eq!(
            page.js(summaries, &[]).await,
            json!(["Basic (1)", "AI generation (1)", "Advanced"]),
            "each section says how much it narrows"
        );

        page.click("#line li:nth-child(1) button").await;
        page.settled().await;
        assert_eq!(address(page).await, "/?checkpoint=dreamshaper_8");
        page.back().await;
        shows(page, "tags", &["海 2 *", "sunset 1"]).await;
    })
    .await;
}

#[tokio::test]
async fn a_second_checkpoint_widens_and_a_second_tag_narrows() {
    with_page(async |page| {
        add_collection(page).await;
        open_panel(page, "/?checkpoint=flux1-dev").await;
        shows(page, "checkpoint", &["dreamshaper_8 2", "flux1-dev 1 *"]).await;
        page.click("[data-facet=checkpoint] input[value=dreamshaper_8]").await;
        page.settled().await;
        assert_eq!(page.names().await, ["c.png", "b.png", "a.png"]);

        open_panel(page, "/?tags=海").await;
        page.click("[data-facet=tags] input[value=sunset]").await;
        page.settled().await;
        assert_eq!(
            (page.names().await, address(page).await),
            (vec!["a.png".to_owned()], "/?tags=海&tags=sunset".into())
        );
    })
    .await;
}

#[tokio::test]
async fn a_long_list_shows_its_beginning_and_is_searched() {
    with_page(async |page| {
        let id = page.app.add("a.png", png(1)).await;
        let tags: Vec<_> =
            (0..12).map(|number| format!("tag {number:02}")).chain(["New York, NY".to_owned()]).collect();
        change(page, id, &json!({ "tags": tags })).await;
        open_panel(page, "/").await;
        let shown = "document.querySelectorAll('[data-facet=tags] .values li:not([hidden])').length";
        page.until(&format!("{shown} === 8")).await;
        assert_eq!(page.text("[data-facet=tags] > button").await, "Show all 13");
        page.click("[data-facet=tags] > button").await;
        page.until(&format!("{shown} === 13")).await;
        assert_eq!(page.text("[data-facet=tags] > button").await, "Show fewer");

        let field = "[data-facet=tags] > input";
        page.type_into(field, "ＴＡＧ 1").await;
        shows(page, "tags", &["tag 10 1", "tag 11 1"]).await;
        page.press(&ESCAPE.to_string()).await;
        page.until(&format!("{shown} === 13")).await;
        assert!(page.is_shown("#filter").await, "the first Escape empties the field only");
        page.type_into(field, &format!("york{ENTER}")).await;
        page.settled().await;
        assert_eq!(address(page).await, "/?tags=New York, NY", "Enter takes the value that the text has found");
        page.type_into(field, "nothing").await;
        page.until("document.querySelector('[data-facet=tags] > small').textContent === 'No matches'").await;
    })
    .await;
}

#[tokio::test]
async fn what_is_typed_into_a_list_counts_with_the_button_and_not_with_another_choice() {
    with_page(async |page| {
        add_collection(page).await;
        for (number, path) in (0..9).map(|number| (number, format!("Old/{number}/Kyoto/x.png"))) {
            let id = page.app.add(&format!("{number}.png"), png(20 + number)).await;
            change(page, id, &json!({ "source_path": path })).await;
        }
        open_panel(page, "/").await;
        page.click("#section-advanced summary").await;
        page.until("document.querySelector('[data-facet=folder] .count')").await;
        page.type_into("[data-facet=folder] > input", "Kyoto").await;
        page.click("#filter [value=\"image/png\"]").await;
        page.settled().await;
        assert_eq!(address(page).await, "/?type=image/png");
        page.click("#filter-apply").await;
        page.settled().await;
        assert_eq!(address(page).await, "/?type=image/png&folder=Kyoto", "a part of a path stands for all its folders");
        assert_eq!(page.names().await.len(), 9);
    })
    .await;
}

#[tokio::test]
async fn counts_of_a_search_by_content_say_that_they_are_those_of_the_filter() {
    with_page(async |page| {
        add_collection(page).await;
        open_panel(page, "/?q=cat tag:海").await;
        shows(page, "tags", &["海 3", "sunset 1"]).await;
        assert_eq!(
            page.text("#facets-note").await,
            "Counts reflect the filter only, not the search words or pictures."
        );
        page.click("#modes label:nth-of-type(2)").await;
        page.settled().await;
        page.until("document.querySelector('#facets-note').hidden").await;
        shows(page, "tags", &["海 2", "sunset 1"]).await;
        let types = "document.querySelector('.types label:has([value=\"image/png\"]) .count').textContent";
        page.until(&format!("{types} === '2'")).await;
    })
    .await;
}

#[tokio::test]
async fn chips_name_everything_that_narrows_and_are_removed_one_by_one_or_all() {
    with_page(async |page| {
        add_collection(page).await;
        let filter =
            "notag=wip&dated=no&prompt=yes&taken_from=2024-01-01&from=2020-01-01&to=2020-01-31&min_width=10&max_mb=1.5";
        page.open(&format!("/?q=cat tag:海&not=dog&{filter}")).await;
        page.settled().await;
        assert_eq!(
            chips(page).await,
            json!([
                "tag: 海",
                "Exclude: dog",
                "Taken: from Jan 1, 2024",
                "Added: Jan 1, 2020 – Jan 31, 2020",
                "Generation prompt: With",
                "not: tag: wip",
                "Date taken: Without",
                "Width in pixels: at least 10",
                "File size in MB: at most 1.5",
            ])
        );
        page.click("#line li:nth-child(4) button").await;
        page.settled().await;
        let left = "/?q=cat tag:海&not=dog&notag=wip&taken_from=2024-01-01&dated=no&prompt=yes&min_width=10&max_mb=1.5";
        assert_eq!(address(page).await, left);
        page.click("#line-clear").await;
        page.settled().await;
        assert_eq!((address(page).await.as_str(), page.is_shown("#line").await), ("/?q=cat", false), "the words stay");
    })
    .await;
}

#[tokio::test]
async fn links_of_a_picture_narrow_and_keep_the_search() {
    with_page(async |page| {
        add_collection(page).await;
        for (name, link, narrowed) in [
            ("photo.jpg", "2024", "folder=/Photos/2024"),
            ("photo.jpg", "Canon EOS R5", "camera=Canon EOS R5"),
            ("photo.jpg", "May 1, 2024, 11:30 PM", "taken_from=2024-05-01&taken_to=2024-05-01"),
            ("photo.jpg", "海", "tags=海"),
            ("a.png", "dreamshaper_8", "checkpoint=dreamshaper_8"),
            ("a.png", "ink (0.80)", "lora=ink"),
            ("a.png", "Euler a", "sampler=Euler a"),
            ("a.png", "7", "seed=7"),
        ] {
            page.open("/?q=cat&not=dog&mode=vector&max_mb=1").await;
            page.settled().await;
            page.enlarge(name).await;
            let click = "[...document.querySelectorAll('#facts .link')].find((link) => link.textContent === arguments[0]).click()";
            page.js(click, &[json!(link)]).await;
            page.settled().await;
            let found: Vec<_> = page.names().await;
            assert!(found.contains(&name.to_owned()), "{link}: {found:?}");
            let address = address(page).await;
            let parts = |text: &str| {
                let mut parts: Vec<_> = text.split(['?', '&']).skip(1).map(str::to_owned).collect();
                parts.sort();
                parts
            };
            let expected = parts(&format!("/?q=cat&not=dog&mode=vector&max_mb=1&{narrowed}"));
            assert_eq!(parts(&address), expected, "{link}");
        }
        // The pictures of a query stay too, and a second link narrows further.
        page.open("/?q=cat&like=1").await;
        page.settled().await;
        page.enlarge("b.png").await;
        page.click("#tags-text button").await;
        page.settled().await;
        page.enlarge("b.png").await;
        page.click("#prompt-parts .link").await;
        page.settled().await;
        assert_eq!(address(page).await, "/?q=cat&like=1&tags=海&checkpoint=dreamshaper_8");
    })
    .await;
}

#[tokio::test]
async fn a_search_only_key_counts_and_may_not_sort() {
    let folder = keys();
    let file_of_keys = folder.path().join("keys.json");
    with(DESKTOP, &[("MITSUKE_KEYS_FILE", file_of_keys.to_str().unwrap())], async |page| {
        page.open("/").await;
        page.until("document.querySelector('#key').open").await;
        page.type_into("#key-value", &format!("search-search{ENTER}")).await;
        page.until("document.documentElement.dataset.scope === 'search'").await;
        page.settled().await;
        page.click("#filter-toggle").await;
        page.until("document.querySelector('.types .count')").await;
        assert!(!page.is_shown("#sort-choice").await);
    })
    .await;
}

#[tokio::test]
async fn counts_that_do_not_arrive_leave_the_filter_usable() {
    with_page(async |page| {
        add_collection(page).await;
        page.open("/").await;
        page.settled().await;
        page.js("const known = fetch; window.fetch = (path, ...rest) => path.startsWith('facets') ? Promise.reject(new TypeError()) : known(path, ...rest)", &[]).await;
        page.click("#filter-toggle").await;
        page.until("document.querySelector('#facets-note').textContent === 'The counts could not be loaded.'").await;
        page.type_into("[data-facet=tags] > input", &format!("sunset{ENTER}")).await;
        page.settled().await;
        assert_eq!((address(page).await.as_str(), page.names().await), ("/?tags=sunset", vec!["a.png".to_owned()]));
    })
    .await;
}

#[tokio::test]
async fn the_panel_of_a_phone_covers_the_page_and_leads_back_to_the_pictures() {
    let phone = Look { width: 390, height: 844, phone: true, language: "ja", ..DESKTOP };
    with(phone, &[], async |page| {
        add_collection(page).await;
        open_panel(page, "/").await;
        shows(page, "tags", &["海 3", "New York, NY 1", "sunset 1"]).await;
        let covered =
            "return [document.elementFromPoint(195, 20).closest('form')?.id, document.querySelector('header').inert]";
        assert_eq!(page.js(covered, &[]).await, json!(["filter", true]));
        page.click("[data-facet=tags] li:nth-child(1) label").await;
        page.settled().await;
        page.until("document.querySelector('#filter-apply').textContent === '3 件を表示'").await;
        assert!(page.is_shown("#filter").await, "several values can be chosen");
        page.click("#filter-apply").await;
        page.settled().await;
        assert_eq!((page.is_shown("#filter").await, address(page).await.as_str()), (false, "/?tags=海"));
        assert_eq!(page.js("return document.activeElement.id", &[]).await, "filter-toggle");
        assert_eq!(chips(page).await, json!(["タグ: 海"]));
    })
    .await;
}

#[tokio::test]
async fn keys_of_an_input_method_neither_choose_nor_close() {
    with_page(async |page| {
        add_collection(page).await;
        open_panel(page, "/").await;
        page.until("document.querySelector('[data-facet=tags] .count')").await;
        page.js("document.querySelector('[data-facet=tags] > input').hidden = false", &[]).await;
        page.click("[data-facet=tags] > input").await;
        let composing = json!({"text": "うみ", "selectionStart": 2, "selectionEnd": 2});
        page.browser.cdp("Input.imeSetComposition", composing).await;
        let press = "return ['Enter', 'Escape'].map((key) => document.activeElement.dispatchEvent(
            new KeyboardEvent('keydown', { key, keyCode: 229, isComposing: true, bubbles: true, cancelable: true })))";
        page.js(press, &[]).await;
        assert_eq!((page.address().await.as_str(), page.is_shown("#filter").await), ("/", true));
        let rows =
            page.js("return document.querySelectorAll('[data-facet=tags] li:not([hidden]) input').length", &[]).await;
        assert_eq!(rows, 3, "the rows wait for the end of the conversion");
        page.browser.cdp("Input.insertText", json!({"text": "海"})).await;
        shows(page, "tags", &["海 3"]).await;
    })
    .await;
}
