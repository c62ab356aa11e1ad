//! The path that the service lies under behind a reverse proxy (MITSUKE_PATH_PREFIX).

use std::str::FromStr;
use std::sync::Arc;

/// A path with a slash at its start and none at its end; empty for the root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathPrefix(Arc<str>);

impl Default for PathPrefix {
    fn default() -> Self {
        Self("".into())
    }
}

impl PathPrefix {
    /// Returns the path as text, which other parts can keep.
    #[must_use]
    pub fn shared(&self) -> Arc<str> {
        Arc::clone(&self.0)
    }
}

impl FromStr for PathPrefix {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut parts = text.split('/');
        let begins = parts.next() == Some("");
        // The letters that no client and no proxy writes in two ways (RFC 3986, section 2.3).
        let plain = |part: &str| {
            !part.is_empty()
                && ![".", ".."].contains(&part)
                && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~".contains(&b))
        };
        let parts: Vec<_> = parts.collect();
        if !begins || parts.is_empty() || !parts.into_iter().all(plain) {
            return Err(format!(
                "`{text}` is not a path such as /pictures: a slash at the start, none at the end, and letters, digits, \
                 `-`, `.`, `_` and `~` between slashes"
            ));
        }
        Ok(Self(text.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_begins_with_a_slash_and_ends_with_none() {
        for good in ["/pictures", "/a/b-c_d.e~f"] {
            assert_eq!(&*good.parse::<PathPrefix>().unwrap().shared(), good);
        }
        for wrong in ["", "/", "pictures", "/pictures/", "//a", "/a//b", "/a b", "/写真", "/a%20b", "/a/..", "/a?b"] {
            assert!(wrong.parse::<PathPrefix>().is_err(), "{wrong}");
        }
    }
}
