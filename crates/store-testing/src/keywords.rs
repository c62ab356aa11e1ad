//! Finding images by the words of their captions, prompts and file names.

use mitsuke_store::{Filter, ImageId, ImagePatch, KeywordSearch, Page, Store, StoreError};

use crate::fixtures::*;

pub fn one_character_is_found_inside_longer_text(store: &dyn Store) {
    let end = picture("1").caption("窓辺で眠る猫").insert(store);
    let middle = picture("2").caption("黒い猫が走る").insert(store);
    let start = picture("3").caption("猫と犬").insert(store);
    let alone = picture("4").caption("猫").insert(store);
    let among_words = picture("5").caption("cute猫photo").insert(store);
    picture("6").caption("犬だけ").insert(store);
    assert_eq!(sorted(found(store, &["猫"])), [end, middle, start, alone, among_words]);
    assert!(found(store, &["鳥"]).is_empty());
}

pub fn two_and_more_characters_are_found_inside_longer_text(store: &dyn Store) {
    let portrait = picture("1").caption("美しい女性の肖像画").insert(store);
    let car = picture("2").caption("東京の街を走る青い車、夕焼け").insert(store);
    let alone = picture("3").caption("女性").insert(store);
    // The characters all occur, but not side by side.
    picture("4").caption("女の子と男性、車は青い").insert(store);
    assert_eq!(sorted(found(store, &["女性"])), [portrait, alone]);
    assert_eq!(found(store, &["青い車"]), [car]);
    assert_eq!(found(store, &["東京の街を走る青い車"]), [car]);
    assert!(found(store, &["東京の街を走る青い車と"]).is_empty());
    assert!(found(store, &["車夕"]).is_empty());
}

pub fn the_spelling_that_was_asked_for_comes_first(store: &dyn Store) {
    let katakana = picture("1").caption("ネコ").insert(store);
    let hiragana = picture("2").caption("ねこ").insert(store);
    for n in 0..9 {
        picture(&format!("other {n}")).caption("イヌ").insert(store);
    }
    assert_eq!(found(store, &["ﾈｺ"]), [katakana, hiragana]);
    assert_eq!(sorted(found(store, &["ねこ"])), [katakana, hiragana]);
}

pub fn english_words_are_found_whole_and_in_any_case(store: &dyn Store) {
    let cat = picture("1").caption("A Cat on the roof").insert(store);
    let number = picture("2").caption("1girl, blue_eyes, 8k").insert(store);
    picture("3").caption("concatenate").insert(store);
    assert_eq!(found(store, &["cat"]), [cat]);
    assert_eq!(found(store, &["CAT"]), [cat]);
    assert_eq!(found(store, &["1girl"]), [number]);
    assert_eq!(found(store, &["eyes"]), [number]);
    assert_eq!(found(store, &["8K"]), [number]);
    assert!(found(store, &["ca"]).is_empty());
}

pub fn every_term_is_required_wherever_it_stands(store: &dyn Store) {
    let both = picture("1").caption("masterpiece, 猫").insert(store);
    let apart = picture("2").caption("眠る猫").prompt("masterpiece, best quality").insert(store);
    picture("3").caption("猫").insert(store);
    picture("4").caption("masterpiece").insert(store);
    assert_eq!(sorted(found(store, &["masterpiece", "猫"])), [both, apart]);
    assert_eq!(sorted(found(store, &["猫", "masterpiece"])), [both, apart]);
    assert_eq!(found(store, &["quality", "眠る"]), [apart]);
    assert!(found(store, &["masterpiece", "猫", "犬"]).is_empty());
    assert_eq!(sorted(found(store, &["猫", "猫", "masterpiece"])), [both, apart]);
}

pub fn a_phrase_asks_for_words_in_order(store: &dyn Store) {
    let phrase = picture("1").caption("portrait, cinematic lighting, film").insert(store);
    picture("2").caption("lighting that is cinematic").insert(store);
    picture("3").caption("cinematic").prompt("lighting").insert(store);
    assert_eq!(found(store, &["cinematic lighting"]), [phrase]);
    assert_eq!(found(store, &["Cinematic  LIGHTING, film"]), [phrase]);
    assert_eq!(found(store, &["cinematic", "lighting"]).len(), 3);
}

pub fn scripts_mix_within_a_term(store: &dyn Store) {
    let car = picture("1").caption("赤いSUV車両").insert(store);
    let shirt = picture("2").caption("白いTシャツを着た猫").insert(store);
    picture("3").caption("車のSUV").insert(store);
    assert_eq!(found(store, &["SUV車"]), [car]);
    assert_eq!(found(store, &["SUV車両"]), [car]);
    assert_eq!(found(store, &["い SUV"]), [car]);
    assert_eq!(found(store, &["Tシャツ"]), [shirt]);
    assert_eq!(found(store, &["ｔシャツを"]), [shirt]);
}

pub fn captions_prompts_and_file_names_are_searched(store: &dyn Store) {
    let caption = picture("1").caption("lantern").insert(store);
    let prompt = picture("2").prompt("a lantern").insert(store);
    let name = picture("3").named("my_lantern-2024.jpg").insert(store);
    assert_eq!(sorted(found(store, &["lantern"])), [caption, prompt, name]);
    assert_eq!(found(store, &["2024", "jpg"]), [name]);
}

pub fn readable_prompts_are_searched_also_where_the_raw_one_escapes_them(store: &dyn Store) {
    let raw = r#"prompt:{"6": {"inputs": {"text": "\u7740\u7269\u306e\u5973\u6027\nwith a fan"}}}"#;
    let both = picture("1").prompt(raw).generation(r#"{"prompt":"着物の女性\nwith a fan","seed":7}"#).insert(store);
    let odd = picture("2").prompt("x").generation("not even JSON").insert(store);
    assert_eq!(found(store, &["着物の女性"]), [both]);
    assert_eq!(found(store, &["with a fan"]), [both]);
    assert_eq!(found(store, &["x"]), [odd]);
}

pub fn what_a_program_wrote_around_a_prompt_is_no_hit(store: &dyn Store) {
    let parts =
        r#"{"prompt": "a cat", "negative_prompt": "blurry", "sampler": "Euler", "model": "dreamXL", "seed": 7}"#;
    let raw = "parameters:a cat\nNegative prompt: blurry\nSteps: 3, Sampler: Euler, Seed: 7, Model: dreamXL";
    let read = picture("1").prompt(raw).generation(parts).insert(store);
    let graph = r#"workflow:{"nodes": [{"type": "MyEncoder", "title": "My Encoder", "text": "a cat", "negative": "blurry dog",
                   "sampler_name": "Euler a", "widgets_values": ["夕焼け, calm sea", 7]}], "links": []}"#;
    let unread = picture("2").prompt(graph).insert(store);
    assert_eq!(sorted(found(store, &["cat"])), [read, unread]);
    assert_eq!(found(store, &["dreamxl"]), [read], "the model that made it is a name that people look for");
    assert_eq!(found(store, &["夕焼け", "calm sea"]), [unread]);
    for label in [
        "blurry",
        "negative",
        "steps",
        "sampler",
        "euler",
        "parameters",
        "workflow",
        "nodes",
        "title",
        "encoder",
        "links",
    ] {
        assert!(found(store, &[label]).is_empty(), "{label}");
    }
}

pub fn of_many_words_the_rarest_decide(store: &dyn Store) {
    let words = |range: std::ops::Range<usize>| range.map(|n| format!("word{n:02}")).collect::<Vec<_>>();
    let prompt = picture("1").caption(&words(0..40).join(" ")).insert(store);
    let near = picture("2").caption(&words(3..30).join(", ")).insert(store);
    for n in 0..9 {
        picture(&format!("common {n}")).caption(&words(10..60).join(" ")).insert(store);
    }
    let narrowed = store.narrowed(&words(0..80)).unwrap();
    // Image 1 alone has words 0 to 2; images 1 and 2 have words 3 to 9.
    assert_eq!((narrowed.terms.as_slice(), narrowed.least), (words(0..6).as_slice(), 3));
    assert_eq!(narrowed.left_out, words(6..80));
    let page = Page::first(10);
    let search = |least| {
        let search = KeywordSearch { terms: &narrowed.terms, least, exclude: &[], page: &page };
        let hits = store.search_keyword(&search).unwrap().hits;
        sorted(hits.iter().map(|hit| hit.image_id).collect())
    };
    assert_eq!(
        (search(6), search(4), search(3), search(1)),
        (vec![prompt], vec![prompt], vec![prompt, near], vec![prompt, near])
    );
    // A word that no image holds takes no part, and a query of such words finds nothing.
    assert!(store.narrowed(&words(60..99)).unwrap().terms.is_empty());
    let short = ["word00".to_owned(), "nowhere".to_owned()];
    assert_eq!(store.narrowed(&short).unwrap().terms, short, "a short query requires all of its terms");
    assert_eq!(
        store.count_matches(&["word05".into(), "word20".into(), "x".into(), "!".into()], 5).unwrap(),
        [2, 5, 0, 0]
    );
}

pub fn a_pasted_prompt_of_any_length_is_answered(store: &dyn Store) {
    let sentence = "着物の女性が桜の下に立ち、「サクラ」と書かれた傘を持っている。";
    let kimono = picture("1").caption(sentence).insert(store);
    picture("2").caption("青い車").insert(store);
    let numbered = (0..400).map(|n| format!("style{n}, 着物 桜の傘 ")).collect::<String>();
    for pasted in [sentence.repeat(100), format!("\"{}\"", sentence.repeat(9)), numbered] {
        let narrowed = store.narrowed(&mitsuke_store::terms(&pasted)).unwrap();
        let page = Page::first(10);
        let search = KeywordSearch { terms: &narrowed.terms, least: narrowed.least, exclude: &[], page: &page };
        let hits = store.search_keyword(&search).unwrap().hits;
        assert_eq!(hits.iter().map(|hit| hit.image_id).collect::<Vec<_>>(), [kimono], "{:?}", narrowed.terms);
    }
}

pub fn no_input_is_syntax(store: &dyn Store) {
    let texts = ["cat", "dog", "near the or not and caption"];
    let ids = texts.map(|text| picture(text).named("x").caption(text).insert(store));
    let [_, dog, near] = ids;
    let hostile = [
        "\" OR *",
        "NEAR(cat dog)",
        "cat OR dog",
        "cat NOT dog",
        "cat AND dog",
        "caption:cat",
        "{caption}:cat dog",
        "^dog cat",
        "cat + dog",
        "' OR 1=1 --",
        "'; DROP TABLE images; --",
        "cat\u{0}dog",
        "%cat%dog",
        "c*",
        "ca%",
        "c_t",
        "{cat} {dog}",
        "$cat",
        "about(cat)",
        "fuzzy(cat)",
        "cat ACCUM dog",
        "cat;dog",
        "\\",
        "((((",
        "))))",
        "}{",
        "\"\"\"",
        "cat\"dog",
        "!cat",
        "cat*",
        "-dog",
        "NOT and",
        "-",
        "*",
    ];
    let words = |text: &str| -> Vec<String> {
        text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_lowercase).collect()
    };
    for term in hostile {
        // The phrase matches its words in their order only.
        let phrase = words(term);
        let holds = |text: &&str| !phrase.is_empty() && words(text).windows(phrase.len()).any(|part| part == phrase);
        let expected: Vec<_> = ids.iter().zip(&texts).filter(|(_, text)| holds(text)).map(|(id, _)| *id).collect();
        assert_eq!(sorted(found(store, &[term])), expected, "{term:?}");
    }
    // Operators are words.
    assert_eq!(found(store, &["or"]), [near]);
    assert_eq!(found(store, &["NOT", "AND", "Near"]), [near]);
    assert_eq!(found(store, &["dog", "*"]), [dog]);
    let many: Vec<String> = (0..5000).map(|n| format!("word{n}")).collect();
    let search = KeywordSearch { terms: &many, least: usize::MAX, exclude: &[], page: &Page::first(10) };
    assert!(matches!(store.search_keyword(&search), Err(StoreError::BadKeywords(_))), "every term is required");
    // A repeated word is one term.
    assert_eq!(found(store, &vec!["dog"; 5000]), [dog]);
    for endless in ["猫".repeat(20_000), "cat ".repeat(5_000)] {
        let search = KeywordSearch { terms: &[endless], least: usize::MAX, exclude: &[], page: &Page::first(10) };
        // A store may have no limit of its own.
        match store.search_keyword(&search) {
            Ok(found) => assert!(found.hits.is_empty()),
            Err(error) => assert!(matches!(error, StoreError::BadKeywords(_)), "{error}"),
        }
    }
    assert_eq!(store.count_images().unwrap(), 3);
}

pub fn terms_without_a_letter_find_nothing_and_hinder_nothing(store: &dyn Store) {
    let cat = picture("1").caption("猫").insert(store);
    assert!(found(store, &["!?", "。", ""]).is_empty());
    assert!(found(store, &[]).is_empty());
    assert_eq!(found(store, &["猫", "&", "—"]), [cat]);
}

pub fn changed_texts_are_found_by_their_new_words_only(store: &dyn Store) {
    let image_id = picture("1").caption("猫 old").prompt("castle").insert(store);
    let caption = |text: Option<&str>| ImagePatch { caption: Some(text.map(Into::into)), ..ImagePatch::default() };
    store.update_image(image_id, &caption(Some("犬 new"))).unwrap();
    assert!(found(store, &["猫"]).is_empty());
    assert!(found(store, &["old"]).is_empty());
    assert_eq!(found(store, &["犬", "new", "castle"]), [image_id]);
    store.update_image(image_id, &caption(None)).unwrap();
    assert!(found(store, &["犬"]).is_empty());
    let prompt = ImagePatch {
        generation_prompt: Some(Some(("raw".into(), serde_json::from_str(r#"{"prompt":"寿司"}"#).ok()))),
        ..ImagePatch::default()
    };
    store.update_image(image_id, &prompt).unwrap();
    assert!(found(store, &["castle"]).is_empty());
    assert_eq!(found(store, &["寿司"]), [image_id]);
    assert!(found(store, &["raw"]).is_empty(), "the readable prompt stands for the raw one");
    store.update_image(image_id, &ImagePatch { generation_prompt: Some(None), ..ImagePatch::default() }).unwrap();
    assert!(found(store, &["寿司"]).is_empty());
    assert_eq!(found(store, &["1"]), [image_id]);
}

pub fn deleted_images_are_not_found(store: &dyn Store) {
    let ids: Vec<_> = (0..20).map(|n| picture(&n.to_string()).caption("猫 cat").insert(store)).collect();
    for image_id in &ids[5..] {
        assert!(store.delete_image(*image_id).unwrap());
    }
    assert_eq!(sorted(found(store, &["猫"])), ids[..5]);
    assert_eq!(sorted(found(store, &["cat"])), ids[..5]);
}

pub fn pages_are_stable_and_complete(store: &dyn Store) {
    for n in 0..60_u16 {
        let text = format!("猫 {}", "word ".repeat(usize::from(n % 7)));
        picture(&n.to_string()).caption(&text).insert(store);
    }
    let filter = Filter::default();
    let whole = found(store, &["猫"]);
    assert_eq!(sorted(whole.clone()), sorted(newest_ids(store)));
    let pages: Vec<_> = (0..9).flat_map(|page| found_with(store, &["猫"], &filter, page * 7, 7)).collect();
    assert_eq!(pages, whole);
    assert!(found_with(store, &["猫"], &filter, 60, 7).is_empty());
    assert!(found_with(store, &["猫"], &filter, usize::MAX, usize::MAX).is_empty());
    assert!(found_with(store, &["猫"], &filter, 0, 0).is_empty());
    let terms = ["猫".to_owned()];
    let page = Page { filter, ..Page::first(100) };
    let hits = store
        .search_keyword(&KeywordSearch { terms: &terms, least: usize::MAX, exclude: &[], page: &page })
        .unwrap()
        .hits;
    assert!(hits.is_sorted_by(|a, b| a.score >= b.score), "scores fall from hit to hit");
}

pub fn better_matches_come_first(store: &dyn Store) {
    let noise = "lorem ipsum dolor sit amet consectetur ".repeat(20);
    for n in 0..20 {
        picture(&format!("other {n}")).caption(&noise).insert(store);
    }
    let in_passing = picture("1").caption(&format!("{noise} sunset {noise}")).insert(store);
    let about_it = picture("2").caption("sunset, a red sunset").insert(store);
    let also_in_passing = picture("3").caption(&format!("{noise} sunset {noise}")).insert(store);
    let hits = found(store, &["sunset"]);
    assert_eq!(hits[0], about_it);
    assert_eq!(sorted(hits), [in_passing, about_it, also_in_passing]);
}

pub fn very_long_texts_are_taken(store: &dyn Store) {
    let graph = format!("prompt:{{\"text\": \"猫 {}\"}}", "node, ".repeat(200_000));
    let caption = "青い車".repeat(10_000);
    let image_id = picture("1").prompt(&graph).caption(&caption).insert(store);
    let image = store.image(image_id).unwrap().unwrap();
    assert_eq!(image.generation_prompt.as_deref(), Some(graph.as_str()));
    assert_eq!(image.caption.as_deref(), Some(caption.as_str()));
    assert_eq!(found(store, &["猫", "青い車", "node"]), [image_id]);
}

pub fn excluded_images_are_left_out_and_replaced(store: &dyn Store) {
    let ids: Vec<_> = (0..20).map(|n| picture(&n.to_string()).caption("猫").insert(store)).collect();
    let terms = ["猫".to_owned()];
    let page = |exclude: &[ImageId], offset, limit| -> Vec<_> {
        let page = Page { offset, ..Page::first(limit) };
        let search = KeywordSearch { terms: &terms, least: usize::MAX, exclude, page: &page };
        store.search_keyword(&search).unwrap().hits.iter().map(|hit| hit.image_id).collect()
    };
    let all = page(&[], 0, 100);
    let left_out = [all[0], all[3], 999_999];
    let left: Vec<_> = ids.iter().copied().filter(|id| !left_out.contains(id)).collect();
    assert_eq!(sorted(page(&left_out, 0, 100)), left);
    assert_eq!((0..6).flat_map(|n| page(&left_out, n * 3, 3)).collect::<Vec<_>>(), page(&left_out, 0, 100));
}

pub fn symbols_and_emoji_are_words(store: &dyn Store) {
    let cat = picture("1").caption("窓辺の🐱とお茶☕").insert(store);
    let star = picture("2").caption("rated ★★★ by all").insert(store);
    let arrow = picture("3").prompt("north → south, ⭐").insert(store);
    picture("4").caption("plain").insert(store);
    assert_eq!(found(store, &["🐱"]), [cat]);
    assert_eq!(found(store, &["☕"]), [cat]);
    assert_eq!(found(store, &["★"]), [star]);
    assert_eq!(found(store, &["★★"]), [star]);
    assert_eq!(found(store, &["→"]), [arrow]);
    assert_eq!(found(store, &["⭐", "south"]), [arrow]);
    assert_eq!(found(store, &["の🐱"]), [cat]);
    assert!(found(store, &["🐶"]).is_empty());
    assert!(found(store, &["🐱", "★"]).is_empty());
}
