//! The Oracle store keeps the contract, through the real driver over the stand-in client library, and what it
//! promises beyond it: several processes share a database, and a migration that stopped half-way is run again.

mod contract;
#[expect(dead_code, reason = "each test program uses its own part")]
mod standin;

use std::sync::Barrier;
use std::thread;
use std::time::Duration;

use contract::fixtures::*;
use secrecy::SecretString;
use mitsuke::store::oracle::{ForeignFacts, OracleSettings, OracleStore};
use mitsuke::store::{Inserted, Sha256, Store as _};
use standin::{Database, PASSWORD, USER};

fn settings(database: &Database) -> OracleSettings {
    // Whoever opens a store waits that long for its schema, on however busy a machine.
    let connect_timeout = Duration::from_secs(60);
    OracleSettings { pool_size: 4, connect_timeout, ..OracleSettings::new(USER, SecretString::from(PASSWORD), database.dsn()) }
}

fn store(database: &Database) -> OracleStore {
    OracleStore::new(settings(database), |_, _| ForeignFacts::default())
}

fn open() -> TestStore {
    let database = Database::new();
    let store = store(&database);
    store.check().unwrap();
    TestStore::new(store, database)
}

contract_tests!(open);

/// The contract once more with every vector search exact.
mod with_exact_search {
    use super::*;

    fn open() -> TestStore {
        let database = Database::new();
        let settings = OracleSettings { target_accuracy: 100, ..settings(&database) };
        TestStore::new(OracleStore::new(settings, |_, _| ForeignFacts::default()), database)
    }

    contract_tests!(open);
}

#[test]
fn stores_that_open_an_empty_database_at_once_take_turns() {
    let database = Database::new();
    let stores: Vec<OracleStore> = (0..4).map(|_| store(&database)).collect();
    let start = Barrier::new(stores.len());
    thread::scope(|scope| {
        for (n, store) in stores.iter().enumerate() {
            let start = &start;
            scope.spawn(move || {
                start.wait();
                store.check().unwrap();
                let model = model(store, "a");
                picture(&n.to_string()).embedded(&model, angle(10.0 * n as f32)).insert(store);
            });
        }
    });
    for store in &stores {
        assert_eq!(store.models().unwrap().len(), 1);
        assert_eq!(store.count_images().unwrap(), 4);
    }
    let versions = database.connect().query_row_as::<i64>("SELECT COUNT(*) FROM mitsuke_schema", &[]).unwrap();
    let highest = database.connect().query_row_as::<i64>("SELECT MAX(version) FROM mitsuke_schema", &[]).unwrap();
    assert_eq!(versions, highest, "each migration was noted once");
}

#[test]
fn two_stores_on_one_database_know_the_same() {
    let database = Database::new();
    let (a, b) = (store(&database), store(&database));
    let [first, second] = ["a", "b"].map(|name| model(&a, name));
    assert_eq!(b.models().unwrap(), a.models().unwrap());
    let image_id = picture("x").caption("猫").embedded(&first, angle(0.0)).insert(&a);
    assert_eq!(found(&b, &["猫"]), [image_id]);
    assert_eq!(nearest_ids(&b, &first, &angle(0.0), 5), [image_id]);
    assert!(b.set_current_model(second.model_id, false).is_err(), "it covers nothing yet");
    b.put_embedding(second.model_id, image_id, &angle(0.0)).unwrap();
    b.set_current_model(second.model_id, false).unwrap();
    assert_eq!(a.current_model().unwrap().unwrap().model_id, second.model_id);
    assert!(a.claim_backfill(first.model_id, "a", Duration::from_secs(60)).unwrap());
    assert!(!b.claim_backfill(first.model_id, "b", Duration::from_secs(60)).unwrap());

    // The same bytes through both at once become one image.
    for round in 0..10 {
        let start = Barrier::new(2);
        let answers: Vec<Inserted> = thread::scope(|scope| {
            let threads = [&a, &b].map(|store| {
                let (start, first) = (&start, &first);
                scope.spawn(move || {
                    start.wait();
                    picture(&round.to_string()).embedded(first, angle(1.0)).try_insert(store).unwrap()
                })
            });
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let created = answers.iter().filter(|answer| matches!(answer, Inserted::Created(_))).count();
        assert_eq!(created, 1, "{answers:?}");
    }
    assert_eq!((a.count_images().unwrap(), b.count_images().unwrap()), (11, 11));
}

#[test]
fn switching_and_deleting_through_two_stores_never_stops_for_good() {
    let database = Database::new();
    let (a, b) = (store(&database), store(&database));
    let models = ["a", "b"].map(|name| model(&a, name));
    thread::scope(|scope| {
        for store in [&a, &b] {
            let models = &models;
            scope.spawn(move || {
                for n in 0..15 {
                    let name = format!("{n} {:p}", store);
                    let both = picture(&name).embedded(&models[0], angle(1.0)).embedded(&models[1], angle(2.0));
                    let image_id = both.insert(store);
                    store.set_current_model(models[n % 2].model_id, true).unwrap();
                    store.put_embedding(models[0].model_id, image_id, &angle(3.0)).unwrap();
                    if n % 3 == 0 {
                        assert!(store.delete_image(image_id).unwrap());
                    }
                }
            });
        }
    });
    assert_eq!(a.count_images().unwrap(), 20);
    assert_eq!(a.models().unwrap().iter().filter(|model| model.is_current).count(), 1);
    for model in &models {
        assert_eq!(b.coverage(model.model_id).unwrap().embedded, 20);
    }
}

/// What the article's own DDL makes and its scripts put in: one table for embeddings of all models.
const ARTICLE: [&str; 14] = [
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
fn a_database_of_the_article_is_adopted_with_every_row() {
    let database = Database::new();
    let article = database.connect();
    for sql in ARTICLE {
        article.execute(sql, &[]).unwrap_or_else(|error| panic!("{sql}: {error}"));
    }
    article.commit().unwrap();

    let store = store(&database);
    let current = store.current_model().unwrap().expect("the article's current model");
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
    // The picture that is there twice: the first row answers for the bytes.
    let twin = Picture { bytes: vec![1], ..picture("upload") };
    assert_eq!(twin.try_insert(&store).unwrap(), Inserted::Known(1));

    // Other programs written for the article find what they know.
    let rows = |sql: &str| article.query_row_as::<i64>(sql, &[]).unwrap_or_else(|error| panic!("{sql}: {error}"));
    assert_eq!(rows("SELECT COUNT(*) FROM image_embeddings_article"), 2, "nothing was thrown away");
    assert_eq!(rows("SELECT COUNT(*) FROM image_embeddings WHERE model_id = 1"), 2);
    assert_eq!(
        rows(
            "SELECT image_id FROM current_image_embeddings
              ORDER BY VECTOR_DISTANCE(embedding, TO_VECTOR('[0,1,0,0,0,0,0,0]'), DOT) FETCH FIRST 1 ROWS ONLY"
        ),
        2
    );
    // What such a program adds later is taken over when it is met.
    article.execute("INSERT INTO images (image_data, file_name) VALUES (HEXTORAW('05'), 'later.png')", &[]).unwrap();
    article.commit().unwrap();
    let later = rows("SELECT MAX(image_id) FROM images");
    assert_eq!(store.image(later).unwrap().unwrap().sha256, Sha256::of(&[5]));
    assert_eq!(found(&store, &["later"]), [later]);
    // A second start finds nothing to do.
    let again = self::store(&database);
    assert_eq!(again.count_images().unwrap(), 4);
}
