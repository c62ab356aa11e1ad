//! Mitsuke (見つけ, "found"): finds pictures by what they show.
//!
//! Data flows one way: `api → engine (intake: image → clip) → store` to register a picture, and
//! `api → engine (clip → search) → store → index` to find one.

pub mod access;
pub mod api;
pub mod app;
pub mod arenas;
pub mod config;
pub mod doctor;
pub mod error;
pub mod import;
pub mod local;
pub mod logging;
pub mod seed;
mod signals;
pub mod stores;
