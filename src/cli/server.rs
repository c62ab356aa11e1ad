//! The options of commands that speak to a server: its address and its key.

use reqwest::Url;
use secrecy::SecretString;

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
