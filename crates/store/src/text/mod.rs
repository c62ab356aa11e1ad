//! Texts for the full-text indexes, the same for every store.
//!
//! The texts of an image become tokens ([`document`], which cuts with [`tokens`]). A keyword query becomes terms
//! ([`mod@terms`]), and each term a [`TermQuery`]: the tokens that an image must have ([`mod@query`]). Both sides are cut by
//! the same code, so every store finds the same images. [`characters`] says which characters belong to a word.

mod characters;
mod document;
mod query;
mod terms;
mod tokens;

pub(crate) use document::{Document, DocumentTokens};
pub(crate) use query::{TermQuery, parse_terms};
pub use terms::terms;
pub(crate) use tokens::{SEGMENTATION_VERSION, fold};
