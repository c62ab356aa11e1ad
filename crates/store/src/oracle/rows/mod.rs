//! The rows of images, their tags, embeddings and models, and the facts of images that embedding tables copy.

pub(crate) mod document;
pub(crate) mod embeddings;
pub(crate) mod facts;
pub(crate) mod foreign;
pub(crate) mod images;
pub(crate) mod models;
pub(crate) mod readings;
pub(crate) mod tags;
pub(crate) mod thumbnails;
