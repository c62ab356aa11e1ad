//! Facets and suggestions.

use mitsuke_store::{
    Facet, FacetCounts, FacetStore as _, Filter, ImageId, ImagePatch, Store, Suggestion, SuggestionKind,
};
use time::macros::datetime;

use crate::collections::{Numbers, fill, random_filter};
use crate::fixtures::*;
use crate::reference::Reference;

fn facet(store: &dyn Store, filter: &Filter, facet: Facet, limit: usize) -> FacetCounts {
    let mut counts = store.facets(filter, &[facet], limit).unwrap();
    assert_eq!((counts.len(), counts[0].facet), (1, facet));
    counts.remove(0)
}

fn values(counts: &FacetCounts) -> Vec<(&str, u64)> {
    counts.values.iter().map(|value| (value.value.as_str(), value.count)).collect()
}

fn generated(name: &str, json: &str) -> Picture {
    picture(name).prompt("raw").generation(json)
}

pub fn facets_count_what_passes(store: &dyn Store) {
    generated("1", r#"{"model":"sdxl","sampler":"Euler"}"#).tagged(&["cat", "sea"]).sized(100, 100).insert(store);
    generated("2", r#"{"model":"flux","sampler":"Euler"}"#).tagged(&["cat"]).sized(200, 100).insert(store);
    generated("3", r#"{"model":"sdxl"}"#).of_type("image/webp").sized(200, 100).insert(store);
    picture("4").tagged(&["dog"]).sized(200, 100).insert(store);
    let none = Filter::default();
    let wide = Filter { min_width: Some(200), ..Filter::default() };
    let tags = facet(store, &none, Facet::Tag, 10);
    assert_eq!((values(&tags), tags.more, tags.without), (vec![("cat", 2), ("dog", 1), ("sea", 1)], false, 1));
    let tags = facet(store, &wide, Facet::Tag, 10);
    assert_eq!((values(&tags), tags.more, tags.without), (vec![("cat", 1), ("dog", 1)], false, 1));
    let tags = facet(store, &none, Facet::Tag, 2);
    assert_eq!((values(&tags), tags.more), (vec![("cat", 2), ("dog", 1)], true));
    assert_eq!(values(&facet(store, &none, Facet::Tag, 0)), []);
    assert_eq!(values(&facet(store, &none, Facet::Checkpoint, 10)), [("sdxl", 2), ("flux", 1)]);
    assert_eq!(values(&facet(store, &wide, Facet::Checkpoint, 10)), [("flux", 1), ("sdxl", 1)]);
    let samplers = facet(store, &none, Facet::Sampler, 10);
    assert_eq!((values(&samplers), samplers.without), (vec![("Euler", 2)], 2));
    assert_eq!(values(&facet(store, &none, Facet::FileType, 10)), [("image/png", 3), ("image/webp", 1)]);
    let both = store.facets(&none, &[Facet::FileType, Facet::Tag], 1).unwrap();
    assert_eq!(both.iter().map(|counts| counts.facet).collect::<Vec<_>>(), [Facet::FileType, Facet::Tag]);
    let nothing = Filter { tags: strings(&["none"]), ..Filter::default() };
    for counts in store.facets(&nothing, &Facet::ALL, 10).unwrap() {
        assert_eq!((counts.values.len(), counts.more, counts.without), (0, false, 0), "{:?}", counts.facet);
    }
}

pub fn facet_spelling_is_the_oldest(store: &dyn Store) {
    let json = |model: &str, lora: &str| format!(r#"{{"model":"{model}","loras":[{{"name":"{lora}"}}]}}"#);
    let first = generated("1", &json("SDXL", "x/Ink.pt")).tagged(&["Cat"]).sized(9, 9).insert(store);
    generated("2", &json("sdxl", "ＩＮＫ")).tagged(&["CAT"]).insert(store);
    generated("3", &json("Sdxl", "ink")).tagged(&["cat"]).insert(store);
    let spelled = |filter: &Filter| {
        [Facet::Checkpoint, Facet::Lora, Facet::Tag].map(|name| {
            let counts = facet(store, filter, name, 10);
            assert_eq!(counts.values.len(), 1, "{counts:?}");
            (counts.values[0].value.clone(), counts.values[0].count)
        })
    };
    let expected = |texts: [&str; 3], count| texts.map(|text| (text.to_owned(), count));
    assert_eq!(spelled(&Filter::default()), expected(["SDXL", "Ink", "Cat"], 3));
    // The oldest of those that pass counts.
    let wide = Filter { min_width: Some(10), ..Filter::default() };
    assert_eq!(spelled(&wide), expected(["sdxl", "ＩＮＫ", "CAT"], 2));
    store.delete_image(first).unwrap();
    assert_eq!(spelled(&Filter::default()), expected(["sdxl", "ＩＮＫ", "CAT"], 2));
}

pub fn facets_of_time_camera_and_folder(store: &dyn Store) {
    let insert = |name: &str, local, camera: &str, path: &str| {
        picture(name).taken(local).by_camera(camera).from_path(path).insert(store)
    };
    insert("1", datetime!(2024-05-01 0:00), "Canon EOS R5", "Photos/2024/a.jpg");
    insert("2", datetime!(2024-05-31 23:59:59.999999), "CANON EOS R5", "photos/2024/b.jpg");
    insert("3", datetime!(1969-12-31 23:59:59.999999), "X100V", "Photos/c.jpg");
    picture("4").from_path("d.jpg").insert(store);
    picture("5").insert(store);
    let none = Filter::default();
    let months = facet(store, &none, Facet::Month, 10);
    assert_eq!((values(&months), months.without), (vec![("2024-05", 2), ("1969-12", 1)], 2));
    let cameras = facet(store, &none, Facet::Camera, 10);
    assert_eq!((values(&cameras), cameras.without), (vec![("Canon EOS R5", 2), ("X100V", 1)], 2));
    let folders = facet(store, &none, Facet::Folder, 10);
    assert_eq!((values(&folders), folders.without), (vec![("/Photos/2024", 2), ("/", 1), ("/Photos", 1)], 1));
    fill(store, 40, 11);
    facets_agree(store);
}

/// Asserts that facets are as defined, with and without filters.
fn facets_agree(store: &dyn Store) {
    let mut numbers = Numbers::new(12);
    let mut filters: Vec<_> = (0..20).map(|_| random_filter(&mut numbers)).collect();
    filters.push(Filter::default());
    for filter in filters {
        for limit in [2, 100] {
            let expected = Reference(store).facets(&filter, &Facet::ALL, limit).unwrap();
            assert_eq!(store.facets(&filter, &Facet::ALL, limit).unwrap(), expected, "{filter:?}");
        }
    }
}

fn suggested(store: &dyn Store, prefix: &str, kind: SuggestionKind, limit: usize) -> Vec<(String, u64)> {
    let suggestions = store.suggestions(prefix, &[kind], limit).unwrap();
    assert!(suggestions.iter().all(|suggestion| suggestion.kind == kind));
    suggestions.into_iter().map(|suggestion| (suggestion.text, suggestion.count)).collect()
}

fn texts(texts: &[(&str, u64)]) -> Vec<(String, u64)> {
    texts.iter().map(|(text, count)| ((*text).to_owned(), *count)).collect()
}

pub fn suggestions_of_tags_words_and_names(store: &dyn Store) {
    use SuggestionKind::{FileName, Tag, Word};
    generated("1", r#"{"prompt":"Sunset, a sea 夕焼け (sunlight:1.2)"}"#)
        .named("sea10.png")
        .tagged(&["Sea", "夕焼け"])
        .insert(store);
    generated("2", r#"{"prompt":"sunset サクラ"}"#).named("Sea9.png").tagged(&["sea", "season", "夕方"]).insert(store);
    picture("3").named("SEA9.PNG").tagged(&["season", "seaside"]).caption("sunday").insert(store);
    assert_eq!(suggested(store, "ＳＥＡ", Tag, 10), texts(&[("Sea", 2), ("season", 2), ("seaside", 1)]));
    assert_eq!(suggested(store, "seas", Tag, 1), texts(&[("season", 2)]));
    assert_eq!(suggested(store, "夕", Tag, 10), texts(&[("夕方", 1), ("夕焼け", 1)]));
    assert_eq!(suggested(store, "sun", Word, 10), texts(&[("sunset", 2), ("sunlight", 1)]));
    assert_eq!(suggested(store, "さく", Word, 10), texts(&[("さくら", 1)]));
    assert_eq!(suggested(store, "サク", Word, 10), texts(&[("さくら", 1)]));
    assert_eq!(suggested(store, "sea", FileName, 10), texts(&[("Sea9.png", 2), ("sea10.png", 1)]));
    assert_eq!(suggested(store, "sea1", FileName, 10), texts(&[("sea10.png", 1)]));
    assert!(suggested(store, "nothing", Tag, 10).is_empty() && suggested(store, "%", FileName, 10).is_empty());
    assert!(suggested(store, "sea", Tag, 0).is_empty());
    assert_eq!(suggested(store, "  ", Word, 1), texts(&[("sunset", 2)]));
    let kinds: Vec<_> =
        store.suggestions("sea", &[FileName, Tag], 1).unwrap().into_iter().map(|suggestion| suggestion.kind).collect();
    assert_eq!(kinds, [FileName, Tag]);
    fill(store, 40, 13);
    suggestions_agree(store);
}

/// Asserts that suggestions are as defined.
fn suggestions_agree(store: &dyn Store) {
    for prefix in
        ["", "a", "A0", "c", "cat", "ねこ", "ネ", "猫", "海", "img_", "img_00", "new y", "masterpiece1", "\u{10ffff}"]
    {
        for limit in [1, 100] {
            let expected: Vec<Suggestion> = Reference(store).suggestions(prefix, &SuggestionKind::ALL, limit).unwrap();
            assert_eq!(store.suggestions(prefix, &SuggestionKind::ALL, limit).unwrap(), expected, "{prefix}");
        }
    }
}

pub fn words_follow_changes_and_deletes(store: &dyn Store) {
    let words = |prefix: &str| suggested(store, prefix, SuggestionKind::Word, 10);
    let prompt = |json: &str| ImagePatch {
        generation_prompt: Some(Some(("raw".into(), serde_json::from_str(json).ok()))),
        ..ImagePatch::default()
    };
    let insert = |name: &str| generated(name, r#"{"prompt":"a red boat, boat"}"#).insert(store);
    let [a, b]: [ImageId; 2] = ["1", "2"].map(insert);
    assert_eq!(words("boat"), texts(&[("boat", 2)]));
    store.update_image(a, &prompt(r#"{"prompt":"a red bird"}"#)).unwrap();
    assert_eq!(
        (words("bo"), words("b"), words("red")),
        (texts(&[("boat", 1)]), texts(&[("bird", 1), ("boat", 1)]), texts(&[("red", 2)]))
    );
    let caption = ImagePatch { caption: Some(Some("boat".into())), ..ImagePatch::default() };
    store.update_image(a, &caption).unwrap();
    assert_eq!(words("bo"), texts(&[("boat", 1)]));
    store.delete_image(b).unwrap();
    assert_eq!((words("bo"), words("red")), (vec![], texts(&[("red", 1)])));
    let cleared = ImagePatch { generation_prompt: Some(None), ..ImagePatch::default() };
    store.update_image(a, &cleared).unwrap();
    assert!(words("").is_empty());
    // Known bytes make no new image.
    generated("1", r#"{"prompt":"a red boat, boat"}"#).try_insert(store).unwrap();
    assert!(words("").is_empty());
}
