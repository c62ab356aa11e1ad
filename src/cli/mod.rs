//! The subcommands of `mitsuke`, one file each.

mod openapi;
mod serve;

use std::error::Error;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Finds pictures by what they show.
#[derive(Parser)]
#[command(version, about)]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Subcommand)]
pub enum Command {
    /// Run the server. Settings come from the environment and from .env (see .env.example).
    Serve,
    /// Print the OpenAPI document.
    Openapi,
}

impl Command {
    /// What is logged when RUST_LOG does not say.
    pub fn log_level(&self) -> &'static str {
        match self {
            Self::Serve | Self::Openapi => "info",
        }
    }

    /// Runs it to its end.
    ///
    /// # Errors
    /// What stopped it, as a sentence for the person at the terminal.
    pub fn run(self) -> Result<ExitCode, Box<dyn Error>> {
        match self {
            Self::Serve => serve::run().map(|()| ExitCode::SUCCESS),
            Self::Openapi => openapi::run().map(|()| ExitCode::SUCCESS),
        }
    }
}
