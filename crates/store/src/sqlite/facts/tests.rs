use mitsuke_image::{Generation, Lora};
use mitsuke_index::IdSet;
use proptest::prelude::*;
use time::macros::{date, datetime};
use time::{Duration, PrimitiveDateTime};

use super::*;
use crate::{Filter, Image, Sha256, Sort, SortKey, TakenAt};

fn no_words(_: &[String]) -> Result<IdSet, crate::StoreError> {
    Ok(IdSet::default())
}

fn maybe<T: std::fmt::Debug>(values: impl Strategy<Value = T>) -> impl Strategy<Value = Option<T>> {
    proptest::option::weighted(0.7, values)
}

fn taken() -> impl Strategy<Value = PrimitiveDateTime> {
    (-3..3_i64).prop_map(|days| datetime!(1970-01-02 00:00) + Duration::days(20 * days))
}

fn image() -> impl Strategy<Value = Image> {
    let generation = (
        maybe(proptest::sample::select(vec!["", "sdxl", "SDXL", "flux"])),
        maybe(proptest::sample::select(vec!["Euler a", "ddim"])),
        maybe(0..3_u64),
        proptest::collection::vec("[aAb]", 0..3),
    );
    let generation = maybe(generation).prop_map(|parts| {
        let (model, sampler, seed, loras) = parts?;
        let loras = loras.into_iter().map(|name| Lora { name, weight: None }).collect();
        let (model, sampler) = (model.map(str::to_owned), sampler.map(str::to_owned));
        Some(Generation { model, sampler, seed, loras, ..Generation::default() })
    });
    let texts = (
        "[ab猫1]{1,4}",
        proptest::sample::select(vec!["image/png", "image/jpeg"]),
        proptest::option::of("[a-b]"),
        proptest::option::of("[a-b]"),
        proptest::collection::btree_set("[cd猫]", 0..3),
    );
    let origin = (maybe(taken()), maybe("[cC]am"), maybe("([Aab]/){0,2}x"));
    (0..4_i64, 1..4_u32, 1..4_u32, 0..4_u64, generation, texts, origin).prop_map(
        |(
            seconds,
            width,
            height,
            bytes,
            generation,
            (name, file_type, prompt, caption, tags),
            (taken, camera, path),
        )| {
            Image {
                image_id: 0,
                file_name: name,
                file_type: file_type.into(),
                bytes,
                width,
                height,
                sha256: Sha256([0; 32]),
                upload_date: datetime!(2024-01-01 00:00 UTC) + Duration::seconds(seconds),
                generation_prompt: prompt,
                generation,
                caption,
                tags: tags.into_iter().collect(),
                taken: taken.map(|local| TakenAt { local, offset: None }),
                camera,
                source_path: path,
            }
        },
    )
}

fn filter() -> impl Strategy<Value = Filter> {
    let text = |pattern: &'static str| proptest::collection::vec(pattern, 0..2);
    let numbers = (maybe(0..4_u32), maybe(0..4_u32), maybe(0..4_u64), maybe(0..3_u64), maybe(0..4_i64));
    let flags = (proptest::option::weighted(0.2, any::<bool>()), proptest::option::weighted(0.2, any::<bool>()));
    let names = (proptest::option::weighted(0.3, "[ab猫1]{0,2}"), proptest::option::weighted(0.3, "[ab猫*?]{0,3}"));
    let dates = (proptest::option::weighted(0.2, taken()), proptest::option::weighted(0.2, taken()));
    let values = (
        text("(image/png|image/jpeg)"),
        text("(sdxl|FLUX|x)"),
        text("(euler a|ddim)"),
        text("[Cc]am"),
        text("(/|/a|b|a/b)"),
    );
    let several = (text("[cd猫]"), text("[cd猫]"), text("[abx]"), text("[abx]"));
    (numbers, flags, names, dates, values, several).prop_map(|(numbers, flags, names, dates, values, several)| {
        let (min_width, max_height, min_bytes, seed, uploaded) = numbers;
        let mut filter = Filter {
            min_width: min_width.filter(|least| *least < 2),
            max_height: max_height.filter(|most| *most > 1),
            min_bytes: min_bytes.filter(|least| *least < 2),
            seed: seed.filter(|seed| *seed > 1),
            uploaded_from: uploaded.map(|seconds| datetime!(2023-12-31 23:59:58.5 UTC) + Duration::seconds(seconds)),
            has_generation_prompt: flags.0,
            has_caption: flags.1,
            has_taken: flags.0.filter(|_| flags.1.is_some()),
            file_name_contains: names.0,
            file_name_pattern: names.1,
            taken_from: dates.0,
            taken_before: dates.1,
            ..Filter::default()
        };
        (filter.file_types, filter.checkpoints, filter.samplers, filter.cameras, filter.folders) = values;
        (filter.tags, filter.any_tags, filter.loras, filter.any_loras) = several;
        filter
    })
}

/// Leaves most conditions of a filter out, so that some images pass.
fn narrowed(filter: Filter, kept: usize) -> Filter {
    let mut one = Filter::default();
    match kept % 9 {
        0 => (one.min_width, one.max_height, one.min_bytes) = (filter.min_width, filter.max_height, filter.min_bytes),
        1 => (one.seed, one.uploaded_from) = (filter.seed, filter.uploaded_from),
        2 => (one.has_caption, one.has_taken) = (filter.has_caption, filter.has_taken),
        3 => (one.taken_from, one.taken_before) = (filter.taken_from, filter.taken_before),
        4 => (one.file_name_contains, one.file_name_pattern) = (filter.file_name_contains, filter.file_name_pattern),
        5 => (one.file_types, one.checkpoints) = (filter.file_types, filter.checkpoints),
        6 => (one.samplers, one.cameras, one.folders) = (filter.samplers, filter.cameras, filter.folders),
        7 => (one.tags, one.any_tags) = (filter.tags, filter.any_tags),
        _ => (one.loras, one.any_loras) = (filter.loras, filter.any_loras),
    }
    one
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn facts_pass_the_images_that_the_definition_passes(
        changes in proptest::collection::vec((1..90_i64, proptest::option::weighted(0.9, image())), 1..60),
        filters in proptest::collection::vec((filter(), 0..9_usize), 1..6),
        left_out in proptest::option::of((filter(), 0..9_usize)),
    ) {
        let mut facts = FactsIndex::default();
        let mut images = std::collections::BTreeMap::new();
        for (image_id, image) in changes {
            match image {
                Some(image) => {
                    let image = Image { image_id, ..image };
                    facts.put(&FactsRow::of(&image));
                    images.insert(image_id, image);
                }
                None => {
                    facts.remove(image_id);
                    images.remove(&image_id);
                }
            }
        }
        prop_assert_eq!(facts.len(), images.len());
        prop_assert_eq!(facts.all().iter().collect::<Vec<_>>(), images.keys().copied().collect::<Vec<_>>());
        for (filter, kept) in filters {
            let left_out = left_out.clone().map(|(filter, kept)| narrowed(filter, kept));
            let filter = Filter { none_of: left_out.into_iter().collect(), ..narrowed(filter, kept) };
            let allowed = facts.allowed(&filter, &no_words).unwrap();
            let passing = images.values().filter(|image| filter.passes(image).unwrap());
            let expected: Vec<ImageId> = passing.map(|image| image.image_id).collect();
            prop_assert_eq!(allowed.iter().collect::<Vec<_>>(), expected, "{:?}", filter);
        }
    }

    #[test]
    fn lists_are_in_their_order(
        images in proptest::collection::vec(image(), 1..40),
        key in proptest::sample::select(vec![
            SortKey::Uploaded,
            SortKey::Taken,
            SortKey::Name,
            SortKey::Bytes,
            SortKey::Random { seed: 5 },
        ]),
        descending: bool,
        skip in 0..5_usize,
        limit in 0..9_usize,
        from in 0..40_usize,
    ) {
        let images: Vec<Image> = (1..).zip(images).map(|(image_id, image)| Image { image_id, ..image }).collect();
        let mut facts = FactsIndex::default();
        images.iter().for_each(|image| facts.put(&FactsRow::of(image)));
        let sort = Sort { key, descending };
        let mut places: Vec<_> = images.iter().map(|image| sort.place(image)).collect();
        places.sort_by(|a, b| sort.compare(a, b));
        let after = places.get(from).cloned();
        let behind = places.iter().filter(|place| after.as_ref().is_none_or(|after| sort.compare(place, after).is_gt()));
        let expected: Vec<ImageId> = behind.skip(skip).take(limit).map(|place| place.image_id).collect();
        let all = facts.all();
        let found = match key {
            SortKey::Name => facts.by_name(&all, sort, after.as_ref(), skip, limit),
            _ => facts.first(&all, sort, after.as_ref(), skip, limit).unwrap(),
        };
        prop_assert_eq!(found, expected);
    }
}

#[test]
fn values_are_counted_most_frequent_first() {
    let mut facts = FactsIndex::default();
    let row = |image_id, checkpoint: Option<&str>, tags: &[&str]| {
        let mut values: [Option<String>; SINGLE.len()] = Default::default();
        values[0] = checkpoint.map(str::to_owned);
        FactsRow {
            image_id,
            uploaded: 0,
            taken: None,
            bytes: 0,
            width: 0,
            height: 0,
            has_generation_prompt: false,
            has_caption: false,
            seed: None,
            name: String::new(),
            values,
            tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
            loras: Vec::new(),
        }
    };
    for (image_id, checkpoint, tags) in [
        (3, Some("b"), &["x", "y"][..]),
        (5, Some("a"), &["y"]),
        (6, Some("b"), &[]),
        (7, Some(""), &["z"]),
        (8, None, &["z"]),
        (9, Some("a"), &["x"]),
    ] {
        facts.put(&row(image_id, checkpoint, tags));
    }
    facts.put(&row(3, Some("c"), &["x"]));
    facts.remove(9);
    let counted = facts.facets(&facts.all(), &[Facet::Checkpoint, Facet::Tag, Facet::Lora], 2);
    let value = |folded: &str, count, first| Counted { folded: folded.into(), count, first };
    let expected = [
        (Facet::Checkpoint, vec![value("a", 1, 5), value("b", 1, 6)], true, 2),
        (Facet::Tag, vec![value("z", 2, 7), value("x", 1, 3)], true, 1),
        (Facet::Lora, vec![], false, 5),
    ];
    let expected = expected.map(|(facet, values, more, without)| CountedFacet { facet, values, more, without });
    assert_eq!(counted, expected);
    let some: IdSet = [5, 6, 100].into_iter().collect();
    assert_eq!(facts.facets(&some, &[Facet::Tag], 9)[0].values, [value("y", 1, 5)]);
}

#[test]
fn a_month_is_that_of_the_clock() {
    assert_eq!(row::month(date!(2024 - 05 - 31)), "2024-05");
}
