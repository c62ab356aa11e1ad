//! The embedded store: an SQLite database, and vector indexes in memory beside it.
//!
//! One directory holds everything: `mitsuke.db` (with its write-ahead log), snapshots of the vector indexes in
//! `vectors/`, and `mitsuke.lock`, which keeps a second process out. Only the database matters: the store makes a
//! snapshot again when it is missing, damaged or old.

mod bulk;
mod columns;
mod condition;
mod connection;
mod diagnosis;
mod directory_lock;
mod document;
mod embeddings;
mod error;
mod expression;
mod facet_counts;
mod facts_fill;
mod images;
mod index_cache;
mod keyword_search;
mod lists;
mod loras;
mod migrate;
mod models;
mod nearest;
mod options;
mod prompt_words;
mod readings;
mod shared;
mod statements;
mod store;
mod suggestions;
mod tags;
mod task;
mod thumbnails;
mod values;
mod vector_search;
mod worker;

pub use diagnosis::diagnose_texts;
pub use options::SqliteOptions;
pub use store::SqliteStore;
