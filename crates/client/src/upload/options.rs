//! The options of an upload.

use std::path::PathBuf;

use reqwest::Url;
use secrecy::SecretString;

use crate::client::RetryPolicy;

/// The options of an upload.
#[derive(Debug, Clone)]
pub struct UploadOptions {
    /// The folders and files to upload.
    pub roots: Vec<PathBuf>,
    /// The address of the server.
    pub server: Url,
    /// The key of the server, if the server requires one.
    pub key: Option<SecretString>,
    /// The number of uploads at once.
    pub jobs: usize,
    /// The path of a table of captions.
    pub captions: Option<PathBuf>,
    /// Whether captions are also set on images that the server has already.
    pub update_captions: bool,
    /// The path of the log; `None` keeps no log.
    pub log: Option<PathBuf>,
    /// Whether hidden files are uploaded too.
    pub hidden: bool,
    /// The limits of time for requests and their repetitions.
    pub retry: RetryPolicy,
}
