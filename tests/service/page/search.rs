//! Searching: by text, by a picture, by both, with filters; and the address that holds a search.

use image::ImageFormat;
use serde_json::json;

use crate::page::tab::{Page, file, repository, sample, with_demo, with_page};
use crate::pictures::{encoded, pixels, png, png_with_text};

const SAMPLES: [&str; 6] =
    ["cat-chelsea.jpg", "夕焼けの海.jpg", "red-car.webp", "onigiri.webp", "blue-dress-girl.png", "earth.jpg"];

#[tokio::test]
async fn the_newest_pictures_are_there_at_first_and_text_finds_others_first() {
    with_demo(async |page| {
        page.add_samples(&SAMPLES).await;
        page.open("/").await;
        page.settled().await;
        let mut newest = SAMPLES.map(str::to_owned).to_vec();
        newest.reverse();
        assert_eq!(page.names().await, newest);
        assert_eq!(page.text("#status").await, "6 pictures");

        page.search("猫").await;
        assert_eq!(page.names().await[0], "cat-chelsea.jpg");
        assert!(page.text("#status").await.starts_with("6 found"), "{}", page.text("#status").await);
        assert_eq!(page.address().await, "/?q=%E7%8C%AB");

        page.click("#clear").await;
        page.settled().await;
        assert_eq!((page.names().await, page.address().await), (newest, "/".to_owned()));
        assert_eq!(page.js("return document.activeElement.id", &[]).await, "query");
    })
    .await;
}

#[tokio::test]
async fn back_and_forward_restore_each_query_and_its_address_can_be_shared() {
    with_demo(async |page| {
        page.add_samples(&SAMPLES).await;
        page.open("/").await;
        page.search("猫").await;
        page.search("夕焼け").await;
        assert_eq!(page.names().await[0], "夕焼けの海.jpg");
        let shared = page.address().await;

        page.back().await;
        assert_eq!(page.names().await[0], "cat-chelsea.jpg");
        assert_eq!(page.js("return query.value", &[]).await, "猫");
        page.back().await;
        assert_eq!((page.names().await[0].as_str(), page.address().await.as_str()), ("earth.jpg", "/"));
        page.forward().await;
        page.forward().await;
        assert_eq!(page.names().await[0], "夕焼けの海.jpg");

        page.open("/").await;
        page.open(&shared).await;
        page.settled().await;
        assert_eq!(page.names().await[0], "夕焼けの海.jpg");
        assert_eq!(page.js("return query.value", &[]).await, "夕焼け");
    })
    .await;
}

#[tokio::test]
async fn enter_that_ends_a_japanese_conversion_does_not_search() {
    with_page(async |page| {
        page.app.add("a.png", png(1)).await;
        page.open("/").await;
        page.settled().await;
        page.click("#query").await;
        let composing = json!({"text": "ねこ", "selectionStart": 2, "selectionEnd": 2});
        page.browser.cdp("Input.imeSetComposition", composing).await;
        assert_eq!(page.js("return query.value", &[]).await, "ねこ");
        let enter = json!({"type": "rawKeyDown", "key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 229});
        page.browser.cdp("Input.dispatchKeyEvent", enter).await;
        assert_eq!(page.address().await, "/", "the conversion is not over");
        page.browser.cdp("Input.insertText", json!({"text": "猫"})).await;
        assert_eq!(page.js("return query.value", &[]).await, "猫");
        // Safari ends the composition before the key event, so only the key code shows that the key belonged to it.
        let late =
            "query.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', keyCode: 229, cancelable: true }))";
        assert_eq!(page.js(&format!("return {late}"), &[]).await, false, "the key is taken");
        assert_eq!(page.address().await, "/");

        page.press("\u{e007}").await;
        page.settled().await;
        assert_eq!(page.address().await, "/?q=%E7%8C%AB");
    })
    .await;
}

#[tokio::test]
async fn a_dropped_picture_searches_where_the_reader_says_so_and_is_not_kept() {
    with_demo(async |page| {
        page.add_samples(&SAMPLES).await;
        page.open("/").await;
        page.settled().await;
        let cat = file("my-cat.jpg", "image/jpeg", &sample("cat-lying.jpg"));
        page.drag(std::slice::from_ref(&cat)).await;
        assert_eq!(page.text("#drop-search strong").await, "Search by this image");
        assert_eq!(page.text("#drop-add strong").await, "Add to the collection");
        page.drop_on("#drop-search", std::slice::from_ref(&cat)).await;
        page.settled().await;
        assert_eq!(page.names().await[0], "cat-chelsea.jpg");
        page.until("document.querySelector('#chips img').naturalWidth > 0").await;
        assert_eq!(page.app.get("/images").await.ids().len(), SAMPLES.len(), "it is only looked at");
        assert!(!page.find("#modes input").await.is_enabled().await.unwrap(), "a picture is compared by looks");

        page.search("夕焼け").await;
        let both = page.names().await;
        assert!(page.is_shown("#chips").await, "words are added to the picture");
        page.click("#chips button").await;
        page.settled().await;
        assert_eq!(page.names().await[0], "夕焼けの海.jpg", "the words alone");
        page.back().await;
        assert_eq!(page.names().await, both, "Back brings the picture again");
        assert!(page.is_shown("#chips").await);
    })
    .await;
}

#[tokio::test]
async fn a_picture_can_be_picked_or_pasted() {
    with_demo(async |page| {
        page.add_samples(&SAMPLES).await;
        page.open("/").await;
        page.settled().await;
        page.type_into("#query-file", repository("images/cat-lying.jpg").to_str().unwrap()).await;
        page.settled().await;
        assert_eq!(page.names().await[0], "cat-chelsea.jpg");
        page.paste(&file("", "image/jpeg", &sample("red-sunset-sea.jpg"))).await;
        page.settled().await;
        assert_eq!(page.names().await[0], "夕焼けの海.jpg");
        page.drop_on("#drop-search", &[file("notes.txt", "text/plain", b"cat")]).await;
        assert_eq!(page.text("#error").await, "That is not an image file.");
    })
    .await;
}

#[tokio::test]
async fn after_a_reload_a_picture_from_the_disk_is_asked_for_again() {
    with_page(async |page| {
        page.app.add("a.png", png(1)).await;
        page.open("/").await;
        page.drop_on("#drop-search", &[file("q.png", "image/png", &png(2))]).await;
        page.settled().await;
        assert_eq!(page.address().await, "/?picture=1");
        page.reload().await;
        page.until("!document.querySelector('#error').hidden").await;
        assert!(page.text("#error").await.contains("Drop or choose the picture again"));
        assert_eq!(page.names().await, ["a.png"], "what can be shown is shown");
    })
    .await;
}

#[tokio::test]
async fn modes_and_filters_narrow_and_stand_in_the_address() {
    with_demo(async |page| {
        page.add_samples(&SAMPLES).await;
        page.app.add("note.png", png_with_text(1, &[("Description", "白い猫")])).await;
        page.open("/").await;
        page.search("猫").await;
        page.click("#modes label:nth-of-type(2)").await;
        page.settled().await;
        assert_eq!(page.names().await, ["note.png"], "words");
        assert_eq!(page.address().await, "/?q=%E7%8C%AB&mode=keyword");
        page.click("#modes label:nth-of-type(3)").await;
        page.settled().await;
        assert_eq!(page.names().await.len(), 7, "words and looks");

        page.open_filter().await;
        page.click("#filter [value=\"image/png\"]").await;
        page.settled().await;
        let mut found = page.names().await;
        found.sort();
        assert_eq!(found, ["blue-dress-girl.png", "note.png"]);
        page.find("#filter [name=prompt]").await.select_by_value("yes").await.unwrap();
        page.settled().await;
        assert_eq!(page.names().await, ["blue-dress-girl.png"]);
        assert_eq!(page.text("#filter-toggle").await, "Filter (2)");
        assert!(page.address().await.ends_with("&type=image%2Fpng&prompt=yes"), "{}", page.address().await);

        page.reload().await;
        assert_eq!(page.names().await, ["blue-dress-girl.png"]);
        page.open_filter().await;
        page.click("#filter-clear").await;
        page.settled().await;
        assert_eq!(page.names().await.len(), 7);
        page.search("").await;
        page.type_into("#filter [name=name]", "SUNSET\u{e007}").await;
        page.settled().await;
        assert_eq!(page.names().await, Vec::<String>::new());
        assert!(page.text("#status").await.starts_with("Nothing found"));
    })
    .await;
}

#[tokio::test]
async fn an_excluded_text_changes_the_similarities() {
    with_demo(async |page| {
        page.add_samples(&SAMPLES).await;
        page.open("/?q=%E6%B5%B7").await;
        page.settled().await;
        let plain = similarities(page).await;
        page.open_filter().await;
        page.type_into("#filter [name=negative]", "夕焼け\u{e007}").await;
        page.settled().await;
        assert!(page.address().await.contains("&not="));
        assert_ne!(similarities(page).await, plain);
    })
    .await;
}

#[tokio::test]
async fn the_parts_of_a_query_can_be_weighed() {
    with_demo(async |page| {
        page.add_samples(&SAMPLES).await;
        page.open("/?q=%E6%B5%B7").await;
        page.settled().await;
        let plain = similarities(page).await;
        page.open_filter().await;
        page.type_into("#filter [name=negative]", "夕焼け").await;
        page.type_into("#filter [name=w_negative]", "0\u{e007}").await;
        page.settled().await;
        assert!(page.address().await.ends_with("&w_negative=0"), "{}", page.address().await);
        assert_eq!(similarities(page).await, plain, "what to stay away from counts nothing");

        page.open("/?q=blue+dress&mode=hybrid").await;
        page.settled().await;
        let looks = page.names().await;
        page.open("/?q=blue+dress&mode=hybrid&w_keyword=50").await;
        page.settled().await;
        assert_eq!(page.names().await[0], "blue-dress-girl.png", "its name has the words; by looks alone: {looks:?}");

        let id = page.app.get("/images").await.ids()[0];
        page.open(&format!("/?q=%E7%8C%AB&like={id}&w_text=100")).await;
        page.settled().await;
        assert_eq!(page.names().await[0], "cat-chelsea.jpg", "the words count a hundred times the picture");
    })
    .await;
}

/// The names of the hits and the lengths of their bars.
async fn similarities(page: &Page) -> Vec<(String, String)> {
    let script = "return [...document.querySelectorAll('#grid .card')].map((card) =>
        [card.title, card.querySelector('.fit').style.getPropertyValue('--fit')])";
    serde_json::from_value(page.js(script, &[]).await).unwrap()
}

#[tokio::test]
async fn several_pictures_and_words_make_one_query() {
    with_demo(async |page| {
        page.add_samples(&SAMPLES).await;
        page.open("/").await;
        page.settled().await;
        let (cat, sea) = ("cat-lying.jpg", "red-sunset-sea.jpg");
        let two = [cat, sea].map(|name| file(name, "image/jpeg", &sample(name)));
        page.drop_on("#drop-search", &two).await;
        page.settled().await;
        let mut first = page.names().await[..2].to_vec();
        first.sort();
        assert_eq!(first, ["cat-chelsea.jpg", "夕焼けの海.jpg"], "what is near to both");
        page.until("document.querySelectorAll('#chips img').length === 2").await;

        page.enlarge("earth.jpg").await;
        page.click("#include").await;
        page.until("document.querySelectorAll('#chips img').length === 3 && !document.querySelector('#viewer').open")
            .await;
        page.settled().await;
        assert_eq!(page.address().await, "/?like=6&picture=1");
        assert!(!page.names().await.contains(&"earth.jpg".to_owned()), "a stored picture does not find itself");
        page.click("#chips li:nth-child(2) button").await;
        page.settled().await;
        page.click("#chips li:nth-child(2) button").await;
        page.settled().await;
        assert_eq!(page.names().await[0], "cat-chelsea.jpg");
        page.back().await;
        page.back().await;
        assert_eq!(page.js("return document.querySelectorAll('#chips img').length", &[]).await, 3);
    })
    .await;
}

#[tokio::test]
async fn hits_that_are_not_close_enough_are_left_out() {
    with_demo(async |page| {
        page.add_samples(&SAMPLES).await;
        page.open("/?q=%E7%8C%AB").await;
        page.settled().await;
        assert_eq!(page.names().await.len(), SAMPLES.len());
        page.open_filter().await;
        page.type_into("#filter [name=gap]", "0.01\u{e007}").await;
        page.settled().await;
        assert_eq!(page.names().await, ["cat-chelsea.jpg"], "no other is as near as the best");
        page.click("#modes label:nth-of-type(2)").await;
        page.settled().await;
        assert!(!page.is_shown("#error").await, "words have no distance: the limit waits");
        page.click("#filter-clear").await;
        page.settled().await;
        page.click("#modes label:nth-of-type(1)").await;
        page.settled().await;
        page.type_into("#filter [name=closeness]", "0.9\u{e007}").await;
        page.settled().await;
        assert!(page.names().await.is_empty() && page.text("#status").await.starts_with("Nothing found"));
    })
    .await;
}

#[tokio::test]
async fn sizes_dates_and_names_filter_the_newest_too() {
    with_page(async |page| {
        for (seed, width) in [(1, 20), (2, 40), (3, 80)] {
            page.app.add(&format!("{width}-wide.png"), encoded(&pixels(seed, width, 30), ImageFormat::Png)).await;
        }
        page.open("/?min_width=30&max_width=60").await;
        page.settled().await;
        assert_eq!(page.names().await, ["40-wide.png"]);
        assert_eq!(page.text("#status").await, "1 picture matches the filter");
        page.open("/?name=4%3F-w*.png").await;
        page.settled().await;
        assert_eq!(page.names().await, ["40-wide.png"]);
        page.open("/?name=wide").await;
        page.settled().await;
        assert_eq!(page.names().await.len(), 3);
        page.open("/?to=2001-01-01").await;
        page.settled().await;
        assert!(page.names().await.is_empty());
        let today = "new Date(Date.now() - new Date().getTimezoneOffset() * 60000).toISOString().slice(0, 10)";
        let today = page.js(&format!("return {today}"), &[]).await;
        page.open(&format!("/?from={0}&to={0}&max_mb=1&sampler=", today.as_str().unwrap())).await;
        page.settled().await;
        assert_eq!(page.names().await.len(), 3, "both days count");
        page.open("/?min_width=many&seed=-1&type=text/html&like=x&mode=magic").await;
        page.settled().await;
        assert_eq!((page.names().await.len(), page.is_shown("#error").await), (3, false), "nonsense is left out");
    })
    .await;
}

#[tokio::test]
async fn nothing_moves_when_pictures_arrive() {
    with_demo(async |page| {
        page.add_samples(&SAMPLES).await;
        page.open("/").await;
        page.until("document.querySelector('#grid canvas') && !document.querySelector('#grid canvas:not(.shown)')").await;
        let shift = page
            .js_later(
                "const done = arguments[0]; let sum = 0;
                 const add = (list) => { for (const entry of list.getEntries()) sum += entry.value; };
                 new PerformanceObserver(add).observe({ type: 'layout-shift', buffered: true });
                 setTimeout(() => done(sum), 200)",
            )
            .await;
        assert!(shift.as_f64().unwrap() < 0.05, "layout shift {shift}");
    })
    .await;
}
