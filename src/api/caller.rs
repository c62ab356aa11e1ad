//! The caller of a request: who it is and what it may do.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use actix_web::{HttpMessage as _, HttpRequest};

/// What a caller may do. A scope includes those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// Searches, with the thumbnails of what they find.
    Search,
    /// Reads everything.
    Read,
    /// Uploads, changes and deletes images.
    Write,
    /// Runs the server.
    Admin,
}

/// The name of a key. It is no secret.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct KeyName(pub Arc<str>);

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The caller of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The name of the key that the request shows.
    pub key: Option<KeyName>,
    /// The address that the request comes from; 0.0.0.0 for a connection without an address.
    pub address: IpAddr,
    /// What the caller may do.
    pub scope: Scope,
}

/// What callers are told apart by.
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
        let address = peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.ip().to_canonical());
        Self { key: None, address, scope: Scope::Admin }
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
            (None, IpAddr::V4(address)) => CallerId::Address(address.into()),
            (None, IpAddr::V6(address)) => {
                let network = address.to_bits() >> 64 << 64;
                CallerId::Address(Ipv6Addr::from_bits(network).into())
            }
        }
    }
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
    fn a_request_has_the_caller_that_was_found_and_else_the_least_scope() {
        let request = TestRequest::default().peer_addr("10.0.0.1:1".parse().unwrap()).to_http_request();
        assert_eq!(Caller::of(&request).scope, Scope::Search);
        let known = Caller::without_key(request.peer_addr());
        request.extensions_mut().insert(known.clone());
        assert_eq!(Caller::of(&request), known);
    }
}
