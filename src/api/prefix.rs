//! The path that the service lies under behind a reverse proxy.

use actix_web::dev::ServiceRequest;
use actix_web::http::Uri;
use actix_web::http::header::{self, HeaderValue};
use actix_web::http::uri::PathAndQuery;
use actix_web::{HttpResponse, ResponseError as _};

use crate::error::{ApiError, ErrorCode};

/// The paths that are answered without the prefix, too, because probes come from beside the proxy.
const PROBES: [&str; 2] = ["/healthz", "/readyz"];

/// Takes the prefix off the path of a request, so that everything behind sees the paths of the API. Returns the answer to
/// a request whose path does not begin with the prefix, or that lacks the slash after it.
pub fn strip(request: &mut ServiceRequest, prefix: &str) -> Option<HttpResponse> {
    if prefix.is_empty() || PROBES.contains(&request.path()) {
        return None;
    }
    match request.path().strip_prefix(prefix) {
        Some("") => Some(to_the_page(request, prefix)),
        Some(rest) if rest.starts_with('/') => {
            let path = match request.uri().query() {
                Some(query) => format!("{rest}?{query}"),
                None => rest.to_owned(),
            };
            match replace(request, &path) {
                Some(()) => None,
                None => Some(outside(request)),
            }
        }
        _ => Some(outside(request)),
    }
}

/// Redirects to the page, whose addresses are relative to its folder.
fn to_the_page(request: &ServiceRequest, prefix: &str) -> HttpResponse {
    let query = request.uri().query().map(|query| format!("?{query}")).unwrap_or_default();
    let mut response = HttpResponse::PermanentRedirect().finish();
    if let Ok(page) = HeaderValue::from_str(&format!("{prefix}/{query}")) {
        response.headers_mut().insert(header::LOCATION, page);
    }
    response
}

fn outside(request: &ServiceRequest) -> HttpResponse {
    let detail =
        format!("Nothing answers at {}. The service lies under the path of MITSUKE_PATH_PREFIX.", request.path());
    ApiError::new(ErrorCode::RouteNotFound, detail).error_response()
}

/// Gives a request another path and query. Returns nothing when they are not allowed in an address.
fn replace(request: &mut ServiceRequest, path: &str) -> Option<()> {
    let mut parts = request.uri().clone().into_parts();
    parts.path_and_query = Some(path.parse::<PathAndQuery>().ok()?);
    let uri = Uri::from_parts(parts).ok()?;
    // The router has a copy of the path.
    request.match_info_mut().get_mut().update(&uri);
    request.head_mut().uri = uri;
    Some(())
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn the_prefix_is_taken_off_and_other_paths_are_answered() {
        for (uri, expected) in [
            ("/a/b/images?x=/a/b", Ok("/images?x=/a/b")),
            ("/a/b/", Ok("/")),
            ("/a/b//images", Ok("//images")),
            ("/healthz", Ok("/healthz")),
            ("/a/b/readyz", Ok("/readyz")),
            ("/a/b", Err(308)),
            ("/a/b?q=1", Err(308)),
            ("/", Err(404)),
            ("/images", Err(404)),
            ("/a/bc", Err(404)),
            ("/A/b/images", Err(404)),
            ("/x/a/b/images", Err(404)),
        ] {
            let mut request = TestRequest::with_uri(uri).to_srv_request();
            let found = match strip(&mut request, "/a/b") {
                None => Ok(request.uri().to_string()),
                Some(response) => Err(response.status().as_u16()),
            };
            assert_eq!(found, expected.map(str::to_owned), "{uri}");
            let mut request = TestRequest::with_uri(uri).to_srv_request();
            assert!(strip(&mut request, "").is_none());
            assert_eq!(request.uri().to_string(), uri, "nothing changes without a prefix");
        }
    }
}
