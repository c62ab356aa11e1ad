//! The subcommands of `mitsuke`, one file each.

mod backfill;
mod doctor;
mod migrate;
mod model;
mod openapi;
mod serve;
mod server;
mod upload;

use std::error::Error;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Exit status of a command that Ctrl-C ended, as shells report it (128 + SIGINT).
const INTERRUPTED: u8 = 130;

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
    /// Embed the images that a model lacks; continues where the last run ended.
    Backfill(backfill::BackfillArguments),
    /// Look whether everything is in order, and say what to do about the rest.
    Doctor,
    /// Bring the schema of an Oracle database up to date; the server does it too when it starts.
    Migrate(migrate::MigrateArguments),
    /// Look after model folders.
    #[command(subcommand)]
    Model(model::ModelCommand),
    /// Upload folders of pictures to a server; continues where the last run ended.
    Upload(upload::UploadArguments),
    /// Print the OpenAPI document.
    Openapi,
}

impl Command {
    /// What is logged when RUST_LOG does not say.
    pub fn log_level(&self) -> &'static str {
        match self {
            Self::Serve | Self::Migrate(_) | Self::Openapi => "info,actix_server=warn",
            // It has words of its own for the person who waits.
            Self::Backfill(_) | Self::Model(_) | Self::Upload(_) => "warn",
            // What would be logged is what it finds.
            Self::Doctor => "off",
        }
    }

    /// Runs it to its end.
    ///
    /// # Errors
    /// What stopped it, as a sentence for the person at the terminal.
    pub fn run(self) -> Result<ExitCode, Box<dyn Error>> {
        match self {
            Self::Serve => serve::run().map(|()| ExitCode::SUCCESS),
            Self::Backfill(arguments) => backfill::run(arguments),
            Self::Doctor => doctor::run(),
            Self::Migrate(arguments) => migrate::run(&arguments).map(|()| ExitCode::SUCCESS),
            Self::Model(command) => command.run(),
            Self::Upload(arguments) => upload::run_upload(arguments),
            Self::Openapi => openapi::run().map(|()| ExitCode::SUCCESS),
        }
    }
}
