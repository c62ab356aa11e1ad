//! The schema: its migrations, the adoption of databases of the original application, the tables of the models, the
//! text indexes, and the checks of `mitsuke doctor`.

mod adopt;
mod copied_facts;
pub(crate) mod doctor;
mod folding;
mod made_facts;
pub(crate) mod migrate;
pub(crate) mod opening;
mod script;
pub(crate) mod text_indexes;
pub(crate) mod vector_tables;
