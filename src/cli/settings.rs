//! `mitsuke settings`.

use std::error::Error;
use std::io::Write as _;

use clap::Args;
use mitsuke::config;

/// The arguments of `mitsuke settings`: the form that the settings are printed in.
#[derive(Args)]
#[group(required = true, multiple = false)]
pub struct SettingsArguments {
    /// Print a file to copy to .env.
    #[arg(long)]
    env_example: bool,
    /// Print tables in Markdown.
    #[arg(long)]
    markdown: bool,
}

/// Prints all settings.
///
/// # Errors
/// When standard output is closed.
pub fn run(arguments: &SettingsArguments) -> Result<(), Box<dyn Error>> {
    let text = if arguments.env_example { config::env_example() } else { config::markdown() };
    Ok(std::io::stdout().lock().write_all(text.as_bytes())?)
}
