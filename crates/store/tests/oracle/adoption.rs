//! A database that the original application's own DDL made and its scripts filled is taken over in place. Every row
//! stays, however odd, and after an interruption the work goes on.

use mitsuke_image::Generation;
use mitsuke_store::oracle::{ForeignFacts, OracleSettings, OracleStore};
use mitsuke_store::{
    EmbeddingStore as _, FacetStore as _, Filter, ImagePatch, ImageStore as _, Inserted, ModelStore as _, NewModel,
    Page, SearchStore as _, Sha256, Sort, SortKey, Store as _, SuggestionKind, VectorSearch,
};
use mitsuke_store_testing::fixtures::*;
use oracle::Connection;
use oracle_standin::testing::{Database, Failure};

use crate::settings;

/// The tables and views of the original application, without its vector index, which would keep out a second dimension.
const DDL: [&str; 6] = [
    "CREATE TABLE images (image_id NUMBER GENERATED ALWAYS AS IDENTITY PRIMARY KEY, image_data BLOB,
        file_name VARCHAR2(255), file_type VARCHAR2(50), upload_date TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
        generation_prompt CLOB)",
    "CREATE TABLE embedding_models (model_id NUMBER GENERATED ALWAYS AS IDENTITY PRIMARY KEY, model_name VARCHAR2(255),
        model_version VARCHAR2(50), is_current CHAR(1) CHECK (is_current IN ('Y', 'N')), vector_dimension NUMBER)",
    "CREATE TABLE image_embeddings (embedding_id NUMBER GENERATED ALWAYS AS IDENTITY PRIMARY KEY, image_id NUMBER,
        model_id NUMBER, embedding VECTOR,
        CONSTRAINT fk_image_embedding FOREIGN KEY (image_id) REFERENCES images (image_id),
        CONSTRAINT fk_model_embedding FOREIGN KEY (model_id) REFERENCES embedding_models (model_id))",
    "CREATE TABLE image_descriptions (description_id NUMBER GENERATED ALWAYS AS IDENTITY PRIMARY KEY, image_id NUMBER,
        description CLOB, CONSTRAINT fk_image_description FOREIGN KEY (image_id) REFERENCES images (image_id))",
    "CREATE VIEW current_embedding_model AS SELECT model_id, model_name, model_version, vector_dimension
        FROM embedding_models WHERE is_current = 'Y'",
    "CREATE VIEW current_image_embeddings AS SELECT ie.embedding_id, ie.image_id, ie.embedding FROM image_embeddings ie
        JOIN current_embedding_model cem ON ie.model_id = cem.model_id",
];

/// The rows that the original application's scripts may leave behind when several people run them more than once, with
/// different models.
const ROWS: [&str; 22] = [
    // The model of the scripts, a second one without a dimension, and an unused row.
    "INSERT INTO embedding_models (model_name, model_version, is_current, vector_dimension) VALUES ('clip', '1', 'Y', 8)",
    "INSERT INTO embedding_models (model_name, model_version, is_current) VALUES ('small', '1', 'Y')",
    "INSERT INTO embedding_models (model_name, model_version) VALUES ('idle', '1')",
    "INSERT INTO images (image_data, file_name, file_type, generation_prompt)
        VALUES (HEXTORAW('010203'), 'first.png', '.png', 'masterpiece, 猫')",
    "INSERT INTO images (image_data, file_name, file_type) VALUES (HEXTORAW('0405'), '写真.jpg', '.jpg')",
    // The bytes of the first row, with another name.
    "INSERT INTO images (image_data, file_name, file_type) VALUES (HEXTORAW('010203'), 'again.png', '.png')",
    // A row without a picture.
    "INSERT INTO images (file_name) VALUES ('empty')",
    "INSERT INTO images (image_data, file_name, file_type) VALUES (HEXTORAW('06'), 'plain.gif', '.gif')",
    "INSERT INTO image_descriptions (image_id, description) VALUES (1, '窓辺で眠る猫')",
    "INSERT INTO image_descriptions (image_id, description) VALUES (1, 'a second description')",
    "INSERT INTO image_descriptions (image_id, description) VALUES (2, '白い犬')",
    "INSERT INTO image_descriptions (image_id) VALUES (5)",
    "INSERT INTO image_embeddings (image_id, model_id, embedding) VALUES (1, 1, TO_VECTOR('[0,0,1,0,0,0,0,0]'))",
    "INSERT INTO image_embeddings (image_id, model_id, embedding) VALUES (2, 1, TO_VECTOR('[0,1,0,0,0,0,0,0]'))",
    // The first picture again: the later vector counts.
    "INSERT INTO image_embeddings (image_id, model_id, embedding) VALUES (1, 1, TO_VECTOR('[1,0,0,0,0,0,0,0]'))",
    "INSERT INTO image_embeddings (image_id, model_id, embedding) VALUES (3, 1, TO_VECTOR('[1,0,0,0,0,0,0,0]'))",
    // A vector of another dimension than the model's, later than the right one; a row without a vector; one without an
    // image.
    "INSERT INTO image_embeddings (image_id, model_id, embedding) VALUES (2, 1, TO_VECTOR('[1,0,0]'))",
    "INSERT INTO image_embeddings (image_id, model_id) VALUES (5, 1)",
    "INSERT INTO image_embeddings (model_id, embedding) VALUES (1, TO_VECTOR('[1,0,0,0,0,0,0,0]'))",
    // The vectors of the model without a dimension.
    "INSERT INTO image_embeddings (image_id, model_id) VALUES (1, 2)",
    "INSERT INTO image_embeddings (image_id, model_id, embedding) VALUES (1, 2, TO_VECTOR('[0,1,0,0]'))",
    "INSERT INTO image_embeddings (image_id, model_id, embedding) VALUES (2, 2, TO_VECTOR('[0,0,1,0]'))",
];

fn original_application() -> (Database, Connection) {
    let database = Database::temporary();
    let connection = database.connect();
    for sql in DDL.iter().chain(&ROWS) {
        connection.execute(sql, &[]).unwrap_or_else(|error| panic!("{sql}: {error}"));
    }
    connection.commit().unwrap();
    (database, connection)
}

/// Reports facts about bytes, as the server would.
fn examine(bytes: &[u8], prompt: Option<&str>) -> ForeignFacts {
    ForeignFacts {
        file_type: (bytes.len() > 1).then_some("image/png"),
        width: u32::try_from(bytes.len()).unwrap(),
        height: 7,
        generation: prompt.map(|prompt| Generation {
            prompt: Some(prompt.to_owned()),
            model: Some("SDXL".to_owned()),
            seed: Some(5),
            ..Generation::default()
        }),
    }
}

fn store(database: &Database) -> OracleStore {
    OracleStore::new(OracleSettings { pool_size: 2, ..settings(database) }, examine)
}

fn number(connection: &Connection, sql: &str) -> i64 {
    connection.query_row_as(sql, &[]).unwrap_or_else(|error| panic!("{sql}: {error}"))
}

/// Checks that every row is there, for Mitsuke and for other programs.
#[track_caller]
fn all_is_there(store: &OracleStore, other: &Connection) {
    let images = store.images(&[1, 2, 3, 4, 5]).unwrap();
    let names: Vec<_> = images.iter().map(|image| image.file_name.as_str()).collect();
    assert_eq!(names, ["first.png", "写真.jpg", "again.png", "empty", "plain.gif"]);
    let captions: Vec<_> = images.iter().map(|image| image.caption.as_deref()).collect();
    assert_eq!(captions, [Some("窓辺で眠る猫\n\na second description"), Some("白い犬"), None, None, None]);
    let sizes: Vec<_> = images.iter().map(|image| (image.bytes, image.width, image.file_type.as_str())).collect();
    let (png, gif) = ("image/png", ".gif");
    assert_eq!(sizes, [(3, 3, png), (2, 2, png), (3, 3, png), (0, 0, ""), (1, 1, gif)]);
    assert_eq!(images[0].sha256, Sha256::of(&[1, 2, 3]));
    assert_eq!(images[2].sha256, images[0].sha256);
    assert_eq!(store.content(2).unwrap().unwrap().bytes, [4, 5]);

    assert_eq!(found(store, &["猫"]), [1]);
    assert_eq!(found(store, &["犬"]), [2]);
    assert_eq!(found(store, &["second", "masterpiece"]), [1]);
    assert_eq!(found(store, &["写真"]), [2]);

    let models = store.models().unwrap();
    let told: Vec<_> = models.iter().map(|m| (m.model_id, m.vector_dimension, m.is_current, m.maintained)).collect();
    assert_eq!(told, [(1, 8, true, true), (2, 4, false, false)], "one stays current, and the idle row is left aside");
    assert_eq!(nearest_ids(store, &models[0], &angle(0.0), 5), [3, 1, 2]);
    let coverage = store.coverage(2).unwrap();
    assert_eq!((coverage.embedded, coverage.total), (2, 5));

    assert_eq!(number(other, "SELECT COUNT(*) FROM image_embeddings_article"), 10, "no row was thrown away");
    assert_eq!(number(other, "SELECT COUNT(*) FROM image_descriptions"), 4);
    assert_eq!(number(other, "SELECT COUNT(*) FROM image_embeddings"), 5);
    assert_eq!(number(other, "SELECT COUNT(*) FROM current_image_embeddings WHERE embedding_id = image_id"), 3);
    assert_eq!(number(other, "SELECT model_id FROM current_embedding_model"), 1);
}

#[test]
fn every_row_stays_whatever_state_it_is_in() {
    let (database, other) = original_application();
    let store = store(&database);
    store.check().unwrap();
    all_is_there(&store, &other);
    let indexed = "SELECT COUNT(*) FROM user_ind_columns WHERE table_name = 'IMAGE_EMBEDDINGS_ARTICLE' AND column_name = 'IMAGE_ID'";
    assert_eq!(number(&other, indexed), 1, "deleting an image does not read the whole table");
    let filter = Filter { checkpoints: vec!["sdxl".into()], seed: Some(5), ..Default::default() };
    let filtered: Vec<_> = store.newest(&filter, None, 9).unwrap().iter().map(|image| image.image_id).collect();
    assert_eq!(filtered, [1], "the readable parts of an old prompt can be filtered by");
    let near = |filter: &Filter| -> Vec<_> {
        let page = Page { filter: filter.clone(), ..Page::first(9) };
        let search = VectorSearch { model_id: 1, query: &angle(0.0), exclude: &[], page: &page };
        store.search_vector(&search).unwrap().iter().map(|hit| hit.image_id).collect()
    };
    assert_eq!(near(&filter), [1]);
    let words = store.suggestions("master", &[SuggestionKind::Word], 9).unwrap();
    assert_eq!(words.iter().map(|word| (word.text.as_str(), word.count)).collect::<Vec<_>>(), [("masterpiece", 1)]);
    assert_eq!(near(&Filter { has_caption: Some(true), ..Filter::default() }), [1, 2]);
    assert_eq!(near(&Filter { file_name_contains: Some("again".into()), ..Filter::default() }), [3]);
}

#[test]
fn a_model_that_is_registered_again_takes_its_old_row_over() {
    let (database, _other) = original_application();
    let store = store(&database);
    let new = |name: &str, dimension| NewModel {
        model_name: name.into(),
        model_version: "1".into(),
        vector_dimension: dimension,
    };
    let model = store.register_model(&new("clip", 8)).unwrap();
    assert_eq!((model.model_id, model.is_current), (1, true));
    assert!(store.register_model(&new("clip", 9)).is_err());
    // Registering gives the row its missing dimension.
    let idle = store.register_model(&new("idle", 3)).unwrap();
    assert_eq!((idle.model_id, idle.vector_dimension, idle.is_current), (3, 3, false));
    let small = mitsuke_index::UnitVector::normalize(vec![1.0, 0.0, 0.0]).unwrap();
    assert!(store.put_embedding(3, 5, &small).unwrap());
}

#[test]
fn the_same_picture_twice_stays_twice_and_one_of_them_answers_for_its_bytes() {
    let (database, other) = original_application();
    let store = store(&database);
    let twin = Picture { bytes: vec![1, 2, 3], ..picture("twin") };
    assert_eq!(twin.try_insert(&store).unwrap(), Inserted::Known(1));
    assert!(store.delete_image(1).unwrap());
    assert_eq!(twin.try_insert(&store).unwrap(), Inserted::Known(3), "the other one takes over");
    assert_eq!(number(&other, "SELECT COUNT(*) FROM image_descriptions WHERE image_id = 1"), 0);
    assert_eq!(number(&other, "SELECT COUNT(*) FROM image_embeddings_article WHERE image_id = 1"), 0);
    assert!(store.delete_image(3).unwrap());
    assert!(matches!(twin.try_insert(&store).unwrap(), Inserted::Created(_)));
}

#[test]
fn several_descriptions_become_one_when_the_caption_is_changed() {
    let (database, other) = original_application();
    let store = store(&database);
    let patch = ImagePatch { caption: Some(Some("新しい".into())), ..ImagePatch::default() };
    let changed = store.update_image(1, &patch).unwrap().unwrap();
    assert_eq!(changed.caption.as_deref(), Some("新しい"));
    assert_eq!(number(&other, "SELECT COUNT(*) FROM image_descriptions WHERE image_id = 1"), 1);
    assert!(found(&store, &["second"]).is_empty());
}

#[test]
fn taking_over_that_was_broken_off_anywhere_goes_on_where_it_stopped() {
    let count = {
        let (database, _other) = original_application();
        database.start_log();
        store(&database).check().unwrap();
        database.logged("").len()
    };
    assert!(count > 80, "{count} statements");
    for skip in (0..u32::try_from(count).unwrap()).step_by(5) {
        let (database, other) = original_application();
        let failure = match skip % 3 {
            0 => Failure::kill_before("execute"),
            1 => Failure::kill_after("execute"),
            _ => Failure::error("execute", 1653, "no space"),
        };
        database.fail(&failure.after(skip).times(1));
        let broken_off = store(&database).check();
        database.clear();
        let store = store(&database);
        store.check().unwrap_or_else(|error| panic!("broken off at {skip} ({broken_off:?}): {error}"));
        all_is_there(&store, &other);
    }
}

#[test]
fn foreign_keys_of_any_name_let_images_be_deleted() {
    let (database, other) = original_application();
    for sql in [
        "ALTER TABLE image_embeddings DROP CONSTRAINT fk_image_embedding",
        "ALTER TABLE image_embeddings ADD CONSTRAINT theirs FOREIGN KEY (image_id) REFERENCES images (image_id)",
        "ALTER TABLE image_descriptions DROP CONSTRAINT fk_image_description",
        "ALTER TABLE image_descriptions ADD FOREIGN KEY (image_id) REFERENCES images (image_id)",
    ] {
        other.execute(sql, &[]).unwrap_or_else(|error| panic!("{sql}: {error}"));
    }
    let store = store(&database);
    store.check().unwrap();
    all_is_there(&store, &other);
    assert!(store.delete_image(1).unwrap());
    assert_eq!(number(&other, "SELECT COUNT(*) FROM image_embeddings_article WHERE image_id = 1"), 0);
    assert_eq!(number(&other, "SELECT COUNT(*) FROM image_descriptions WHERE image_id = 1"), 0);
}

/// The original application's administrator may have added indexes.
#[test]
fn columns_that_somebody_has_indexed_already_are_no_obstacle() {
    let (database, other) = original_application();
    for sql in [
        "CREATE INDEX theirs_by_image ON image_descriptions (image_id)",
        "CREATE INDEX theirs_by_embedded_image ON image_embeddings (image_id)",
        "CREATE INDEX theirs_by_date ON images (upload_date, image_id)",
    ] {
        other.execute(sql, &[]).unwrap();
    }
    let store = store(&database);
    store.check().unwrap();
    all_is_there(&store, &other);
}

#[test]
fn several_processes_that_start_on_it_at_once_take_turns() {
    let (database, other) = original_application();
    let stores: Vec<OracleStore> = (0..3).map(|_| store(&database)).collect();
    std::thread::scope(|scope| {
        for store in &stores {
            scope.spawn(|| store.check().unwrap());
        }
    });
    stores.iter().for_each(|store| all_is_there(store, &other));
}

/// The original application's own DDL, with its vector index, and a few rows. One table holds the embeddings of all
/// models.
const WITH_VECTOR_INDEX: [&str; 14] = [
    "CREATE TABLE images (image_id NUMBER GENERATED ALWAYS AS IDENTITY PRIMARY KEY, image_data BLOB,
        file_name VARCHAR2(255), file_type VARCHAR2(50), upload_date TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
        generation_prompt CLOB)",
    "CREATE TABLE embedding_models (model_id NUMBER GENERATED ALWAYS AS IDENTITY PRIMARY KEY, model_name VARCHAR2(255),
        model_version VARCHAR2(50), is_current CHAR(1) CHECK (is_current IN ('Y', 'N')), vector_dimension NUMBER)",
    "CREATE TABLE image_descriptions (description_id NUMBER GENERATED ALWAYS AS IDENTITY PRIMARY KEY, image_id NUMBER,
        description CLOB, CONSTRAINT fk_image_description FOREIGN KEY (image_id) REFERENCES images (image_id))",
    "CREATE TABLE image_embeddings (embedding_id NUMBER GENERATED ALWAYS AS IDENTITY PRIMARY KEY, image_id NUMBER,
        model_id NUMBER, embedding VECTOR,
        CONSTRAINT fk_image_embedding FOREIGN KEY (image_id) REFERENCES images (image_id),
        CONSTRAINT fk_embedding_model FOREIGN KEY (model_id) REFERENCES embedding_models (model_id))",
    "CREATE VECTOR INDEX image_embedding_idx ON image_embeddings (embedding) ORGANIZATION NEIGHBOR PARTITIONS
        DISTANCE COSINE WITH TARGET ACCURACY 95",
    "CREATE VIEW current_embedding_model AS SELECT model_id, model_name, model_version, vector_dimension
        FROM embedding_models WHERE is_current = 'Y'",
    "CREATE VIEW current_image_embeddings AS SELECT ie.embedding_id, ie.image_id, ie.embedding FROM image_embeddings ie
        JOIN current_embedding_model cem ON ie.model_id = cem.model_id",
    "INSERT INTO embedding_models (model_name, model_version, is_current, vector_dimension)
        VALUES ('old', '1', 'Y', 8)",
    "INSERT INTO images (image_data, file_name, file_type, generation_prompt)
        VALUES (HEXTORAW('01'), 'first.png', '.png', 'a sleeping cat')",
    "INSERT INTO images (image_data, file_name, file_type) VALUES (HEXTORAW('02'), 'second.png', '.png')",
    "INSERT INTO images (image_data, file_name, file_type) VALUES (HEXTORAW('01'), 'again.png', '.png')",
    "INSERT INTO image_descriptions (image_id, description) VALUES (2, '白い犬')",
    "INSERT INTO image_embeddings (image_id, model_id, embedding) VALUES (1, 1, TO_VECTOR('[1,0,0,0,0,0,0,0]'))",
    "INSERT INTO image_embeddings (image_id, model_id, embedding) VALUES (2, 1, TO_VECTOR('[0,1,0,0,0,0,0,0]'))",
];

#[test]
fn a_database_with_a_vector_index_is_adopted_with_every_row() {
    let database = Database::temporary();
    let other = database.connect();
    for sql in WITH_VECTOR_INDEX {
        other.execute(sql, &[]).unwrap_or_else(|error| panic!("{sql}: {error}"));
    }
    other.commit().unwrap();

    let store = crate::store(&database);
    let current = store.current_model().unwrap().expect("the original application's current model");
    assert_eq!((current.model_name.as_str(), current.vector_dimension), ("old", 8));
    let images = store.images(&[1, 2, 3]).unwrap();
    let names: Vec<_> = images.iter().map(|image| image.file_name.as_str()).collect();
    assert_eq!(names, ["first.png", "second.png", "again.png"]);
    assert_eq!(images[0].generation_prompt.as_deref(), Some("a sleeping cat"));
    assert_eq!(images[1].caption.as_deref(), Some("白い犬"));
    assert_eq!(images[0].sha256, Sha256::of(&[1]));
    assert_eq!(store.content(2).unwrap().unwrap().bytes, [2]);
    assert_eq!(found(&store, &["sleeping"]), [1]);
    assert_eq!(found(&store, &["犬"]), [2]);
    assert_eq!(nearest_ids(&store, &current, &angle(0.0), 5), [1, 2]);
    assert_eq!(store.images_without_embedding(current.model_id, None, true, 5).unwrap(), [3]);
    // The picture is stored twice, and the first row answers for its bytes.
    let twin = Picture { bytes: vec![1], ..picture("upload") };
    assert_eq!(twin.try_insert(&store).unwrap(), Inserted::Known(1));

    // Programs written for the original application find their tables and views.
    let rows = |sql: &str| other.query_row_as::<i64>(sql, &[]).unwrap_or_else(|error| panic!("{sql}: {error}"));
    assert_eq!(rows("SELECT COUNT(*) FROM image_embeddings_article"), 2, "nothing was thrown away");
    assert_eq!(rows("SELECT COUNT(*) FROM image_embeddings WHERE model_id = 1"), 2);
    assert_eq!(
        rows(
            "SELECT image_id FROM current_image_embeddings
              ORDER BY VECTOR_DISTANCE(embedding, TO_VECTOR('[0,1,0,0,0,0,0,0]'), DOT) FETCH EXACT FIRST 1 ROWS ONLY"
        ),
        2
    );
    // A row that such a program adds later is completed when it is first read.
    other.execute("INSERT INTO images (image_data, file_name) VALUES (HEXTORAW('05'), 'later.png')", &[]).unwrap();
    other.commit().unwrap();
    let later = rows("SELECT MAX(image_id) FROM images");
    assert_eq!(store.image(later).unwrap().unwrap().sha256, Sha256::of(&[5]));
    assert_eq!(found(&store, &["later"]), [later]);
    let named = Filter { file_name_contains: Some("LATER".into()), ..Filter::default() };
    let listed: Vec<_> = store.newest(&named, None, 9).unwrap().iter().map(|image| image.image_id).collect();
    assert_eq!(listed, [later]);
    let by_name = Sort { key: SortKey::Name, descending: false };
    let listed = store.list(&Filter::default(), by_name, None, 9).unwrap();
    let names: Vec<_> = listed.iter().map(|listed| listed.image.file_name.as_str()).collect();
    assert_eq!(names, ["again.png", "first.png", "later.png", "second.png"]);
    // A second start finds nothing to do.
    let again = crate::store(&database);
    assert_eq!(again.count_images().unwrap(), 4);
}
