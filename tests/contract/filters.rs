//! Which images may be found.

use mitsuke::store::{Filter, ImageId, Store, VectorSearch};
use time::Duration;

use super::fixtures::*;

fn pass(store: &dyn Store, filter: &Filter) -> Vec<ImageId> {
    let newest: Vec<_> = store.newest(filter, None, 100).unwrap().iter().map(|image| image.image_id).collect();
    let page: Vec<_> = store.newest_page(filter, 0, 100).unwrap().iter().map(|image| image.image_id).collect();
    assert_eq!(newest, page);
    sorted(newest)
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
    assert_eq!(pass(store, &Filter { min_height: Some(200), ..none() }), [png, webp]);
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
    picture("1").sized(100, 100).caption("c").insert(store);
    let both = picture("2").sized(500, 100).caption("c").at(5).insert(store);
    picture("3").sized(500, 100).insert(store);
    let all = Filter {
        file_types: vec!["image/png".into()],
        uploaded_from: Some(noon()),
        uploaded_before: Some(noon() + Duration::days(1)),
        min_width: Some(200),
        min_height: Some(100),
        has_generation_prompt: Some(false),
        has_caption: Some(true),
        file_name_contains: Some("PNG".into()),
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
    let search =
        VectorSearch { model_id: model.model_id, query: &query, filter: &filter, exclude: None, offset: 0, limit: 100 };
    let hits: Vec<_> = store.search_vector(&search).unwrap().iter().map(|hit| hit.image_id).collect();
    assert_eq!(hits, passing);
    // Cursors keep to the filter too.
    let first = store.newest(&filter, None, 4).unwrap();
    let last = first.last().unwrap();
    let cursor = mitsuke::store::Cursor { upload_date: last.upload_date, image_id: last.image_id };
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
