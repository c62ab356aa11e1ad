//! The settings of the comparison of what is stored with what was written.

use crate::config::parsers::whole;

/// The settings of the comparison of what is stored with what was written.
#[derive(Debug, Clone, PartialEq, Eq, clap::Args)]
#[command(next_help_heading = "Integrity")]
pub struct IntegritySettings {
    /// Bytes of stored pictures that are compared with their hashes in a second, in the background and behind searches and
    /// uploads; 0 for no such comparison. Each picture is compared about once a day, if the rate suffices for that.
    #[arg(
        env = "MITSUKE_SCRUB_BYTES_PER_S",
        value_name = "BYTES",
        default_value_t = 4 << 20,
        value_parser = whole(0_u64, 1 << 40)
    )]
    pub scrub_bytes_per_second: u64,
}
