//! The proxies whose word on the address of a caller counts (MITSUKE_TRUSTED_PROXIES).

use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;

/// Addresses of proxies in front of the server.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TrustedProxies(Vec<IpNet>);

impl TrustedProxies {
    /// Tells whether an address is that of a proxy.
    #[must_use]
    pub fn contain(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address.to_canonical()))
    }
}

impl FromStr for TrustedProxies {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let network = |text: &str| {
            let address = text.parse::<IpAddr>().map(|address| IpNet::from(address.to_canonical()));
            address.or_else(|_| text.parse::<IpNet>()).map_err(|_| {
                format!(
                    "`{text}` is no address and no network. Write such as 10.0.0.1 or 172.16.0.0/12 or fd00::/8, with \
                     commas between them"
                )
            })
        };
        let texts = text.split(',').map(str::trim).filter(|text| !text.is_empty());
        texts.map(network).collect::<Result<_, _>>().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_networks_of_both_versions_are_read() {
        let proxies: TrustedProxies = "10.0.0.1, 172.16.0.0/12,fd00::/8, ::1".parse().unwrap();
        for inside in ["10.0.0.1", "::ffff:10.0.0.1", "172.31.255.255", "fd00::7", "::1"] {
            assert!(proxies.contain(inside.parse().unwrap()), "{inside}");
        }
        for outside in ["10.0.0.2", "172.32.0.0", "fe80::1", "127.0.0.1"] {
            assert!(!proxies.contain(outside.parse().unwrap()), "{outside}");
        }
        for wrong in ["a", "10.0.0.0/33", "10.0.0", "*"] {
            assert!(wrong.parse::<TrustedProxies>().is_err(), "{wrong}");
        }
    }
}
