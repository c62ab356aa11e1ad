//! The schema: migrations, databases of the original application, the tables of the models, and what `mitsuke doctor`
//! finds out about all of it.

mod adopt;
pub(crate) mod doctor;
pub(crate) mod migrate;
pub(crate) mod opening;
mod script;
pub(crate) mod vector_tables;
