//! Filters of images.

use mitsuke_store::{Filter, ImageId, ImagePatch, Model, Page, Store, VectorSearch};
use time::Duration;

use crate::fixtures::*;

/// Returns the images that pass, which are the same in lists and in vector searches.
#[track_caller]
fn pass(store: &dyn Store, filter: &Filter) -> Vec<ImageId> {
    let newest: Vec<_> = store.newest(filter, None, 100).unwrap().iter().map(|image| image.image_id).collect();
    let page = Page { filter: filter.clone(), ..Page::first(100) };
    let listed: Vec<_> = store.newest_page(&page).unwrap().iter().map(|image| image.image_id).collect();
    assert_eq!(newest, listed);
    let model = model(store, "a");
    for image_id in store.images_without_embedding(model.model_id, None, false, 100).unwrap() {
        assert!(store.put_embedding(model.model_id, image_id, &angle(image_id as f32)).unwrap());
    }
    for exact in [false, true] {
        let found = near(store, &model, &Page { exact, ..page.clone() });
        assert_eq!(sorted(found), sorted(newest.clone()), "exact: {exact}");
    }
    sorted(newest)
}

fn near(store: &dyn Store, model: &Model, page: &Page) -> Vec<ImageId> {
    let search = VectorSearch { model_id: model.model_id, query: &angle(0.0), exclude: &[], page };
    store.search_vector(&search).unwrap().iter().map(|hit| hit.image_id).collect()
}

pub fn each_filter_alone(store: &dyn Store) {
    let png = picture("1").at(0).sized(100, 200).insert(store);
    let jpeg = picture("2").at(10).of_type("image/jpeg").sized(300, 50).caption("c").insert(store);
    let webp =
        picture("3").at(20).of_type("image/webp").sized(300, 200).prompt("p").named("Été_CAT.webp").insert(store);
    let none = Filter::default;
    assert_eq!(pass(store, &none()), [png, jpeg, webp]);
    assert!(none().is_empty());

    let types = |types: &[&str]| Filter { file_types: types.iter().map(ToString::to_string).collect(), ..none() };
    assert_eq!(pass(store, &types(&["image/png"])), [png]);
    assert_eq!(pass(store, &types(&["image/jpeg", "image/webp", "image/jpeg"])), [jpeg, webp]);
    assert!(pass(store, &types(&["image/gif", "' OR 1=1"])).is_empty());

    let from = |at| Filter { uploaded_from: Some(at), ..none() };
    let before = |at| Filter { uploaded_before: Some(at), ..none() };
    let ten = noon() + Duration::seconds(10);
    assert_eq!(pass(store, &from(ten)), [jpeg, webp]);
    assert_eq!(pass(store, &from(ten + Duration::microseconds(1))), [webp]);
    assert_eq!(pass(store, &from(ten + Duration::nanoseconds(1))), [webp]);
    assert_eq!(pass(store, &before(ten)), [png]);
    assert_eq!(pass(store, &before(ten + Duration::nanoseconds(1))), [png, jpeg]);
    let other_zone = ten.to_offset(time::macros::offset!(+9));
    assert_eq!(pass(store, &from(other_zone)), [jpeg, webp]);

    assert_eq!(pass(store, &Filter { min_width: Some(300), ..none() }), [jpeg, webp]);
    assert!(pass(store, &Filter { min_width: Some(301), ..none() }).is_empty());
    assert_eq!(pass(store, &Filter { max_width: Some(299), ..none() }), [png]);
    assert_eq!(pass(store, &Filter { min_width: Some(300), max_width: Some(300), ..none() }), [jpeg, webp]);
    assert_eq!(pass(store, &Filter { min_height: Some(200), ..none() }), [png, webp]);
    assert_eq!(pass(store, &Filter { max_height: Some(50), ..none() }), [jpeg]);
    assert_eq!(pass(store, &Filter { has_generation_prompt: Some(true), ..none() }), [webp]);
    assert_eq!(pass(store, &Filter { has_generation_prompt: Some(false), ..none() }), [png, jpeg]);
    assert_eq!(pass(store, &Filter { has_caption: Some(true), ..none() }), [jpeg]);
    assert_eq!(pass(store, &Filter { has_caption: Some(false), ..none() }), [png, webp]);
    let name = |part: &str| Filter { file_name_contains: Some(part.into()), ..none() };
    assert_eq!(pass(store, &name("cat.W")), [webp]);
    assert_eq!(pass(store, &name("té_")), [webp]);
    assert_eq!(pass(store, &name(".png")), [png, jpeg]);
}

pub fn filters_combine_with_and(store: &dyn Store) {
    let generated = |name| {
        let picture = picture(name).caption("c").prompt("p").sized(500, 100).at(5).tagged(&["sea", "cat"]);
        picture.generation(r#"{"model": "SDXL", "sampler": "euler", "seed": 7}"#)
    };
    let both = generated("1").insert(store);
    generated("2").sized(100, 100).insert(store);
    generated("3").sized(500, 101).insert(store);
    generated("4").generation(r#"{"model": "SDXL", "sampler": "euler", "seed": 8}"#).insert(store);
    generated("5").generation(r#"{"model": "SDXL", "seed": 7}"#).insert(store);
    generated("6").named("66.png").insert(store);
    picture("7").sized(500, 100).insert(store);
    generated("8").named("8.png").tagged(&["cat"]).insert(store);
    generated("9").named("9.png").tagged(&["sea"]).insert(store);
    let all = Filter {
        file_types: vec!["image/png".into()],
        uploaded_from: Some(noon()),
        uploaded_before: Some(noon() + Duration::days(1)),
        min_width: Some(200),
        max_width: Some(500),
        min_height: Some(100),
        max_height: Some(100),
        min_bytes: Some(1),
        max_bytes: Some(1),
        has_generation_prompt: Some(true),
        has_caption: Some(true),
        file_name_contains: Some("PNG".into()),
        file_name_pattern: Some("?.png".into()),
        checkpoints: strings(&["other", "sdxl"]),
        samplers: strings(&["Euler"]),
        seed: Some(7),
        tags: strings(&["Sea"]),
        any_tags: strings(&["dog", "cat"]),
        ..Filter::default()
    };
    assert_eq!(pass(store, &all), [both]);
}

pub fn filters_hold_for_every_kind_of_search(store: &dyn Store) {
    let model = model(store, "a");
    let mut passing = Vec::new();
    for n in 0..40_u8 {
        let picture = picture(&n.to_string()).caption("猫").embedded(&model, angle(f32::from(n)));
        if n % 4 == 3 {
            passing.push(picture.sized(2000, 2000).insert(store));
        } else {
            picture.insert(store);
        }
    }
    let filter = Filter { min_width: Some(1000), ..Filter::default() };
    assert_eq!(pass(store, &filter), passing);
    assert_eq!(sorted(found_with(store, &["猫"], &filter, 0, 100)), passing);
    let pages: Vec<_> = (0..4).flat_map(|page| found_with(store, &["猫"], &filter, page * 3, 3)).collect();
    assert_eq!(sorted(pages), passing);
    let query = angle(0.0);
    let page = Page { filter: filter.clone(), ..Page::first(100) };
    let search = VectorSearch { model_id: model.model_id, query: &query, exclude: &[], page: &page };
    let hits: Vec<_> = store.search_vector(&search).unwrap().iter().map(|hit| hit.image_id).collect();
    assert_eq!(hits, passing);
    // Cursors keep to the filter too.
    let first = store.newest(&filter, None, 4).unwrap();
    let last = first.last().unwrap();
    let cursor = mitsuke_store::Cursor { upload_date: last.upload_date, image_id: last.image_id };
    let rest = store.newest(&filter, Some(cursor), 100).unwrap();
    let all: Vec<_> = first.iter().chain(&rest).map(|image| image.image_id).collect();
    assert_eq!(sorted(all), passing);
}

pub fn file_names_are_compared_literally(store: &dyn Store) {
    let percent = picture("1").named("100%_done.png").insert(store);
    let plain = picture("2").named("1000 done.png").insert(store);
    let quote = picture("3").named("it's \\ a \"name\".png").insert(store);
    let japanese = picture("4").named("黒い猫.png").insert(store);
    let name = |part: &str| pass(store, &Filter { file_name_contains: Some(part.into()), ..Filter::default() });
    assert_eq!(name("%"), [percent]);
    assert_eq!(name("_"), [percent]);
    assert_eq!(name("0"), [percent, plain]);
    assert_eq!(name("'s \\ A \"N"), [quote]);
    assert_eq!(name("い猫"), [japanese]);
    assert_eq!(name(""), [percent, plain, quote, japanese]);
    assert!(name("*").is_empty());
}

pub fn sizes_in_bytes_bound_what_is_found(store: &dyn Store) {
    let sized = |bytes: usize| {
        let mut picture = picture(&bytes.to_string());
        picture.bytes = vec![7; bytes];
        picture.insert(store)
    };
    let [small, middle, large] = [10, 2_000, 70_000].map(sized);
    let pass = |min_bytes, max_bytes| pass(store, &Filter { min_bytes, max_bytes, ..Filter::default() });
    assert_eq!(pass(Some(11), None), [middle, large]);
    assert_eq!(pass(None, Some(2_000)), [small, middle]);
    assert_eq!(pass(Some(2_000), Some(2_000)), [middle]);
    assert!(pass(Some(2_001), Some(69_999)).is_empty());
    assert!(pass(Some(u64::MAX), None).is_empty());
    assert_eq!(pass(None, Some(u64::MAX)), [small, middle, large]);
}

pub fn fields_of_the_generation_are_compared_whole(store: &dyn Store) {
    let generated = |name: &str, json: &str| picture(name).prompt("p").generation(json).insert(store);
    let a = generated("1", r#"{"prompt":"猫","seed":7,"sampler":"DPM++ 2M Karras","model":"sd_xl_base_1.0"}"#);
    let b = generated("2", r#"{"seed":70,"sampler":"dpm++ 2m karras","model":"SD_XL_BASE_1.0"}"#);
    let c = generated("3", r#"{"seed":18446744073709551615,"sampler":"Euler","model":"日本語モデル"}"#);
    let d = generated("4", r#"{"seed":null,"sampler":null,"model":null}"#);
    let e = generated("5", "not even JSON");
    let f = picture("6").insert(store);
    let model = |name: &str| pass(store, &Filter { checkpoints: strings(&[name]), ..Filter::default() });
    let sampler = |name: &str| pass(store, &Filter { samplers: strings(&[name]), ..Filter::default() });
    let seed = |seed: u64| pass(store, &Filter { seed: Some(seed), ..Filter::default() });
    assert_eq!(model("sd_XL_base_1.0"), [a, b]);
    assert_eq!(model("日本語モデル"), [c]);
    assert!(model("sd_xl_base").is_empty() && model("%").is_empty() && model("null").is_empty());
    assert_eq!(sampler("DPM++ 2m Karras"), [a, b]);
    assert!(sampler("DPM++ 2M").is_empty() && sampler("' OR 1=1 --").is_empty());
    assert_eq!(seed(7), [a]);
    assert_eq!(seed(u64::MAX), [c]);
    assert!(seed(0).is_empty());
    assert_eq!(pass(store, &Filter::default()), [a, b, c, d, e, f]);

    // A changed prompt replaces the fields of the old one, and a cleared prompt has none.
    let set = |raw: &str, json: Option<&str>| ImagePatch {
        generation_prompt: Some(Some((raw.into(), json.and_then(|json| serde_json::from_str(json).ok())))),
        ..ImagePatch::default()
    };
    store.update_image(a, &set("new", Some(r#"{"seed":70,"model":"flux"}"#))).unwrap();
    assert_eq!((seed(70), model("flux"), sampler("DPM++ 2M Karras")), (vec![a, b], vec![a], vec![b]));
    store.update_image(b, &set("unreadable", None)).unwrap();
    assert_eq!((seed(70), sampler("DPM++ 2M Karras")), (vec![a], vec![]));
    store.update_image(a, &ImagePatch { generation_prompt: Some(None), ..ImagePatch::default() }).unwrap();
    assert!(seed(70).is_empty() && model("flux").is_empty());
    store.update_image(c, &ImagePatch { caption: Some(Some("c".into())), ..ImagePatch::default() }).unwrap();
    assert_eq!(seed(u64::MAX), [c], "a new caption leaves them alone");
}

pub fn a_file_name_pattern_is_about_the_whole_name(store: &dyn Store) {
    let names = ["IMG_0001.JPG", "img_0002.png", "猫.png", "100%.png", "a\\b[1].png", "imgx0003.png"];
    let ids = names.map(|name| picture(name).named(name).insert(store));
    let [one, two, cat, percent, bracket, x] = ids;
    let pattern = |p: &str| pass(store, &Filter { file_name_pattern: Some(p.into()), ..Filter::default() });
    assert_eq!(pattern("img_*"), [one, two]);
    assert_eq!(pattern("IMG?000?.*"), [one, two, x]);
    assert_eq!(pattern("*.PNG"), [two, cat, percent, bracket, x]);
    assert_eq!(pattern("?.png"), [cat]);
    assert_eq!(pattern("*%*"), [percent]);
    assert_eq!(pattern("a\\b[1].png"), [bracket]);
    assert_eq!(pattern("*[*"), [bracket]);
    assert_eq!(pattern("*猫*"), [cat]);
    assert_eq!(pattern("**"), ids);
    assert_eq!(pattern("*?????????????*"), Vec::<ImageId>::new());
    assert!(pattern("img").is_empty() && pattern("' OR 1=1 --").is_empty());
    let many = "*a".repeat(100) + "b";
    assert!(pattern(&many).is_empty());
}

pub fn a_vector_search_filters_by_what_an_image_is_now(store: &dyn Store) {
    let [a, b] = ["a", "b"].map(|name| model(store, name));
    let changed = picture("changed").embedded(&a, angle(0.0)).embedded(&b, angle(0.0)).insert(store);
    let other = picture("other").caption("c").embedded(&a, angle(9.0)).embedded(&b, angle(9.0)).insert(store);
    // No filter passes an image by what it was when it was embedded, whichever model embedded it, and when.
    let late = picture("late").embedded(&a, angle(20.0)).insert(store);
    let pass = |filter: &Filter| {
        let page = Page { filter: filter.clone(), ..Page::first(9) };
        let found = near(store, &a, &page);
        assert_eq!(near(store, &b, &page), found);
        found
    };
    let captioned = Filter { has_caption: Some(true), ..Filter::default() };
    let without = Filter { has_caption: Some(false), ..Filter::default() };
    let seeded = Filter { seed: Some(7), checkpoints: strings(&["SDXL"]), ..Filter::default() };
    let generation = serde_json::from_str(r#"{"model": "sdxl", "seed": 7}"#).ok();
    let caption = ImagePatch { caption: Some(Some("猫".into())), ..ImagePatch::default() };
    let prompt = ImagePatch { generation_prompt: Some(Some(("a cat".into(), generation))), ..ImagePatch::default() };
    store.update_image(late, &caption).unwrap().unwrap();
    assert!(store.put_embedding(b.model_id, late, &angle(20.0)).unwrap());
    assert_eq!((pass(&captioned), pass(&without)), (vec![other, late], vec![changed]));
    assert!(pass(&seeded).is_empty());
    store.update_image(changed, &caption).unwrap().unwrap();
    store.update_image(changed, &prompt).unwrap().unwrap();
    assert_eq!((pass(&captioned), pass(&without)), (vec![changed, other, late], vec![]));
    assert_eq!(pass(&seeded), [changed]);
    let generated = Filter { has_generation_prompt: Some(true), ..Filter::default() };
    assert_eq!(pass(&generated), [changed]);
    let nothing = ImagePatch { caption: Some(None), generation_prompt: Some(None), ..ImagePatch::default() };
    store.update_image(changed, &nothing).unwrap().unwrap();
    assert_eq!((pass(&captioned), pass(&without)), (vec![other, late], vec![changed]));
    assert!(pass(&seeded).is_empty() && pass(&generated).is_empty());
}
