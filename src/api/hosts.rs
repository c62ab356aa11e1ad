//! The protection of callers who use a browser: the names that the server answers to, and the origins that may change
//! something or show pictures.
//!
//! A page of another site can send requests to a server on the reader's machine or network. It cannot read the answers,
//! unless its own name leads to this server (DNS rebinding), which the Host header tells.

use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr as _;

use actix_web::HttpRequest;
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::http::uri::Authority;
use actix_web::http::{Method, Uri};

use crate::config::{CorsOrigins, HostNames, Settings};
use crate::error::{ApiError, ErrorCode};

const CROSS_ORIGIN_RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The names that a server answers to, and the origins of other servers whose pages may call.
pub struct Hosts {
    names: Option<HostNames>,
    origins: CorsOrigins,
}

impl Hosts {
    /// Takes the names and origins of the settings.
    #[must_use]
    pub fn new(names: Option<HostNames>, origins: CorsOrigins) -> Self {
        Self { names, origins }
    }

    /// Says by which names a server with these settings is reached, as the end of a sentence.
    #[must_use]
    pub fn answered(settings: &Settings) -> String {
        match &settings.access.hosts {
            Some(names) => format!("by its IP addresses, localhost and {names}"),
            None => "by its IP addresses and localhost alone; MITSUKE_HOSTS adds names".to_owned(),
        }
    }

    /// Refuses a request to a name that is not the server's. Names are looked at when the settings list some, and on a
    /// server without keys: a page that has its name led here has no key.
    ///
    /// # Errors
    /// [`ErrorCode::HostUnknown`].
    pub fn check_name(&self, request: &HttpRequest, has_keys: bool) -> Result<(), ApiError> {
        if has_keys && self.names.is_none() {
            return Ok(());
        }
        for named in named(request) {
            if !self.is_known(&named) {
                let name = shown(&named);
                return Err(ApiError::new(
                    ErrorCode::HostUnknown,
                    format!("This server does not answer to the name {name}. Set MITSUKE_HOSTS={name} if it is right."),
                ));
            }
        }
        Ok(())
    }

    /// Tells whether the server answers to the text of a Host header. Every IP address is right, because only a name
    /// can be led elsewhere.
    fn is_known(&self, text: &str) -> bool {
        let Some((host, port)) = host_and_port(text) else { return false };
        let name = host.trim_end_matches('.');
        is_address(&host)
            || name == "localhost"
            || name.ends_with(".localhost")
            || self.names.as_ref().is_some_and(|names| names.contain(name, port))
    }

    /// Refuses a request that changes something and that a page of another site sends. Programs other than browsers
    /// send neither of the headers that tell.
    ///
    /// # Errors
    /// [`ErrorCode::OriginRefused`].
    pub fn check_origin(&self, request: &HttpRequest) -> Result<(), ApiError> {
        if [Method::GET, Method::HEAD, Method::OPTIONS].contains(request.method()) {
            return Ok(());
        }
        let headers = request.headers();
        let site = headers.get(&SEC_FETCH_SITE).map(HeaderValue::as_bytes);
        let is_foreign = match headers.get(header::ORIGIN) {
            // The browser itself compares the origin with the address that it asks, also behind a proxy that changes Host.
            Some(_) if matches!(site, Some(b"same-origin")) => false,
            Some(origin) => !self.lists(origin) && !is_own(origin, request),
            None => matches!(site, Some(b"cross-site" | b"same-site")) && self.origins != CorsOrigins::Any,
        };
        if !is_foreign {
            return Ok(());
        }
        Err(ApiError::new(
            ErrorCode::OriginRefused,
            "A page of another site may not change anything here. Add its origin to MITSUKE_CORS_ORIGINS if it is yours.",
        ))
    }

    /// Tells whether the settings list an origin.
    fn lists(&self, origin: &HeaderValue) -> bool {
        match &self.origins {
            CorsOrigins::None => false,
            CorsOrigins::Only(origins) => origins.iter().any(|listed| listed.as_bytes() == origin.as_bytes()),
            CorsOrigins::Any => true,
        }
    }

    /// Returns the policy for the answer to a request with these headers.
    pub fn policy(&self, headers: &HeaderMap) -> ResourcePolicy {
        ResourcePolicy { is_open: self.is_shown_elsewhere(headers), varies: self.origins != CorsOrigins::None }
    }

    /// Tells whether a page of another origin may show the answer. An `<img>` names its page in Referer alone.
    fn is_shown_elsewhere(&self, headers: &HeaderMap) -> bool {
        if let Some(origin) = headers.get(header::ORIGIN) {
            return self.lists(origin);
        }
        if self.origins == CorsOrigins::Any {
            return true;
        }
        let page = headers.get(header::REFERER).and_then(|page| page.to_str().ok());
        let origin =
            page.and_then(|page| reqwest::Url::parse(page).ok()).map(|page| page.origin().ascii_serialization());
        origin.and_then(|origin| HeaderValue::from_str(&origin).ok()).is_some_and(|origin| self.lists(&origin))
    }
}

/// Whether pages of other origins may show an answer (Fetch standard, section 3.7).
#[derive(Clone, Copy)]
pub struct ResourcePolicy {
    is_open: bool,
    varies: bool,
}

impl ResourcePolicy {
    /// Writes the policy into the headers of an answer that has none.
    pub fn write_if_missing(self, headers: &mut HeaderMap) {
        if !headers.contains_key(CROSS_ORIGIN_RESOURCE_POLICY) {
            self.write(headers);
        }
    }

    /// Writes the policy into the headers of an answer.
    pub fn write(self, headers: &mut HeaderMap) {
        let policy = if self.is_open { "cross-origin" } else { "same-origin" };
        headers.insert(CROSS_ORIGIN_RESOURCE_POLICY, HeaderValue::from_static(policy));
        if self.varies {
            // The CORS middleware knows one Vary header only, so that everything goes into one.
            let mut names: Vec<_> = headers.get_all(header::VARY).filter_map(|value| value.to_str().ok()).collect();
            names.push("Origin, Referer, Sec-Fetch-Site");
            if let Ok(value) = HeaderValue::from_str(&names.join(", ")) {
                headers.insert(header::VARY, value);
            }
        }
    }
}

/// Returns every text by which a request names the server: its Host headers, and the address in its first line.
fn named(request: &HttpRequest) -> impl Iterator<Item = String> {
    let hosts = request.headers().get_all(header::HOST);
    let address = request.uri().authority().map(|authority| authority.as_str().to_owned());
    hosts.map(|host| String::from_utf8_lossy(host.as_bytes()).into_owned()).chain(address)
}

/// Splits the text of a Host header into the host in lower case and the port.
fn host_and_port(text: &str) -> Option<(String, Option<u16>)> {
    let authority = Authority::from_str(text).ok().filter(|_| !text.contains('@'))?;
    let port = match authority.as_str().rsplit_once(':') {
        // The colon of an IPv6 address stands inside brackets.
        Some((_, port)) if !port.contains(']') && !port.is_empty() => Some(port.parse().ok()?),
        _ => None,
    };
    let host = authority.host().to_ascii_lowercase();
    (!host.is_empty()).then_some((host, port))
}

fn is_address(host: &str) -> bool {
    let inside = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    inside.map_or_else(|| host.parse::<IpAddr>().is_ok(), |host| host.parse::<Ipv6Addr>().is_ok())
}

/// Returns the name in a message, cut and without anything that is not part of a name.
fn shown(text: &str) -> String {
    let host = host_and_port(text).map_or_else(|| text.to_owned(), |(host, _)| host);
    host.chars().filter(|c| c.is_ascii_alphanumeric() || "-._[]:".contains(*c)).take(253).collect()
}

/// Tells whether an origin is the one that the request is sent to. The scheme is left out, because a proxy may end TLS.
fn is_own(origin: &HeaderValue, request: &HttpRequest) -> bool {
    let Some(origin) = origin.to_str().ok().and_then(|origin| origin.parse::<Uri>().ok()) else { return false };
    let default_port = match origin.scheme_str() {
        Some("http") => 80,
        Some("https") => 443,
        _ => return false,
    };
    let Some((page, page_port)) = origin.authority().and_then(|authority| host_and_port(authority.as_str())) else {
        return false;
    };
    let mut hosts = named(request).peekable();
    hosts.peek().is_some()
        && hosts.all(|host| {
            host_and_port(&host).is_some_and(|(host, port)| {
                host == page && (port == page_port || port == Some(page_port.unwrap_or(default_port)))
            })
        })
}

#[cfg(test)]
mod tests {
    use actix_web::http::Version;
    use actix_web::test::TestRequest;
    use proptest::prelude::*;

    use super::*;

    fn hosts(names: &str, origins: &str) -> Hosts {
        let names = (!names.is_empty()).then(|| names.parse().unwrap());
        Hosts::new(names, origins.parse().unwrap())
    }

    fn request(method: Method, headers: &[(&str, &str)]) -> HttpRequest {
        let mut request = TestRequest::default().method(method);
        for (name, value) in headers {
            request = request.append_header((*name, *value));
        }
        request.to_http_request()
    }

    #[test]
    fn addresses_and_localhost_are_always_right_and_other_names_never_without_the_setting() {
        let hosts = hosts("", "");
        let check = |host: &str| hosts.check_name(&request(Method::GET, &[("host", host)]), false).is_ok();
        for host in [
            "127.0.0.1",
            "127.0.0.1:8080",
            "[::1]",
            "[::1]:8080",
            "192.168.1.7:80",
            "localhost",
            "LOCALHOST:8080",
            "localhost.",
            "app.localhost:1",
            "[::ffff:10.0.0.1]:9",
        ] {
            assert!(check(host), "{host}");
        }
        for host in [
            "evil.example",
            "evil.example:8080",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "xlocalhost",
            "a@127.0.0.1",
            "",
            ".",
            "127.0.0.1 evil.example",
            "[::1",
            "[evil]",
            "127.0.0.1:x",
            "127.0.0.1:99999",
            "::1",
            "evil.example/127.0.0.1",
            "0x7f.1",
        ] {
            assert!(!check(host), "{host}");
        }
    }

    #[test]
    fn every_name_in_a_request_must_be_right() {
        let hosts = hosts("", "");
        let two = request(Method::GET, &[("host", "127.0.0.1"), ("host", "evil.example")]);
        assert!(hosts.check_name(&two, false).is_err());
        let absolute = TestRequest::with_uri("http://evil.example/images").append_header(("host", "127.0.0.1"));
        assert!(hosts.check_name(&absolute.to_http_request(), false).is_err());
        let old = TestRequest::default().version(Version::HTTP_10).to_http_request();
        assert!(hosts.check_name(&old, false).is_ok());
    }

    #[test]
    fn with_keys_names_are_looked_at_once_they_are_set() {
        let evil = || request(Method::GET, &[("host", "evil.example")]);
        assert!(hosts("", "").check_name(&evil(), true).is_ok());
        let named = hosts("pictures.example", "");
        assert!(named.check_name(&evil(), true).is_err());
        assert!(named.check_name(&request(Method::GET, &[("host", "pictures.example:8443")]), true).is_ok());
        let problem = named.check_name(&evil(), false).unwrap_err().problem();
        assert!(problem.detail.contains("MITSUKE_HOSTS=evil.example "), "{}", problem.detail);
    }

    #[test]
    fn a_page_of_another_site_changes_nothing_and_programs_do() {
        let hosts = hosts("pictures.example", "https://front.example");
        let check =
            |method: &Method, headers: &[(&str, &str)]| hosts.check_origin(&request(method.clone(), headers)).is_ok();
        let host = ("host", "127.0.0.1:8080");
        for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
            for (headers, is_let_in) in [
                (vec![host], true),
                (vec![host, ("origin", "http://127.0.0.1:8080")], true),
                (vec![host, ("origin", "https://front.example")], true),
                (vec![("host", "pictures.example"), ("origin", "https://pictures.example")], true),
                (vec![("host", "pictures.example:443"), ("origin", "https://pictures.example")], true),
                (vec![host, ("origin", "https://pictures.example"), ("sec-fetch-site", "same-origin")], true),
                (vec![host, ("sec-fetch-site", "none")], true),
                (vec![host, ("origin", "http://127.0.0.1:8081")], false),
                (vec![host, ("origin", "http://127.0.0.1")], false),
                (vec![host, ("origin", "http://localhost:8080")], false),
                (vec![host, ("origin", "https://evil.example")], false),
                (vec![host, ("origin", "https://front.example.evil.example")], false),
                (vec![host, ("origin", "null")], false),
                (vec![host, ("origin", "")], false),
                (vec![("origin", "http://127.0.0.1:8080")], false),
                (vec![host, ("sec-fetch-site", "cross-site")], false),
                (vec![host, ("sec-fetch-site", "same-site")], false),
            ] {
                assert_eq!(check(&method, &headers), is_let_in, "{method} {headers:?}");
            }
        }
        assert!(check(&Method::GET, &[host, ("origin", "https://evil.example")]));
    }

    #[test]
    fn pictures_are_shown_on_listed_pages_only() {
        let open = |origins: &str, headers: &[(&str, &str)]| {
            hosts("", origins).policy(request(Method::GET, headers).headers()).is_open
        };
        let front = "https://front.example";
        assert!(!open("", &[]) && !open("", &[("origin", front)]) && !open(front, &[]));
        assert!(open(front, &[("origin", front)]) && open(front, &[("referer", "https://front.example/a?b")]));
        assert!(!open(front, &[("origin", "https://evil.example"), ("referer", front)]));
        assert!(!open(front, &[("referer", "https://front.example.evil.example/")]));
        assert!(open("*", &[]) && open("*", &[("origin", "https://a.example")]));
    }

    proptest! {
        #[test]
        fn no_text_of_a_host_header_makes_the_reader_panic_or_is_a_name_by_chance(text in "[ -~]{0,30}") {
            let hosts = hosts("", "");
            let name = text.rsplit_once(':').map_or(text.as_str(), |(name, _)| name).to_ascii_lowercase();
            let inside = name.trim_start_matches('[').trim_end_matches(']').trim_end_matches('.');
            let is_right = inside.parse::<IpAddr>().is_ok() || inside.ends_with("localhost") || text.starts_with('[');
            prop_assert!(is_right || !hosts.is_known(&text), "{}", text);
        }

        #[test]
        fn a_name_with_letters_is_refused_wherever_its_dots_are(name in "[a-z0-9-]{1,9}(\\.[a-z0-9-]{1,9}){0,3}\\.[a-z]{2,6}", port in 1..9999_u16) {
            let hosts = hosts("", "");
            prop_assert!(!hosts.is_known(&format!("{name}:{port}")) && !hosts.is_known(&name), "{}", name);
        }
    }
}
