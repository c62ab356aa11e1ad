//! The large view of one picture.

use reqwest::Method;
use serde_json::{Value, json};

use crate::page::tab::{with_demo, with_page};
use crate::pictures::{png, png_with_text};

const ESCAPE: &str = "\u{e00c}";
const LEFT: &str = "\u{e012}";
const RIGHT: &str = "\u{e014}";

const A1111: &str = "a cat on a sofa\nNegative prompt: blurry, dog\nSteps: 28, Sampler: DPM++ 2M Karras, CFG scale: 7, \
                     Seed: 4294967295, Size: 512x512, Model: dreamy-v3";

#[tokio::test]
async fn the_generation_prompt_is_shown_in_parts_and_as_stored() {
    with_page(async |page| {
        page.app.add("cat.png", png_with_text(1, &[("parameters", A1111)])).await;
        page.open("/?q=cat").await;
        page.settled().await;
        page.enlarge("cat.png").await;
        let facts = page
            .js(
                "return Object.fromEntries([...document.querySelectorAll('#viewer dt')]
                   .map((dt) => [dt.textContent, dt.nextElementSibling.textContent]))",
                &[],
            )
            .await;
        let expected = [
            ("Prompt", "a cat on a sofa"),
            ("Negative prompt", "blurry, dog"),
            ("Checkpoint", "dreamy-v3"),
            ("Sampler", "DPM++ 2M Karras"),
            ("Steps", "28"),
            ("Seed", "4294967295"),
            ("Rank", "1"),
            ("Size", "24 × 24"),
        ];
        for (name, value) in expected {
            assert_eq!(facts[name], value, "{name} in {facts}");
        }
        let number = |name: &str| facts[name].as_str().unwrap().replace('−', "-").parse::<f64>().unwrap();
        assert!((number("Vector distance") + number("Similarity")).abs() < 1e-9);
        assert!(!page.is_shown("#match").await, "numbers are details");
        page.click("#match-group summary").await;
        assert!(page.is_shown("#match").await);
        page.click("#raw summary").await;
        assert_eq!(page.text("#raw-text").await, format!("parameters:{A1111}"));
        page.until("document.querySelector('#large').naturalWidth === 24").await;
        let (href, name) = (page.find("#download").await, page.find("#download").await);
        assert!(href.attr("href").await.unwrap().unwrap().ends_with("/content"));
        assert_eq!(name.attr("download").await.unwrap().unwrap(), "cat.png");

        // Headless Chromium denies the clipboard by default. The page has a message for either outcome.
        let grant = json!({"permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"]});
        page.browser.cdp("Browser.grantPermissions", grant).await;
        page.click("#copy").await;
        page.until("document.querySelector('#viewer-status').textContent === 'Copied.'").await;
    })
    .await;
}

#[tokio::test]
async fn texts_of_a_picture_are_text_and_nothing_else() {
    let evil = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>";
    let prompt = format!("{evil}\nNegative prompt: {evil}");
    with_page(async |page| {
        let id = page.app.add("<b>bold<b>.png", png_with_text(1, &[("parameters", &prompt)])).await;
        let caption = json!({"caption": evil});
        page.app.send_json(Method::PATCH, &format!("/images/{id}"), &caption).await;
        page.open("/").await;
        page.settled().await;
        let name = page.names().await[0].clone();
        page.enlarge(&name).await;
        assert_eq!(page.text("#caption-text").await, evil);
        assert!(
            page.js("return document.querySelector('#raw-text').textContent", &[])
                .await
                .as_str()
                .unwrap()
                .contains(evil)
        );
        assert_eq!(
            page.js("return document.querySelectorAll('#facts img, #facts script, #grid b').length", &[]).await,
            0
        );
        assert_ne!(page.js("return document.title", &[]).await, "owned");
    })
    .await;
}

#[tokio::test]
async fn the_caption_can_be_written_and_is_found_afterwards() {
    with_page(async |page| {
        let id = page.app.add("a.png", png(1)).await;
        page.open("/").await;
        page.settled().await;
        page.enlarge("a.png").await;
        assert_eq!(page.text("#caption-text").await, "None");
        page.click("#caption-edit").await;
        page.type_into("#caption-value", "港の朝").await;
        page.press(ESCAPE).await;
        assert!(page.is_shown("#viewer").await, "Escape leaves the editing, not the picture");
        assert_eq!(page.text("#caption-text").await, "None");
        page.click("#caption-edit").await;
        page.type_into("#caption-value", "港の夕焼け").await;
        page.click("#caption-save").await;
        page.until("document.querySelector('#viewer-status').textContent === 'Caption saved.'").await;
        assert_eq!(page.text("#caption-text").await, "港の夕焼け");
        assert_eq!(page.app.get(&format!("/images/{id}")).await.json["caption"], "港の夕焼け");
        let label = page.js("return document.querySelector('#grid canvas').ariaLabel", &[]).await;
        assert_eq!(label, "港の夕焼け");

        page.open("/?q=%E6%B8%AF&mode=keyword").await;
        page.settled().await;
        page.enlarge("a.png").await;
        page.click("#caption-edit").await;
        page.find("#caption-value").await.clear().await.unwrap();
        page.click("#caption-save").await;
        page.until("document.querySelector('#caption-text').textContent === 'None'").await;
        assert_eq!(page.app.get(&format!("/images/{id}")).await.json["caption"], Value::Null);
    })
    .await;
}

#[tokio::test]
async fn tags_can_be_written_and_lead_to_the_pictures_that_share_them() {
    with_page(async |page| {
        let id = page.app.add("a.png", png(1)).await;
        let other = page.app.add("b.png", png(2)).await;
        let comma = json!({"tags": ["New York, NY", "sea"]});
        page.app.send_json(Method::PATCH, &format!("/images/{other}"), &comma).await;
        page.open("/").await;
        page.settled().await;
        page.enlarge("a.png").await;
        assert_eq!(page.text("#tags-text").await, "None");
        page.click("#tags-edit").await;
        page.type_into("#tags-value", "海、Sea, 海").await;
        page.click("#tags-save").await;
        page.until("document.querySelector('#viewer-status').textContent === 'Tags saved.'").await;
        assert_eq!(page.app.get(&format!("/images/{id}")).await.json["tags"], json!(["海", "Sea"]));

        // A tag with a comma is written in a line of its own, and stays whole.
        page.click("#viewer-close").await;
        page.enlarge("b.png").await;
        page.click("#tags-edit").await;
        page.type_into("#tags-value", "\nboat").await;
        page.click("#tags-save").await;
        page.until("document.querySelector('#viewer-status').textContent === 'Tags saved.'").await;
        let tags = page.app.get(&format!("/images/{other}")).await.json["tags"].clone();
        assert_eq!(tags, json!(["New York, NY", "sea", "boat"]));

        page.click("#tags-text button:nth-of-type(3)").await;
        page.settled().await;
        assert!(!page.is_shown("#viewer").await);
        assert_eq!(page.names().await, ["b.png"]);
        assert_eq!(page.address().await, "/?tags=boat");
        page.open("/?tag=SEA").await;
        page.settled().await;
        assert_eq!(page.names().await, ["b.png", "a.png"]);
    })
    .await;
}

#[tokio::test]
async fn a_caption_that_is_not_saved_waits_at_its_picture() {
    with_page(async |page| {
        for seed in 0..2 {
            page.app.add(&format!("{seed}.png"), png(seed)).await;
        }
        let shows = async |name: &str| {
            page.until(&format!("document.querySelector('#viewer-name').textContent === '{name}'")).await;
        };
        page.open("/").await;
        page.settled().await;
        page.enlarge("1.png").await;
        page.click("#caption-edit").await;
        page.type_into("#caption-value", "港の").await;
        page.click("#next").await;
        shows("0.png").await;
        assert!(page.text("#viewer-status").await.contains("unsaved caption of “1.png” is kept"));
        assert!(!page.is_shown("#caption-form").await);
        page.click("#viewer-close").await;

        page.enlarge("1.png").await;
        assert!(page.is_shown("#caption-form").await);
        page.type_into("#caption-value", "朝").await;
        page.click("#next").await;
        shows("0.png").await;
        page.click("#previous").await;
        shows("1.png").await;
        page.click("#caption-save").await;
        page.until("document.querySelector('#viewer-status').textContent === 'Caption saved.'").await;
        assert_eq!(page.text("#caption-text").await, "港の朝");

        page.click("#caption-edit").await;
        page.type_into("#caption-value", "!").await;
        page.press(ESCAPE).await;
        page.click("#next").await;
        shows("0.png").await;
        assert_eq!(page.text("#viewer-status").await, "", "what was given up is gone");
        page.click("#previous").await;
        shows("1.png").await;
        assert!(!page.is_shown("#caption-form").await);
    })
    .await;
}

#[tokio::test]
async fn arrow_keys_go_on_to_the_next_page_and_the_focus_returns_to_the_picture() {
    with_page(async |page| {
        for seed in 0..60 {
            page.app.add(&format!("{seed}.png"), png(seed)).await;
        }
        page.open("/").await;
        page.settled().await;
        page.enlarge("59.png").await;
        let first = page.address().await;
        assert!(first.starts_with("/?image="), "{first}");
        let shown = page.names().await.len();
        for _ in 0..shown {
            let before = page.text("#viewer-name").await;
            page.press(RIGHT).await;
            page.until(&format!("document.querySelector('#viewer-name').textContent !== {}", json!(before))).await;
        }
        assert_eq!(page.text("#viewer-name").await, format!("{}.png", 59 - shown), "past the end of the page");
        page.press(LEFT).await;
        let name = format!("{}.png", 60 - shown);
        page.until(&format!("document.querySelector('#viewer-name').textContent === {}", json!(name))).await;
        page.press(ESCAPE).await;
        page.until(&format!("document.activeElement.title === {}", json!(name))).await;
        page.until("location.search === ''").await;

        page.enlarge(&name).await;
        page.back().await;
        page.until("!document.querySelector('#viewer').open").await;
        page.forward().await;
        page.until("document.querySelector('#viewer').open").await;
        page.reload().await;
        page.until("document.querySelector('#viewer').open").await;
        assert_eq!(page.text("#viewer-name").await, name, "the address holds the open picture");
    })
    .await;
}

#[tokio::test]
async fn more_like_this_shows_the_relatives_of_a_picture() {
    with_demo(async |page| {
        page.add_samples(&["cat-chelsea.jpg", "earth.jpg", "夕焼けの海.jpg", "red-sunset-sea.jpg", "cat-lying.jpg"])
            .await;
        page.open("/").await;
        page.settled().await;
        page.enlarge("夕焼けの海.jpg").await;
        page.click("#similar").await;
        page.until("!document.querySelector('#viewer').open && location.search.startsWith('?like=')").await;
        page.settled().await;
        let names = page.names().await;
        assert_eq!((names.len(), names[0].as_str()), (4, "red-sunset-sea.jpg"), "{names:?}");
        page.until("document.querySelector('#chips img').naturalWidth > 0").await;
        page.search("猫").await;
        assert!(page.address().await.contains("q=%E7%8C%AB&like="), "words are added to it");
        page.back().await;
        page.back().await;
        assert_eq!((page.address().await.as_str(), page.names().await.len()), ("/", 5), "no step too many");
    })
    .await;
}

#[tokio::test]
async fn a_picture_is_deleted_only_after_a_yes() {
    with_page(async |page| {
        for seed in 0..3 {
            page.app.add(&format!("{seed}.png"), png(seed)).await;
        }
        page.open("/").await;
        page.settled().await;
        page.enlarge("1.png").await;
        page.click("#remove").await;
        assert_eq!(page.text("#confirm-text").await, "Delete “1.png” for good?");
        page.click("#confirm button[value=no]").await;
        assert_eq!(page.app.get("/images").await.ids().len(), 3);
        page.click("#remove").await;
        page.click("#confirm-yes").await;
        page.until("!document.querySelector('#viewer').open").await;
        assert_eq!(page.names().await, ["2.png", "0.png"]);
        assert_eq!(page.text("#status").await, "Deleted “1.png”.");
        assert_eq!(page.app.get("/images").await.ids(), [3, 1]);
        page.until("document.activeElement.title === '0.png'").await;
    })
    .await;
}

#[tokio::test]
async fn the_fields_of_a_prompt_lead_to_pictures_that_share_them() {
    with_page(async |page| {
        let texts = [
            A1111,
            "a dog\nNegative prompt: cat\nSteps: 20, Sampler: Euler a, Seed: 18446744073709551615, Model: other",
        ];
        for (seed, text) in (1..).zip(texts) {
            page.app.add(&format!("{seed}.png"), png_with_text(seed, &[("parameters", text)])).await;
        }
        page.open("/").await;
        page.settled().await;
        page.enlarge("2.png").await;
        let seed = page.js("return document.querySelector('#prompt-parts dd:last-child').textContent", &[]).await;
        assert_eq!(seed, "18446744073709551615", "exact, although no JavaScript number");
        page.find("#prompt-parts dd:last-child button").await.click().await.unwrap();
        page.until("location.search === '?seed=18446744073709551615'").await;
        page.settled().await;
        assert_eq!(page.names().await, ["2.png"]);
        page.open("/?sampler=dpm%2B%2B+2m+karras&model=dreamy-v3").await;
        page.settled().await;
        assert_eq!(page.names().await, ["1.png"]);
    })
    .await;
}
