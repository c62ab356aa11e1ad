//! The options of an upload.

use std::path::PathBuf;

use reqwest::Url;
use secrecy::SecretString;

use crate::client::RetryPolicy;

/// The options of an upload.
#[derive(Debug, Clone)]
pub struct UploadOptions {
    /// Folders and files.
    pub roots: Vec<PathBuf>,
    /// The address of the server.
    pub server: Url,
    /// A key of the server, if it requires one.
    pub key: Option<SecretString>,
    /// Number of uploads at once.
    pub jobs: usize,
    /// A table of captions.
    pub captions: Option<PathBuf>,
    /// Sets captions also on images that the server has already.
    pub update_captions: bool,
    /// The log; `None` keeps no log.
    pub log: Option<PathBuf>,
    /// Uploads hidden files too.
    pub hidden: bool,
    /// How long to wait for the server, and for how long to repeat requests.
    pub retry: RetryPolicy,
}
