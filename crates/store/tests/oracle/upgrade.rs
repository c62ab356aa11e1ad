//! A database of an earlier version gets the facts that lists, filters and facets read, and an interruption costs one batch.

use mitsuke_store::oracle::OracleStore;
use mitsuke_store::{
    EmbeddingStore as _, FacetStore as _, Filter, ImageStore as _, Model, ModelStore as _, Page, Reading,
    ReadingStore as _, SearchStore as _, Sort, SortKey, Store as _, SuggestionKind, VectorSearch,
};
use mitsuke_store_testing::fixtures::*;
use oracle::Connection;
use oracle_standin::testing::{Database, Failure};

use crate::store;

/// Takes everything out of the database that the migration of the copied facts and later versions have put into it.
/// The table of each model is made as earlier versions made it.
fn back_to_version_9(connection: &Connection, models: &[&Model]) {
    let mut statements = vec![
        "ALTER TABLE embedding_models DROP COLUMN facts_version".to_owned(),
        "ALTER TABLE embedding_models DROP COLUMN facts_filled_to".to_owned(),
        "DROP TABLE image_tags".to_owned(),
        "DROP TABLE removed_tags".to_owned(),
        "DROP TABLE image_loras".to_owned(),
        "DROP TABLE image_damage".to_owned(),
        "DROP TABLE image_files".to_owned(),
        "DROP TABLE removed_files".to_owned(),
        "DROP TABLE mitsuke_facts".to_owned(),
        "DROP TABLE prompt_words".to_owned(),
        "DROP TABLE prompt_word_changes".to_owned(),
        "DELETE FROM mitsuke_locks WHERE name = 'WORDS'".to_owned(),
        "DROP INDEX images_reader".to_owned(),
        "ALTER TABLE images DROP COLUMN caption_set".to_owned(),
        "ALTER TABLE images DROP COLUMN generation_prompt_set".to_owned(),
        "ALTER TABLE images DROP COLUMN reader_version".to_owned(),
        "ALTER TABLE images DROP COLUMN file_name_folded".to_owned(),
        "UPDATE images SET search_text = 'cut by an earlier version'".to_owned(),
        "DELETE FROM mitsuke_schema WHERE version > 9".to_owned(),
    ];
    for index in ["taken", "name_key", "bytes", "name_folded", "generation_model", "camera", "folder"] {
        statements.insert(0, format!("DROP INDEX images_{index}"));
    }
    for column in [
        "taken_local",
        "taken_offset",
        "taken_set",
        "camera",
        "camera_folded",
        "source_path",
        "folder_folded",
        "file_name_key",
    ] {
        statements.push(format!("ALTER TABLE images DROP COLUMN {column}"));
    }
    for model in models {
        let (table, dimension) = (format!("image_embeddings_{}", model.model_id), model.vector_dimension);
        statements.extend([
            format!("DROP INDEX IF EXISTS {table}_vec"),
            format!("ALTER TABLE {table} RENAME TO new_table"),
            format!("ALTER TABLE new_table DROP CONSTRAINT {table}_fk"),
            format!("ALTER TABLE new_table DROP CONSTRAINT {table}_pk"),
            format!(
                "CREATE TABLE {table} (image_id NUMBER NOT NULL CONSTRAINT {table}_pk PRIMARY KEY, \
                 embedding VECTOR({dimension}, FLOAT32) NOT NULL, CONSTRAINT {table}_fk FOREIGN KEY (image_id) \
                 REFERENCES images (image_id) ON DELETE CASCADE)"
            ),
            format!("INSERT INTO {table} (image_id, embedding) SELECT n.image_id, n.embedding FROM new_table n"),
            "DROP TABLE new_table".to_owned(),
            format!(
                "CREATE VECTOR INDEX {table}_vec ON {table} (embedding) ORGANIZATION NEIGHBOR PARTITIONS DISTANCE DOT \
                 WITH TARGET ACCURACY 95"
            ),
        ]);
    }
    for sql in statements {
        connection.execute(&sql, &[]).unwrap_or_else(|error| panic!("{sql}: {error}"));
    }
    connection.commit().unwrap();
}

/// A database of version 9 with some images and two models.
fn version_9() -> (Database, [Model; 2]) {
    let database = Database::temporary();
    let store = store(&database);
    let models = ["a", "b"].map(|name| model(&store, name));
    for n in 0..20_u8 {
        let mut picture = picture(&n.to_string()).at(i64::from(n)).sized(100 * u32::from(n), 50);
        if n % 2 == 0 {
            picture = picture
                .named(&format!("ガ{n}.png"))
                .caption("ネコ")
                .prompt("p")
                .generation(r#"{"model": "SDXL", "seed": 7, "prompt": "a boat", "loras": [{"name": "x/Ink.pt"}]}"#);
        }
        for model in &models {
            picture = picture.embedded(model, angle(f32::from(n)));
        }
        picture.insert(&store);
    }
    back_to_version_9(&database.connect(), &[&models[0], &models[1]]);
    (database, models)
}

fn near(store: &OracleStore, model: &Model, filter: Filter) -> Vec<i64> {
    let page = Page { filter, ..Page::first(50) };
    let search = VectorSearch { model_id: model.model_id, query: &angle(0.0), exclude: &[], page: &page };
    store.search_vector(&search).unwrap().iter().map(|hit| hit.image_id).collect()
}

#[track_caller]
fn filters_find_everything(store: &OracleStore, models: &[Model]) {
    for model in models {
        let even: Vec<i64> = (1..=20).step_by(2).collect();
        let filter = Filter { has_caption: Some(true), has_generation_prompt: Some(true), ..Filter::default() };
        assert_eq!(near(store, model, filter), even);
        assert_eq!(near(store, model, Filter { seed: Some(7), ..Filter::default() }), even);
        let filter = Filter { min_width: Some(1_800), file_name_contains: Some("9.PNG".into()), ..Filter::default() };
        assert_eq!(near(store, model, filter), [20]);
        let filter = Filter { file_name_contains: Some("が".into()), ..Filter::default() };
        assert_eq!(near(store, model, filter), even);
        assert_eq!(sorted(found(store, &["ねこ"])), even);
        assert!(found(store, &["earlier"]).is_empty());
        let filter = Filter { uploaded_before: Some(noon()), ..Filter::default() };
        assert!(near(store, model, filter).is_empty());
        let inked = Filter { loras: strings(&["INK"]), has_taken: Some(false), ..Filter::default() };
        assert_eq!(near(store, model, inked), even);
    }
    let words = store.suggestions("b", &[SuggestionKind::Word], 9).unwrap();
    assert_eq!(words.iter().map(|word| (word.text.as_str(), word.count)).collect::<Vec<_>>(), [("boat", 10)]);
    let by_name = Sort { key: SortKey::Name, descending: false };
    let listed = store.list(&Filter::default(), by_name, None, 99).unwrap();
    let names: Vec<_> = listed.iter().map(|listed| listed.image.file_name.as_str()).collect();
    assert_eq!(
        (names[..3].to_vec(), names[9..12].to_vec()),
        (vec!["1.png", "3.png", "5.png"], vec!["19.png", "ガ0.png", "ガ2.png"])
    );
}

fn number(connection: &Connection, sql: &str) -> i64 {
    connection.query_row_as(sql, &[]).unwrap_or_else(|error| panic!("{sql}: {error}"))
}

#[test]
fn embedding_tables_of_an_earlier_version_get_the_facts_that_filters_compare() {
    let (database, models) = version_9();
    let store = store(&database);
    store.check().unwrap();
    filters_find_everything(&store, &models);
    let other = database.connect();
    let indexed = "SELECT COUNT(*) FROM user_indexes WHERE index_name LIKE 'IMAGE_EMBEDDINGS_%_GENERATION_SEED'";
    assert_eq!(number(&other, indexed), 2);
    // Later rows hold their facts from the start.
    let image_id = picture("late").caption("c").embedded(&models[0], angle(90.0)).insert(&store);
    let captioned = Filter { has_caption: Some(true), ..Filter::default() };
    assert_eq!(near(&store, &models[0], captioned).last(), Some(&image_id));
}

#[test]
fn images_of_an_earlier_version_get_tags_and_are_read_again() {
    let (database, models) = version_9();
    let store = store(&database);
    assert_eq!(store.count_images_read_before(1).unwrap(), 20);
    let tags = strings(&["sea", "海"]);
    let reading = Reading { caption: Some("a cat"), tags: &tags, earlier_text: Some("ネコ"), ..Reading::default() };
    // The caption of image 1 is what the first reader found; nobody knows whether image 2 had none or lost it.
    store.put_reading(1, 1, Some(&reading)).unwrap().unwrap();
    store.put_reading(2, 1, Some(&Reading { earlier_text: None, ..reading })).unwrap().unwrap();
    let image = store.image(1).unwrap().unwrap();
    assert_eq!((image.caption.as_deref(), image.tags.as_slice()), (Some("a cat"), tags.as_slice()));
    assert_eq!(store.image(2).unwrap().unwrap().caption.as_deref(), Some("a cat"));
    assert_eq!(store.count_images_read_before(1).unwrap(), 18);
    let tagged = Filter { tags: strings(&["Sea"]), ..Filter::default() };
    assert_eq!(near(&store, &models[0], tagged), [1, 2]);
}

#[test]
fn an_interrupted_upgrade_goes_on_where_it_stopped() {
    let statements = {
        let (database, _) = version_9();
        database.start_log();
        store(&database).check().unwrap();
        u32::try_from(database.logged("").len()).unwrap()
    };
    assert!(statements > 20, "{statements} statements");
    // The step is odd, so that both kinds of failures take turns.
    for skip in (0..statements).step_by(5) {
        let (database, models) = version_9();
        let failure = if skip % 2 == 0 { Failure::kill_after("execute") } else { Failure::kill_before("execute") };
        database.fail(&failure.after(skip).times(1));
        let broken_off = store(&database).check();
        database.clear();
        let store = store(&database);
        store.check().unwrap_or_else(|error| panic!("broken off at {skip} ({broken_off:?}): {error}"));
        filters_find_everything(&store, &models);
    }
}

#[test]
fn rows_that_are_filled_are_not_filled_again() {
    let (database, models) = version_9();
    let other = database.connect();
    // The upgrade stops between two batches: the first table is filled up to image 12.
    database.fail(&Failure::kill_before("execute").when("SELECT MAX(").times(1));
    store(&database).check().unwrap_err();
    database.clear();
    let mark = "UPDATE embedding_models SET facts_version = 10, facts_filled_to = 12 WHERE model_id = 1";
    other.execute(mark, &[]).unwrap();
    other.commit().unwrap();
    let store = store(&database);
    store.check().unwrap();
    let without = "SELECT COUNT(*) FROM image_embeddings_1 WHERE has_caption IS NULL";
    assert_eq!(number(&other, without), 12, "rows up to the mark are left as they are");
    filters_find_everything(&store, &models[1..]);
}

/// A process of the version before that still runs after the upgrade stores embeddings without facts. The statements are
/// those of docs/api-changes.md.
#[test]
fn rows_of_a_process_of_the_version_before_are_filled_when_asked_for() {
    let (database, models) = version_9();
    store(&database).check().unwrap();
    let other = database.connect();
    let vectors = "INSERT INTO image_embeddings_2 (image_id, embedding) SELECT e.image_id, e.embedding \
                   FROM image_embeddings_1 e WHERE e.image_id < 9";
    for sql in ["DELETE FROM image_embeddings_2 WHERE image_id < 9", vectors] {
        other.execute(sql, &[]).unwrap();
    }
    other.commit().unwrap();
    let captioned = || Filter { has_caption: Some(true), ..Filter::default() };
    assert_eq!(near(&store(&database), &models[1], captioned()).len(), 6, "four of ten are not found");
    for sql in [
        "UPDATE embedding_models SET facts_version = NULL",
        "DELETE FROM mitsuke_schema WHERE name IN ('0010_copied_facts', '0013_folded_texts', '0017_copied_facts')",
    ] {
        other.execute(sql, &[]).unwrap();
    }
    other.commit().unwrap();
    filters_find_everything(&store(&database), &models);
}

/// A process of the version before that still runs after the upgrade stores images without the facts that are made of
/// others. The statement is that of docs/api-changes.md.
#[test]
fn images_of_a_process_of_the_version_before_are_filled_when_asked_for() {
    let (database, models) = version_9();
    store(&database).check().unwrap();
    let other = database.connect();
    for sql in [
        "UPDATE images SET file_name_key = NULL WHERE image_id < 8",
        "DELETE FROM image_loras WHERE image_id < 8",
        "DELETE FROM prompt_word_changes",
        "INSERT INTO prompt_words (word, images) VALUES ('boat', 6)",
        "DELETE FROM mitsuke_schema WHERE name = '0018_made_facts'",
    ] {
        other.execute(sql, &[]).unwrap_or_else(|error| panic!("{sql}: {error}"));
    }
    other.commit().unwrap();
    filters_find_everything(&store(&database), &models);
}

#[test]
fn a_registration_that_an_earlier_version_left_unfinished_is_finished_with_all_columns() {
    let (database, models) = version_9();
    let other = database.connect();
    for sql in ["DELETE FROM image_embeddings_2", "UPDATE embedding_models SET vector_table = NULL WHERE model_id = 2"]
    {
        other.execute(sql, &[]).unwrap();
    }
    other.commit().unwrap();
    let store = store(&database);
    assert_eq!(store.models().unwrap().len(), 1);
    assert_eq!(model(&store, "b").model_id, models[1].model_id);
    assert!(store.put_embedding(2, 1, &angle(0.0)).unwrap());
    assert_eq!(near(&store, &models[1], Filter { has_caption: Some(true), ..Filter::default() }), [1]);
    assert_eq!(store.count_images().unwrap(), 20);
}
