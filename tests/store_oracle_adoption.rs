//! A database that the article's own DDL made and its scripts filled is taken over in place: every row stays, whatever
//! oddities there are, and wherever the taking over is broken off.

#[expect(dead_code, reason = "only a part of it is needed here")]
#[path = "contract/fixtures.rs"]
mod fixtures;
#[expect(dead_code, reason = "each test program uses its own part")]
mod standin;

use fixtures::*;
use secrecy::SecretString;
use mitsuke::store::oracle::{ForeignFacts, OracleSettings, OracleStore};
use mitsuke::store::{ImagePatch, Inserted, NewModel, Sha256, Store as _};
use mitsuke_image::Generation;
use oracle::Connection;
use standin::{Database, Failure, PASSWORD, USER};

/// Tables and views as the article has them, without its vector index: with it no second dimension could have come in.
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

/// What its scripts may leave behind when they are run more than once, by several people, with other models.
const ROWS: [&str; 22] = [
    // The model of the scripts, one that somebody tried beside it without noting its dimension, and an idle row.
    "INSERT INTO embedding_models (model_name, model_version, is_current, vector_dimension) VALUES ('clip', '1', 'Y', 8)",
    "INSERT INTO embedding_models (model_name, model_version, is_current) VALUES ('small', '1', 'Y')",
    "INSERT INTO embedding_models (model_name, model_version) VALUES ('idle', '1')",
    "INSERT INTO images (image_data, file_name, file_type, generation_prompt)
        VALUES (HEXTORAW('010203'), 'first.png', '.png', 'masterpiece, 猫')",
    "INSERT INTO images (image_data, file_name, file_type) VALUES (HEXTORAW('0405'), '写真.jpg', '.jpg')",
    // The picture of the first row again, with its own name.
    "INSERT INTO images (image_data, file_name, file_type) VALUES (HEXTORAW('010203'), 'again.png', '.png')",
    // A row that never got its picture.
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
    // Of another dimension than its model says, even later than the good one; without a vector; without an image.
    "INSERT INTO image_embeddings (image_id, model_id, embedding) VALUES (2, 1, TO_VECTOR('[1,0,0]'))",
    "INSERT INTO image_embeddings (image_id, model_id) VALUES (5, 1)",
    "INSERT INTO image_embeddings (model_id, embedding) VALUES (1, TO_VECTOR('[1,0,0,0,0,0,0,0]'))",
    // The model whose dimension nobody noted.
    "INSERT INTO image_embeddings (image_id, model_id) VALUES (1, 2)",
    "INSERT INTO image_embeddings (image_id, model_id, embedding) VALUES (1, 2, TO_VECTOR('[0,1,0,0]'))",
    "INSERT INTO image_embeddings (image_id, model_id, embedding) VALUES (2, 2, TO_VECTOR('[0,0,1,0]'))",
];

fn article() -> (Database, Connection) {
    let database = Database::new();
    let connection = database.connect();
    for sql in DDL.iter().chain(&ROWS) {
        connection.execute(sql, &[]).unwrap_or_else(|error| panic!("{sql}: {error}"));
    }
    connection.commit().unwrap();
    (database, connection)
}

/// Finds something out about bytes, as the program would.
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
    // Whoever asks waits that long for the taking over, which may be slow on a machine that is busy.
    let connect_timeout = std::time::Duration::from_secs(60);
    let settings = OracleSettings {
        pool_size: 2,
        connect_timeout,
        ..OracleSettings::new(USER, SecretString::from(PASSWORD), database.dsn())
    };
    OracleStore::new(settings, examine)
}

fn number(connection: &Connection, sql: &str) -> i64 {
    connection.query_row_as(sql, &[]).unwrap_or_else(|error| panic!("{sql}: {error}"))
}

/// Everything of the article is there, in Mitsuke's eyes and in other programs'.
#[track_caller]
fn all_is_there(store: &OracleStore, article: &Connection) {
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

    assert_eq!(number(article, "SELECT COUNT(*) FROM image_embeddings_article"), 10, "no row was thrown away");
    assert_eq!(number(article, "SELECT COUNT(*) FROM image_descriptions"), 4);
    assert_eq!(number(article, "SELECT COUNT(*) FROM image_embeddings"), 5);
    assert_eq!(number(article, "SELECT COUNT(*) FROM current_image_embeddings WHERE embedding_id = image_id"), 3);
    assert_eq!(number(article, "SELECT model_id FROM current_embedding_model"), 1);
}

#[test]
fn every_row_stays_whatever_state_it_is_in() {
    let (database, article) = article();
    let store = store(&database);
    store.check().unwrap();
    all_is_there(&store, &article);
    let indexed = "SELECT COUNT(*) FROM user_ind_columns WHERE table_name = 'IMAGE_EMBEDDINGS_ARTICLE' AND column_name = 'IMAGE_ID'";
    assert_eq!(number(&article, indexed), 1, "deleting an image does not read the whole table");
    let filter = mitsuke::store::Filter { generation_model: Some("sdxl".into()), seed: Some(5), ..Default::default() };
    let filtered: Vec<_> = store.newest(&filter, None, 9).unwrap().iter().map(|image| image.image_id).collect();
    assert_eq!(filtered, [1], "the readable parts of an old prompt can be filtered by");
}

#[test]
fn a_model_that_is_registered_again_takes_its_old_row_over() {
    let (database, _article) = article();
    let store = store(&database);
    let new = |name: &str, dimension| NewModel {
        model_name: name.into(),
        model_version: "1".into(),
        vector_dimension: dimension,
    };
    let model = store.register_model(&new("clip", 8)).unwrap();
    assert_eq!((model.model_id, model.is_current), (1, true));
    assert!(store.register_model(&new("clip", 9)).is_err());
    // The row without a dimension gets it from whoever registers it.
    let idle = store.register_model(&new("idle", 3)).unwrap();
    assert_eq!((idle.model_id, idle.vector_dimension, idle.is_current), (3, 3, false));
    let small = mitsuke_index::UnitVector::normalize(vec![1.0, 0.0, 0.0]).unwrap();
    assert!(store.put_embedding(3, 5, &small).unwrap());
}

#[test]
fn the_same_picture_twice_stays_twice_and_one_of_them_answers_for_its_bytes() {
    let (database, article) = article();
    let store = store(&database);
    let twin = Picture { bytes: vec![1, 2, 3], ..picture("twin") };
    assert_eq!(twin.try_insert(&store).unwrap(), Inserted::Known(1));
    assert!(store.delete_image(1).unwrap());
    assert_eq!(twin.try_insert(&store).unwrap(), Inserted::Known(3), "the other one takes over");
    assert_eq!(number(&article, "SELECT COUNT(*) FROM image_descriptions WHERE image_id = 1"), 0);
    assert_eq!(number(&article, "SELECT COUNT(*) FROM image_embeddings_article WHERE image_id = 1"), 0);
    assert!(store.delete_image(3).unwrap());
    assert!(matches!(twin.try_insert(&store).unwrap(), Inserted::Created(_)));
}

#[test]
fn several_descriptions_become_one_when_the_caption_is_changed() {
    let (database, article) = article();
    let store = store(&database);
    let patch = ImagePatch { caption: Some(Some("新しい".into())), generation_prompt: None };
    let changed = store.update_image(1, &patch).unwrap().unwrap();
    assert_eq!(changed.caption.as_deref(), Some("新しい"));
    assert_eq!(number(&article, "SELECT COUNT(*) FROM image_descriptions WHERE image_id = 1"), 1);
    assert!(found(&store, &["second"]).is_empty());
}

#[test]
fn taking_over_that_was_broken_off_anywhere_goes_on_where_it_stopped() {
    let count = {
        let (database, _article) = article();
        database.start_log();
        store(&database).check().unwrap();
        database.logged("").len()
    };
    assert!(count > 80, "{count} statements");
    for skip in (0..u32::try_from(count).unwrap()).step_by(5) {
        let (database, article) = article();
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
        all_is_there(&store, &article);
    }
}

#[test]
fn foreign_keys_of_any_name_let_images_be_deleted() {
    let (database, article) = article();
    for sql in [
        "ALTER TABLE image_embeddings DROP CONSTRAINT fk_image_embedding",
        "ALTER TABLE image_embeddings ADD CONSTRAINT theirs FOREIGN KEY (image_id) REFERENCES images (image_id)",
        "ALTER TABLE image_descriptions DROP CONSTRAINT fk_image_description",
        "ALTER TABLE image_descriptions ADD FOREIGN KEY (image_id) REFERENCES images (image_id)",
    ] {
        article.execute(sql, &[]).unwrap_or_else(|error| panic!("{sql}: {error}"));
    }
    let store = store(&database);
    store.check().unwrap();
    all_is_there(&store, &article);
    assert!(store.delete_image(1).unwrap());
    assert_eq!(number(&article, "SELECT COUNT(*) FROM image_embeddings_article WHERE image_id = 1"), 0);
    assert_eq!(number(&article, "SELECT COUNT(*) FROM image_descriptions WHERE image_id = 1"), 0);
}

/// Whoever ran the article's database may have made it faster.
#[test]
fn columns_that_somebody_has_indexed_already_are_no_obstacle() {
    let (database, article) = article();
    for sql in [
        "CREATE INDEX theirs_by_image ON image_descriptions (image_id)",
        "CREATE INDEX theirs_by_embedded_image ON image_embeddings (image_id)",
        "CREATE INDEX theirs_by_date ON images (upload_date, image_id)",
    ] {
        article.execute(sql, &[]).unwrap();
    }
    let store = store(&database);
    store.check().unwrap();
    all_is_there(&store, &article);
}

#[test]
fn several_processes_that_start_on_it_at_once_take_turns() {
    let (database, article) = article();
    let stores: Vec<OracleStore> = (0..3).map(|_| store(&database)).collect();
    std::thread::scope(|scope| {
        for store in &stores {
            scope.spawn(|| store.check().unwrap());
        }
    });
    stores.iter().for_each(|store| all_is_there(store, &article));
}
