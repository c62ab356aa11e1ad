//! The way from a command to the server that runs on the same data directory.
//!
//! A server writes its address and a random token into its data directory, in a file that only its user can read. Whoever
//! reads that file could read the whole store as well, so the token opens everything. It is taken from this machine only.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use crate::config::PathPrefix;

/// The name of the file.
const FILE: &str = "mitsuke.server";

/// The random bytes of a token.
const TOKEN_BYTES: usize = 32;

/// The content of the file.
#[derive(Serialize, Deserialize)]
struct Announcement {
    url: String,
    token: String,
}

/// The announcement of this process to the commands on its machine.
pub struct LocalToken {
    token: SecretString,
    file: PathBuf,
}

/// A server that has announced itself.
pub struct LocalServer {
    /// Its address, as in `http://127.0.0.1:8080`.
    pub url: String,
    /// The token that it takes.
    pub token: SecretString,
}

impl LocalToken {
    /// Announces a server that listens on `address` and lies under `prefix`. The caller holds the data directory.
    ///
    /// # Errors
    /// When the file cannot be written, or the system gives no random bytes.
    pub fn announce(data_dir: &Path, address: SocketAddr, prefix: &PathPrefix) -> io::Result<Self> {
        let mut bytes = [0; TOKEN_BYTES];
        getrandom::fill(&mut bytes).map_err(io::Error::other)?;
        let token: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let (file, partial) = (data_dir.join(FILE), data_dir.join(format!("{FILE}.partial")));
        let json = serde_json::to_vec(&Announcement {
            url: format!("{}{}", url_of(address), prefix.shared()),
            token: token.clone(),
        })?;
        // A file that is there may be one that others can read.
        match fs::remove_file(&partial) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        private(&partial)?.write_all(&json)?;
        fs::rename(&partial, &file)?;
        Ok(Self { token: token.into(), file })
    }

    /// Returns the token.
    #[must_use]
    pub fn token(&self) -> &SecretString {
        &self.token
    }

    /// Takes the announcement back. The caller still holds the data directory, so that the file is not that of a later
    /// server.
    pub fn withdraw(&self) {
        if let Err(error) = fs::remove_file(&self.file) {
            log::debug!("{} cannot be removed: {error}", self.file.display());
        }
    }
}

/// Finds the server that has announced itself in a data directory. It may have been killed since.
#[must_use]
pub fn find(data_dir: &Path) -> Option<LocalServer> {
    let text = fs::read(data_dir.join(FILE)).ok()?;
    let Announcement { url, token } = serde_json::from_slice(&text).ok()?;
    Some(LocalServer { url, token: token.into() })
}

/// Returns the URL under which this machine reaches a server that listens on `address`.
fn url_of(address: SocketAddr) -> String {
    let ip = match address.ip() {
        ip if !ip.is_unspecified() => ip,
        IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    };
    format!("http://{}", SocketAddr::new(ip, address.port()))
}

fn private(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.create_new(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    #[test]
    fn a_server_is_found_until_it_takes_its_announcement_back() {
        let folder = tempfile::tempdir().unwrap();
        let prefix = "/pictures".parse().unwrap();
        let local = LocalToken::announce(folder.path(), "0.0.0.0:8080".parse().unwrap(), &prefix).unwrap();
        let found = find(folder.path()).unwrap();
        assert_eq!(found.url, "http://127.0.0.1:8080/pictures");
        assert_eq!(found.token.expose_secret(), local.token().expose_secret());
        local.withdraw();
        assert!(find(folder.path()).is_none());
    }

    #[cfg(unix)]
    #[test]
    fn nobody_else_reads_the_token_and_each_start_has_another() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let announce = || {
            LocalToken::announce(folder.path(), "127.0.0.1:1".parse().unwrap(), &PathPrefix::default()).unwrap();
            find(folder.path()).unwrap().token.expose_secret().to_owned()
        };
        assert_ne!(announce(), announce());
        let mode = fs::metadata(folder.path().join(FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
