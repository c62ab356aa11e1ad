//! Models: /models and everything below it.

mod backfill;
mod compare;
mod current;
mod embeddings;
mod failures;
mod list;
mod model;

use crate::access::Scope;
use crate::api::route::errors::{ENCODING, LARGE, PICTURE, STORE, WRITING};
use crate::api::route::{Route, route};
use crate::error::ErrorCode::{
    BackfillElsewhere, CoverageIncomplete, ImageDamaged, ImageNotFound, ModelIsCurrent, ModelNotFound, ModelUnusable,
    NotReady, OriginalMissing, TextTooLong,
};

/// The routes of models.
pub fn routes() -> Vec<Route> {
    vec![
        route!(list::list).errors([STORE]),
        route!(list::refresh).scope(Scope::Admin).errors([WRITING, &[NotReady]]),
        route!(model::get).errors([STORE]),
        route!(current::get).errors([STORE, &[NotReady]]),
        route!(current::switch)
            .scope(Scope::Admin)
            .errors([WRITING, &[ModelNotFound, ModelUnusable, CoverageIncomplete]]),
        route!(backfill::start).scope(Scope::Admin).errors([WRITING, &[ModelUnusable]]),
        route!(backfill::stop).scope(Scope::Admin).errors([WRITING]),
        route!(failures::failures).errors([STORE]),
        route!(embeddings::get).errors([STORE, LARGE]),
        route!(embeddings::retire).scope(Scope::Admin).errors([WRITING, &[ModelIsCurrent, BackfillElsewhere]]),
        route!(compare::compare).scope(Scope::Read).errors([
            STORE,
            ENCODING,
            PICTURE,
            &[ImageNotFound, ImageDamaged, OriginalMissing, ModelUnusable, TextTooLong],
        ]),
    ]
}
