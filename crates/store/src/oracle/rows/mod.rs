//! The rows of images, their tags, LoRAs, words, embeddings and models, and the facts of images that embedding tables copy.

pub(crate) mod bulk;
pub(crate) mod columns;
pub(crate) mod content;
pub(crate) mod document;
pub(crate) mod embeddings;
pub(crate) mod facts;
pub(crate) mod foreign;
pub(crate) mod hashes;
pub(crate) mod images;
pub(crate) mod json_rows;
pub(crate) mod loras;
pub(crate) mod models;
pub(crate) mod readings;
pub(crate) mod several;
pub(crate) mod tags;
pub(crate) mod thumbnails;
pub(crate) mod words;
