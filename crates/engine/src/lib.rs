//! The work of the service: registers pictures, keeps every model's embeddings complete, and answers searches.
//!
//! The crate knows neither HTTP nor SQL nor Torch: `mitsuke-image` reads pictures, `mitsuke-clip` encodes them, and
//! `mitsuke-store` keeps and finds them. Its modules depend on each other in one direction only: [`models`] at the
//! bottom, then [`intake`], then [`backfill`], [`reindex`], [`search`], [`compare`],
//! [`duplicates`], [`bulk`], [`reencoding`], [`scrub`] and [`backup`] beside each other, and [`maintenance`] at the top.

pub mod admission;
pub mod backfill;
mod background;
pub mod backup;
pub mod blocking;
pub mod budget;
pub mod bulk;
pub mod compare;
pub mod duplicates;
pub mod intake;
pub mod maintenance;
pub mod models;
mod patience;
mod rate;
pub mod reencoding;
pub mod reindex;
pub mod request_id;
pub mod scrub;
pub mod search;
pub mod unique;

#[cfg(test)]
mod fake_store;
