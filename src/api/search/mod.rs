//! Searches: /search, /search/text and /search/image.

mod image;
mod line;
mod text;

use crate::access::Scope;
use crate::api::multipart;
use crate::api::route::errors::{ENCODING, LARGE, PICTURE, STORE};
use crate::api::route::{Route, route};
use crate::error::ErrorCode::{ImageNotFound, KeywordsRefused, NotEmbedded, PageTooDeep, TextTooLong};

/// The routes of searches.
pub fn routes() -> Vec<Route> {
    let by_image = route!(image::by_uploaded).when(multipart::guard()).otherwise(image::by_stored);
    vec![
        route!(line::search).scope(Scope::Search).errors([
            STORE,
            ENCODING,
            LARGE,
            &[KeywordsRefused, PageTooDeep, TextTooLong],
        ]),
        route!(text::by_text).scope(Scope::Search).errors([
            STORE,
            ENCODING,
            LARGE,
            &[KeywordsRefused, PageTooDeep, TextTooLong],
        ]),
        by_image.scope(Scope::Search).errors([
            STORE,
            ENCODING,
            PICTURE,
            LARGE,
            &[ImageNotFound, KeywordsRefused, NotEmbedded, PageTooDeep],
        ]),
    ]
}
