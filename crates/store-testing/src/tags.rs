//! Tags, and the results of reading files again.

use mitsuke_store::{
    Changes, Filter, ImageId, ImagePatch, MAX_TAG_CHARS, MAX_TAGS, Page, Reading, Store, VectorSearch,
};

use crate::fixtures::*;

/// The version of the reader that reads again.
const NEXT: u32 = 2;

fn tags(store: &dyn Store, image_id: ImageId) -> Vec<String> {
    store.image(image_id).unwrap().unwrap().tags
}

/// Sets the tags of an image, and returns them as they are stored.
fn set(store: &dyn Store, image_id: ImageId, tags: &[&str]) -> Vec<String> {
    let patch = ImagePatch { tags: Some(strings(tags)), ..ImagePatch::default() };
    store.update_image(image_id, &patch).unwrap().unwrap().tags
}

/// Returns the images with all of these tags, which are the same in lists, in keyword and in vector searches. Every image
/// has the caption "x" and an embedding of the model "a".
#[track_caller]
fn with_all(store: &dyn Store, tags: &[&str]) -> Vec<ImageId> {
    passing(store, Filter { tags: strings(tags), ..Filter::default() })
}

#[track_caller]
fn passing(store: &dyn Store, filter: Filter) -> Vec<ImageId> {
    let model = model(store, "a");
    let listed: Vec<_> = store.newest(&filter, None, 100).unwrap().iter().map(|image| image.image_id).collect();
    assert_eq!(sorted(found_with(store, &["x"], &filter, 0, 100)), sorted(listed.clone()));
    for exact in [false, true] {
        let page = Page { filter: filter.clone(), exact, ..Page::first(100) };
        let search = VectorSearch { model_id: model.model_id, query: &angle(0.0), exclude: &[], page: &page };
        let near: Vec<_> = store.search_vector(&search).unwrap().iter().map(|hit| hit.image_id).collect();
        assert_eq!(sorted(near), sorted(listed.clone()), "exact: {exact}");
    }
    sorted(listed)
}

pub fn tags_are_kept_as_they_are_written_in_their_order(store: &dyn Store) {
    let image_id = picture("1").tagged(&["猫", " New  York ", "C++", "CAT"]).with_tags(&["cat", "海"]).insert(store);
    assert_eq!(tags(store, image_id), ["猫", "New York", "C++", "CAT", "海"]);
    assert_eq!(set(store, image_id, &["海", "ｃａｔ", "dog", ""]), ["海", "ｃａｔ", "dog"]);
    assert_eq!(tags(store, image_id), ["海", "ｃａｔ", "dog"]);
    assert!(set(store, image_id, &[]).is_empty());
    assert!(tags(store, image_id).is_empty());
    let other = ImagePatch { caption: Some(Some("c".into())), ..ImagePatch::default() };
    set(store, image_id, &["stays"]);
    assert_eq!(store.update_image(image_id, &other).unwrap().unwrap().tags, ["stays"]);
}

pub fn many_and_long_tags_are_kept_within_their_bounds(store: &dyn Store) {
    let long = |n: usize| format!("{n:03} {}", "猫".repeat(MAX_TAG_CHARS - 4));
    let many: Vec<String> = (0..MAX_TAGS + 9).map(long).collect();
    let refs: Vec<&str> = many.iter().map(String::as_str).collect();
    let image_id = picture("1").tagged(&refs).insert(store);
    let few = picture("2").tagged(&["猫"]).insert(store);
    assert_eq!(tags(store, image_id), many[..MAX_TAGS]);
    assert_eq!(tags(store, few), ["猫"]);
    let images = store.images(&[few, image_id]).unwrap();
    assert_eq!((images[0].tags.len(), images[1].tags.len()), (1, MAX_TAGS));
    let too_long = "a".repeat(MAX_TAG_CHARS + 1);
    assert_eq!(set(store, image_id, &[&too_long, "b"]), ["b"]);
}

pub fn words_of_tags_are_found(store: &dyn Store) {
    let cat = picture("1").tagged(&["black cat", "夕焼けの海"]).insert(store);
    let dog = picture("2").caption("a dog").insert(store);
    assert_eq!(found(store, &["cat"]), [cat]);
    assert_eq!(found(store, &["夕焼け", "black"]), [cat]);
    set(store, dog, &["cat"]);
    set(store, cat, &["dog"]);
    assert_eq!(found(store, &["cat"]), [dog]);
    assert_eq!(sorted(found(store, &["dog"])), [cat, dog]);
    assert!(found(store, &["海"]).is_empty());
    assert!(store.delete_image(cat).unwrap());
    assert_eq!(found(store, &["dog"]), [dog]);
}

pub fn a_filter_asks_for_all_or_any_of_some_tags(store: &dyn Store) {
    let model = model(store, "a");
    let tagged = |name: &str, tags: &[&str]| {
        let degrees = name.parse::<f32>().unwrap();
        picture(name).caption("x").tagged(tags).embedded(&model, angle(degrees)).insert(store)
    };
    let both = tagged("1", &["Cat", "New York"]);
    let cat = tagged("2", &["ｃａｔ"]);
    let city = tagged("3", &["new york", "dog"]);
    let none = tagged("4", &[]);
    assert_eq!(with_all(store, &["cat"]), [both, cat]);
    assert_eq!(with_all(store, &["CAT", "new  york"]), [both]);
    assert!(with_all(store, &["york"]).is_empty() && with_all(store, &["' OR 1=1 --"]).is_empty());
    assert!(with_all(store, &["%"]).is_empty() && with_all(store, &["x".repeat(10_000).as_str()]).is_empty());
    let any = |tags: &[&str]| passing(store, Filter { any_tags: strings(tags), ..Filter::default() });
    assert_eq!(any(&["dog", "cat"]), [both, cat, city]);
    assert!(any(&["nobody"]).is_empty());
    let filter = Filter { tags: strings(&["new york"]), any_tags: strings(&["dog", "bird"]), ..Filter::default() };
    assert_eq!(passing(store, filter), [city]);
    // Changes count at once.
    set(store, none, &["cat"]);
    set(store, cat, &[]);
    assert_eq!(with_all(store, &["cat"]), [both, none]);
    assert!(store.delete_image(both).unwrap());
    assert_eq!(with_all(store, &["cat"]), [none]);
}

pub fn a_filter_by_a_common_tag_finds_every_page(store: &dyn Store) {
    let model = model(store, "a");
    let ids: Vec<_> = (0..120_u8)
        .map(|n| {
            let tags: &[&str] = if n % 3 == 0 { &["common", "third"] } else { &["common"] };
            picture(&n.to_string()).at(n.into()).tagged(tags).embedded(&model, angle(f32::from(n))).insert(store)
        })
        .collect();
    let thirds: Vec<_> = ids.iter().copied().step_by(3).collect();
    let filter = Filter { tags: strings(&["third"]), ..Filter::default() };
    let near = |offset| -> Vec<_> {
        let page = Page { offset, filter: filter.clone(), ..Page::first(7) };
        let search = VectorSearch { model_id: model.model_id, query: &angle(0.0), exclude: &[], page: &page };
        store.search_vector(&search).unwrap().iter().map(|hit| hit.image_id).collect()
    };
    assert_eq!((0..6).flat_map(|page| near(page * 7)).collect::<Vec<_>>(), thirds);
    let listed: Vec<_> = (0..6)
        .flat_map(|page| {
            store.newest_page(&Page { offset: page * 7, filter: filter.clone(), ..Page::first(7) }).unwrap()
        })
        .map(|image| image.image_id)
        .collect();
    assert_eq!(listed, thirds.into_iter().rev().collect::<Vec<_>>());
}

pub fn images_of_an_older_reader_are_listed_and_counted(store: &dyn Store) {
    let ids: Vec<_> = (0..7).map(|n| picture(&n.to_string()).read_by(n % 3).insert(store)).collect();
    let before = |version, after, limit| -> Vec<_> {
        let images = store.images_read_before(version, after, limit).unwrap();
        images.into_iter().map(|(_, image_id)| image_id).collect()
    };
    assert!(before(0, None, 9).is_empty());
    assert_eq!(store.images_read_before(1, None, 2).unwrap(), [(0, ids[0]), (0, ids[3])]);
    assert_eq!(before(2, None, 4), [ids[0], ids[3], ids[6], ids[1]]);
    assert_eq!(before(2, Some((0, ids[3])), 9), [ids[6], ids[1], ids[4]]);
    assert_eq!(before(u32::MAX, Some((1, ids[4])), 9), [ids[2], ids[5]]);
    assert_eq!(store.count_images_read_before(2).unwrap(), 5);
    assert_eq!(store.put_reading(ids[3], NEXT, Some(&Reading::default())).unwrap(), Some(Changes::default()));
    assert_eq!(store.put_reading(ids[0], NEXT, None).unwrap(), Some(Changes::default()));
    assert_eq!(before(2, None, 9), [ids[6], ids[1], ids[4]]);
    assert_eq!(store.count_images_read_before(2).unwrap(), 3);
    assert!(store.delete_image(ids[1]).unwrap());
    assert_eq!(store.count_images_read_before(2).unwrap(), 2);
    assert_eq!(store.put_reading(ids[1], NEXT, None).unwrap(), None);
}

pub fn a_reading_replaces_what_was_found_in_the_file(store: &dyn Store) {
    let image_id = picture("1").caption("Title:sea").tagged(&["old"]).insert(store);
    let generation = serde_json::from_str(r#"{"prompt": "a cat", "seed": 7}"#).ok();
    let tags = strings(&["sea", "海"]);
    let reading = Reading {
        caption: Some("the sea"),
        generation_prompt: Some("parameters:a cat"),
        generation: generation.as_ref(),
        tags: &tags,
        earlier_text: None,
        ..Reading::default()
    };
    let changes = store.put_reading(image_id, NEXT, Some(&reading)).unwrap().unwrap();
    assert_eq!(changes, Changes { caption: true, generation_prompt: true, tags: true, ..Changes::default() });
    let image = store.image(image_id).unwrap().unwrap();
    assert_eq!(
        (image.caption.as_deref(), image.generation_prompt.as_deref()),
        (Some("the sea"), Some("parameters:a cat"))
    );
    assert_eq!((image.generation, image.tags), (generation.clone(), tags.clone()));
    assert_eq!(found(store, &["the", "cat", "海"]), [image_id]);
    assert!(found(store, &["old"]).is_empty() && found(store, &["Title"]).is_empty());
    let seeded = Filter { seed: Some(7), has_caption: Some(true), ..Filter::default() };
    assert_eq!(store.newest(&seeded, None, 9).unwrap().len(), 1);
    // A second reading of this kind changes nothing, and an empty one removes everything.
    assert_eq!(store.put_reading(image_id, NEXT, Some(&reading)).unwrap(), Some(Changes::default()));
    let changes = store.put_reading(image_id, NEXT, Some(&Reading::default())).unwrap().unwrap();
    assert!(changes.caption && changes.generation_prompt && changes.tags && changes.any());
    let image = store.image(image_id).unwrap().unwrap();
    assert_eq!((image.caption, image.generation_prompt, image.generation), (None, None, None));
    assert!(image.tags.is_empty() && store.newest(&seeded, None, 9).unwrap().is_empty());
}

pub fn a_reading_leaves_what_callers_have_set_cleared_and_removed(store: &dyn Store) {
    let found = strings(&["found", "removed"]);
    let reading =
        Reading { caption: Some("of the file"), generation_prompt: Some("of it"), tags: &found, ..Reading::default() };
    let reread = |image_id| {
        store.put_reading(image_id, NEXT, Some(&reading)).unwrap().unwrap();
        let image = store.image(image_id).unwrap().unwrap();
        (image.caption.unwrap_or_default(), image.generation_prompt.unwrap_or_default(), image.tags.join(" "))
    };
    let expected = |caption: &str, prompt: &str, tags: &str| (caption.to_owned(), prompt.to_owned(), tags.to_owned());

    let untouched = picture("0").caption("old").insert(store);
    assert_eq!(reread(untouched), expected("of the file", "of it", "found removed"));
    // Texts of the upload form.
    let uploaded = picture("1").caption("mine").prompt("mine too").with_tags(&["added"]).set_by_caller().insert(store);
    assert_eq!(reread(uploaded), expected("mine", "mine too", "added found removed"));
    // Texts that were changed later.
    let changed = picture("2").caption("old").prompt("p").tagged(&["removed"]).insert(store);
    let patch =
        ImagePatch { caption: Some(Some("new".into())), tags: Some(strings(&["mine"])), ..ImagePatch::default() };
    store.update_image(changed, &patch).unwrap().unwrap();
    assert_eq!(reread(changed), expected("new", "of it", "mine found"));
    // Texts that were cleared.
    let cleared = picture("3").caption("old").prompt("p").tagged(&["found", "removed"]).insert(store);
    let patch = ImagePatch {
        caption: Some(None),
        generation_prompt: Some(None),
        tags: Some(Vec::new()),
        ..ImagePatch::default()
    };
    store.update_image(cleared, &patch).unwrap().unwrap();
    assert_eq!(reread(cleared), expected("", "", ""));
    // A tag that a caller gives back comes back.
    assert_eq!(set(store, cleared, &["removed"]), ["removed"]);
    assert_eq!(reread(cleared), expected("", "", "removed"));
}

pub fn a_file_that_cannot_be_read_keeps_its_texts(store: &dyn Store) {
    let image_id = picture("1").caption("c").prompt("p").tagged(&["t"]).insert(store);
    assert_eq!(store.put_reading(image_id, NEXT, None).unwrap(), Some(Changes::default()));
    let image = store.image(image_id).unwrap().unwrap();
    assert_eq!((image.caption.as_deref(), image.generation_prompt.as_deref()), (Some("c"), Some("p")));
    assert_eq!(image.tags, ["t"]);
    assert!(store.images_read_before(NEXT, None, 9).unwrap().is_empty());
}
