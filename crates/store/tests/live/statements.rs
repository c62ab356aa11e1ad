//! Statements: the form in which values travel, and the round trips.

use mitsuke_store::oracle::OracleSettings;
use mitsuke_store::{
    Filter, ImageStore as _, ModelStore as _, Page, SearchStore as _, Sha256, Store as _, VectorSearch,
};
use mitsuke_store_testing::fixtures::*;

use super::{Answer, Live, is_ora, recorded};

/// Stores a picture of 5 MB, which travels as LONG RAW beside RETURNING.
pub fn long_raw_beside_returning(live: &Live) -> Answer {
    let store = live.store();
    store.check().unwrap();
    let mut large = picture("large").caption("猫");
    large.bytes = (0..5 << 20).map(|n: u32| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let mut stored = None;
    let (_, warnings) = recorded(|| stored = Some(large.insert(&store)));
    let content = store.content(stored.expect("an id")).unwrap().expect("the picture");
    if Sha256::of(&content.bytes) != Sha256::of(&large.bytes) {
        return Answer::Refuted("the picture was read back with other bytes".to_owned());
    }
    match warnings.iter().find(|warning| warning.contains("temporary LOBs")) {
        Some(warning) => Answer::Refuted(warning.clone()),
        None => Answer::Confirmed("and the bytes are read back".to_owned()),
    }
}

/// The round trips of the other sessions of this account, as the server counts them.
const TRIPS: &str = "SELECT TO_CHAR(SUM(s.value)) FROM v$sesstat s JOIN v$statname n ON n.statistic# = s.statistic# \
     JOIN v$session e ON e.sid = s.sid WHERE n.name = 'SQL*Net roundtrips to/from client' AND e.username = USER \
     AND e.sid <> SYS_CONTEXT('USERENV', 'SID')";

/// Compares the server's count of round trips with the numbers that the tests over the stand-in state.
pub fn round_trips(live: &Live) -> Answer {
    let counting = live.connect();
    let count = || counting.query_row_as::<Option<String>>(TRIPS, &[]);
    if let Err(error) = count() {
        let grant = "GRANT SELECT ON SYS.V_$SESSTAT, and on SYS.V_$STATNAME and SYS.V_$SESSION, allows it";
        return if is_ora(&error, 942) {
            Answer::NotTried(grant.to_owned())
        } else {
            Answer::Refuted(error.to_string())
        };
    }
    let store = Live::open(OracleSettings { pool_size: 2, ..live.settings() });
    let model = model(&store, "a");
    for n in 0..50_u8 {
        picture(&n.to_string()).caption("猫").embedded(&model, angle(f32::from(n))).insert(&store);
    }
    let (query, page) = (angle(3.0), Page { exact: true, ..Page::first(16) });
    let search = || {
        store.current_model().unwrap();
        let search = VectorSearch { model_id: model.model_id, query: &query, exclude: &[], page: &page };
        let ids: Vec<_> = store.search_vector(&search).unwrap().iter().map(|hit| hit.image_id).collect();
        assert_eq!(store.images(&ids).unwrap().len(), 16);
    };
    let list = || assert_eq!(store.newest(&Filter::default(), None, 20).unwrap().len(), 20);
    let next = std::cell::Cell::new(0);
    let upload = || {
        next.set(next.get() + 1);
        let picture = picture(&format!("upload {}", next.get())).caption("猫").embedded(&model, angle(1.0));
        assert!(store.image_by_sha256(&Sha256::of(&picture.bytes)).unwrap().is_none());
        store.models().unwrap();
        let image_id = picture.insert(&store);
        assert!(store.image(image_id).unwrap().is_some());
    };
    let cases: [(&str, u64, &dyn Fn()); 3] = [("search", 3, &search), ("list", 2, &list), ("upload", 7, &upload)];
    let mut differing = Vec::new();
    for (what, expected, work) in cases {
        // The first run may look tables up.
        work();
        let number = || count().unwrap().unwrap_or_default().parse::<u64>().unwrap();
        let before = number();
        work();
        let found = number() - before;
        if found != expected {
            differing.push(format!("{what}: {found} instead of {expected}"));
        }
    }
    if differing.is_empty() {
        Answer::Confirmed("search 3, list 2, upload 7".to_owned())
    } else {
        Answer::Refuted(differing.join(", "))
    }
}
