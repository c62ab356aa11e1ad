//! The vector index of a model is built when there is something to learn from, rebuilt when the table has outgrown it,
//! and organized as somebody has chosen.

use std::sync::Barrier;
use std::thread;

use mitsuke_store::oracle::{IndexError, IndexKind, OracleSettings, OracleStore, OrganizationChange, Partitions};
use mitsuke_store::{Model, Occasion, Store as _, StoreError};
use mitsuke_store_testing::fixtures::*;
use oracle_standin::testing::{Database, Failure};

use crate::{live, open, settings};

/// Makes a store whose models get an index from this many embeddings on.
fn store_with(database: &Database, index_after: u64) -> OracleStore {
    let store = open(OracleSettings { index_after, ..settings(database) });
    store.check().unwrap();
    store
}

/// Stores images until a model has this many embeddings.
fn fill(store: &OracleStore, model: &Model, from: u32, to: u32) {
    for n in from..to {
        picture(&format!("{n}")).embedded(model, angle(n as f32)).insert(store);
    }
}

/// Does the upkeep, and returns what was told.
fn maintain(store: &OracleStore) -> Vec<String> {
    let mut told = Vec::new();
    store.maintain(Occasion::Regular, &mut |sentence| told.push(sentence.to_owned())).unwrap();
    told
}

fn build(store: &OracleStore, change: &OrganizationChange) -> Result<Vec<String>, IndexError> {
    let mut told = Vec::new();
    store.build_index(None, change, &mut |sentence| told.push(sentence.to_owned())).map(|()| told)
}

/// Returns status and kind of the vector index of the first model, as the dictionary has them.
fn index(database: &Database) -> Option<(String, String)> {
    let sql = "SELECT status, index_subtype FROM user_indexes WHERE index_name = 'IMAGE_EMBEDDINGS_1_VEC'";
    let connection = database.connect();
    let mut rows = connection.query_as::<(String, String)>(sql, &[]).unwrap();
    rows.next().map(Result::unwrap)
}

fn valid(subtype: &str) -> Option<(String, String)> {
    Some(("VALID".to_owned(), subtype.to_owned()))
}

const IVF: &str = "NEIGHBOR_PARTITIONS_IVF";
const HNSW: &str = "INMEMORY_NEIGHBOR_GRAPH_HNSW";

fn of_kind(kind: IndexKind) -> OrganizationChange {
    OrganizationChange { kind: Some(kind), ..OrganizationChange::default() }
}

fn findings(store: &OracleStore) -> String {
    store.diagnose().iter().map(|finding| format!("{finding}\n")).collect()
}

#[test]
fn a_model_gets_an_index_when_there_is_something_to_learn_from() {
    let database = Database::temporary();
    let store = store_with(&database, 9);
    let model = model(&store, "a");
    fill(&store, &model, 0, 8);
    assert_eq!(maintain(&store), Vec::<String>::new());
    assert_eq!(index(&database), None);
    let exact = nearest_ids(&store, &model, &angle(3.0), 5);
    assert!(findings(&store).contains("8 embeddings of"), "{}", findings(&store));
    assert!(findings(&store).contains("an index is built from 9 on"), "{}", findings(&store));

    fill(&store, &model, 8, 9);
    database.start_log();
    let told = maintain(&store);
    assert!(told[0].contains("ivf with 3 partitions") && told[0].contains("over 9 rows"), "{told:?}");
    assert_eq!(index(&database), valid(IVF));
    assert_eq!(nearest_ids(&store, &model, &angle(3.0), 5), exact);
    assert!(findings(&store).contains("built over 9 rows"), "{}", findings(&store));
    assert_eq!(maintain(&store), Vec::<String>::new());
    let created = database.logged("CREATE VECTOR INDEX");
    assert_eq!(created.len(), 1, "{created:?}");
    assert!(created[0].ends_with("PARAMETERS (TYPE IVF, NEIGHBOR PARTITIONS 3) ONLINE"), "{created:?}");
}

#[test]
fn an_index_that_its_table_has_outgrown_is_rebuilt() {
    for (release, rebuilt) in
        [("23.26", "ALTER INDEX IMAGE_EMBEDDINGS_1_VEC REBUILD ONLINE"), ("23.5", "DBMS_VECTOR.REBUILD_INDEX")]
    {
        let database = Database::temporary();
        database.set_release(release);
        let store = store_with(&database, 4);
        let model = model(&store, "a");
        fill(&store, &model, 0, 4);
        assert_eq!(maintain(&store).len(), 2, "release {release}");
        fill(&store, &model, 4, 15);
        database.start_log();
        assert_eq!(maintain(&store), Vec::<String>::new());
        fill(&store, &model, 15, 16);
        assert!(findings(&store).contains("the table has outgrown the index"), "{}", findings(&store));
        let told = maintain(&store);
        assert!(told[0].contains("rebuilding image_embeddings_1_vec over 16 rows"), "{told:?}");
        let statements = database.logged("REBUILD");
        assert_eq!(statements.len(), 1, "{statements:?}");
        assert!(statements[0].contains(rebuilt), "release {release}: {statements:?}");
        assert_eq!(index(&database), valid(IVF));
        assert_eq!(maintain(&store), Vec::<String>::new());
        assert!(findings(&store).contains("built over 16 rows"), "{}", findings(&store));
    }
}

#[test]
fn several_processes_build_an_index_once() {
    let database = Database::temporary();
    let stores: Vec<OracleStore> = (0..4).map(|_| store_with(&database, 5)).collect();
    let model = model(&stores[0], "a");
    fill(&stores[0], &model, 0, 6);
    database.start_log();
    let start = Barrier::new(stores.len());
    thread::scope(|scope| {
        for store in &stores {
            let start = &start;
            scope.spawn(move || {
                start.wait();
                maintain(store);
            });
        }
    });
    assert_eq!(index(&database), valid(IVF));
    assert_eq!(database.logged("CREATE VECTOR INDEX").len(), 1);
}

#[test]
fn nobody_waits_for_a_process_that_builds_an_index() {
    let database = Database::temporary();
    let store = store_with(&database, 2);
    fill(&store, &model(&store, "a"), 0, 3);
    let other = database.connect();
    other.execute("UPDATE mitsuke_locks SET name = name WHERE name = 'INDEXES'", &[]).unwrap();
    assert_eq!(maintain(&store), Vec::<String>::new());
    assert!(matches!(build(&store, &OrganizationChange::default()), Err(IndexError::Taken)));
    assert_eq!(index(&database), None);
    other.rollback().unwrap();
    assert_eq!(maintain(&store).len(), 2);
}

#[test]
fn a_build_that_fails_is_told_and_not_tried_again_for_an_hour() {
    let database = Database::temporary();
    let store = store_with(&database, 3);
    let model = model(&store, "a");
    fill(&store, &model, 0, 3);
    let full = "ORA-12954: The request exceeds the maximum allowed database size of 12 GB.";
    database.fail(&Failure::error("execute", 12954, full).when("CREATE VECTOR INDEX"));
    database.start_log();
    let failed = store.maintain(Occasion::Regular, &mut |_| {});
    assert!(matches!(failed, Err(StoreError::DiskFull(_))), "{failed:?}");
    assert_eq!(nearest_ids(&store, &model, &angle(1.0), 3).len(), 3);
    for _ in 0..2 {
        assert_eq!(maintain(&store), Vec::<String>::new());
    }
    assert_eq!(database.logged("CREATE VECTOR INDEX").len(), 1);
    let found = findings(&store);
    assert!(found.contains("The last attempt failed at") && found.contains("ORA-12954"), "{found}");
    assert!(found.contains("mitsuke index build --model 1") && found.contains("CREATE VECTOR INDEX"), "{found}");

    database.clear();
    let connection = database.connect();
    let earlier = "UPDATE embedding_models SET index_failed_at = index_failed_at - NUMTODSINTERVAL(61, 'MINUTE')";
    connection.execute(earlier, &[]).unwrap();
    connection.commit().unwrap();
    assert_eq!(maintain(&store).len(), 2);
    assert_eq!(index(&database), valid(IVF));
    assert!(!findings(&store).contains("failed"), "{}", findings(&store));
}

/// The Free edition has little room, and a partition takes some of it however few rows it has.
#[test]
fn an_index_without_room_is_made_with_fewer_partitions() {
    let database = Database::temporary();
    let store = store_with(&database, 16);
    fill(&store, &model(&store, "a"), 0, 16);
    let message = "Centroid assignment failed for the neighbor partitions vector index.";
    database.fail(&Failure::error("execute", 51908, message).when("NEIGHBOR PARTITIONS 4)").times(1));
    let told = maintain(&store);
    assert!(told[1].contains("ORA-51908") && told[1].contains("again with 1 partitions"), "{told:?}");
    assert_eq!(index(&database), valid(IVF));
}

#[test]
fn a_clause_that_the_database_refuses_is_left_out() {
    let database = Database::temporary();
    let store = store_with(&database, 2);
    fill(&store, &model(&store, "a"), 0, 2);
    database.fail(&Failure::error("execute", 3001, "unimplemented feature").when(" ONLINE"));
    assert_eq!(maintain(&store).len(), 2);
    assert_eq!(index(&database), valid(IVF));
    // The refusal of an online rebuild leaves the way that keeps uploads waiting.
    fill(&store, &model(&store, "b"), 2, 3);
    assert_eq!(build(&store, &OrganizationChange::default()).unwrap().len(), 3);
    assert_eq!(index(&database), valid(IVF));
}

#[test]
fn the_organization_of_an_index_is_chosen_for_all_processes() {
    let database = Database::temporary();
    let (store, other) = (store_with(&database, 2), store_with(&database, 2));
    let model = model(&store, "a");
    fill(&store, &model, 0, 4);
    build(&store, &of_kind(IndexKind::Hnsw)).unwrap();
    assert_eq!(index(&database), valid(HNSW));
    fill(&other, &model, 4, 40);
    assert_eq!(maintain(&other), Vec::<String>::new(), "the database refreshes a graph by itself");
    assert!(findings(&other).contains("index IMAGE_EMBEDDINGS_1_VEC (hnsw)"), "{}", findings(&other));
    assert!(findings(&other).contains("the chosen graphs (hnsw) take about"), "{}", findings(&other));

    build(&other, &of_kind(IndexKind::None)).unwrap();
    assert_eq!(index(&database), None);
    assert_eq!(maintain(&store), Vec::<String>::new());
    assert!(findings(&store).contains("no index by choice"), "{}", findings(&store));
    assert_eq!(nearest_ids(&store, &model, &angle(1.0), 50).len(), 40);

    let four = OrganizationChange { partitions: Some(Partitions::nearest(4)), ..of_kind(IndexKind::Ivf) };
    database.start_log();
    build(&store, &four).unwrap();
    assert!(database.logged("CREATE VECTOR INDEX")[0].contains("NEIGHBOR PARTITIONS 4)"));
    assert_eq!(index(&database), valid(IVF));
    let parts = OrganizationChange { partitions: four.partitions, ..OrganizationChange::default() };
    build(&store, &of_kind(IndexKind::Hnsw)).unwrap();
    let refused = build(&store, &parts).unwrap_err().to_string();
    assert!(refused.contains("--partitions is not for the organization hnsw"), "{refused}");
    assert_eq!(index(&database), valid(HNSW));
}

#[test]
fn an_index_is_built_for_a_model_that_is_there() {
    let database = Database::temporary();
    let store = store_with(&database, 100);
    assert!(matches!(build(&store, &OrganizationChange::default()), Err(IndexError::NoModel)));
    let unknown = store.build_index(Some(7), &OrganizationChange::default(), &mut |_| {});
    assert!(matches!(unknown, Err(IndexError::Store(StoreError::UnknownModel(7)))));
    let [_, second] = ["a", "b"].map(|name| model(&store, name));
    store.build_index(Some(second.model_id), &OrganizationChange::default(), &mut |_| {}).unwrap();
    assert_eq!(index(&database), None);
    let built = "SELECT COUNT(*) FROM user_indexes WHERE index_name = 'IMAGE_EMBEDDINGS_2_VEC'";
    assert_eq!(database.connect().query_row_as::<i64>(built, &[]).unwrap(), 1);
}

/// The check for a real database runs here too, so that it is known to work when it gets there.
#[test]
fn every_kind_of_index_answers_like_all_embeddings() {
    for kind in [IndexKind::Ivf, IndexKind::Hnsw, IndexKind::None] {
        let database = Database::temporary();
        let answer = live::vector_indexes::answers_like_all_embeddings(&store_with(&database, 1_000), kind);
        assert!(matches!(answer, live::Answer::Confirmed(_)), "{kind}: {answer:?}");
    }
}

#[test]
fn new_models_get_the_kind_of_the_setting() {
    let database = Database::temporary();
    let setting = OracleSettings { vector_index: IndexKind::Hnsw, index_after: 2, ..settings(&database) };
    let store = open(setting);
    fill(&store, &model(&store, "a"), 0, 2);
    // A store with another setting keeps to what the model was registered with.
    maintain(&store_with(&database, 2));
    assert_eq!(index(&database), valid(HNSW));
}

#[test]
fn the_doctor_measures_and_says_when_to_rebuild() {
    let database = Database::temporary();
    let store = store_with(&database, 4);
    let model = model(&store, "a");
    fill(&store, &model, 0, 6);
    maintain(&store);
    let measured = "the index finds 100 % of the 10 nearest on average and 100 % at worst, for 5 stored embeddings";
    assert!(findings(&store).contains(measured), "{}", findings(&store));
    database.set_accuracy(80);
    let found = findings(&store);
    assert!(found.contains("80 % of the 10 nearest") && found.contains("95 % are asked for"), "{found}");
    database.fail(&Failure::error("execute", 20000, "no report").when("INDEX_ACCURACY_QUERY"));
    assert!(findings(&store).contains("model 1 (current), accuracy: cannot be looked at"), "{}", findings(&store));

    database.clear();
    database.connect().execute("ALTER INDEX image_embeddings_1_vec UNUSABLE", &[]).unwrap();
    let found = findings(&store);
    assert!(found.contains("problem  model 1 (current)") && found.contains("is UNUSABLE"), "{found}");
    assert!(found.contains("DROP INDEX image_embeddings_1_vec; CREATE VECTOR INDEX"), "{found}");
    assert_eq!(maintain(&store).len(), 2);
    assert_eq!(index(&database), valid(IVF));
}

fn statistics(database: &Database, table: &str) -> Option<i64> {
    let sql = format!("SELECT num_rows FROM user_tables WHERE table_name = '{table}'");
    database.connect().query_row_as::<Option<i64>>(&sql, &[]).unwrap()
}

#[test]
fn statistics_are_gathered_after_bulk_loads() {
    let database = Database::temporary();
    let store = store_with(&database, 1_000_000);
    model(&store, "a");
    let connection = database.connect();
    let insert = |count: usize| {
        for _ in 0..count {
            connection.execute("INSERT INTO images (file_name) VALUES ('x')", &[]).unwrap();
        }
        let vectors = "INSERT INTO image_embeddings_1 (image_id, embedding) SELECT i.image_id, \
                       TO_VECTOR('[1,0,0,0,0,0,0,0]', 8, FLOAT32) FROM images i WHERE NOT EXISTS \
                       (SELECT 1 FROM image_embeddings_1 e WHERE e.image_id = i.image_id)";
        connection.execute(vectors, &[]).unwrap();
        connection.commit().unwrap();
    };
    insert(999);
    maintain(&store);
    assert_eq!(statistics(&database, "IMAGES"), None);
    insert(1);
    assert!(findings(&store).contains("statistics: images has none"), "{}", findings(&store));
    maintain(&store);
    assert_eq!(statistics(&database, "IMAGES"), Some(1_000));
    assert_eq!(statistics(&database, "IMAGE_EMBEDDINGS_1"), Some(1_000));
    insert(500);
    maintain(&store);
    assert_eq!(statistics(&database, "IMAGES"), Some(1_000), "half as many more is no bulk load");
    assert!(!findings(&store).contains("statistics:"), "{}", findings(&store));
    insert(500);
    maintain(&store);
    assert_eq!(statistics(&database, "IMAGE_EMBEDDINGS_1"), Some(2_000));
}

/// A database of the version before has an index over an empty table, and knows nothing of organizations.
#[test]
fn an_index_of_an_earlier_version_stays_until_there_is_something_to_learn_from() {
    let database = Database::temporary();
    let store = store_with(&database, 1_000_000);
    let model = model(&store, "a");
    let connection = database.connect();
    let undo = [
        "ALTER TABLE embedding_models DROP (index_organization, index_partitions, index_neighbors, \
         index_efconstruction, index_quantization, index_parallel, index_include_facts, index_built_rows, index_counted_at, \
         index_failed_at, index_failure)",
        "DELETE FROM mitsuke_locks WHERE name = 'INDEXES'",
        "DELETE FROM mitsuke_schema WHERE name LIKE '%vector_indexes'",
        "CREATE VECTOR INDEX image_embeddings_1_vec ON image_embeddings_1 (embedding) ORGANIZATION NEIGHBOR PARTITIONS \
         DISTANCE DOT WITH TARGET ACCURACY 95",
    ];
    for sql in undo {
        connection.execute(sql, &[]).unwrap_or_else(|error| panic!("{sql}: {error}"));
    }
    connection.commit().unwrap();
    drop(store);

    let upgraded = store_with(&database, 3);
    fill(&upgraded, &model, 0, 2);
    assert_eq!(maintain(&upgraded), Vec::<String>::new());
    assert_eq!(index(&database), valid(IVF));
    fill(&upgraded, &model, 2, 3);
    let found = findings(&upgraded);
    assert!(found.contains("nobody knows over how many rows"), "{found}");
    let told = maintain(&upgraded);
    assert!(told[0].contains("rebuilding image_embeddings_1_vec over 3 rows"), "{told:?}");
    assert!(findings(&upgraded).contains("built over 3 rows"), "{}", findings(&upgraded));
}
