//! The embedded store: an SQLite database, and beside it vector indexes, words and facts in memory.
//!
//! One directory holds everything: `mitsuke.db` (with its write-ahead log), snapshots of the vector indexes in
//! `vectors/`, `mitsuke.mark`, which tells lost transactions, and `mitsuke.lock`, which keeps a second process out. Only the
//! database matters: the store makes a snapshot again when it is missing, damaged, old, or of another database.

mod backup;
mod bulk;
mod check;
mod chunks;
mod columns;
mod compact;
mod condition;
mod connection;
mod content;
mod damage;
mod diagnosis;
mod directory;
mod directory_lock;
mod document;
mod embeddings;
mod epochs;
mod error;
mod expression;
mod facet_counts;
mod facts;
mod facts_fill;
mod images;
mod index_cache;
mod lists;
mod loras;
mod mark;
mod memory;
mod migrate;
mod models;
mod moves;
mod nearest;
mod options;
mod originals;
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
mod unwiped;
mod values;
mod vector_search;
mod wal;
mod wipe;
mod words;
mod worker;

pub use crate::disk::room_of;
pub use backup::{RestoreOptions, Restored, copies, restore, upgrade_copies};
pub use diagnosis::{ReadOnlyCheck, SampledEmbedding, check_pages, diagnose_database, diagnose_texts};
pub use options::SqliteOptions;
pub use store::SqliteStore;
