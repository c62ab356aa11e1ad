//! Texts for the full-text indexes, the same for every store.
//!
//! The texts of an image become tokens ([`document`], which folds with [`fold`] and [`kanji`], cuts with [`tokens`], and
//! takes what a person wrote out of raw texts with [`prose`]). A keyword query becomes terms ([`mod@terms`]), long queries
//! are narrowed to their rarest words ([`narrow`]), and the terms become a [`Query`]: the tokens that an image must have
//! ([`mod@query`], whose meaning [`holds`] defines). Both sides are folded and cut by the same code, so every store finds the same images.
//! [`characters`] says which characters belong to a word. File names are ordered by [`natural`], and [`words`] gives the
//! words of prompts that are suggested.

mod characters;
mod document;
mod fold;
mod holds;
mod kanji;
mod narrow;
mod natural;
mod prose;
mod query;
mod terms;
mod tokens;
mod words;

pub(crate) use document::{Document, DocumentTokens, VariedTokens};
pub(crate) use fold::{MAX_NAME_CHARS, folded, folded_name, folded_name_part};
pub use narrow::Narrowed;
pub(crate) use narrow::{MAX_COUNT, narrowed};
pub use natural::natural_key;
pub(crate) use query::{Form, Query, keyword_query};
pub use terms::terms;
pub(crate) use tokens::SEGMENTATION_VERSION;
pub use words::prompt_words;
