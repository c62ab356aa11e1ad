//! The rows of images, embeddings and models.

pub(crate) mod document;
pub(crate) mod embeddings;
pub(crate) mod foreign;
pub(crate) mod images;
pub(crate) mod models;
