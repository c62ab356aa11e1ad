//! Mitsuke (見つけ, "found"): finds pictures by what they show.
//!
//! Data flows one way: `api → (image → clip) → store` to register, `api → clip → search → store` to find.

pub mod api;
pub mod app;
pub mod blocking;
pub mod clip;
pub mod config;
pub mod doctor;
pub mod error;
pub mod image;
pub mod models;
pub mod register;
pub mod search;
pub mod seed;
pub mod store;
pub mod tls;
pub mod upload;
pub mod vector;
