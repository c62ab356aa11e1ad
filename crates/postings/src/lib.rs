//! Posting lists in memory, and the ranking of a full-text search over them.
//!
//! A posting list holds the documents of one token, with the places where the token stands in them. The lists are a cache
//! of a full-text index that is kept elsewhere (in a database): [`Lists`] reads a list from its [`Source`] when a search
//! first needs it, changes it with every document that is put or removed, and drops the lists that no search has used for
//! longest when they outgrow a bound.
//!
//! A search ([`Expr`]) ranks every document that matches, by BM25 over the weighted occurrences of its phrases, and knows
//! how many there are. A restriction to some documents is tested before anything is scored, and never changes a score.
//!
//! This crate depends on no other crate of Mitsuke, and knows no SQL.

mod documents;
mod expr;
mod list;
mod lists;
mod phrase;
mod ranking;

pub use expr::Expr;
pub use lists::{Lists, Occurrence, Source};
pub use ranking::Ranked;
