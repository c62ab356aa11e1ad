//! Mitsuke (見つけ, "found"): finds pictures by what they show.
//!
//! Data flows one way: `api → engine (intake: image → clip) → store` to register a picture, and
//! `api → engine (clip → search) → store → index` to find one.

pub mod api;
pub mod app;
pub use mitsuke_clip as clip;
pub mod config;
pub mod doctor;
pub mod error;
pub use mitsuke_image as image;
pub mod seed;
pub mod stores;
pub use mitsuke_client::tls;
pub use mitsuke_engine::{backfill, blocking, compare, duplicates, intake, maintenance, models, search};
pub use mitsuke_store as store;
