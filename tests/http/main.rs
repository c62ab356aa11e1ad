//! The service through its public face: the very app that `mitsuke serve` runs, on a free port, with a tiny
//! model, a data directory of its own and a real HTTP client.

mod app;
mod auth;
mod composition;
mod cors;
mod duplicates;
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
