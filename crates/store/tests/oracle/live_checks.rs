//! The checklist for a live server, run over the stand-in. The stand-in explains no plans and counts no round trips of
//! its own accord, so the items about these are not tried; all others are confirmed.

use oracle_standin::testing::Database;

use crate::live::{self, Answer};
use crate::{settings, store};

#[test]
fn the_checklist_runs_to_its_end() {
    let database = Database::temporary();
    mitsuke_store::Store::check(&store(&database)).unwrap();
    let lines = live::run(&settings(&database));
    live::print(&lines);
    for line in &lines {
        let beyond = line.what.contains("plan of") || line.what.contains("round trips");
        match &line.answer {
            Answer::Confirmed(_) => assert!(!beyond, "{line:?}"),
            Answer::NotTried(_) => assert!(beyond, "{line:?}"),
            Answer::Refuted(_) => panic!("{line:?}"),
        }
    }
}

#[test]
fn what_a_server_does_otherwise_is_not_confirmed() {
    let database = Database::temporary();
    mitsuke_store::Store::check(&store(&database)).unwrap();
    database.deny("CREATE SEQUENCE");
    let refusal =
        oracle_standin::testing::Failure::error("execute", 22816, "unsupported feature with RETURNING clause");
    database.fail(&refusal.when("INSERT INTO IMAGES (").times(3));
    let lines = live::run(&settings(&database));
    let refuted: Vec<&str> =
        lines.iter().filter(|line| matches!(line.answer, Answer::Refuted(_))).map(|line| line.what).collect();
    assert_eq!(refuted[..2], [live::ITEMS[0].0, live::ITEMS[1].0], "{lines:#?}");
}
