//! The settings that say who may call.

use std::path::{Path, PathBuf};

use crate::config::parsers::{choice, whole};
use crate::config::{CorsOrigins, HostNames, PathPrefix, TrustedProxies};

#[derive(clap::Args)]
#[command(next_help_heading = "Access")]
pub(in crate::config) struct AccessValues {
    /// Keys that open the API, each of 16 visible ASCII characters or more, with commas between them. Callers send
    /// `Authorization: Bearer KEY` or `X-API-Key: KEY`. Without keys everybody gets in, which only a server on loopback
    /// allows by default.
    #[arg(env = "MITSUKE_API_KEYS", value_name = "KEYS", hide = true)]
    pub api_keys: Option<String>,

    /// File that holds the keys, in place of MITSUKE_API_KEYS, with commas or line ends between them.
    #[arg(env = "MITSUKE_API_KEYS_FILE", value_name = "FILE")]
    pub api_keys_file: Option<PathBuf>,

    /// Lets everybody who reaches the server read, upload and delete, without a key and from other machines.
    #[arg(
        env = "MITSUKE_ALLOW_ANONYMOUS",
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_value = "false",
        default_missing_value = "true",
        value_parser = choice::<bool>(&["true", "false"]),
        action = clap::ArgAction::Set
    )]
    pub allow_anonymous: bool,

    /// Origins of web pages on other servers that may call the API from a browser, with commas between them
    /// (https://pictures.example,http://localhost:5173), or * for all. The gallery page of this server needs none. With *
    /// and without keys, any page that you open can read your pictures.
    #[arg(env = "MITSUKE_CORS_ORIGINS", value_name = "ORIGINS")]
    pub cors_origins: Option<CorsOrigins>,

    /// File of the keys that `mitsuke key add` makes, with their names, scopes and ends; without a value, keys.json in
    /// MITSUKE_DATA_DIR. A running server reads it again when it changes. Once the file is there, callers need a key.
    #[arg(env = "MITSUKE_KEYS_FILE", value_name = "FILE")]
    pub keys_file: Option<PathBuf>,

    /// Names that a server answers to besides IP addresses and localhost, with commas between them (pictures.example,
    /// pictures.example:8443, *.pictures.example), or * for all. Without keys a server always refuses other names, because
    /// a page of another site can give its own name the address of this server; with keys it does once this is set.
    #[arg(env = "MITSUKE_HOSTS", value_name = "NAMES")]
    pub hosts: Option<HostNames>,

    /// Path that the service lies under behind a reverse proxy that passes paths on as they are, such as /pictures. Probes
    /// are answered without it, too.
    #[arg(env = "MITSUKE_PATH_PREFIX", value_name = "PATH")]
    pub path_prefix: Option<PathPrefix>,

    /// Addresses of reverse proxies (10.0.0.1, 172.16.0.0/12), with commas between them. What they write into
    /// X-Forwarded-For counts as the address of the caller, for limits and for the log.
    #[arg(env = "MITSUKE_TRUSTED_PROXIES", value_name = "ADDRESSES")]
    pub trusted_proxies: Option<TrustedProxies>,

    /// Requests per second of one key, or of one address without a key; 0 sets no limit. Above it callers get 429.
    #[arg(env = "MITSUKE_RATE_LIMIT", value_name = "N", default_value = "0", value_parser = whole(0_u32, 1_000_000))]
    pub rate_limit: u32,

    /// Requests that one key or address may send at once; 0 takes four times MITSUKE_RATE_LIMIT.
    #[arg(env = "MITSUKE_RATE_BURST", value_name = "N", default_value = "0", value_parser = whole(0_u32, 4_000_000))]
    pub rate_burst: u32,
}

/// The settings of who may call, and from where.
#[derive(Debug, Clone)]
pub struct AccessSettings {
    /// The file of the keys that `mitsuke key` makes. It may be missing.
    pub keys_file: PathBuf,
    /// Names that the server answers to; none leaves IP addresses and localhost.
    pub hosts: Option<HostNames>,
    /// The path that the service lies under.
    pub path_prefix: PathPrefix,
    /// The proxies whose word on addresses counts.
    pub trusted_proxies: TrustedProxies,
    /// Requests per second of one caller; 0 sets no limit.
    pub rate_limit: u32,
    /// Requests of one caller at once.
    pub rate_burst: u32,
}

impl AccessValues {
    /// Returns the file of keys, which is in the data folder unless the settings name another one.
    pub(in crate::config) fn keys_file(&self, data_dir: &Path) -> PathBuf {
        self.keys_file.clone().unwrap_or_else(|| data_dir.join("keys.json"))
    }

    /// Takes the settings of access.
    pub(in crate::config) fn settings(&self, data_dir: &Path) -> AccessSettings {
        AccessSettings {
            keys_file: self.keys_file(data_dir),
            hosts: self.hosts.clone(),
            path_prefix: self.path_prefix.clone().unwrap_or_default(),
            trusted_proxies: self.trusted_proxies.clone().unwrap_or_default(),
            rate_limit: self.rate_limit,
            rate_burst: if self.rate_burst == 0 { self.rate_limit.saturating_mul(4) } else { self.rate_burst },
        }
    }
}
