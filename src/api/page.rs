//! GET / and its files: the gallery page, embedded in the program.

use actix_web::http::header::{self, ETag, EntityTag, IfNoneMatch};
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};

use crate::api::images::matches;
use crate::api::{read, resource};

/// Only our own files, pictures of this server, and pictures the user drops (blob:).
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Path, media type and text of each file.
const FILES: [(&str, &str, &str); 7] = [
    ("/", HTML, include_str!("../web/index.html")),
    ("/assets/style.css", CSS, include_str!("../web/style.css")),
    ("/assets/api.js", JS, include_str!("../web/api.js")),
    ("/assets/app.js", JS, include_str!("../web/app.js")),
    ("/assets/uploads.js", JS, include_str!("../web/uploads.js")),
    ("/assets/viewer.js", JS, include_str!("../web/viewer.js")),
    ("/assets/words.js", JS, include_str!("../web/words.js")),
];

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const JS: &str = "text/javascript; charset=utf-8";

/// Routes of the page's files.
pub fn routes(config: &mut ServiceConfig) {
    for (path, _, _) in FILES {
        config.service(resource(path, "GET, HEAD").route(read().to(file)));
    }
}

async fn file(request: HttpRequest, if_none_match: web::Header<IfNoneMatch>) -> HttpResponse {
    let Some((_, media_type, text)) = FILES.iter().find(|(path, _, _)| *path == request.path()) else {
        return HttpResponse::NotFound().finish();
    };
    let hash = crate::store::Sha256::of(text.as_bytes()).to_string();
    let etag = EntityTag::new_strong(hash);
    let mut response = if matches(&if_none_match, &etag) { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response
        .content_type(*media_type)
        .insert_header(ETag(etag.clone()))
        .insert_header((header::CACHE_CONTROL, "no-cache"))
        .insert_header((header::CONTENT_SECURITY_POLICY, POLICY));
    if matches(&if_none_match, &etag) { response.finish() } else { response.body(*text) }
}
