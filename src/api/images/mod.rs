//! Images: /images and everything below it.

mod archive;
mod bulk;
mod content;
mod duplicates;
mod image;
mod known;
mod layout;
mod list;
mod place;
mod several;
mod similar;
mod thumbnail;
mod upload;

use crate::access::Scope;
use crate::api::route::errors::{LARGE, PICTURE, STORE, WRITING};
use crate::api::route::{Route, route};
use crate::api::{multipart, problems};
use crate::error::ErrorCode::{
    ImageDamaged, ImageNotFound, KeywordsRefused, NoEmbedding, NotEmbedded, NotReady, OriginalMissing, PageTooDeep,
    QueueFull, RangeNotSatisfiable, TextTooLong, TotalChanged,
};

/// The routes of images.
pub fn routes() -> Vec<Route> {
    let upload = route!(upload::create).when(multipart::guard()).otherwise(problems::multipart_needed);
    vec![
        upload.errors([PICTURE, WRITING, &[NoEmbedding, QueueFull, NotReady]]),
        route!(list::list).errors([STORE, LARGE, &[KeywordsRefused, TextTooLong]]),
        route!(layout::layout).errors([STORE, LARGE, &[KeywordsRefused, TextTooLong]]),
        route!(several::get).scope(Scope::Read).errors([STORE, LARGE]),
        route!(archive::archive).scope(Scope::Read).errors([STORE, &[ImageNotFound, QueueFull]]),
        route!(bulk::update).errors([WRITING, &[KeywordsRefused, TextTooLong, TotalChanged]]),
        route!(bulk::delete).errors([WRITING, &[KeywordsRefused, TextTooLong, TotalChanged]]),
        route!(known::known).scope(Scope::Read).errors([STORE]),
        route!(duplicates::duplicates).errors([STORE, LARGE, &[QueueFull, NotReady]]),
        route!(image::get).errors([STORE, LARGE]),
        route!(image::patch).errors([WRITING, &[TextTooLong]]),
        route!(image::delete).errors([WRITING]),
        route!(content::get).errors([STORE, &[QueueFull, RangeNotSatisfiable, ImageDamaged, OriginalMissing]]),
        route!(thumbnail::get).scope(Scope::Search).errors([STORE, PICTURE, &[ImageDamaged, OriginalMissing]]),
        route!(similar::similar).scope(Scope::Search).errors([
            STORE,
            LARGE,
            &[KeywordsRefused, NotEmbedded, PageTooDeep, TextTooLong, NotReady],
        ]),
    ]
}
