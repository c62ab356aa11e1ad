//! The HTTP tests once more, with the Oracle store over the stand-in client library: a caller sees no difference.

#[path = "http/app.rs"]
mod app;
#[path = "http/auth.rs"]
mod auth;
#[path = "http/composition.rs"]
mod composition;
#[path = "http/cors.rs"]
mod cors;
#[path = "http/duplicates.rs"]
mod duplicates;
#[path = "http/errors.rs"]
mod errors;
#[path = "http/filters.rs"]
mod filters;
#[path = "http/images.rs"]
mod images;
#[path = "http/limits.rs"]
mod limits;
#[path = "http/models/mod.rs"]
mod models;
#[path = "http/operations.rs"]
mod operations;
#[path = "http/pictures.rs"]
mod pictures;
#[path = "http/prompts.rs"]
mod prompts;
#[path = "http/relevance.rs"]
mod relevance;
#[path = "http/search.rs"]
mod search;
#[expect(dead_code, reason = "each test program uses its own part")]
mod standin;

/// See the module of the same name in tests/http/main.rs.
mod store {
    use std::path::Path;

    pub fn settings(data_dir: &Path) -> Vec<(&'static str, String)> {
        crate::standin::settings_below(data_dir)
    }
}

#[test]
fn every_module_of_the_http_tests_runs_here_too() {
    let modules = |text: &str| -> Vec<String> {
        let names = text.lines().filter_map(|line| line.strip_prefix("mod ")?.strip_suffix(';'));
        names.map(str::to_owned).collect()
    };
    let (theirs, ours) = (modules(include_str!("http/main.rs")), modules(include_str!("http_oracle.rs")));
    // Only the embedded store keeps its images in the data directory.
    let missing: Vec<_> =
        theirs.iter().filter(|name| *name != "earlier_versions" && !ours.contains(name)).collect();
    assert!(missing.is_empty(), "list these in tests/http_oracle.rs: {missing:?}");
}
