//! The size at which pictures are decoded.

use mitsuke_clip::Encoder;
use mitsuke_image::{Enough, enough_for_thumbnail};

use super::thumbnail::KEPT_SIZE;

/// Returns the size of a decoded picture that suffices for `encoders` and for the thumbnail that is kept. Uploads,
/// backfills and searches by picture all ask here, so that a picture gets the same embedding from each of them.
pub(crate) fn enough<'a>(encoders: impl IntoIterator<Item = &'a Encoder>) -> Enough {
    encoders.into_iter().map(Encoder::enough).fold(enough_for_thumbnail(KEPT_SIZE), Enough::and)
}
