//! Texts for the full-text indexes, the same for every store.
//!
//! The texts of an image become tokens ([`document`], which folds with [`fold`] and [`kanji`], cuts with [`tokens`], and
//! takes what a person wrote out of raw texts with [`prose`]). A keyword query becomes terms ([`mod@terms`]), long queries
//! are narrowed to their rarest words ([`narrow`]), and the terms become a [`Query`]: the tokens that an image must have
//! ([`mod@query`]). Both sides are folded and cut by the same code, so every store finds the same images.
//! [`characters`] says which characters belong to a word.

mod characters;
mod document;
mod fold;
mod kanji;
mod narrow;
mod prose;
mod query;
mod terms;
mod tokens;

pub(crate) use document::{Document, DocumentTokens, VariedTokens};
pub(crate) use fold::{MAX_NAME_CHARS, folded, folded_name, folded_name_part};
pub use narrow::Narrowed;
pub(crate) use narrow::{MAX_COUNT, narrowed};
pub(crate) use query::{Form, Query, keyword_query};
pub use terms::terms;
pub(crate) use tokens::SEGMENTATION_VERSION;
