//! The accessibility of the page: languages, colours, small screens, keyboards, screen readers.

use serde_json::json;

use crate::page::browser::{DESKTOP, Look};
use crate::page::tab::{Page, with, with_page};
use crate::pictures::{png, png_with_text};

const TAB: &str = "\u{e004}";
const ENTER: &str = "\u{e007}";
const RIGHT: &str = "\u{e014}";
const ESCAPE: &str = "\u{e00c}";

#[tokio::test]
async fn the_language_is_the_readers_can_be_switched_and_is_remembered() {
    with(Look { language: "ja", ..DESKTOP }, &[], async |page| {
        page.app.add("a.png", png(1)).await;
        page.open("/").await;
        page.settled().await;
        assert_eq!(page.js("return document.documentElement.lang", &[]).await, "ja");
        assert_eq!((page.text("#status").await.as_str(), page.text("#go").await.as_str()), ("1 件の画像", "検索"));
        page.enlarge("a.png").await;
        assert_eq!(page.text("#similar").await, "似た画像を探す");
        page.press(ESCAPE).await;
        page.until("!document.querySelector('#viewer').open").await;
        page.click("#language").await;
        assert_eq!(page.js("return document.documentElement.lang", &[]).await, "en");
        assert_eq!((page.text("#status").await.as_str(), page.text("#go").await.as_str()), ("1 picture", "Search"));
        assert_eq!(page.find("#language").await.attr("lang").await.unwrap().unwrap(), "ja");
        page.reload().await;
        assert_eq!(page.text("#add").await, "Add pictures");
    })
    .await;
}

#[tokio::test]
async fn the_language_button_steps_through_all_languages_and_a_missing_text_is_in_english() {
    with_page(async |page| {
        page.open("/").await;
        page.settled().await;
        page.js_later(
            // The page runs a script that holds all modules. Here the modules themselves take over a copy of the body,
            // with one more language.
            "const done = arguments[0];
             const module = (name) => import(new URL(name, document.querySelector('script[type=module]').src));
             document.body.replaceWith(document.body.cloneNode(true));
             module('languages.js').then(({ LANGUAGES }) => {
               LANGUAGES.push({ code: 'eo', name: 'Esperanto', words: { search: 'Serĉi' } });
               return module('app.js');
             }).then(() => done(null));",
        )
        .await;
        // Language of the page, text of the button that searches; language, name and title of the language button.
        let look = "const button = document.querySelector('#language');
                    return [document.documentElement.lang, document.querySelector('#go').textContent,
                            button.lang, button.textContent, button.title]";
        assert_eq!(page.js(look, &[]).await, json!(["en", "Search", "ja", "日本語", "ページを日本語で表示"]));
        page.click("#language").await;
        let esperanto = json!(["ja", "検索", "eo", "Esperanto", "Show the page in Esperanto"]);
        assert_eq!(page.js(look, &[]).await, esperanto);
        page.click("#language").await;
        assert_eq!(page.js(look, &[]).await, json!(["eo", "Serĉi", "en", "English", "Show the page in English"]));
        assert_eq!(page.text("#add").await, "Add pictures");
        page.click("#language").await;
        assert_eq!(page.js("return document.documentElement.lang", &[]).await, "en");
    })
    .await;
}

#[tokio::test]
async fn every_text_stands_out_from_its_ground_in_light_and_dark() {
    for dark in [false, true] {
        with(Look { dark, ..DESKTOP }, &[], async |page| {
            page.app
                .add(
                    "a.png",
                    png_with_text(
                        1,
                        &[("parameters", "a cat\nNegative prompt: dog\nSteps: 2, Sampler: Euler a, Seed: 1")],
                    ),
                )
                .await;
            page.open("/?q=cat&prompt=yes").await;
            page.settled().await;
            page.click("#filter-toggle").await;
            let ground = page.js("return getComputedStyle(document.body).backgroundColor", &[]).await;
            assert_eq!(ground == "rgb(22, 23, 20)", dark, "{ground}");
            assert_eq!(faint(page, "body").await, json!([]));
            page.enlarge("a.png").await;
            assert_eq!(faint(page, "#facts").await, json!([]));
        })
        .await;
    }
}

/// Returns the texts whose contrast is below 4.5 : 1 (WCAG 2.2, success criterion 1.4.3), with the contrast.
async fn faint(page: &Page, css: &str) -> serde_json::Value {
    let script = r"
        const numbers = (colour) => colour.match(/[\d.]+/g).map(Number);
        const light = (c) => { c /= 255; return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4; };
        const luminance = ([r, g, b]) => 0.2126 * light(r) + 0.7152 * light(g) + 0.0722 * light(b);
        const ground = (node) => {
          for (; node; node = node.parentElement) {
            const [r, g, b, a = 1] = numbers(getComputedStyle(node).backgroundColor);
            if (a > 0.6) return [r * a, g * a, b * a];
          }
          return [255, 255, 255];
        };
        const wrong = [];
        for (const node of document.querySelector(arguments[0]).querySelectorAll('*')) {
          const own = [...node.childNodes].some((child) => child.nodeType === 3 && child.data.trim());
          if (!own || !node.checkVisibility({ opacityProperty: true, visibilityProperty: true })) continue;
          if (node.closest('.unseen, #skip, :disabled, noscript')) continue;
          const [one, other] = [luminance(numbers(getComputedStyle(node).color)), luminance(ground(node))];
          const contrast = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
          if (contrast < 4.5) wrong.push(`${node.textContent.trim().slice(0, 40)}: ${contrast.toFixed(2)}`);
        }
        return wrong;";
    page.js(script, &[json!(css)]).await
}

#[tokio::test]
async fn a_narrow_phone_never_scrolls_sideways_and_its_targets_fit_a_finger() {
    let phone = Look { width: 360, height: 740, phone: true, ..DESKTOP };
    for language in ["en", "ja"] {
        with(Look { language, ..phone }, &[], async |page| {
            let long = "とても長い名前".repeat(20);
            page.app.add(&format!("{long}.png"), png_with_text(1, &[("Comment", &"w".repeat(300))])).await;
            for seed in 2..9 {
                page.app.add(&format!("{seed}.png"), png(seed)).await;
            }
            page.open("/?q=cat").await;
            page.settled().await;
            narrow(page, "the answers").await;
            let width = page
                .js("return Math.min(...[...document.querySelectorAll('.card')].map((card) => card.offsetWidth))", &[])
                .await;
            assert!(width.as_u64().unwrap() >= 44, "{width}");
            page.click("#filter-toggle").await;
            narrow(page, "the filter").await;
            page.click("#filter-close").await;
            page.click("#menu-open").await;
            narrow(page, "the menu").await;
            page.click("#model").await;
            page.until("document.querySelector('#models-list li')").await;
            narrow(page, "the models").await;
            page.click("#models-close").await;
            page.js("document.querySelector('.card[title^=と]').click()", &[]).await;
            page.until("document.querySelector('#viewer').open").await;
            narrow(page, "a picture").await;
        })
        .await;
    }
}

#[tokio::test]
async fn on_a_phone_the_way_out_of_a_picture_stays_in_sight_and_covers_no_other_button() {
    let phone = Look { width: 360, height: 740, phone: true, language: "ja", ..DESKTOP };
    with(phone, &[], async |page| {
        let prompt = "a cat\nSteps: 2, Sampler: Euler a, Seed: 1";
        page.app.add("a.png", png_with_text(1, &[("parameters", prompt)])).await;
        page.open("/?q=cat").await;
        page.settled().await;
        page.enlarge("a.png").await;
        for id in ["similar", "include", "download", "remove", "viewer-close"] {
            let script = "const node = document.getElementById(arguments[0]);
                node.scrollIntoView();
                const { left, right, top, bottom } = node.getBoundingClientRect();
                return [left + 4, right - 4].map((x) => document.elementFromPoint(x, (top + bottom) / 2)?.id);";
            assert_eq!(page.js(script, &[json!(id)]).await, json!([id, id]));
            let close =
                page.js("return document.querySelector('#viewer-close').getBoundingClientRect().top", &[]).await;
            assert!((0.0..740.0).contains(&close.as_f64().unwrap()), "{close}");
        }
    })
    .await;
}

async fn narrow(page: &Page, what: &str) {
    let script = "return [document.documentElement, ...document.querySelectorAll('dialog[open]')]
        .map((node) => node.scrollWidth - Math.min(node.clientWidth, innerWidth))";
    assert!(
        page.js(script, &[]).await.as_array().unwrap().iter().all(|over| over.as_i64() <= Some(0)),
        "{what} is too wide"
    );
    // WCAG 2.2, success criterion 2.5.5 asks for 44 px; links inside text may be smaller.
    let script = "const top = document.querySelector('dialog[open]') ?? document;
        return [...top.querySelectorAll('button:not(.link), select, input:not([type=checkbox], [type=radio], [type=file])')]
        .filter((node) => node.checkVisibility() && !node.closest('#chips'))
        .map((node) => [node.id || node.name || node.textContent, node.getBoundingClientRect().height])
        .filter(([, height]) => height < 43.5)";
    assert_eq!(page.js(script, &[]).await, json!([]), "{what} has small targets");
}

#[tokio::test]
async fn everything_is_reached_by_keyboard_alone() {
    with_page(async |page| {
        for seed in 0..4 {
            page.app.add(&format!("{seed}.png"), png(seed)).await;
        }
        page.open("/").await;
        page.settled().await;
        page.press(TAB).await;
        assert_eq!(page.js("return document.activeElement.id", &[]).await, "skip");
        page.press(ENTER).await;
        assert_eq!(page.js("return document.activeElement.id", &[]).await, "pictures");
        assert_eq!(page.address().await, "/", "skipping is no step of the history");
        page.press(TAB).await;
        assert_eq!(page.js("return document.activeElement.title", &[]).await, "3.png");
        page.press(RIGHT).await;
        assert_eq!(page.js("return document.activeElement.title", &[]).await, "2.png");
        let ring = page.js("return getComputedStyle(document.activeElement).outlineStyle", &[]).await;
        assert_eq!(ring, "solid", "the focus is seen");
        page.press(ENTER).await;
        page.until("document.querySelector('#viewer').open").await;
        // The focus stays inside the dialog.
        for _ in 0..12 {
            page.press(TAB).await;
            let inside = page
                .js("return document.activeElement === document.body || viewer.contains(document.activeElement)", &[])
                .await;
            assert_eq!(inside, true);
        }
        page.press(ESCAPE).await;
        page.until("document.activeElement.title === '2.png'").await;
        page.press("/").await;
        assert_eq!(page.js("return document.activeElement.id", &[]).await, "query");
        page.press(&format!("cat{ENTER}")).await;
        page.settled().await;
        assert_eq!(page.address().await, "/?q=cat");
    })
    .await;
}

#[tokio::test]
async fn a_screen_reader_hears_names_for_everything() {
    with_page(async |page| {
        page.app.add("a.png", png(1)).await;
        page.open("/").await;
        page.settled().await;
        assert_eq!(page.find("#status").await.attr("role").await.unwrap().unwrap(), "status");
        page.browser.cdp("Accessibility.enable", json!({})).await;
        let tree = page.browser.cdp("Accessibility.getFullAXTree", json!({})).await;
        let nameless: Vec<_> = tree["nodes"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|node| !node["ignored"].as_bool().unwrap_or(false))
            .filter(|node| {
                let role = node["role"]["value"].as_str().unwrap_or_default();
                ["button", "link", "searchbox", "textbox", "radio", "image", "combobox", "list", "checkbox"]
                    .contains(&role)
            })
            .filter(|node| node["name"]["value"].as_str().is_none_or(str::is_empty))
            .map(|node| node["role"]["value"].clone())
            .collect();
        assert!(nameless.is_empty(), "{nameless:?}");
        let motion = json!({"features": [{"name": "prefers-reduced-motion", "value": "reduce"}]});
        page.browser.cdp("Emulation.setEmulatedMedia", motion).await;
        let transition =
            page.js("return getComputedStyle(document.querySelector('.card canvas')).transitionDuration", &[]).await;
        assert_eq!(transition, "0s");
    })
    .await;
}
