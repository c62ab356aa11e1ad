//! The HTTP API: the same app that `mitsuke serve` runs, on a free port, with a tiny model, a data directory of its own
//! and a real HTTP client. Tests that touch the store run on both stores.

mod alerts;
mod archive;
mod assets;
mod auth;
mod backups;
mod bulk;
mod composition;
mod cors;
mod duplicates;
mod earlier_versions;
mod errors;
mod examples;
mod facets;
mod facts;
mod filters;
mod hosts;
mod images;
mod keys;
mod layout;
mod limits;
mod line;
mod lists;
mod models;
mod operations;
mod prompts;
mod relevance;
mod room;
mod search;
mod several;
mod tags;
