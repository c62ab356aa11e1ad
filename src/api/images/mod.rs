//! Images: /images and everything below it.

mod bulk;
mod content;
mod duplicates;
mod image;
mod known;
mod list;
mod similar;
mod thumbnail;
mod upload;

use crate::api::route::errors::{PICTURE, STORE, WRITING};
use crate::api::route::{Route, route};
use crate::api::{multipart, problems};
use crate::error::ErrorCode::{
    ImageDamaged, KeywordsRefused, NoEmbedding, NotEmbedded, NotReady, PageTooDeep, QueueFull, RangeNotSatisfiable,
    TextTooLong, TotalChanged,
};

/// The routes of images.
pub fn routes() -> Vec<Route> {
    let upload = route!(upload::create).when(multipart::guard()).otherwise(problems::multipart_needed);
    vec![
        upload.errors([PICTURE, WRITING, &[NoEmbedding, QueueFull, NotReady]]),
        route!(list::list).errors([STORE, &[KeywordsRefused, TextTooLong]]),
        route!(bulk::update).errors([WRITING, &[KeywordsRefused, TextTooLong, TotalChanged]]),
        route!(bulk::delete).errors([WRITING, &[KeywordsRefused, TextTooLong, TotalChanged]]),
        route!(known::known).errors([STORE]),
        route!(duplicates::duplicates).errors([STORE, &[QueueFull, NotReady]]),
        route!(image::get).errors([STORE]),
        route!(image::patch).errors([WRITING, &[TextTooLong]]),
        route!(image::delete).errors([WRITING]),
        route!(content::get).errors([STORE, &[QueueFull, RangeNotSatisfiable, ImageDamaged]]),
        route!(thumbnail::get).errors([STORE, PICTURE, &[ImageDamaged]]),
        route!(similar::similar).errors([STORE, &[KeywordsRefused, NotEmbedded, PageTooDeep, TextTooLong, NotReady]]),
    ]
}
