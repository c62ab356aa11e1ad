//! The service through its public face: the very app that `mitsuke serve` runs, on a free port, with a tiny
//! model, a data directory of its own and a real HTTP client.

mod app;
mod auth;
mod composition;
mod cors;
mod duplicates;
mod earlier_versions;
mod errors;
mod filters;
mod images;
mod limits;
mod models;
mod operations;
mod pictures;
mod prompts;
mod relevance;
mod search;

/// Which store the app keeps its images in. The same tests run on Oracle's driver in tests/http_oracle.rs.
mod store {
    use std::path::Path;

    /// Settings that select the store: none for the embedded one.
    pub fn settings(_data_dir: &Path) -> Vec<(&'static str, String)> {
        Vec::new()
    }
}
