//! Work of several statements is interrupted at one of them and run again.

use mitsuke_store::oracle::OracleSettings;
use mitsuke_store::{ModelStore as _, NewModel, Store as _};
use mitsuke_store_testing::fixtures::*;
use oracle_standin::testing::{Database, Failure};

use super::opened;
use crate::{open, settings};

#[test]
fn a_migration_that_stops_at_any_statement_is_run_again() {
    let count = {
        let database = Database::temporary();
        database.start_log();
        opened(&database);
        database.logged("").len()
    };
    assert!(count > 40, "{count} statements");
    // The session dies at one statement after the other. The first call may repeat the work by itself.
    for skip in (0..u32::try_from(count).unwrap()).step_by(3) {
        let database = Database::temporary();
        let action = if skip % 2 == 0 { Failure::kill_before("execute") } else { Failure::kill_after("execute") };
        database.fail(&action.after(skip).times(1));
        drop(open(settings(&database)).check());
        database.clear();
        let store = opened(&database);
        let model = model(&store, "a");
        let image_id = picture("a").caption("猫").embedded(&model, angle(0.0)).insert(&store);
        assert_eq!(found(&store, &["猫"]), [image_id], "stopped at statement {skip}");
    }
}

/// The number of text indexes that cannot be used.
const BROKEN: &str = "SELECT COUNT(*) FROM user_indexes WHERE domidx_opstatus <> 'VALID' OR status <> 'VALID'";

/// An interrupted CREATE INDEX leaves a half built text index, whose name is taken.
#[test]
fn a_text_index_that_was_left_half_built_is_made_again() {
    let ways = [Failure::error("execute", 29855, "error occurred in ODCIINDEXCREATE"), Failure::kill_inside("execute")];
    for way in &ways {
        let database = Database::temporary();
        database.fail(&way.clone().when("CREATE INDEX IMAGES_SEARCH_TEXT").times(1));
        assert!(open(settings(&database)).check().is_err());
        let connection = database.connect();
        assert_eq!(connection.query_row_as::<i64>(BROKEN, &[]).unwrap(), 1, "{way:?}");
        let store = opened(&database);
        assert_eq!(connection.query_row_as::<i64>(BROKEN, &[]).unwrap(), 0, "{way:?}");
        let image_id = picture("a").caption("猫").insert(&store);
        assert_eq!(found(&store, &["猫"]), [image_id]);
    }
}

/// The indexes for other programs stop nothing, however their creation ends.
#[test]
fn an_index_for_other_programs_is_made_later_when_it_cannot_be_made() {
    for index in ["IDX_IMAGE_PROMPT", "IDX_IMAGE_DESCRIPTION"] {
        let database = Database::temporary();
        let asked = || open(OracleSettings { original_text_indexes: true, ..settings(&database) });
        let count = format!("SELECT COUNT(*) FROM user_indexes WHERE index_name = '{index}'");
        let failure = Failure::error("execute", 29855, "error occurred in ODCIINDEXCREATE");
        database.fail(&failure.when(&format!("CREATE INDEX {index}")).times(1));
        let store = asked();
        store.check().unwrap();
        picture("a").caption("猫").prompt("a cat").insert(&store);
        let connection = database.connect();
        assert_eq!(connection.query_row_as::<i64>(&count, &[]).unwrap(), 0, "{index}: no half built index is left");
        asked().check().unwrap();
        assert_eq!(connection.query_row_as::<i64>(&count, &[]).unwrap(), 1, "{index}");

        // A session that dies leaves the index half built until the next start, whether that start wants it or not.
        connection.execute(&format!("DROP INDEX {index}"), &[]).unwrap();
        database.fail(&Failure::kill_inside("execute").when(&format!("CREATE INDEX {index}")).times(1));
        assert!(asked().check().is_err());
        assert_eq!(connection.query_row_as::<i64>(BROKEN, &[]).unwrap(), 1, "{index}");
        let store = opened(&database);
        picture("b").caption("猫").prompt("a cat").insert(&store);
        assert_eq!(connection.query_row_as::<i64>(BROKEN, &[]).unwrap(), 0, "{index}");
    }
}

#[test]
fn a_registration_that_stops_at_any_statement_is_run_again() {
    let new = NewModel { model_name: "a".into(), model_version: "1".into(), vector_dimension: DIMENSION };
    let count = {
        let database = Database::temporary();
        let store = opened(&database);
        database.start_log();
        store.register_model(&new).unwrap();
        database.logged("").len()
    };
    for skip in 0..u32::try_from(count).unwrap() {
        let database = Database::temporary();
        let store = opened(&database);
        database.fail(&Failure::kill_after("execute").after(skip).times(1));
        drop(store.register_model(&new));
        database.clear();
        let model = store.register_model(&new).unwrap();
        assert!(model.is_current, "stopped at statement {skip}");
        assert_eq!(store.models().unwrap().len(), 1);
        picture("a").embedded(&model, angle(0.0)).insert(&store);
        assert_eq!(nearest(&store, &model, &angle(0.0), 5).len(), 1);
    }
}
