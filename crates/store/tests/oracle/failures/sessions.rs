//! Sessions die before and while their work is committed.

use std::time::Duration;

use mitsuke_store::oracle::OracleSettings;
use mitsuke_store::{ImageStore as _, Inserted, ModelStore as _};
use mitsuke_store_testing::fixtures::*;
use oracle_standin::testing::{Database, Failure};

use super::{comes_back, fails, opened};
use crate::{open, settings};

#[test]
fn a_session_that_dies_while_reading_is_replaced_once() {
    let database = Database::temporary();
    let store = opened(&database);
    let image_id = picture("a").insert(&store);
    for action in [Failure::kill_before("execute"), Failure::kill_before("fetch")] {
        database.fail(&action.when("FROM IMAGES").times(1));
        assert_eq!(store.image(image_id).unwrap().unwrap().file_name, "a.png");
    }
    database.fail(&Failure::kill_before("execute").when("FROM IMAGES").times(2));
    fails(store.count_images(), "Unreachable");
    assert_eq!(store.count_images().unwrap(), 1);
}

#[test]
fn a_restart_of_the_database_is_not_noticed_by_the_next_call() {
    let database = Database::temporary();
    let store = opened(&database);
    let image_id = picture("a").insert(&store);
    for _ in 0..3 {
        database.kill_sessions();
        assert!(store.image(image_id).unwrap().is_some());
        assert_eq!(store.count_images().unwrap(), 1);
    }
}

#[test]
fn an_upload_whose_session_dies_before_the_commit_is_done_again_and_stored_once() {
    let database = Database::temporary();
    let store = opened(&database);
    let model = model(&store, "a");
    for (n, statement) in
        ["INSERT INTO IMAGES", "INSERT INTO IMAGE_DESCRIPTIONS", "INSERT INTO IMAGE_EMBEDDINGS_"].iter().enumerate()
    {
        for (m, action) in [Failure::kill_before("execute"), Failure::kill_after("execute")].into_iter().enumerate() {
            database.fail(&action.when(statement).times(1));
            let picture = picture(&format!("{n}{m}")).caption("猫").embedded(&model, angle(0.0));
            assert!(matches!(picture.try_insert(&store).unwrap(), Inserted::Created(_)));
            assert!(matches!(picture.try_insert(&store).unwrap(), Inserted::Known(_)));
        }
    }
    assert_eq!(store.count_images().unwrap(), 6);
    assert_eq!(found(&store, &["猫"]).len(), 6);
    assert_eq!(store.coverage(model.model_id).unwrap().embedded, 6);
}

#[test]
fn a_commit_whose_answer_is_lost_is_looked_up() {
    let database = Database::temporary();
    let store = opened(&database);
    database.fail(&Failure::kill_after("commit").times(1));
    let Inserted::Created(image_id) = picture("done").try_insert(&store).unwrap() else {
        panic!("it was created by this call");
    };
    assert_eq!(newest_ids(&store), [image_id]);

    database.fail(&Failure::kill_before("commit").times(1));
    fails(picture("not done").try_insert(&store), "Unreachable");
    assert_eq!(newest_ids(&store), [image_id], "nothing is half there");
    assert!(matches!(picture("not done").try_insert(&store).unwrap(), Inserted::Created(_)));
}

#[test]
fn a_commit_that_is_answered_too_late_is_looked_up() {
    let database = Database::temporary();
    let store = open(OracleSettings { call_timeout: Duration::from_millis(500), ..settings(&database) });
    comes_back(&store);
    database.fail(&Failure::hang_after("commit").times(1));
    let Inserted::Created(image_id) = picture("done").try_insert(&store).unwrap() else {
        panic!("it was created by this call");
    };
    assert_eq!(newest_ids(&store), [image_id]);
    database.clear();
    database.fail(&Failure::hang("commit").times(1));
    fails(picture("not done").try_insert(&store), "Busy");
    database.clear();
    assert_eq!(newest_ids(&store), [image_id], "nothing is half there");
}
