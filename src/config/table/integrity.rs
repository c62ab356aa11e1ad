//! The settings of the comparison of what is stored with what was written.

/// The settings of the comparison of what is stored with what was written.
#[derive(Debug, Clone, PartialEq, Eq, clap::Args)]
#[command(next_help_heading = "Integrity")]
pub struct IntegritySettings {}
