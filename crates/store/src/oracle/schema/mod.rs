//! The schema: its migrations, databases of the original application, the tables of the models, and the checks of all
//! that.

mod adopt;
pub(crate) mod doctor;
pub(crate) mod migrate;
pub(crate) mod opening;
mod script;
pub(crate) mod vector_tables;
