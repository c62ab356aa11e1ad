//! Vector indexes: which kind a model has, what it costs, and when it is built and rebuilt.
//!
//! An index learns from the rows that it is built over, so a new model has none: its searches compare all embeddings
//! until there is something to learn from. [`upkeep`] builds the index then, and rebuilds it when the table has
//! outgrown it.

pub(crate) mod accuracy;
pub(crate) mod build;
pub(crate) mod ddl;
pub(crate) mod diagnosis;
pub(crate) mod organization;
pub(crate) mod plan;
pub(crate) mod rows;
pub(crate) mod state;
pub(crate) mod statistics;
pub(crate) mod upkeep;
