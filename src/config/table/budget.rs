//! The settings that bound what requests may cost.

use std::time::Duration;

use crate::config::parsers::{seconds, whole};

/// The most that one request may cost.
#[derive(Debug, Clone, PartialEq, Eq, clap::Args)]
#[command(next_help_heading = "Limits")]
pub struct Limits {
    /// Bytes of a whole upload body.
    #[arg(
        env = "MITSUKE_MAX_BODY_BYTES",
        value_name = "BYTES",
        default_value_t = 128 << 20,
        value_parser = whole(1_usize << 10, 1 << 40)
    )]
    pub body_bytes: usize,

    /// Bytes of one file.
    #[arg(
        env = "MITSUKE_MAX_FILE_BYTES",
        value_name = "BYTES",
        default_value_t = 32 << 20,
        value_parser = whole(1_usize << 10, 1 << 32)
    )]
    pub file_bytes: usize,

    /// Files in one upload.
    #[arg(env = "MITSUKE_MAX_FILES", value_name = "N", default_value_t = 64, value_parser = whole(1_usize, 10_000))]
    pub files: usize,

    /// Pixels of a picture, checked before it is decoded.
    #[arg(
        env = "MITSUKE_MAX_PIXELS",
        value_name = "N",
        default_value_t = 50_000_000,
        value_parser = whole(1_u64, 1 << 32)
    )]
    pub pixels: u64,

    /// Longer edge of a picture in pixels, checked before it is decoded.
    #[arg(env = "MITSUKE_MAX_EDGE", value_name = "N", default_value_t = 20_000, value_parser = whole(1_u32, 65_535))]
    pub edge: u32,

    /// Characters of a query that are read; a search leaves out the rest and says so.
    #[arg(
        env = "MITSUKE_MAX_QUERY_CHARS",
        value_name = "N",
        default_value_t = 10_000,
        value_parser = whole(1_usize, 100_000)
    )]
    pub query_chars: usize,

    /// Characters of a caption or generation prompt. A longer one from a caller is refused; a longer generation prompt
    /// in a file is cut, and the file keeps all of it.
    #[arg(
        env = "MITSUKE_MAX_TEXT_CHARS",
        value_name = "N",
        default_value_t = 100_000,
        value_parser = whole(1_usize, 10_000_000)
    )]
    pub text_chars: usize,

    /// Images on one page of a list or of search results.
    #[arg(env = "MITSUKE_MAX_PAGE", value_name = "N", default_value_t = 200, value_parser = whole(1_usize, 10_000))]
    pub page: usize,

    /// Uploads that are read and decoded at once, and as many searches by picture; more are answered 503 with
    /// Retry-After.
    #[arg(
        env = "MITSUKE_MAX_CONCURRENT_UPLOADS",
        value_name = "N",
        default_value_t = 16,
        value_parser = whole(1_usize, 10_000)
    )]
    pub concurrent_uploads: usize,

    /// Bytes of stored pictures on their way to callers at once; more are answered 503 with Retry-After. A picture stays
    /// in memory until its caller has read it.
    #[arg(
        env = "MITSUKE_MAX_SENDING_BYTES",
        value_name = "BYTES",
        default_value_t = 256 << 20,
        value_parser = whole(1_usize << 20, 1 << 40)
    )]
    pub sending_bytes: usize,

    /// Seconds that the body of a request may take to arrive.
    #[arg(
        env = "MITSUKE_BODY_TIMEOUT_S",
        value_name = "SECONDS",
        default_value = "120",
        value_parser = seconds(1, 86_400)
    )]
    pub body_timeout: Duration,
}
