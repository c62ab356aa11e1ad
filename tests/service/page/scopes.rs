//! The page with keys of every scope, and under the prefix of a reverse proxy.

use mitsuke::access::{KeyDigest, KeyFile, Scope, StoredKey};
use reqwest::Method;
use reqwest::multipart::Form;
use serde_json::json;
use time::OffsetDateTime;

use crate::app::{Answer, file};
use crate::page::browser::DESKTOP;
use crate::page::tab::{Page, with};
use crate::pictures::png;

/// Writes a file of keys, each of which is the name of its scope twice, and returns its folder.
pub fn keys() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    KeyFile::change(&folder.path().join("keys.json"), |keys| {
        for scope in Scope::ALL {
            let sha256 = KeyDigest::of(&format!("{scope}-{scope}")).to_hex();
            let name = scope.to_string();
            keys.add(StoredKey { name, scope, created_at: OffsetDateTime::UNIX_EPOCH, expires_at: None, sha256 })?;
        }
        Ok(())
    })
    .unwrap();
    folder
}

/// Returns the ids of those buttons that are there.
async fn offered(page: &Page, ids: &[&str]) -> Vec<String> {
    let script = "return arguments[0].filter((id) => document.getElementById(id).checkVisibility())";
    serde_json::from_value(page.js(script, &[json!(ids)]).await).unwrap()
}

#[tokio::test]
async fn the_page_offers_what_the_key_may_do() {
    let folder = keys();
    let file_of_keys = folder.path().join("keys.json");
    for scope in Scope::ALL {
        with(DESKTOP, &[("MITSUKE_KEYS_FILE", file_of_keys.to_str().unwrap())], async |page| {
            let form = Form::new().part("file", file("a.png", png(1)));
            let upload = page.app.request(Method::POST, "/images").bearer_auth("admin-admin").multipart(form);
            assert_eq!(upload.send().await.unwrap().status(), 201);
            page.open("/").await;
            page.until("document.querySelector('#key').open").await;
            page.type_into("#key-value", &format!("{scope}-{scope}\u{e007}")).await;
            if scope == Scope::Search {
                page.until("document.querySelector('#error').textContent.includes('Enter a search')").await;
                assert!(page.names().await.is_empty());
            } else {
                page.until("document.querySelectorAll('#grid li').length === 1").await;
            }
            page.search("cat").await;
            page.until("document.querySelector('.card .shown')").await;
            assert!(!page.is_shown("#error").await, "{}", page.text("#error").await);
            let tools = offered(page, &["add", "duplicates-open", "model"]).await;
            page.enlarge("a.png").await;
            page.until("document.querySelector('#large').naturalWidth > 0").await;
            assert_eq!(page.text("#viewer-status").await, "");
            let actions = offered(page, &["similar", "download", "remove", "caption-edit", "tags-edit"]).await;
            let (expected_tools, expected_actions): (&[&str], &[&str]) = match scope {
                Scope::Search => (&[], &["similar"]),
                Scope::Read => (&["duplicates-open", "model"], &["similar", "download"]),
                Scope::Write | Scope::Admin => (
                    &["add", "duplicates-open", "model"],
                    &["similar", "download", "remove", "caption-edit", "tags-edit"],
                ),
            };
            assert_eq!(
                (tools, actions),
                (
                    expected_tools.iter().map(ToString::to_string).collect(),
                    expected_actions.iter().map(ToString::to_string).collect()
                ),
                "{scope}"
            );
            if scope != Scope::Search {
                page.click("#viewer-close").await;
                page.click("#model").await;
                page.until("document.querySelector('#models-list li')").await;
                let refreshes = offered(page, &["models-refresh"]).await;
                assert_eq!(refreshes.len(), usize::from(scope == Scope::Admin), "{scope}");
            }
        })
        .await;
    }
}

#[tokio::test]
async fn a_call_beyond_the_key_is_named_and_another_key_can_be_entered() {
    let folder = keys();
    let file_of_keys = folder.path().join("keys.json");
    with(DESKTOP, &[("MITSUKE_KEYS_FILE", file_of_keys.to_str().unwrap())], async |page| {
        page.open("/?image=1").await;
        page.until("document.querySelector('#key').open").await;
        page.type_into("#key-value", "search-search\u{e007}").await;
        page.until("document.querySelector('#error button')").await;
        let error = page.text("#error").await;
        assert!(error.contains("may only search"), "{error}");
        page.click("#error button").await;
        page.until("document.querySelector('#key').open").await;
        assert!(!page.is_shown("#key-wrong").await, "the key is right, and may too little");
    })
    .await;
}

#[tokio::test]
async fn the_page_works_under_a_prefix() {
    with(DESKTOP, &[("MITSUKE_PATH_PREFIX", "/my/pictures")], async |page| {
        let form = Form::new().part("file", file("a.png", png(1)));
        let upload = page.app.request(Method::POST, "/my/pictures/images").multipart(form).send().await.unwrap();
        assert_eq!(Answer::read(upload).await.status, 201);
        page.open("/my/pictures").await;
        page.settled().await;
        page.until("document.querySelector('.card .shown')").await;
        page.search("cat").await;
        assert_eq!(page.address().await, "/my/pictures/?q=cat");
        page.enlarge("a.png").await;
        page.until("document.querySelector('#large').naturalWidth > 0").await;
        page.reload().await;
        page.until("document.querySelector('#large').naturalWidth > 0").await;
        page.click("#viewer-close").await;
        page.drop_on("#drop-add", &[crate::page::tab::file("b.png", "image/png", &png(2))]).await;
        page.until("document.querySelector('#uploads-list .created')").await;
        page.click("#home").await;
        page.settled().await;
        assert_eq!(page.address().await, "/my/pictures/");
        page.until("document.querySelectorAll('#grid li').length === 2").await;
        page.open("/my/pictures/swagger-ui/").await;
        page.until("document.querySelectorAll('.opblock').length > 20").await;
        let own =
            |url: &String| !url.starts_with(&page.app.url) || url.starts_with(&format!("{}/my/pictures", page.app.url));
        let outside: Vec<_> = page.browser.requests().await.into_iter().filter(|url| !own(url)).collect();
        assert_eq!(outside, Vec::<String>::new());
    })
    .await;
}
