//! Upkeep: grants, the job and the maintenance of the text indexes, and what the doctor reads.

use mitsuke_store::oracle::{OracleSettings, TextMaintenance};
use mitsuke_store::{ImageStore as _, Store as _};
use mitsuke_store_testing::fixtures::*;

use super::{Answer, Live, texts};

/// Asks the doctor.
pub fn grants(live: &Live) -> Answer {
    let store = live.store();
    let model = model(&store, "a");
    picture("a").caption("猫").embedded(&model, angle(1.0)).insert(&store);
    let findings = store.diagnose();
    let of = |text: &str| {
        findings.iter().map(ToString::to_string).filter(|finding| finding.contains(text)).collect::<Vec<_>>()
    };
    let problems: Vec<String> = findings.iter().filter(|one| one.is_problem()).map(ToString::to_string).collect();
    let unread = of("cannot be looked at");
    if problems.is_empty() && unread.is_empty() {
        Answer::Confirmed(format!("{} findings", findings.len()))
    } else {
        Answer::Refuted([problems, unread].concat().join(" | "))
    }
}

/// Runs the job in this session.
pub fn optimize_job(live: &Live) -> Answer {
    let store = live.store();
    let image_id = picture("a").caption("猫").insert(&store);
    let run = "BEGIN DBMS_SCHEDULER.RUN_JOB(job_name => 'MITSUKE_OPTIMIZE_TEXT', use_current_session => TRUE); END;";
    if let Err(error) = live.connect().execute(run, &[]) {
        return Answer::Refuted(error.to_string());
    }
    if found(&store, &["猫"]) == [image_id] {
        Answer::Confirmed("in the session that starts it, and words are found afterwards".to_owned())
    } else {
        Answer::Refuted("a word is not found any more after it".to_owned())
    }
}

/// Switches to automatic maintenance and back, as two starts with different settings do.
pub fn automatic_maintenance(live: &Live) -> Answer {
    let connection = live.connect();
    let kind = "SELECT idx_maintenance_type FROM ctx_user_indexes WHERE idx_name = 'IMAGES_SEARCH_TEXT'";
    let mut kinds = Vec::new();
    for text_maintenance in [TextMaintenance::Auto, TextMaintenance::Commit] {
        Live::open(OracleSettings { text_maintenance, ..live.settings() }).check().unwrap();
        kinds.extend(texts(&connection, kind));
    }
    let store = live.store();
    let image_id = picture("a").caption("猫").insert(&store);
    match (kinds.first().map(String::as_str), found(&store, &["猫"]) == [image_id]) {
        (Some("AUTO"), true) => Answer::Confirmed(kinds.join(", then ")),
        (Some("AUTO"), false) => Answer::Refuted("a word is not found at once after switching back".to_owned()),
        _ => Answer::Refuted(format!("the maintenance is {kinds:?}, not AUTO and then another kind")),
    }
}

/// Compares the number that the doctor expects next with the one that an image gets.
pub fn identity_columns(live: &Live) -> Answer {
    let store = live.store();
    store.check().unwrap();
    let next = "SELECT TO_CHAR(s.last_number) FROM user_tab_identity_cols c JOIN user_sequences s \
                ON s.sequence_name = c.sequence_name WHERE c.table_name = 'IMAGES'";
    let image_id = picture("a").insert(&store);
    let next: Vec<i64> = texts(&live.connect(), next).iter().filter_map(|text| text.parse().ok()).collect();
    assert_eq!(store.count_images().unwrap(), 1);
    match next.first() {
        Some(next) if *next > image_id => Answer::Confirmed(format!("{next} after image {image_id}")),
        other => Answer::Refuted(format!("LAST_NUMBER is {other:?} after image {image_id}")),
    }
}
