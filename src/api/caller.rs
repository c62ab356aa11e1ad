//! The caller of a request: who it is and what it may do.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use actix_web::dev::ServiceRequest;
use actix_web::http::header::HeaderMap;
use actix_web::{HttpMessage as _, HttpRequest};

pub use crate::access::{KeyName, Scope};
use crate::config::TrustedProxies;

/// The caller of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The name of the key that the request shows.
    pub key: Option<KeyName>,
    /// The address that the request comes from; 0.0.0.0 for a connection without an address.
    pub address: IpAddr,
    /// The scope of the caller.
    pub scope: Scope,
}

/// The name of the key that commands on the same machine show. No other key may have it.
pub const LOCAL: &str = "local";

/// The name or address by which callers are told apart.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum CallerId {
    /// A key.
    Key(KeyName),
    /// The address of a caller without a key. Of an IPv6 address only the first 64 bits count, because a single caller
    /// usually has all addresses that begin with them (RFC 6177).
    Address(IpAddr),
}

impl Caller {
    /// Makes a caller without a key, who may do everything.
    #[must_use]
    pub fn without_key(peer: Option<SocketAddr>) -> Self {
        Self { key: None, address: peer_address(peer), scope: Scope::Admin }
    }

    /// Tells whether the caller is a command on this machine that has read the token of the server.
    #[must_use]
    pub fn is_local(&self) -> bool {
        self.key.as_ref().is_some_and(|name| &*name.0 == LOCAL)
    }

    /// Returns the caller of a request. A request that has not passed [`in_context`](super::in_context) has the least
    /// scope.
    #[must_use]
    pub fn of(request: &HttpRequest) -> Self {
        let known = request.extensions().get::<Self>().cloned();
        known.unwrap_or_else(|| Self { scope: Scope::Search, ..Self::without_key(request.peer_addr()) })
    }

    /// Returns what tells this caller from others.
    #[must_use]
    pub fn id(&self) -> CallerId {
        match (&self.key, self.address) {
            (Some(name), _) => CallerId::Key(name.clone()),
            (None, address) => CallerId::Address(network(address)),
        }
    }
}

/// Returns an IPv4 address as it is, and the first 64 bits of an IPv6 address; see [`CallerId::Address`].
pub fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
    }
}

/// Returns the address that a request comes from: that of the connection, or, when that is a proxy that the settings
/// trust, the last one in X-Forwarded-For that is not. Proxies append, so that only the end of the list is theirs.
pub fn address_of(request: &ServiceRequest, proxies: &TrustedProxies) -> IpAddr {
    forwarded(peer_address(request.peer_addr()), request.headers(), proxies)
}

/// Tells whether a proxy has passed the request on.
pub fn is_forwarded(headers: &HeaderMap) -> bool {
    ["x-forwarded-for", "forwarded", "x-real-ip", "via"].iter().any(|name| headers.contains_key(*name))
}

fn peer_address(peer: Option<SocketAddr>) -> IpAddr {
    peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.ip().to_canonical())
}

fn forwarded(peer: IpAddr, headers: &HeaderMap, proxies: &TrustedProxies) -> IpAddr {
    let mut address = peer;
    // Several headers are one list (RFC 9110, section 5.3). A value that is no text ends it.
    let lists: Vec<_> = headers.get_all("x-forwarded-for").map(|value| value.to_str().unwrap_or("?")).collect();
    for entry in lists.iter().rev().flat_map(|list| list.rsplit(',')) {
        if !proxies.contain(address) {
            break;
        }
        let Some(before) = entry_address(entry.trim()) else { break };
        address = before;
    }
    address
}

/// Reads an entry of X-Forwarded-For. Some proxies write the port, too.
fn entry_address(entry: &str) -> Option<IpAddr> {
    let address = entry.parse::<IpAddr>().or_else(|_| entry.parse::<SocketAddr>().map(|address| address.ip()));
    let bracketed = || entry.strip_prefix('[')?.strip_suffix(']')?.parse::<IpAddr>().ok();
    address.ok().or_else(bracketed).map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn id_of(peer: &str) -> CallerId {
        Caller::without_key(Some(peer.parse().unwrap())).id()
    }

    #[test]
    fn callers_without_a_key_are_told_apart_by_their_address() {
        assert_eq!(id_of("10.0.0.1:1"), id_of("10.0.0.1:2"));
        assert_eq!(id_of("10.0.0.1:1"), id_of("[::ffff:10.0.0.1]:1"));
        assert_ne!(id_of("10.0.0.1:1"), id_of("10.0.0.2:1"));
        assert_eq!(id_of("[2001:db8::1]:1"), id_of("[2001:db8::ffff:0:0:2]:1"));
        assert_ne!(id_of("[2001:db8::1]:1"), id_of("[2001:db8:0:1::1]:1"));
    }

    #[test]
    fn a_key_tells_callers_apart_wherever_they_are() {
        let with_key = |peer: &str| {
            let key = Some(KeyName("a".into()));
            Caller { key, ..Caller::without_key(Some(peer.parse().unwrap())) }.id()
        };
        assert_eq!(with_key("10.0.0.1:1"), with_key("10.0.0.2:1"));
        assert_ne!(with_key("10.0.0.1:1"), id_of("10.0.0.1:1"));
    }

    #[test]
    fn the_address_is_the_last_one_that_no_trusted_proxy_has() {
        let proxies: TrustedProxies = "10.0.0.0/8, fd00::/8".parse().unwrap();
        for (peer, lists, expected) in [
            ("192.0.2.1", &["198.51.100.7"][..], "192.0.2.1"),
            ("10.0.0.1", &[], "10.0.0.1"),
            ("10.0.0.1", &["198.51.100.7"], "198.51.100.7"),
            ("::ffff:10.0.0.1", &["198.51.100.7"], "198.51.100.7"),
            // A caller may write whatever it wants; the proxy appends the truth.
            ("10.0.0.1", &["1.2.3.4, 198.51.100.7"], "198.51.100.7"),
            ("10.0.0.1", &["1.2.3.4", "198.51.100.7, 10.9.9.9"], "198.51.100.7"),
            ("10.0.0.1", &["10.1.1.1, 10.2.2.2"], "10.1.1.1"),
            ("10.0.0.1", &["198.51.100.7:5555"], "198.51.100.7"),
            ("fd00::1", &["[2001:db8::7]:5555"], "2001:db8::7"),
            ("fd00::1", &["[2001:db8::7]"], "2001:db8::7"),
            // A bad entry ends the walk.
            ("10.0.0.1", &["198.51.100.7, unknown, 10.3.3.3"], "10.3.3.3"),
            ("10.0.0.1", &["", ",", "unknown"], "10.0.0.1"),
        ] {
            let mut headers = HeaderMap::new();
            for list in lists {
                headers.append("x-forwarded-for".parse().unwrap(), list.parse().unwrap());
            }
            let peer = peer_address(Some(SocketAddr::new(peer.parse().unwrap(), 1)));
            assert_eq!(forwarded(peer, &headers, &proxies).to_string(), expected, "{peer} {lists:?}");
        }
    }

    #[test]
    fn a_request_has_the_caller_that_was_found_and_else_the_least_scope() {
        let request = TestRequest::default().peer_addr("10.0.0.1:1".parse().unwrap()).to_http_request();
        assert_eq!(Caller::of(&request).scope, Scope::Search);
        let known = Caller::without_key(request.peer_addr());
        request.extensions_mut().insert(known.clone());
        assert_eq!(Caller::of(&request), known);
    }
}
