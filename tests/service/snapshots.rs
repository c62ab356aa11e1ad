//! Whole answers, compared with the snapshots in the folder `snapshots` beside a test.
//!
//! A different answer fails the test and shows the difference. `INSTA_UPDATE=always cargo test` writes the snapshots
//! anew, and `git diff` then shows what has changed for callers.

use insta::Settings;

/// The fields whose values differ from run to run, from machine to machine or from store to store. A test of their
/// values asserts them itself.
const VARYING: [&str; 14] = [
    "bytes",
    "distance",
    "ended_at",
    "failed_at",
    "memory_bytes",
    "per_second",
    "request_id",
    "score",
    "sha256",
    "similarity",
    "started_at",
    "took_ms",
    "upload_date",
    "uploaded_at",
];

/// Returns settings under which a snapshot shows the name of a varying field in place of its value. Null stays null.
pub fn settings() -> Settings {
    let mut settings = Settings::clone_current();
    for field in VARYING {
        settings.add_dynamic_redaction(&format!(".**.{field}"), move |value, _| {
            if value.is_nil() { value } else { format!("[{field}]").into() }
        });
    }
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings
}

/// Compares JSON with the snapshot of this name. A test that runs on both stores compares both with the same one.
macro_rules! assert_snapshot {
    ($name:literal, $json:expr) => {{
        let json = &$json;
        $crate::snapshots::settings().bind(|| insta::assert_json_snapshot!($name, json));
    }};
}
