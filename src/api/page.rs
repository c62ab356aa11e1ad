//! GET /, /manifest.webmanifest and /assets: the files of the gallery page, embedded in the program.

mod assets;
mod bundle;

use actix_web::http::header::{
    self, AcceptEncoding, ContentEncoding, ETag, Encoding, EntityTag, Header as _, HeaderName, IfNoneMatch,
};
use actix_web::{HttpRequest, HttpResponse, web};

use crate::api::caching::matches;
use crate::api::problems;
use crate::api::route::Route;
use assets::{ASSETS, Asset};

/// The content security policy. It allows the page's own files, pictures of this server, and pictures from the reader's
/// disk or fetched with a key (blob:). No script may turn text into HTML or code: trusted types allow no policy, so
/// that every function that does so throws.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; \
                      connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'none'; \
                      require-trusted-types-for 'script'; trusted-types 'none'";

/// The headers of every file: what the page may do.
const HEADERS: [(HeaderName, &str); 3] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
];

/// The caching of a file whose address stays when the file changes.
const ASK_AGAIN: &str = "no-cache";

/// The caching of a file whose address has the digest of all files.
const FOR_GOOD: &str = "public, max-age=31536000, immutable";

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const JS: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";
const PNG: &str = "image/png";
const MANIFEST: &str = "application/manifest+json";

/// The file of the page itself, in src/web.
const PAGE: &str = "index.html";

/// The file that describes the page as an app. It lies beside the page, because its own addresses are relative to it.
const MANIFEST_NAME: &str = "manifest.webmanifest";

/// The module that starts the page.
const ENTRY: &str = "app.js";

/// The file that all modules are put into.
const SCRIPT: &str = "page.js";

/// The file that all style sheets are joined into.
const STYLE_SHEET: &str = "page.css";

/// The table of files of src/web: name, media type and bytes of each.
macro_rules! assets {
    ($($media_type:ident: $($name:literal)*;)*) => {
        &[$($(($name, $media_type, include_bytes!(concat!("../web/", $name)).as_slice()),)*)*]
    };
}

const FILES: &[(&str, &str, &[u8])] = assets! {
    HTML: "index.html";
    MANIFEST: "manifest.webmanifest";
    CSS: "bar.css" "base.css" "dialogs.css" "filter.css" "grid.css" "phone.css" "scrubber.css" "selection.css";
    JS: "action-bar.js" "api.js" "app.js" "bar.js" "caption.js" "cell.js" "cells.js" "chips.js" "copy.js" "dom.js" "download.js"
        "drop.js" "duplicate-groups.js" "duplicates.js" "edit.js" "events.js" "facet-list.js" "facets.js" "facts.js" "files.js"
        "filter-fields.js" "filters.js" "gallery.js" "grid.js" "header.js" "hit-source.js" "key.js" "languages.js"
        "lasso.js" "layout.js" "list-source.js" "many.js" "menu.js" "models.js" "months.js" "near.js" "page-size.js" "pictures.js"
        "problem.js" "query.js" "relevance.js" "results.js" "review.js" "route.js" "say.js" "scrubber.js" "select-keys.js"
        "selection.js" "send.js" "sort.js" "suggest.js"
        "swipe.js" "tag-many.js" "tags.js" "thumbnails.js" "touch.js" "uploads.js" "viewer.js";
    JS: "words/en.js"
        "words/ja.js";
    SVG: "icon.svg";
    PNG: "icon-180.png" "icon-192.png" "icon-512.png" "icon-maskable-512.png";
};

/// The routes of the page's files.
pub fn routes() -> Vec<Route> {
    vec![
        Route::undocumented("/", page),
        Route::undocumented("/manifest.webmanifest", manifest),
        Route::undocumented("/assets/{file:.*}", asset),
    ]
}

async fn page(request: HttpRequest, if_none_match: web::Header<IfNoneMatch>) -> HttpResponse {
    served(&request, &if_none_match, &ASSETS.page, ASK_AGAIN)
}

async fn manifest(request: HttpRequest, if_none_match: web::Header<IfNoneMatch>) -> HttpResponse {
    served(&request, &if_none_match, &ASSETS.manifest, ASK_AGAIN)
}

async fn asset(request: HttpRequest, if_none_match: web::Header<IfNoneMatch>) -> HttpResponse {
    match request.path().strip_prefix("/assets/").and_then(|path| ASSETS.at(path)) {
        Some((file, is_digested)) => {
            served(&request, &if_none_match, file, if is_digested { FOR_GOOD } else { ASK_AGAIN })
        }
        None => problems::route_not_found(request).await,
    }
}

/// Answers with a file, compressed by Brotli for a caller who reads it. Other callers are left to the compression of all
/// answers.
fn served(request: &HttpRequest, if_none_match: &IfNoneMatch, file: &Asset, caching: &str) -> HttpResponse {
    let accepted = AcceptEncoding::parse(request).unwrap_or_else(|_| AcceptEncoding(Vec::new()));
    let chosen = accepted.negotiate([Encoding::brotli(), Encoding::identity()].iter());
    let brotli = file.brotli().filter(|_| chosen == Some(Encoding::brotli()));
    let etag = EntityTag::new_strong(match brotli {
        Some(_) => format!("{}-br", file.hash),
        None => file.hash.clone(),
    });
    let known = matches(if_none_match, &etag);
    let mut response = if known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response.content_type(file.media_type).insert_header(ETag(etag));
    response.insert_header((header::CACHE_CONTROL, caching)).insert_header((header::VARY, "accept-encoding"));
    for header in HEADERS {
        response.insert_header(header);
    }
    match brotli {
        _ if known => response.finish(),
        Some(brotli) => response.insert_header(ContentEncoding::Brotli).body(brotli),
        None => response.body(file.bytes.clone()),
    }
}

#[cfg(test)]
mod words;

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> std::path::PathBuf {
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/web")
    }

    /// The files in a folder of src/web, named from there.
    fn names(prefix: &str) -> Vec<String> {
        let entries = std::fs::read_dir(folder().join(prefix)).unwrap().map(Result::unwrap);
        let files = entries.filter(|entry| entry.file_type().unwrap().is_file());
        files.map(|entry| format!("{prefix}{}", entry.file_name().into_string().unwrap())).collect()
    }

    #[test]
    fn every_file_of_the_page_is_served_and_stays_small() {
        for name in names("").into_iter().chain(names("words/")) {
            let (.., bytes) = FILES.iter().find(|(served, ..)| *served == name).unwrap_or_else(|| {
                panic!("{name} is not served: name it in FILES");
            });
            let Ok(text) = std::str::from_utf8(bytes) else { continue };
            // The texts of a language are one list, and so are the elements of the page: nobody reads them to the end.
            let most = match name.as_str() {
                words if words.starts_with("words/") => 500,
                "index.html" => 400,
                _ => 250,
            };
            assert!(text.lines().count() < most, "{name} wants splitting");
        }
    }

    #[test]
    fn no_script_turns_text_into_html_and_no_markup_carries_code_or_style() {
        for (name, _, bytes) in FILES {
            let Ok(text) = std::str::from_utf8(bytes) else { continue };
            for sink in
                ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function", "http://"]
            {
                let harmless = *name == "icon.svg" && sink == "http://";
                assert!(harmless || !text.contains(sink), "{name} holds {sink}");
            }
        }
        let html = std::str::from_utf8(&ASSETS.page.bytes).unwrap();
        for inline in [" style=", "<style", " onclick=", "<script>", "javascript:", "//cdn"] {
            assert!(!html.contains(inline), "the page holds {inline}");
        }
    }
}
