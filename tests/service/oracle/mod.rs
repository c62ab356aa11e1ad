//! The service on an Oracle database (the stand-in's): failures of the database, and several processes on one.

mod failures;
pub mod processes;
mod vector_indexes;
