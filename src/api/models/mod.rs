//! Models: /models and everything below it.

mod backfill;
mod compare;
mod current;
mod embeddings;
mod failures;
mod list;
mod model;

use crate::api::route::errors::{ENCODING, PICTURE, STORE, WRITING};
use crate::api::route::{Route, route};
use crate::error::ErrorCode::{
    BackfillElsewhere, CoverageIncomplete, ImageDamaged, ImageNotFound, ModelIsCurrent, ModelNotFound, ModelUnusable,
    NotReady, TextTooLong,
};

/// The routes of models.
pub fn routes() -> Vec<Route> {
    vec![
        route!(list::list).errors([STORE]),
        route!(list::refresh).errors([WRITING, &[NotReady]]),
        route!(model::get).errors([STORE]),
        route!(current::get).errors([STORE, &[NotReady]]),
        route!(current::switch).errors([WRITING, &[ModelNotFound, ModelUnusable, CoverageIncomplete]]),
        route!(backfill::start).errors([WRITING, &[ModelUnusable]]),
        route!(backfill::stop).errors([WRITING]),
        route!(failures::failures).errors([STORE]),
        route!(embeddings::retire).errors([WRITING, &[ModelIsCurrent, BackfillElsewhere]]),
        route!(compare::compare).errors([
            STORE,
            ENCODING,
            PICTURE,
            &[ImageNotFound, ImageDamaged, ModelUnusable, TextTooLong],
        ]),
    ]
}
