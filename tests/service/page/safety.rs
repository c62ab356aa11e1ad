//! The Content-Security-Policy of the page, and texts that look like code.

use std::collections::BTreeMap;

use crate::page::tab::with_page;
use crate::pictures::png;

#[tokio::test]
async fn the_policy_allows_own_files_only_and_no_code_from_text() {
    with_page(async |page| {
        let answer = page.app.get("/").await;
        let policy = answer.header("content-security-policy").to_owned();
        for part in [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "form-action 'none'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
            "require-trusted-types-for 'script'",
        ] {
            assert!(policy.contains(part), "{part} in {policy}");
        }
        assert!(!policy.contains("unsafe") && !policy.contains('*') && !policy.contains("http"), "{policy}");
        page.app.add("a.png", png(1)).await;
        page.open("/").await;
        page.settled().await;
        let broken =
            "try { document.body.innerHTML = '<b>x</b>'; return 'allowed' } catch (error) { return error.name }";
        assert_eq!(page.js(broken, &[]).await, "TypeError", "HTML from text is refused by the browser itself");
        let said = page.browser.console().await;
        assert!(said.len() <= 1 && said.iter().all(|line| line.contains("TrustedHTML")), "{said:?}");
    })
    .await;
}

#[tokio::test]
async fn every_word_is_there_in_every_language_and_every_element_names_one() {
    with_page(async |page| {
        page.open("/").await;
        page.settled().await;
        let wrong = page
            .js_later(
                "const done = arguments[0];
                 import('/assets/languages.js').then(({ ENGLISH, LANGUAGES }) => {
                   const wrong = [];
                   const holes = (text) => (text.match(/\\{\\w+\\}/g) ?? []).sort().join();
                   for (const { code, words } of LANGUAGES)
                     for (const key of new Set(Object.keys({ ...ENGLISH.words, ...words })))
                       if (!words[key] || holes(words[key]) !== holes(ENGLISH.words[key] ?? '')) wrong.push(`${code}: ${key}`);
                   for (const attribute of ['text', 'label', 'title', 'placeholder', 'alt'])
                     for (const node of document.querySelectorAll(`[data-${attribute}]`))
                       if (!(node.dataset[attribute] in ENGLISH.words)) wrong.push(node.dataset[attribute]);
                   done(wrong);
                 })",
            )
            .await;
        assert_eq!(wrong, serde_json::json!([]));
    })
    .await;
}

#[tokio::test]
async fn every_problem_of_the_service_has_words_in_every_language() {
    with_page(async |page| {
        page.open("/").await;
        page.settled().await;
        let words = page
            .js_later(
                "const done = arguments[0];
                 import('/assets/languages.js').then(({ LANGUAGES }) =>
                   done(Object.fromEntries(LANGUAGES.map(({ code, words }) => [code, Object.keys(words)]))))",
            )
            .await;
        let words: BTreeMap<String, Vec<String>> = serde_json::from_value(words).unwrap();
        assert!(words.contains_key("en") && words.contains_key("ja"));
        for (language, words) in words {
            let codes = mitsuke::error::ErrorCode::ALL.iter().map(|code| format!("problem_{}", code.as_str()));
            let silent: Vec<_> = codes.filter(|code| !words.contains(code)).collect();
            assert!(silent.is_empty(), "{language}: {silent:?}");
        }
    })
    .await;
}
