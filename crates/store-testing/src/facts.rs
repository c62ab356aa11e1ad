//! The facts of a file's origin (time, camera, path), and the filters that compare facts.

use mitsuke_store::{
    Changes, Filter, HybridSearch, ImageId, ImagePatch, Page, Reading, Store, TakenAt, VectorSearch, Weights,
};
use time::macros::{datetime, offset};

pub use crate::facets::facets_of_time_camera_and_folder;
pub use crate::sorting::{ids_come_in_pages_of_ascending_order, lists_by_the_time_of_taking_end_with_the_undated};

use crate::collections::{Numbers, fill, random_filter};
use crate::fixtures::*;

fn patched(store: &dyn Store, image_id: ImageId, patch: ImagePatch) -> mitsuke_store::Image {
    store.update_image(image_id, &patch).unwrap().unwrap()
}

pub fn facts_are_kept_and_patched(store: &dyn Store) {
    let taken = TakenAt { local: datetime!(2024-05-01 12:34:56.789012345), offset: Some(offset!(+9)) };
    let kept = TakenAt { local: datetime!(2024-05-01 12:34:56.789012), ..taken };
    let mut new = picture("1").by_camera("Canon EOS R5").from_path("/Photos\\2024/./a.jpg").caption("x");
    new.taken = Some(taken);
    let image_id = new.insert(store);
    let image = store.image(image_id).unwrap().unwrap();
    assert_eq!((image.taken, image.camera.as_deref()), (Some(kept), Some("Canon EOS R5")));
    assert_eq!(image.source_path.as_deref(), Some("Photos/2024/a.jpg"));
    assert_eq!(store.newest(&Filter::default(), None, 9).unwrap(), [image]);

    let early = TakenAt { local: datetime!(1931-02-03 04:05:06), offset: None };
    let image = patched(store, image_id, ImagePatch { taken: Some(Some(early)), ..ImagePatch::default() });
    assert_eq!(image.taken, Some(early));
    let path = ImagePatch { source_path: Some(Some("../b/c.jpg".into())), ..ImagePatch::default() };
    assert_eq!(patched(store, image_id, path).source_path.as_deref(), Some("b/c.jpg"));
    let name = ImagePatch { file_name: Some("夕焼け.png".into()), ..ImagePatch::default() };
    let image = patched(store, image_id, name);
    assert_eq!((image.file_name.as_str(), image.caption.as_deref()), ("夕焼け.png", Some("x")));
    assert_eq!((found(store, &["夕焼け"]), found(store, &["1"])), (vec![image_id], vec![]));
    let named = |part: &str| passing(store, &Filter { file_name_contains: Some(part.into()), ..Filter::default() });
    assert_eq!((named("夕"), named("1.png")), (vec![image_id], vec![]));
    let nothing = ImagePatch { taken: Some(None), source_path: Some(None), ..ImagePatch::default() };
    let image = patched(store, image_id, nothing);
    assert_eq!((image.taken, image.source_path, image.camera.as_deref()), (None, None, Some("Canon EOS R5")));
}

pub fn a_reading_brings_time_and_camera_unless_a_caller_has_set_the_time(store: &dyn Store) {
    let image_id = picture("1").read_by(1).insert(store);
    let found = TakenAt { local: datetime!(2024-05-01 12:00), offset: None };
    let reading = Reading { taken: Some(found), camera: Some("X100V"), ..Reading::default() };
    let changes = store.put_reading(image_id, 2, Some(&reading)).unwrap().unwrap();
    assert_eq!(changes, Changes { taken: true, camera: true, ..Changes::default() });
    let image = store.image(image_id).unwrap().unwrap();
    assert_eq!((image.taken, image.camera.as_deref()), (Some(found), Some("X100V")));
    assert_eq!(passing(store, &Filter { cameras: strings(&["x100v"]), ..Filter::default() }), [image_id]);
    let again = store.put_reading(image_id, 2, Some(&reading)).unwrap().unwrap();
    assert!(!again.any());

    patched(store, image_id, ImagePatch { taken: Some(None), ..ImagePatch::default() });
    let changes = store.put_reading(image_id, 3, Some(&Reading { camera: None, ..reading })).unwrap().unwrap();
    assert_eq!(changes, Changes { camera: true, ..Changes::default() });
    let image = store.image(image_id).unwrap().unwrap();
    assert_eq!((image.taken, image.camera), (None, None));
}

pub fn tags_are_added_and_removed_one_by_one(store: &dyn Store) {
    let image_id = picture("1").tagged(&["cat", "sea", "old"]).insert(store);
    let patch = |tags: Option<&[&str]>, add: &[&str], remove: &[&str]| ImagePatch {
        tags: tags.map(strings),
        add_tags: strings(add),
        remove_tags: strings(remove),
        ..ImagePatch::default()
    };
    assert_eq!(patched(store, image_id, patch(None, &["dog", "CAT"], &["ＯＬＤ", "none"])).tags, ["cat", "sea", "dog"]);
    assert_eq!(patched(store, image_id, patch(Some(&["a"]), &["b"], &["a"])).tags, ["b"]);
    // A removed tag stays away when the file is read again, until it is added.
    let reading_tags = strings(&["cat", "sea", "old", "new"]);
    let reading = Reading { tags: &reading_tags, ..Reading::default() };
    store.put_reading(image_id, 9, Some(&reading)).unwrap().unwrap();
    assert_eq!(store.image(image_id).unwrap().unwrap().tags, ["b", "new"]);
    assert_eq!(patched(store, image_id, patch(None, &["Sea"], &[])).tags, ["b", "new", "Sea"]);
    assert_eq!(found(store, &["sea"]), [image_id]);
}

/// Returns the images that pass a filter, which lists, ids, totals and searches agree on. Searches take part where every
/// image has the caption "x" and an embedding of the model "a".
#[track_caller]
fn passing(store: &dyn Store, filter: &Filter) -> Vec<ImageId> {
    let listed: Vec<_> = store.newest(filter, None, 1_000).unwrap().iter().map(|image| image.image_id).collect();
    let ids = store.image_ids(filter, None, 1_000).unwrap();
    assert_eq!(sorted(listed), ids, "{filter:?}");
    assert_eq!(store.count(filter).unwrap().count, ids.len() as u64, "{filter:?}");
    ids
}

/// Returns the images that pass a filter, which searches find too.
#[track_caller]
fn passing_searches(store: &dyn Store, filter: &Filter) -> Vec<ImageId> {
    let ids = passing(store, filter);
    assert_eq!(sorted(found_with(store, &["x"], filter, 0, 100)), ids, "{filter:?}");
    let model = model(store, "a");
    let query = angle(0.0);
    for exact in [false, true] {
        let page = Page { filter: filter.clone(), exact, ..Page::first(100) };
        let search = VectorSearch { model_id: model.model_id, query: &query, exclude: &[], page: &page };
        let near: Vec<_> = store.search_vector(&search).unwrap().iter().map(|hit| hit.image_id).collect();
        assert_eq!(sorted(near), ids, "{filter:?} exact: {exact}");
        let terms = strings(&["x"]);
        let hybrid = HybridSearch {
            model_id: model.model_id,
            query: &query,
            terms: &terms,
            least: 1,
            exclude: &[],
            depth: 100,
            weights: Weights::default(),
            min_similarity: None,
            page: &page,
        };
        let fused: Vec<_> = store.search_hybrid(&hybrid).unwrap().iter().map(|hit| hit.image_id).collect();
        assert_eq!(sorted(fused), ids, "{filter:?} exact: {exact}");
    }
    ids
}

pub fn taken_is_by_the_clock_of_the_camera(store: &dyn Store) {
    let at = |name: &str, local, offset| {
        let mut picture = picture(name);
        picture.taken = Some(TakenAt { local, offset });
        picture.insert(store)
    };
    // The second picture was taken hours before the first, on a clock that shows a later time.
    let tokyo = at("1", datetime!(2024-05-01 09:00), Some(offset!(+9)));
    let unknown = at("2", datetime!(2024-05-01 08:59:59.999999), None);
    let new_york = at("3", datetime!(2024-04-30 23:00), Some(offset!(-4)));
    picture("4").insert(store);
    let from = |local| passing(store, &Filter { taken_from: Some(local), ..Filter::default() });
    let before = |local| passing(store, &Filter { taken_before: Some(local), ..Filter::default() });
    assert_eq!(from(datetime!(2024-05-01 0:00)), [tokyo, unknown]);
    assert_eq!(from(datetime!(2024-05-01 09:00)), [tokyo]);
    assert_eq!(before(datetime!(2024-05-01 09:00)), [unknown, new_york]);
    assert_eq!(before(datetime!(2024-05-01 08:59:59.999999)), [new_york]);
    assert_eq!(before(datetime!(2024-05-01 08:59:59.9999995)), [unknown, new_york]);
}

pub fn each_new_filter_alone(store: &dyn Store) {
    let model = model(store, "a");
    let insert = |picture: Picture| picture.caption("x").embedded(&model, angle(0.0)).insert(store);
    let generated =
        r#"{"prompt":"a 猫","model":"SDXL","sampler":"Euler","loras":[{"name":"x/Ink.pt"},{"name":"glow"}]}"#;
    let a = insert(picture("a").prompt("p").generation(generated).taken(datetime!(2024-05-01 12:00)));
    let b = insert(picture("b").by_camera("Canon EOS R5").from_path("Photos/2024/Kyoto/b.jpg"));
    let c =
        insert(picture("c").from_path("c.jpg").prompt("p").generation(r#"{"model":"flux","loras":[{"name":"ink"}]}"#));
    let d = insert(picture("d"));
    let none = Filter::default;
    let cases = [
        (Filter { taken_from: Some(datetime!(2024-05-01 12:00)), ..none() }, vec![a]),
        (Filter { taken_before: Some(datetime!(2024-05-01 12:00)), ..none() }, vec![]),
        (Filter { has_taken: Some(true), ..none() }, vec![a]),
        (Filter { has_taken: Some(false), ..none() }, vec![b, c, d]),
        (Filter { checkpoints: strings(&["sdxl", "FLUX"]), ..none() }, vec![a, c]),
        (Filter { samplers: strings(&["euler", "x"]), ..none() }, vec![a]),
        (Filter { cameras: strings(&["x", "ＣＡＮＯＮ eos r5"]), ..none() }, vec![b]),
        (Filter { cameras: strings(&["canon"]), ..none() }, vec![]),
        (Filter { folders: strings(&["/photos"]), ..none() }, vec![b]),
        (Filter { folders: strings(&["2024/kyoto"]), ..none() }, vec![b]),
        (Filter { folders: strings(&["/kyoto", "kyo"]), ..none() }, vec![]),
        (Filter { folders: strings(&["/"]), ..none() }, vec![b, c]),
        (Filter { folders: strings(&[" "]), ..none() }, vec![]),
        (Filter { folders: strings(&["%", "_____"]), ..none() }, vec![]),
        (Filter { loras: strings(&["INK"]), ..none() }, vec![a, c]),
        (Filter { loras: strings(&["ink.safetensors", "glow"]), ..none() }, vec![a]),
        (Filter { any_loras: strings(&["glow", "none"]), ..none() }, vec![a]),
        (Filter { terms: strings(&["猫"]), ..none() }, vec![a]),
        (Filter { terms: strings(&["x", "!"]), ..none() }, vec![a, b, c, d]),
        (Filter { terms: strings(&["!"]), ..none() }, vec![]),
    ];
    for (filter, expected) in cases {
        assert_eq!(passing_searches(store, &filter), expected, "{filter:?}");
    }
}

pub fn none_of_leaves_out(store: &dyn Store) {
    let model = model(store, "a");
    let insert = |picture: Picture| picture.caption("x").embedded(&model, angle(0.0)).insert(store);
    let cat = insert(picture("1").tagged(&["cat"]).by_camera("A").sized(100, 100));
    let both = insert(picture("2").tagged(&["cat", "dog"]).sized(200, 100));
    let bare = insert(picture("3").sized(300, 100));
    let none = Filter::default;
    let without = |none_of: Vec<Filter>| passing_searches(store, &Filter { none_of, ..Filter::default() });
    let dog = || Filter { tags: strings(&["dog"]), ..Filter::default() };
    assert_eq!(without(vec![dog()]), [cat, bare]);
    // An image without the fact does not meet the condition.
    assert_eq!(without(vec![Filter { cameras: strings(&["a"]), ..none() }]), [both, bare]);
    assert_eq!(without(vec![Filter { taken_from: Some(datetime!(2000-01-01 0:00)), ..none() }]), [cat, both, bare]);
    // The fields of one condition combine with AND, and the conditions with OR.
    let wide_cat = Filter { tags: strings(&["cat"]), min_width: Some(200), ..none() };
    assert_eq!(without(vec![wide_cat.clone()]), [cat, bare]);
    assert_eq!(without(vec![wide_cat, Filter { max_width: Some(100), ..none() }]), [bare]);
    assert!(without(vec![none()]).is_empty(), "an empty condition is met by every image");
    let rest = Filter { tags: strings(&["cat"]), none_of: vec![dog()], ..none() };
    assert_eq!(passing_searches(store, &rest), [cat]);
    let words = Filter { terms: strings(&["dog"]), ..none() };
    assert_eq!(without(vec![words]), [cat, bare]);
}

pub fn filters_agree_with_their_definition(store: &dyn Store) {
    fill(store, 60, 1);
    let images = store.newest(&Filter::default(), None, 1_000).unwrap();
    let mut numbers = Numbers::new(2);
    let mut partial = 0;
    for _ in 0..150 {
        let filter = random_filter(&mut numbers);
        let expected: Vec<_> =
            images.iter().filter(|image| filter.passes(image).unwrap()).map(|image| image.image_id).collect();
        assert_eq!(passing(store, &filter), sorted(expected.clone()), "{filter:?}");
        partial += usize::from(!expected.is_empty() && expected.len() < images.len());
    }
    assert!(partial > 60, "{partial} filters let some images through and some not");
}

pub fn terms_as_a_filter_hold_for_vectors_too(store: &dyn Store) {
    let model = model(store, "a");
    let insert = |n: u8, caption: &str| {
        picture(&n.to_string()).caption(&format!("x {caption}")).embedded(&model, angle(f32::from(n))).insert(store)
    };
    let ids: Vec<_> = (0..40).map(|n| insert(n, if n % 4 == 0 { "黒猫" } else { "犬" })).collect();
    let cats: Vec<_> = ids.iter().copied().step_by(4).collect();
    let filter = Filter { terms: strings(&["猫"]), ..Filter::default() };
    assert_eq!(passing_searches(store, &filter), cats);
    let page = Page { filter, offset: 3, ..Page::first(4) };
    let search = VectorSearch { model_id: model.model_id, query: &angle(0.0), exclude: &[], page: &page };
    let near: Vec<_> = store.search_vector(&search).unwrap().iter().map(|hit| hit.image_id).collect();
    assert_eq!(near, cats[3..7]);
    // The words of a changed text count at once.
    let dog = ImagePatch { caption: Some(Some("x 犬".into())), ..ImagePatch::default() };
    patched(store, cats[0], dog);
    assert_eq!(passing_searches(store, &Filter { terms: strings(&["猫"]), ..Filter::default() }), cats[1..]);
}
