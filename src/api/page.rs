//! GET / and /assets: the files of the gallery page, embedded in the program.

use std::sync::LazyLock;

use actix_web::http::header::{self, ETag, EntityTag, HeaderName, IfNoneMatch};
use actix_web::{HttpRequest, HttpResponse, web};

use crate::api::caching::matches;
use crate::api::route::Route;
use mitsuke_image::FileType;

/// The content security policy. It allows the page's own files, pictures of this server, and pictures from the reader's
/// disk or fetched with a key (blob:). No script may turn text into HTML or code: trusted types allow no policy, so
/// that every function that does so throws.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
                      require-trusted-types-for 'script'; trusted-types 'none'";

/// The headers of every file: caching, and what the page may do.
const HEADERS: [(HeaderName, &str); 4] = [
    (header::CACHE_CONTROL, "no-cache"),
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
];

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const JS: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

/// The path of the script that holds all modules.
const SCRIPT_PATH: &str = "/assets/page.js";
/// A script that loads the modules one by one.
const MODULES: &str = "import \"./app.js\";\n";

/// The table of files below /assets: path, media type and text of each.
macro_rules! assets {
    ($($media_type:ident: $($name:literal)*;)*) => {
        &[
            ("/", HTML, include_str!("../web/index.html")),
            (SCRIPT_PATH, JS, MODULES),
            $($((concat!("/assets/", $name), $media_type, include_str!(concat!("../web/", $name))),)*)*
        ]
    };
}

const FILES: &[(&str, &str, &str)] = assets! {
    CSS: "bar.css" "base.css" "dialogs.css" "filter.css" "grid.css" "phone.css" "scrubber.css" "selection.css";
    JS: "action-bar.js" "api.js" "app.js" "bar.js" "caption.js" "cell.js" "cells.js" "chips.js" "copy.js" "dom.js" "download.js"
        "drop.js" "duplicate-groups.js" "duplicates.js" "edit.js" "events.js" "facet-list.js" "facets.js" "facts.js" "files.js"
        "filter-fields.js" "filters.js" "gallery.js" "grid.js" "header.js" "hit-source.js" "key.js" "languages.js"
        "lasso.js" "layout.js" "list-source.js" "many.js" "menu.js" "models.js" "months.js" "near.js" "page-size.js" "pictures.js"
        "problem.js" "query.js" "relevance.js" "results.js" "review.js" "route.js" "say.js" "scrubber.js" "select-keys.js"
        "selection.js" "send.js" "sort.js" "suggest.js"
        "swipe.js" "tag-many.js" "tags.js" "touch.js" "uploads.js" "viewer.js";
    JS: "words/en.js"
        "words/ja.js";
    SVG: "icon.svg";
};

/// All modules in one script. The page works with the modules, too, only slower.
static SCRIPT: LazyLock<String> = LazyLock::new(|| bundled().unwrap_or_else(|_| MODULES.to_owned()));

fn bundled() -> Result<String, String> {
    let text_of = |name: &str| {
        FILES.iter().find(|(path, ..)| path.strip_prefix("/assets/") == Some(name)).map(|(.., text)| *text)
    };
    bundle::script("app.js", &text_of)
}

/// The page, in which the filter offers a checkbox for each type of picture.
static PAGE: LazyLock<String> = LazyLock::new(|| {
    let checkbox = |file_type: FileType| {
        let media_type = file_type.media_type();
        format!(r#"<label><input type="checkbox" name="type" value="{media_type}">{file_type}</label>"#)
    };
    let checkboxes = FileType::ALL.map(checkbox).join("\n      ");
    let page = include_str!("../web/index.html").replace("<!-- file types -->", &checkboxes);
    page.replace("assets/app.js", SCRIPT_PATH.trim_start_matches('/'))
});

/// The routes of the page's files.
pub fn routes() -> Vec<Route> {
    FILES.iter().map(|(path, _, _)| Route::undocumented(path, file)).collect()
}

async fn file(request: HttpRequest, if_none_match: web::Header<IfNoneMatch>) -> HttpResponse {
    let Some((path, media_type, text)) = FILES.iter().find(|(path, _, _)| *path == request.path()) else {
        return HttpResponse::NotFound().finish();
    };
    let text = match *path {
        "/" => PAGE.as_str(),
        SCRIPT_PATH => SCRIPT.as_str(),
        _ => text,
    };
    let hash = mitsuke_store::Sha256::of(text.as_bytes()).to_string();
    let etag = EntityTag::new_strong(hash);
    let known = matches(&if_none_match, &etag);
    let mut response = if known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response.content_type(*media_type).insert_header(ETag(etag));
    for header in HEADERS {
        response.insert_header(header);
    }
    if known { response.finish() } else { response.body(text) }
}

mod bundle;
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
            let path = if name == "index.html" { "/".to_owned() } else { format!("/assets/{name}") };
            let (_, _, text) = FILES.iter().find(|(served, _, _)| *served == path).unwrap_or_else(|| {
                panic!("{name} is not served: name it in FILES");
            });
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
        for (path, _, text) in FILES {
            for sink in
                ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function", "http://"]
            {
                let harmless = *path == "/assets/icon.svg" && sink == "http://";
                assert!(harmless || !text.contains(sink), "{path} holds {sink}");
            }
        }
        let html = PAGE.as_str();
        for inline in [" style=", "<style", " onclick=", "<script>", "javascript:", "//cdn"] {
            assert!(!html.contains(inline), "the page holds {inline}");
        }
    }

    #[test]
    fn the_modules_of_the_page_fit_into_one_script() {
        let script = bundled().unwrap();
        assert!(script.contains("const $app = (() => {"), "{script}");
        assert!(PAGE.contains(r#"src="assets/page.js""#));
    }

    #[test]
    fn the_filter_offers_every_type_of_picture() {
        for file_type in FileType::ALL {
            assert!(
                PAGE.contains(&format!(r#"value="{}">{file_type}</label>"#, file_type.media_type())),
                "{file_type}"
            );
        }
    }
}
