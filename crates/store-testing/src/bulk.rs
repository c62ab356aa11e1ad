//! Changes of many images.

use mitsuke_index::UnitVector;
use mitsuke_store::{
    ChangeOutcome, Filter, ImageChange, ImageId, ImagePatch, Inserted, NewImage, Sha256, Store, StoreError,
    SuggestionKind,
};

use crate::fixtures::*;

fn outcomes(store: &dyn Store, ids: &[ImageId], change: &ImageChange) -> Vec<(ImageId, &'static str)> {
    let name = |outcome: &ChangeOutcome| match outcome {
        ChangeOutcome::Changed => "changed",
        ChangeOutcome::Unchanged => "unchanged",
        ChangeOutcome::Deleted => "deleted",
        ChangeOutcome::Unknown => "unknown",
        ChangeOutcome::Failed(_) => "failed",
    };
    let outcomes = store.change_images(ids, change).unwrap();
    outcomes.iter().map(|(image_id, outcome)| (*image_id, name(outcome))).collect()
}

pub fn changes_of_many_report_each(store: &dyn Store) {
    let model = model(store, "a");
    let ids: Vec<_> = (0..5)
        .map(|n| picture(&n.to_string()).tagged(&["old"]).caption("x").embedded(&model, angle(0.0)).insert(store))
        .collect();
    let [a, b, c, d, e] = ids[..] else { panic!("five images") };
    let unknown = e + 1_000;
    let tag = |add: &[&str], remove: &[&str]| {
        ImageChange::Patch(ImagePatch { add_tags: strings(add), remove_tags: strings(remove), ..ImagePatch::default() })
    };
    assert_eq!(
        outcomes(store, &[c, unknown, a], &tag(&["new"], &["OLD"])),
        [(c, "changed"), (unknown, "unknown"), (a, "changed")]
    );
    assert_eq!(outcomes(store, &[a, b], &tag(&["New"], &[])), [(a, "unchanged"), (b, "changed")]);
    let tags = |image_id| store.image(image_id).unwrap().unwrap().tags;
    assert_eq!(
        (tags(a), tags(b), tags(c), tags(d)),
        (strings(&["new"]), strings(&["old", "New"]), strings(&["new"]), strings(&["old"]))
    );
    assert_eq!(sorted(found(store, &["new"])), [a, b, c]);
    let caption = ImageChange::Patch(ImagePatch { caption: Some(Some("猫".into())), ..ImagePatch::default() });
    assert_eq!(outcomes(store, &[d, e], &caption), [(d, "changed"), (e, "changed")]);
    assert_eq!(sorted(found(store, &["猫"])), [d, e]);
    assert_eq!(
        outcomes(store, &[b, unknown, b], &ImageChange::Delete),
        [(b, "deleted"), (unknown, "unknown"), (b, "unknown")]
    );
    assert_eq!(sorted(nearest_ids(store, &model, &angle(0.0), 9)), [a, c, d, e]);
    assert_eq!(sorted(newest_ids(store)), [a, c, d, e]);
    assert!(outcomes(store, &[], &ImageChange::Delete).is_empty());
}

pub fn many_are_changed_and_deleted_at_once(store: &dyn Store) {
    let ids: Vec<_> = (0..230).map(|n| picture(&n.to_string()).insert(store)).collect();
    let tag = ImageChange::Patch(ImagePatch { add_tags: strings(&["cat"]), ..ImagePatch::default() });
    assert!(outcomes(store, &ids, &tag).iter().all(|(_, outcome)| *outcome == "changed"));
    let tagged = Filter { tags: strings(&["cat"]), ..Filter::default() };
    assert_eq!(store.count(&tagged).unwrap().count, 230);
    let deleted = outcomes(store, &ids[10..], &ImageChange::Delete);
    assert_eq!(deleted.iter().map(|(image_id, _)| *image_id).collect::<Vec<_>>(), ids[10..]);
    assert!(deleted.iter().all(|(_, outcome)| *outcome == "deleted"));
    assert_eq!(store.count(&tagged).unwrap().count, 10);
    let suggested = mitsuke_store::FacetStore::suggestions(store, "", &[SuggestionKind::Tag], 5).unwrap();
    assert_eq!((suggested.len(), suggested[0].count), (1, 10));
}

/// Inserts pictures at once.
fn insert_all(store: &dyn Store, pictures: &[Picture]) -> Vec<Result<Inserted, StoreError>> {
    let images: Vec<NewImage<'_>> = pictures.iter().map(Picture::as_new).collect();
    let answers = store.insert_images(&images).unwrap();
    assert_eq!(answers.len(), pictures.len());
    answers
}

/// Returns the ids of images that were all created.
fn created(answers: &[Result<Inserted, StoreError>]) -> Vec<ImageId> {
    let created = |answer: &Result<Inserted, StoreError>| match answer {
        Ok(Inserted::Created(image_id)) => *image_id,
        other => panic!("an image was to be created, and is {other:?}"),
    };
    answers.iter().map(created).collect()
}

pub fn many_images_are_inserted_at_once(store: &dyn Store) {
    assert!(insert_all(store, &[]).is_empty());
    let (first, second) = (model(store, "a"), model(store, "b"));
    let vectors = scattered(250, 7);
    let pictures: Vec<_> = (0..250_usize)
        .map(|n| {
            let mut picture = picture(&format!("p{n}"))
                .at(n as i64)
                .tagged(&["all", if n % 2 == 0 { "even" } else { "odd" }])
                .from_path(&format!("folder/p{n}.png"))
                .embedded(&first, vectors[n].clone());
            if n % 3 == 0 {
                picture = picture.caption(&format!("number{n}")).set_by_caller();
            }
            if n % 5 == 0 {
                picture = picture
                    .prompt("a castle")
                    .generation(r#"{"prompt": "a castle"}"#)
                    .embedded(&second, angle(n as f32));
            }
            picture
        })
        .collect();
    let ids = created(&insert_all(store, &pictures));
    assert_eq!(sorted(ids.clone()), ids, "ids in the order of the images");
    assert_eq!(
        (store.count_images().unwrap(), covered(store, &first), covered(store, &second)),
        (250, (250, 250), (50, 250))
    );
    for n in [0, 15, 99, 100, 249] {
        let (image, picture) = (store.image(ids[n]).unwrap().unwrap(), &pictures[n]);
        assert_eq!(
            (&image.file_name, &image.caption, &image.generation_prompt, &image.tags, &image.source_path),
            (&picture.file_name, &picture.caption, &picture.prompt, &picture.tags, &picture.source_path)
        );
        assert_eq!((image.sha256, image.upload_date), (Sha256::of(&picture.bytes), picture.upload_date));
        assert_eq!(store.content(ids[n]).unwrap().unwrap().bytes, picture.bytes);
        let vector: Option<UnitVector> = store.embedding(first.model_id, ids[n]).unwrap();
        assert_eq!(vector.as_ref(), Some(&vectors[n]));
        assert_eq!(nearest_ids(store, &first, &vectors[n], 1), [ids[n]]);
    }
    assert_eq!(found(store, &["number99"]), [ids[99]]);
    let even = Filter { tags: strings(&["even"]), ..Filter::default() };
    assert_eq!(store.count(&even).unwrap().count, 125);
    let words = mitsuke_store::FacetStore::suggestions(store, "castle", &[SuggestionKind::Word], 5).unwrap();
    assert_eq!((words.len(), words[0].count), (1, 50));
    assert_eq!(newest_ids(store), ids.iter().rev().copied().collect::<Vec<_>>());
}

pub fn a_batch_tells_known_from_new(store: &dyn Store) {
    let known = picture("known").caption("before").insert(store);
    let batch =
        [picture("new"), picture("known").caption("after"), picture("twice").caption("first"), picture("twice")];
    let answers = insert_all(store, &batch);
    let [
        Ok(Inserted::Created(new)),
        Ok(Inserted::Known(found)),
        Ok(Inserted::Created(twice)),
        Ok(Inserted::Known(again)),
    ] = answers[..]
    else {
        panic!("{answers:?}")
    };
    assert_eq!((found, again), (known, twice));
    assert_eq!(sorted(newest_ids(store)), sorted(vec![new, known, twice]));
    let caption = |image_id| store.image(image_id).unwrap().unwrap().caption;
    assert_eq!((caption(known), caption(twice)), (Some("before".into()), Some("first".into())));
    assert!(insert_all(store, &batch).iter().all(|answer| matches!(answer, Ok(Inserted::Known(_)))));
}

pub fn one_bad_image_of_a_batch_leaves_the_others(store: &dyn Store) {
    let model = model(store, "a");
    let short = UnitVector::normalize(vec![1.0; DIMENSION - 1]).unwrap();
    let mut unknown = model.clone();
    unknown.model_id += 1_000;
    let batch = [
        picture("a").embedded(&model, angle(1.0)),
        picture("b").caption("left out").embedded(&model, short),
        picture("c").embedded(&model, angle(3.0)),
        picture("d").embedded(&unknown, angle(4.0)),
        picture("e").embedded(&model, angle(5.0)),
    ];
    let answers = insert_all(store, &batch);
    let [Ok(Inserted::Created(a)), Err(dimension), Ok(Inserted::Created(c)), Err(no_model), Ok(Inserted::Created(e))] =
        &answers[..]
    else {
        panic!("{answers:?}")
    };
    assert!(matches!(dimension, StoreError::ModelDimension { found, .. } if *found == DIMENSION - 1), "{dimension:?}");
    assert!(matches!(no_model, StoreError::UnknownModel(_)), "{no_model:?}");
    assert_eq!(sorted(newest_ids(store)), sorted(vec![*a, *c, *e]));
    assert_eq!(nearest_ids(store, &model, &angle(3.0), 1), [*c]);
    assert!(found(store, &["left out"]).is_empty());
}

pub fn a_listed_tag_counts_as_found_and_a_missing_one_as_removed(store: &dyn Store) {
    let listed = picture("a").tagged(&["sea", "old", "Cat"]).listing_tags(&["mine", "sea", "cat"]).read_by(1);
    let [image_id] = created(&insert_all(store, &[listed]))[..] else { panic!("one image") };
    let tags = || store.image(image_id).unwrap().unwrap().tags;
    assert_eq!(tags(), strings(&["mine", "sea", "cat"]));
    // A later reader finds other tags in the file.
    let found = strings(&["old", "Cat", "new"]);
    let reading = mitsuke_store::Reading { tags: &found, ..mitsuke_store::Reading::default() };
    store.put_reading(image_id, 2, Some(&reading)).unwrap().unwrap();
    assert_eq!(tags(), strings(&["mine", "cat", "new"]), "`sea` was found and is gone, `old` was removed");
}
