//! Access to the API: keys, their scopes, and the file that holds them.

mod expiry;
mod file;
mod secret;
mod watch;

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use expiry::expiry;
pub use file::{KeyFile, KeyFileError, StoredKey, check_name};
pub use secret::{KeyDigest, new_key};
pub use watch::WatchedFile;

/// The operations that a caller may use. A scope includes those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
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

impl Scope {
    /// All scopes, each of which includes those before it.
    pub const ALL: [Self; 4] = [Self::Search, Self::Read, Self::Write, Self::Admin];

    /// The name of the scope in files and messages.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Search => "search",
            Self::Read => "read",
            Self::Write => "write",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Scope {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|scope| scope.name() == text)
            .ok_or_else(|| "a scope is search, read, write or admin, and each includes those before it".to_owned())
    }
}

/// The name of a key. It is no secret.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct KeyName(pub Arc<str>);

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
