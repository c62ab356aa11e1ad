//! The settings that say who may call.

use std::path::PathBuf;

use crate::config::CorsOrigins;
use crate::config::parsers::choice;

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
}
