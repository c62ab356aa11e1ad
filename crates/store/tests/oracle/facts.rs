//! The work on facts that only this store has: words that are added up later, and changes of many images.

use mitsuke_store::oracle::OracleStore;
use mitsuke_store::{
    ChangeOutcome, FacetStore as _, ImageChange, ImageId, ImagePatch, ImageStore as _, Occasion, Store as _,
    SuggestionKind,
};
use mitsuke_store_testing::fixtures::*;
use oracle::Connection;
use oracle_standin::testing::{Database, Failure};

use crate::store;

/// Inserts images that have 300 words each, among them "boat".
fn wordy(store: &OracleStore, count: usize) -> Vec<ImageId> {
    let prompt: Vec<String> = (0..299).map(|n| format!("word{n}")).collect();
    let json = format!(r#"{{"prompt": "boat {}"}}"#, prompt.join(" "));
    (0..count).map(|n| picture(&n.to_string()).prompt("raw").generation(&json).insert(store)).collect()
}

fn images_with_boats(store: &OracleStore) -> Option<u64> {
    store.suggestions("boat", &[SuggestionKind::Word], 5).unwrap().first().map(|word| word.count)
}

fn rows(connection: &Connection, table: &str) -> i64 {
    connection.query_row_as(&format!("SELECT COUNT(*) FROM {table}"), &[]).unwrap()
}

fn maintain(store: &OracleStore) {
    store.maintain(Occasion::Regular, &mut |_| {}).unwrap();
}

#[test]
fn changes_of_words_are_added_up_when_there_are_many() {
    let database = Database::temporary();
    let store = store(&database);
    let ids = wordy(&store, 3);
    let other = database.connect();
    maintain(&store);
    assert_eq!((rows(&other, "prompt_word_changes"), rows(&other, "prompt_words")), (900, 0), "900 are few");
    let last = picture("last").prompt("raw").generation(r#"{"prompt": "boat"}"#).insert(&store);
    store.delete_image(ids[0]).unwrap();
    assert_eq!(images_with_boats(&store), Some(3));
    maintain(&store);
    assert_eq!((rows(&other, "prompt_word_changes"), rows(&other, "prompt_words")), (0, 300));
    assert_eq!(images_with_boats(&store), Some(3));
    // Later changes count at once, and a word that no image has any more goes.
    store.delete_image(last).unwrap();
    assert_eq!(images_with_boats(&store), Some(2));
    ids[1..].iter().for_each(|image_id| assert!(store.delete_image(*image_id).unwrap()));
    assert_eq!(images_with_boats(&store), None);
    let again = wordy(&store, 5);
    again.iter().for_each(|image_id| assert!(store.delete_image(*image_id).unwrap()));
    maintain(&store);
    assert_eq!((rows(&other, "prompt_word_changes"), rows(&other, "prompt_words")), (0, 0));
}

#[test]
fn only_one_process_adds_changes_up() {
    let database = Database::temporary();
    let store = store(&database);
    wordy(&store, 4);
    let other = database.connect();
    other.execute("UPDATE mitsuke_locks SET name = name WHERE name = 'WORDS'", &[]).unwrap();
    maintain(&store);
    assert_eq!(rows(&other, "prompt_word_changes"), 1_200, "another process has the lock");
    other.rollback().unwrap();
    maintain(&store);
    assert_eq!((rows(&other, "prompt_word_changes"), images_with_boats(&store)), (0, Some(4)));
}

#[test]
fn changes_that_were_not_added_up_to_the_end_count_once() {
    let database = Database::temporary();
    let store = store(&database);
    wordy(&store, 4);
    for part in ["UPDATE PROMPT_WORD_CHANGES", "MERGE INTO PROMPT_WORDS", "DELETE FROM PROMPT_WORD_CHANGES"] {
        database.fail(&Failure::error("execute", 1653, "no space").when(part).times(1));
        assert!(store.maintain(Occasion::Regular, &mut |_| {}).is_err(), "{part}");
        database.clear();
        assert_eq!(images_with_boats(&store), Some(4), "{part}");
    }
    maintain(&store);
    assert_eq!(images_with_boats(&store), Some(4));
}

#[test]
fn a_long_prompt_is_counted_out_when_its_image_is_deleted() {
    let database = Database::temporary();
    let store = store(&database);
    let ids = wordy(&store, 2);
    store.delete_image(ids[0]).unwrap();
    assert_eq!(images_with_boats(&store), Some(1));
    store.delete_image(ids[1]).unwrap();
    assert!(store.suggestions("", &[SuggestionKind::Word], 5).unwrap().is_empty());
}

/// The first failure ends the transaction of all images, and the second one that of one image.
#[test]
fn an_image_that_cannot_be_changed_keeps_the_others_from_nothing() {
    let database = Database::temporary();
    let store = store(&database);
    let ids: Vec<ImageId> = (0..5).map(|n| picture(&n.to_string()).insert(&store)).collect();
    let refusal = Failure::error("execute", 12899, "value too large").when("INSERT INTO IMAGE_TAGS");
    database.fail(&refusal.after(1).times(2));
    let tag = ImageChange::Patch(ImagePatch { add_tags: strings(&["cat"]), ..ImagePatch::default() });
    let outcomes = store.change_images(&ids, &tag).unwrap();
    let failed: Vec<ImageId> = outcomes
        .iter()
        .filter(|(_, outcome)| matches!(outcome, ChangeOutcome::Failed(_)))
        .map(|(image_id, _)| *image_id)
        .collect();
    assert_eq!(failed, ids[..1]);
    for image_id in &ids {
        let tags = store.image(*image_id).unwrap().unwrap().tags;
        assert_eq!(tags.is_empty(), failed.contains(image_id));
    }
}
