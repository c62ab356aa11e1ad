//! Changes of many images.

use mitsuke_store::{ChangeOutcome, Filter, ImageChange, ImageId, ImagePatch, Store, SuggestionKind};

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
