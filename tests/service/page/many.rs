//! Many selected pictures: their tags, prompts, ZIP file and deletion, as far as the key allows them.

use std::collections::BTreeMap;
use std::io::{Cursor, Read as _};
use std::path::Path;

use reqwest::Method;
use serde_json::{Value, json};

use crate::page::browser::DESKTOP;
use crate::page::scopes::keys;
use crate::page::tab::{Page, with, with_page};
use crate::pictures::{png, png_with_text};

const DELETE: &str = "\u{e017}";

/// Opens the page and selects all pictures.
async fn select_all(page: &Page) {
    page.open("/").await;
    page.settled().await;
    page.js("document.querySelector('#grid .card').focus()", &[]).await;
    page.press("\u{e009}a").await;
    page.until("!document.querySelector('#selection').hidden").await;
}

async fn tags(page: &Page, id: i64) -> Value {
    page.app.get(&format!("/images/{id}")).await.json["tags"].clone()
}

#[tokio::test]
async fn tags_of_many_pictures_are_added_and_removed() {
    with_page(async |page| {
        let ids = [page.app.add("a.png", png(1)).await, page.app.add("b.png", png(2)).await];
        page.app.send_json(Method::PATCH, &format!("/images/{}", ids[0]), &json!({"tags": ["old", "sea"]})).await;
        page.app.send_json(Method::PATCH, &format!("/images/{}", ids[1]), &json!({"tags": ["old"]})).await;
        select_all(page).await;
        page.click("#selection-tag").await;
        page.until("document.querySelectorAll('#tag-many-remove input').length === 2").await;
        assert_eq!(page.text("#tag-many-title").await, "Tags of 2 pictures");
        assert_eq!(page.text("#tag-many-remove").await, "old (2)\nsea (1)");
        page.click("#tag-many-remove input[value=old]").await;
        page.type_into("#tag-many-add", "旅行、Sea").await;
        page.click("#tag-many-save").await;
        page.until("!document.querySelector('#tag-many').open").await;
        assert_eq!(page.text("#selection-status").await, "Changed the tags of 2 pictures.");
        assert_eq!(
            (tags(page, ids[0]).await, tags(page, ids[1]).await),
            (json!(["sea", "旅行"]), json!(["旅行", "Sea"]))
        );
        page.enlarge("a.png").await;
        assert_eq!(page.text("#tags-text").await, "sea\n旅行", "the page shows them at once");
    })
    .await;
}

#[tokio::test]
async fn a_refusal_is_told_and_the_dialog_stays() {
    with_page(async |page| {
        page.app.add("a.png", png(1)).await;
        select_all(page).await;
        page.press("t").await;
        page.until("document.querySelector('#tag-many').open").await;
        page.type_into("#tag-many-add", &"x".repeat(101)).await;
        page.click("#tag-many-save").await;
        page.until("document.querySelector('#tag-many-status .bad')").await;
        let told = page.text("#tag-many-status").await;
        assert!(told.starts_with("1 of 1 picture could not be changed: "), "{told}");
        assert!(page.is_shown("#tag-many").await);
    })
    .await;
}

#[tokio::test]
async fn many_pictures_are_deleted_after_one_yes() {
    with_page(async |page| {
        for seed in 0..5 {
            page.app.add(&format!("{seed}.png"), png(seed)).await;
        }
        page.open("/").await;
        page.settled().await;
        page.js("document.querySelector('.card[title=\"4.png\"]').focus()", &[]).await;
        page.press("x").await;
        page.press("\u{e008}\u{e014}\u{e014}").await;
        page.press(DELETE).await;
        page.until("document.querySelector('#confirm').open").await;
        assert_eq!(page.text("#confirm-text").await, "Delete 3 pictures for good?");
        page.click("#confirm button[value=no]").await;
        assert_eq!(
            (page.app.get("/images").await.ids().len(), page.text("#selection-count").await.as_str()),
            (5, "3 selected")
        );
        page.click("#selection-remove").await;
        page.until("document.querySelector('#confirm').open").await;
        page.click("#confirm-yes").await;
        page.until("document.querySelector('#selection').hidden").await;
        assert_eq!(page.names().await, ["1.png", "0.png"]);
        assert_eq!(page.text("#status").await, "Deleted 3 pictures.");
        assert_eq!(page.app.get("/images").await.ids(), [2, 1]);
        page.until("document.activeElement.title === '1.png'").await;

        // One that somebody else has deleted is gone as well.
        page.press("x").await;
        page.app.request(Method::DELETE, "/images/2").send().await.unwrap();
        page.press(DELETE).await;
        page.until("document.querySelector('#confirm').open").await;
        assert_eq!(page.text("#confirm-text").await, "Delete “1.png” for good?");
        page.click("#confirm-yes").await;
        page.until("document.querySelectorAll('#grid li').length === 1").await;
    })
    .await;
}

#[tokio::test]
async fn prompts_of_many_pictures_are_copied() {
    with_page(async |page| {
        page.app.add("none.png", png(1)).await;
        page.app
            .add("a.png", png_with_text(2, &[("parameters", "a cat\nNegative prompt: dog\nSteps: 20, Seed: 1")]))
            .await;
        page.app.add("b.png", png_with_text(3, &[("parameters", "a tree\nSteps: 20, Seed: 2")])).await;
        select_all(page).await;
        let grant = json!({"permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"]});
        page.browser.cdp("Browser.grantPermissions", grant).await;
        page.click("#selection-copy").await;
        page.until("document.querySelector('#selection-status').textContent.startsWith('Copied')").await;
        assert_eq!(page.text("#selection-status").await, "Copied 2 prompts (1 picture without one).");
        let copied = page.js_later("navigator.clipboard.readText().then(arguments[0])").await;
        assert_eq!(copied, "a tree\n\na cat");
        page.click("#selection-clear").await;

        page.js("document.querySelector('.card[title=\"none.png\"]').focus()", &[]).await;
        page.press("x").await;
        page.click("#selection-copy").await;
        page.until(
            "document.querySelector('#selection-status').textContent === 'None of these pictures has a prompt.'",
        )
        .await;
        assert_eq!(page.js_later("navigator.clipboard.readText().then(arguments[0])").await, copied);
    })
    .await;
}

/// Lets the browser save downloads in a folder.
async fn save_in(page: &Page, folder: &Path) {
    let behaviour = json!({"behavior": "allow", "downloadPath": folder.to_str().unwrap()});
    page.browser.cdp("Browser.setDownloadBehavior", behaviour).await;
}

/// Waits for the only file of a folder, which its browser names when it is complete.
async fn saved(page: &Page, folder: &Path, extension: &str) -> Vec<u8> {
    for _ in 0..600 {
        let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        if let Some(path) = files.into_iter().find(|path| path.extension().is_some_and(|known| known == extension)) {
            return std::fs::read(path).unwrap();
        }
        page.js_later("setTimeout(arguments[0], 50)").await;
    }
    panic!("the browser saved no .{extension}");
}

#[tokio::test]
async fn many_pictures_are_downloaded_as_a_zip_file_and_one_as_itself() {
    let folder = keys();
    let file_of_keys = folder.path().join("keys.json");
    for (settings, key) in [(vec![], ""), (vec![("MITSUKE_KEYS_FILE", file_of_keys.to_str().unwrap())], "write-write")]
    {
        with(DESKTOP, &settings, async |page| {
            let mut expected = BTreeMap::new();
            page.open("/").await;
            if !key.is_empty() {
                page.until("document.querySelector('#key').open").await;
                page.type_into("#key-value", &format!("{key}\u{e007}")).await;
            }
            page.settled().await;
            let names = ["a.png", "b.png", "海.png"];
            let files: Vec<_> =
                (1..).zip(names).map(|(seed, name)| crate::page::tab::file(name, "image/png", &png(seed))).collect();
            page.drop_on("#drop-add", &files).await;
            page.until("document.querySelectorAll('#grid li').length === 3").await;
            for (seed, name) in (1..).zip(names) {
                expected.insert(name.to_owned(), png(seed));
            }
            page.click("#uploads-close").await;

            let downloads = tempfile::tempdir().unwrap();
            save_in(page, downloads.path()).await;
            page.js("document.querySelector('#grid .card').focus()", &[]).await;
            page.press("\u{e009}a").await;
            page.click("#selection-download").await;
            page.until("document.querySelector('#selection-status').textContent === 'Downloaded 3 pictures.'").await;
            let mut archive = zip::ZipArchive::new(Cursor::new(saved(page, downloads.path(), "zip").await)).unwrap();
            let mut found = BTreeMap::new();
            for at in 0..archive.len() {
                let mut entry = archive.by_index(at).unwrap();
                let mut bytes = vec![];
                entry.read_to_end(&mut bytes).unwrap();
                found.insert(entry.name().unwrap().into_owned(), bytes);
            }
            assert!(found == expected, "{:?}", found.keys());

            page.click("#selection-clear").await;
            page.js("document.querySelector('.card[title=\"b.png\"]').focus()", &[]).await;
            page.press("x").await;
            page.click("#selection-download").await;
            assert!(saved(page, downloads.path(), "png").await == png(2));
        })
        .await;
    }
}

#[tokio::test]
async fn the_bar_offers_what_the_key_may_do() {
    let folder = keys();
    let file_of_keys = folder.path().join("keys.json");
    with(DESKTOP, &[("MITSUKE_KEYS_FILE", file_of_keys.to_str().unwrap())], async |page| {
        let form = reqwest::multipart::Form::new().part("file", crate::app::file("a.png", png(1)));
        let upload = page.app.request(Method::POST, "/images").bearer_auth("admin-admin").multipart(form);
        assert_eq!(upload.send().await.unwrap().status(), 201);
        page.open("/").await;
        page.until("document.querySelector('#key').open").await;
        page.type_into("#key-value", "read-read\u{e007}").await;
        page.until("document.querySelectorAll('#grid li').length === 1").await;
        page.js("document.querySelector('#grid .card').focus()", &[]).await;
        page.press("x").await;
        let offered = page
            .js("return [...document.querySelectorAll('#selection button')].filter((b) => b.checkVisibility()).map((b) => b.id)", &[])
            .await;
        assert_eq!(offered, json!(["selection-download", "selection-copy", "selection-clear"]));
        page.press(DELETE).await;
        page.press("t").await;
        assert!(!page.is_shown("#confirm").await && !page.is_shown("#tag-many").await, "keys do no more than buttons");
    })
    .await;
}
