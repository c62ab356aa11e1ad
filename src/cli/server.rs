//! The options of commands that speak to a server: its address, its key, and the patience with it.

use std::time::Duration;

use clap::{Args, value_parser};
use mitsuke_client::RetryPolicy;
use reqwest::Url;
use secrecy::SecretString;

/// The server that a command speaks to.
#[derive(Debug, Args)]
pub struct ServerArguments {
    /// Address of the server
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8080", value_parser = parse_server)]
    pub server: Url,
    /// A key of the server. Better in the environment or .env, as MITSUKE_API_KEY: other users of this machine can
    /// see command lines
    #[arg(long, value_name = "KEY")]
    api_key: Option<String>,
}

impl ServerArguments {
    /// Returns the key of the server, if one is given.
    pub fn key(&self) -> Option<SecretString> {
        api_key(self.api_key.clone())
    }
}

/// The times that a long work gives its requests.
#[derive(Debug, Args)]
pub struct PatienceArguments {
    /// Longest time for one attempt; large files get more
    #[arg(long, value_name = "SECONDS", default_value_t = 120, value_parser = value_parser!(u64).range(1..=86_400))]
    timeout: u64,
    /// How long to repeat a request when the server is busy (503, 429), the upload is too slow (408) or no answer comes
    #[arg(long, value_name = "SECONDS", default_value_t = 300, value_parser = value_parser!(u64).range(0..=86_400))]
    patience: u64,
}

impl PatienceArguments {
    /// Returns the times as the client takes them.
    pub fn policy(&self) -> RetryPolicy {
        RetryPolicy {
            attempt_timeout: Duration::from_secs(self.timeout),
            give_up_after: Duration::from_secs(self.patience),
        }
    }
}

/// Parses the address of a server.
///
/// # Errors
/// When it is not an HTTP address.
pub fn parse_server(text: &str) -> Result<Url, String> {
    Url::parse(text)
        .ok()
        .filter(|url| ["http", "https"].contains(&url.scheme()) && url.has_host())
        .ok_or_else(|| "give an address such as http://127.0.0.1:8080".to_owned())
}

/// Returns the key of the command line, else the one in MITSUKE_API_KEY. A blank key counts as none.
pub fn api_key(argument: Option<String>) -> Option<SecretString> {
    let key = argument.or_else(|| std::env::var("MITSUKE_API_KEY").ok())?;
    let key = key.trim();
    (!key.is_empty()).then(|| SecretString::from(key))
}
