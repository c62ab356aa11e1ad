//! ETags, and how long callers may keep the bytes of an image.

use actix_web::HttpResponseBuilder;
use actix_web::http::header::{CacheControl, CacheDirective, ETag, EntityTag, IfNoneMatch};

/// Seconds in a year, the longest that caches are told to keep anything.
const YEAR_S: u32 = 31_536_000;

/// Lets a caller keep the bytes for good: an id is never used again, so the bytes of an image never change.
pub fn cached(mut response: HttpResponseBuilder, etag: EntityTag) -> HttpResponseBuilder {
    let immutable = CacheDirective::Extension("immutable".to_owned(), None);
    let directives = vec![CacheDirective::Private, CacheDirective::MaxAge(YEAR_S), immutable];
    response.insert_header(ETag(etag)).insert_header(CacheControl(directives));
    response
}

/// Tells whether the caller has the bytes with this tag already.
pub fn matches(if_none_match: &IfNoneMatch, etag: &EntityTag) -> bool {
    match if_none_match {
        // An absent header reads as an empty list; `Any` means that the caller sent `*`.
        IfNoneMatch::Any => true,
        IfNoneMatch::Items(tags) => tags.iter().any(|tag| tag.weak_eq(etag)),
    }
}
