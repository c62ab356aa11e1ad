//! `mitsuke model`.

mod add;
mod check;

use std::error::Error;
use std::process::ExitCode;

use clap::Subcommand;

/// The actions on a model folder.
#[derive(Subcommand)]
pub enum ModelCommand {
    /// Add a model from the Hugging Face hub or from a folder: export it, check it and register it with the server.
    Add(Box<add::Add>),
    /// Check a model folder: its manifest, all digests, and that it reproduces its reference vectors.
    Check(check::Check),
}

impl ModelCommand {
    /// Runs the action to its end.
    ///
    /// # Errors
    /// The reason why the folder cannot be used or made, as a sentence for the person at the terminal.
    pub fn run(self) -> Result<ExitCode, Box<dyn Error>> {
        match self {
            Self::Add(add) => (*add).run(),
            Self::Check(check) => check.run(),
        }
    }
}
