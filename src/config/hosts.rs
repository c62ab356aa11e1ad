//! Names that the server answers to (MITSUKE_HOSTS).

use std::fmt;
use std::str::FromStr;

use reqwest::Url;

/// A name that the server answers to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostName {
    /// Every name.
    Any,
    /// One name, in lower case and ASCII, at one port or at all.
    One {
        /// The name.
        name: String,
        /// The port; none for all ports.
        port: Option<u16>,
    },
    /// All names that end with a dot and this text.
    Below(String),
}

/// Names that the server answers to besides IP addresses and localhost.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HostNames(pub Vec<HostName>);

impl HostNames {
    /// Tells whether a name, in lower case and without a dot at its end, is one of these.
    #[must_use]
    pub fn contain(&self, host: &str, port: Option<u16>) -> bool {
        self.0.iter().any(|known| match known {
            HostName::Any => true,
            HostName::One { name, port: known } => {
                // Browsers leave the port of the scheme out, and the server does not know the scheme of a proxy.
                let is_port = known.is_none() || *known == port || (port.is_none() && matches!(known, Some(80 | 443)));
                name == host && is_port
            }
            HostName::Below(end) => host.strip_suffix(end.as_str()).is_some_and(|start| start.ends_with('.')),
        })
    }
}

impl fmt::Display for HostNames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, name) in self.0.iter().enumerate() {
            let comma = if index > 0 { ", " } else { "" };
            match name {
                HostName::Any => write!(f, "{comma}every name"),
                HostName::One { name, port: None } => write!(f, "{comma}{name}"),
                HostName::One { name, port: Some(port) } => write!(f, "{comma}{name}:{port}"),
                HostName::Below(end) => write!(f, "{comma}*.{end}"),
            }?;
        }
        Ok(())
    }
}

impl FromStr for HostNames {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let names = text.split(',').map(str::trim).filter(|name| !name.is_empty());
        names.map(host_name).collect::<Result<_, _>>().map(Self)
    }
}

fn host_name(text: &str) -> Result<HostName, String> {
    if text == "*" {
        return Ok(HostName::Any);
    }
    let wrong = || {
        format!(
            "`{text}` is not the name of a host. Write names such as pictures.example, pictures.example:8443 or \
             *.pictures.example, with commas between them, or `*` for all"
        )
    };
    let (below, name) = text.strip_prefix("*.").map_or((false, text), |name| (true, name));
    let url = Url::parse(&format!("http://{name}")).map_err(|_| wrong())?;
    let host = url.host_str().filter(|_| url.path() == "/" && url.query().is_none() && url.fragment().is_none());
    let host = host.filter(|_| url.username().is_empty() && url.password().is_none() && !name.ends_with('/'));
    let host = host.map(|host| host.trim_end_matches('.')).filter(|host| !host.is_empty()).ok_or_else(wrong)?;
    // `port()` is none for the port of the scheme, too.
    let port = name.ends_with(":80").then_some(80).or_else(|| url.port());
    match (below, port) {
        (true, Some(_)) => Err(wrong()),
        (true, None) => Ok(HostName::Below(host.to_owned())),
        (false, port) => Ok(HostName::One { name: host.to_owned(), port }),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_count_with_their_ports_and_below_their_stars() {
        let names: HostNames = "a.example, B.example:8443, *.c.example, 写真.example, d.example:443".parse().unwrap();
        for (host, port) in [
            ("a.example", None),
            ("a.example", Some(8080)),
            ("b.example", Some(8443)),
            ("x.c.example", None),
            ("x.y.c.example", Some(1)),
            ("xn--g7qs82g.example", None),
            ("d.example", None),
        ] {
            assert!(names.contain(host, port), "{host} {port:?}");
        }
        for (host, port) in [
            ("b.example", None),
            ("b.example", Some(80)),
            ("c.example", None),
            ("xc.example", None),
            ("x.a.example", None),
            ("a.example.evil.example", None),
            ("d.example", Some(80)),
        ] {
            assert!(!names.contain(host, port), "{host} {port:?}");
        }
        assert!("*".parse::<HostNames>().unwrap().contain("anything", None));
        assert_eq!(" ".parse(), Ok(HostNames::default()));
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for text in [
            "https://a.example",
            "a.example/",
            "a.example/b",
            "a b",
            "*.a.example:80",
            "a@b",
            "*.",
            "a.example?",
            ":80",
        ] {
            assert!(text.parse::<HostNames>().unwrap_err().contains("is not the name of a host"), "{text}");
        }
    }

    proptest! {
        #[test]
        fn nothing_makes_the_parser_panic(text in "\\PC{0,40}") {
            let _ = text.parse::<HostNames>();
        }
    }
}
