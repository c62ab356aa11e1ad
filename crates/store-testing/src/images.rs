//! Keeping, listing, changing and deleting images.

use mitsuke_image::Generation;
use mitsuke_index::UnitVector;
use mitsuke_store::{Cursor, Filter, Image, ImagePatch, Inserted, MAX_HASHES, Page, Sha256, Sort, Store, StoreError};
use time::Duration;

use crate::fixtures::*;

pub fn a_new_image_is_kept_as_it_came(store: &dyn Store) {
    let model = model(store, "a");
    let mut picture = picture("cat")
        .caption("眠る猫")
        .prompt("prompt:a cat")
        .generation(r#"{"prompt":"a cat"}"#)
        .tagged(&["cat", "ソファ"])
        .sized(1024, 768)
        .embedded(&model, angle(30.0));
    picture.bytes = vec![0, 255, 1, 2, 0];
    picture.upload_date = noon() + Duration::nanoseconds(123_456_789);
    let image_id = picture.insert(store);

    let image = store.image(image_id).unwrap().unwrap();
    let expected = Image {
        image_id,
        file_name: "cat.png".into(),
        file_type: "image/png".into(),
        bytes: 5,
        width: 1024,
        height: 768,
        sha256: Sha256::of(&picture.bytes),
        upload_date: noon() + Duration::microseconds(123_456),
        generation_prompt: Some("prompt:a cat".into()),
        generation: Some(Generation { prompt: Some("a cat".into()), ..Generation::default() }),
        caption: Some("眠る猫".into()),
        tags: strings(&["cat", "ソファ"]),
        taken: None,
        camera: None,
        source_path: None,
    };
    assert_eq!(image, expected);
    let content = store.content(image_id).unwrap().unwrap();
    assert_eq!(content.bytes, picture.bytes);
    assert_eq!((content.file_name, content.file_type), (image.file_name, image.file_type));
    assert_eq!(content.sha256, image.sha256);
    assert_eq!(store.image_by_sha256(&expected.sha256).unwrap(), Some(expected));
    assert!(store.embedding(model.model_id, image_id).unwrap().unwrap().similarity(&angle(30.0)) > 0.999_99);
    assert_eq!(store.count_images().unwrap(), 1);
    store.check().unwrap();
}

pub fn the_same_bytes_again_are_known_and_change_nothing(store: &dyn Store) {
    let model = model(store, "a");
    let image_id = picture("cat").caption("first").embedded(&model, angle(0.0)).insert(store);
    let mut again = picture("cat").named("other.jpg").caption("second").embedded(&model, angle(90.0));
    again.upload_date = noon() + Duration::days(1);
    assert_eq!(again.try_insert(store).unwrap(), Inserted::Known(image_id));

    assert_eq!(store.count_images().unwrap(), 1);
    let image = store.image(image_id).unwrap().unwrap();
    assert_eq!((image.file_name.as_str(), image.caption.as_deref()), ("cat.png", Some("first")));
    assert!(store.embedding(model.model_id, image_id).unwrap().unwrap().similarity(&angle(0.0)) > 0.999_99);
    assert!(found(store, &["second"]).is_empty());
}

pub fn an_image_without_texts_has_none(store: &dyn Store) {
    let image_id = picture("cat").insert(store);
    let image = store.image(image_id).unwrap().unwrap();
    assert_eq!((image.caption, image.generation_prompt, image.generation), (None, None, None));
    assert!(image.tags.is_empty());
}

pub fn an_embedding_that_does_not_fit_stores_nothing(store: &dyn Store) {
    let model = model(store, "a");
    let short = UnitVector::normalize(vec![1.0; DIMENSION - 1]).unwrap();
    let refused = picture("cat").caption("猫").embedded(&model, short).try_insert(store);
    let expected = DIMENSION;
    assert!(
        matches!(refused, Err(StoreError::ModelDimension { model_id, expected: e, found })
            if (model_id, e, found) == (model.model_id, expected, expected - 1)),
        "{refused:?}"
    );
    nothing_is_stored(store);
    // The first of two embeddings is not stored either when the second does not fit.
    let short = UnitVector::normalize(vec![1.0; DIMENSION - 1]).unwrap();
    let other = crate::fixtures::model(store, "b");
    let refused = picture("cat").caption("猫").embedded(&model, angle(0.0)).embedded(&other, short).try_insert(store);
    assert!(matches!(refused, Err(StoreError::ModelDimension { .. })));
    nothing_is_stored(store);
    assert!(nearest(store, &model, &angle(0.0), 10).is_empty());
    picture("cat").caption("猫").embedded(&model, angle(0.0)).insert(store);
}

pub fn an_unknown_model_stores_nothing(store: &dyn Store) {
    let mut unknown = model(store, "a");
    unknown.model_id += 1000;
    let refused = picture("cat").caption("猫").embedded(&unknown, angle(0.0)).try_insert(store);
    assert!(matches!(refused, Err(StoreError::UnknownModel(id)) if id == unknown.model_id), "{refused:?}");
    nothing_is_stored(store);
}

fn nothing_is_stored(store: &dyn Store) {
    assert_eq!(store.count_images().unwrap(), 0);
    assert!(newest_ids(store).is_empty());
    assert!(found(store, &["猫"]).is_empty());
    assert_eq!(store.image_by_sha256(&Sha256::of(b"cat")).unwrap(), None);
    assert!(store.models().unwrap().iter().all(|model| covered(store, model) == (0, 0)));
}

pub fn unknown_ids_are_answered_with_nothing(store: &dyn Store) {
    let model = model(store, "a");
    for id in [0, -1, 1, i64::MAX, i64::MIN] {
        assert_eq!(store.image(id).unwrap(), None);
        assert_eq!(store.content(id).unwrap(), None);
        assert_eq!(store.update_image(id, &ImagePatch { caption: Some(None), ..ImagePatch::default() }).unwrap(), None);
        assert!(!store.delete_image(id).unwrap());
        assert_eq!(store.embedding(model.model_id, id).unwrap(), None);
        assert!(!store.put_embedding(model.model_id, id, &angle(0.0)).unwrap());
    }
    assert!(store.images(&[1, 2, 3]).unwrap().is_empty());
    assert_eq!(store.image_by_sha256(&Sha256([7; 32])).unwrap(), None);
}

pub fn images_come_in_the_order_asked_for(store: &dyn Store) {
    let [a, b, c] = ["a", "b", "c"].map(|name| picture(name).insert(store));
    let images = store.images(&[c, 999_999, a, b, a]).unwrap();
    assert_eq!(images.iter().map(|image| image.image_id).collect::<Vec<_>>(), [c, a, b, a]);
    assert!(store.images(&[]).unwrap().is_empty());
}

pub fn short_texts_tell_which_are_longer(store: &dyn Store) {
    let long = "夕焼けの海".repeat(2_000);
    let generation = format!(
        r#"{{"prompt":"{long}","negative_prompt":"{long}","sampler":"Euler a","seed":18446744073709551615,"steps":20}}"#
    );
    let swollen = picture("swollen").caption(&long).prompt(&long).generation(&generation).insert(store);
    let usual = picture("usual").caption("夕焼け").insert(store);
    let whole = store.images(&[usual, swollen]).unwrap();
    let short = store.images_short(&[usual, 999_999, swollen], 7).unwrap();
    assert_eq!(short[0], whole[0]);
    let (short, whole) = (&short[1], &whole[1]);
    let (parts, all) = (short.generation.as_ref().unwrap(), whole.generation.as_ref().unwrap());
    assert_eq!((parts.seed, parts.steps), (all.seed, all.steps));
    assert_eq!(parts.sampler, all.sampler);
    for (short, whole) in [
        (&short.caption, &whole.caption),
        (&short.generation_prompt, &whole.generation_prompt),
        (&parts.prompt, &all.prompt),
        (&parts.negative_prompt, &all.negative_prompt),
    ] {
        let (short, whole) = (short.as_deref().unwrap(), whole.as_deref().unwrap());
        assert!(whole.starts_with(short) && short.chars().count() == 8, "{short}");
    }
    let sort = Sort::NEWEST;
    let listed = store.list_short(&Filter::default(), sort, None, 9, 7).unwrap();
    let places = store.list(&Filter::default(), sort, None, 9).unwrap();
    assert!(listed.iter().map(|image| &image.at).eq(places.iter().map(|image| &image.at)));
    assert!(
        listed.iter().all(|listed| listed.image.caption.as_ref().is_none_or(|caption| caption.chars().count() <= 8))
    );
    let page = Page { filter: Filter::default(), offset: 1, limit: 1, exact: false };
    assert_eq!(store.page_ids(&page, sort).unwrap(), [places[1].image.image_id]);
}

pub fn newest_first_by_date_then_id(store: &dyn Store) {
    let late = picture("late").at(10).insert(store);
    let early = picture("early").at(-10).insert(store);
    let middle = picture("middle").at(0).insert(store);
    let same_moment = picture("same").at(0).insert(store);
    let mut before_1970 = picture("old");
    before_1970.upload_date = noon() - Duration::days(30_000);
    let before_1970 = before_1970.insert(store);
    assert_eq!(newest_ids(store), [late, same_moment, middle, early, before_1970]);
    let mut a_microsecond_later = picture("µs").at(10);
    a_microsecond_later.upload_date += Duration::microseconds(1);
    let a_microsecond_later = a_microsecond_later.insert(store);
    assert_eq!(newest_ids(store)[..2], [a_microsecond_later, late]);
}

pub fn cursors_walk_through_all_images_once(store: &dyn Store) {
    // Three images share each second, so a page also ends between equal dates.
    let ids: Vec<_> = (0..25).map(|n| picture(&n.to_string()).at(n / 3).insert(store)).collect();
    let newest: Vec<_> = ids.into_iter().rev().collect();
    for limit in [1, 2, 7, 25, 100] {
        let mut seen = Vec::new();
        let mut cursor = None;
        loop {
            let page = store.newest(&Filter::default(), cursor, limit).unwrap();
            assert!(page.len() <= limit);
            let Some(last) = page.last() else { break };
            cursor = Some(Cursor { upload_date: last.upload_date, image_id: last.image_id });
            seen.extend(page.iter().map(|image| image.image_id));
        }
        assert_eq!(seen, newest, "pages of {limit}");
    }
    assert!(store.newest(&Filter::default(), None, 0).unwrap().is_empty());
}

pub fn a_cursor_survives_what_happens_in_front_of_it(store: &dyn Store) {
    let ids: Vec<_> = (0..6).map(|n| picture(&n.to_string()).at(n).insert(store)).collect();
    let first = store.newest(&Filter::default(), None, 3).unwrap();
    let last = first.last().unwrap();
    let cursor = Cursor { upload_date: last.upload_date, image_id: last.image_id };
    picture("newer").at(100).insert(store);
    // The image that a cursor points at may be deleted.
    assert!(store.delete_image(ids[3]).unwrap());
    let rest = store.newest(&Filter::default(), Some(cursor), 10).unwrap();
    assert_eq!(rest.iter().map(|image| image.image_id).collect::<Vec<_>>(), [ids[2], ids[1], ids[0]]);
}

pub fn pages_by_offset_are_cut_from_the_same_order(store: &dyn Store) {
    (0..10).for_each(|n| _ = picture(&n.to_string()).at(n / 2).insert(store));
    let all = newest_ids(store);
    let page = |offset, limit| -> Vec<_> {
        let page = store.newest_page(&Page { offset, ..Page::first(limit) }).unwrap();
        page.iter().map(|image| image.image_id).collect()
    };
    assert_eq!([page(0, 4), page(4, 4), page(8, 4)].concat(), all);
    assert!(page(10, 4).is_empty());
    assert!(page(usize::MAX, usize::MAX).is_empty());
}

pub fn a_patch_sets_clears_and_leaves_alone(store: &dyn Store) {
    let image_id = picture("cat").caption("old").insert(store);
    let patch = |caption, generation_prompt| {
        let image = store
            .update_image(image_id, &ImagePatch { caption, generation_prompt, ..ImagePatch::default() })
            .unwrap()
            .unwrap();
        assert_eq!(store.image(image_id).unwrap().as_ref(), Some(&image));
        (image.caption, image.generation_prompt, image.generation)
    };
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(patch(None, None), (some("old"), None, None));
    assert_eq!(patch(Some(some("新しい")), None), (some("新しい"), None, None));
    let parts = Some(Generation { seed: Some(7), ..Generation::default() });
    let prompt = Some(Some(("raw".to_owned(), parts.clone())));
    assert_eq!(patch(None, prompt), (some("新しい"), some("raw"), parts.clone()));
    assert_eq!(patch(Some(None), None), (None, some("raw"), parts));
    assert_eq!(patch(None, Some(Some(("raw 2".to_owned(), None)))), (None, some("raw 2"), None));
    assert_eq!(patch(Some(some("both")), Some(None)), (some("both"), None, None));
}

pub fn a_deleted_image_is_gone_everywhere(store: &dyn Store) {
    let [a, b] = ["a", "b"].map(|name| model(store, name));
    let keep = picture("keep").caption("猫 keep").embedded(&a, angle(1.0)).embedded(&b, angle(1.0)).insert(store);
    let gone = picture("gone").caption("猫").prompt("x").embedded(&a, angle(0.0)).embedded(&b, angle(0.0));
    let gone_id = gone.insert(store);
    assert!(store.delete_image(gone_id).unwrap());
    assert!(!store.delete_image(gone_id).unwrap());

    assert_eq!(store.image(gone_id).unwrap(), None);
    assert_eq!(store.content(gone_id).unwrap(), None);
    assert_eq!(store.image_by_sha256(&Sha256::of(&gone.bytes)).unwrap(), None);
    assert_eq!(store.embedding(a.model_id, gone_id).unwrap(), None);
    assert_eq!(newest_ids(store), [keep]);
    assert_eq!(found(store, &["猫"]), [keep]);
    assert_eq!(nearest_ids(store, &a, &angle(0.0), 10), [keep]);
    assert_eq!(nearest_ids(store, &b, &angle(0.0), 10), [keep]);
    assert!(store.models().unwrap().iter().all(|model| covered(store, model) == (1, 1)));
    assert_eq!(store.count_images().unwrap(), 1);
}

pub fn ids_are_never_used_again(store: &dyn Store) {
    let cat = picture("cat");
    let first = cat.insert(store);
    assert!(store.delete_image(first).unwrap());
    let second = cat.insert(store);
    assert!(second > first);
}

pub fn strange_texts_are_only_data(store: &dyn Store) {
    for (n, text) in
        ["'; DROP TABLE images; --", "\u{1}\u{7f}", "../../etc/passwd", "😀 \u{202e}gnp", "%s{}\\"].iter().enumerate()
    {
        let image_id = picture(&n.to_string()).named(text).caption(text).prompt(text).insert(store);
        let image = store.image(image_id).unwrap().unwrap();
        assert_eq!((image.file_name.as_str(), image.caption.as_deref()), (*text, Some(*text)));
        assert_eq!(image.generation_prompt.as_deref(), Some(*text));
    }
    assert_eq!(store.count_images().unwrap(), 5);
}

pub fn hashes_tell_which_images_are_known(store: &dyn Store) {
    let ids: Vec<_> = (0..5).map(|n| picture(&n.to_string()).insert(store)).collect();
    assert!(store.delete_image(ids[3]).unwrap());
    let hash = |name: &str| Sha256::of(name.as_bytes());
    let asked: Vec<_> = ["4", "nobody", "0", "3"].iter().map(|name| hash(name)).collect();
    let mut known = store.images_by_sha256(&asked).unwrap();
    known.sort_by_key(|(_, image_id)| *image_id);
    assert_eq!(known, [(hash("0"), ids[0]), (hash("4"), ids[4])]);
    assert!(store.images_by_sha256(&[]).unwrap().is_empty());
    let many: Vec<_> = (0..MAX_HASHES).map(|n| hash(&n.to_string())).collect();
    assert_eq!(store.images_by_sha256(&many).unwrap().len(), 4);
}
