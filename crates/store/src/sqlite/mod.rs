//! The embedded store: an SQLite database, and beside it vector indexes, words and facts in memory.
//!
//! One directory holds everything: `mitsuke.db` (with its write-ahead log), snapshots of the vector indexes in
//! `vectors/`, and `mitsuke.lock`, which keeps a second process out. Only the database matters: the store makes a
//! snapshot again when it is missing, damaged or old.

mod backup;
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
mod facts;
mod facts_fill;
mod images;
mod index_cache;
mod lists;
mod loras;
mod memory;
mod migrate;
mod models;
mod nearest;
mod options;
mod prompt_words;
mod readings;
mod room;
mod shared;
mod statements;
mod store;
mod suggestions;
mod tags;
mod task;
mod thumbnails;
mod values;
mod vector_search;
mod words;
mod worker;

pub use backup::{RestoreOptions, Restored, copies, restore, upgrade_copies};
pub use diagnosis::diagnose_texts;
pub use options::SqliteOptions;
pub use room::room_of;
pub use store::SqliteStore;
