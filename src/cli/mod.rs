//! The subcommands of `mitsuke`, one file each.

mod backfill;
mod backup;
mod backup_progress;
mod bench;
mod check;
mod doctor;
mod export;
mod filter;
mod import;
mod index;
mod interrupt;
mod key;
mod migrate;
mod model;
mod openapi;
mod originals;
mod reindex;
mod restore;
mod search;
mod serve;
mod server;
mod settings;
mod upload;
mod watch;

use std::error::Error;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use mitsuke::config::{DEFAULT_LOG, Flags};
use mitsuke::logging::LogFormat;

/// Exit status of a command that Ctrl-C ended, as shells report it (128 + SIGINT).
const INTERRUPTED: u8 = 130;

/// Finds pictures by what they show.
#[derive(Parser)]
#[command(version, about, max_term_width = 100)]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Subcommand)]
pub enum Command {
    /// Run the server. A setting is a flag, a variable of the environment, or a line of .env, in this order.
    Serve(Flags),
    /// Embed the images that a model lacks; continues where the last run ended.
    Backfill(backfill::BackfillArguments),
    /// Read caption, generation prompt and tags again out of stored files that an older version has read; continues where
    /// the last run ended.
    Reindex(reindex::ReindexArguments),
    /// Check whether everything is in order, and say what to do about what is not.
    Doctor(Flags),
    /// Bring the schema of an Oracle database up to date; the server does it too when it starts.
    Migrate(migrate::MigrateArguments),
    /// Look after the vector indexes of an Oracle database.
    #[command(subcommand)]
    Index(index::IndexCommand),
    /// Look after model folders.
    #[command(subcommand)]
    Model(model::ModelCommand),
    /// Measure how many pictures and queries a second a model encodes on this machine, and how near that is to the most
    /// that the machine can do. Takes under two minutes.
    Bench(bench::BenchArguments),
    /// Upload folders of pictures to a server; continues where the last run ended.
    Upload(upload::UploadArguments),
    /// Upload the pictures that appear in folders, until Ctrl-C.
    Watch(watch::WatchArguments),
    /// Find pictures on a server by text, by other pictures and by facts.
    Search(search::SearchArguments),
    /// Export a collection into a folder: the pictures, and everything that is known of them as JSON Lines; continues where
    /// the last run ended.
    Export(export::ExportArguments),
    /// Import a folder of pictures, or an export, straight into the store, without a server; continues where the last run
    /// ended.
    Import(import::ImportArguments),
    /// Print the OpenAPI document.
    Openapi,
    /// Print all settings with their defaults and what is allowed.
    Settings(settings::SettingsArguments),
    /// Compare everything that is stored with what was written, and repair what can be made again.
    Check(check::CheckArguments),
    /// Back the embedded store up, also while a server runs on it.
    Backup(backup::BackupArguments),
    /// Restore the embedded store from a backup. Stop the server first.
    Restore(restore::RestoreArguments),
    /// Say where originals lie, and move them to another home.
    #[command(subcommand)]
    Originals(originals::OriginalsCommand),
    /// Make, list and revoke the keys that a server asks its callers for.
    #[command(subcommand)]
    Key(key::KeyCommand),
}

impl Command {
    /// Returns the log filter of the flag, else of RUST_LOG, else the default of the command.
    pub fn log_filter(&self) -> String {
        let flag = self.flags().and_then(Flags::log_filter).map(str::to_owned);
        let variable = || std::env::var("RUST_LOG").ok().filter(|filter| !filter.trim().is_empty());
        flag.or_else(variable).unwrap_or_else(|| self.default_log_filter().to_owned())
    }

    /// Returns the log format of the flag, else of MITSUKE_LOG_FORMAT, else text. Another value is refused where the
    /// settings are read.
    pub fn log_format(&self) -> LogFormat {
        let flag = self.flags().and_then(Flags::log_format).map(str::to_owned);
        let value = flag.or_else(|| std::env::var("MITSUKE_LOG_FORMAT").ok());
        value.and_then(|value| value.trim().parse().ok()).unwrap_or_default()
    }

    fn flags(&self) -> Option<&Flags> {
        match self {
            Self::Serve(flags) | Self::Doctor(flags) => Some(flags),
            Self::Migrate(arguments) => Some(&arguments.flags),
            Self::Index(command) => command.flags(),
            Self::Backfill(_)
            | Self::Bench(_)
            | Self::Check(_)
            | Self::Export(_)
            | Self::Import(_)
            | Self::Model(_)
            | Self::Reindex(_)
            | Self::Search(_)
            | Self::Upload(_)
            | Self::Watch(_)
            | Self::Openapi
            | Self::Settings(_) => None,
            Self::Backup(arguments) => Some(&arguments.flags),
            Self::Restore(arguments) => Some(&arguments.flags),
            Self::Originals(command) => Some(command.flags()),
            Self::Key(_) => None,
        }
    }

    fn default_log_filter(&self) -> &'static str {
        match self {
            Self::Serve(_) | Self::Migrate(_) | Self::Openapi | Self::Settings(_) => DEFAULT_LOG,
            // These commands print messages of their own.
            Self::Backfill(_)
            | Self::Bench(_)
            | Self::Check(_)
            | Self::Export(_)
            | Self::Import(_)
            | Self::Index(_)
            | Self::Model(_)
            | Self::Reindex(_)
            | Self::Search(_)
            | Self::Upload(_)
            | Self::Watch(_) => "warn",
            // The findings of this command hold everything that would be logged.
            Self::Doctor(_) => "off",
            Self::Backup(_) | Self::Originals(_) | Self::Restore(_) => "warn",
            Self::Key(_) => "warn",
        }
    }

    /// Runs the command to its end.
    ///
    /// # Errors
    /// The reason why it stopped, as a sentence for the person at the terminal.
    pub fn run(self) -> Result<ExitCode, Box<dyn Error>> {
        let log_format = self.log_format();
        match self {
            Self::Serve(flags) => serve::run(&flags, log_format).map(|()| ExitCode::SUCCESS),
            Self::Backfill(arguments) => backfill::run(arguments),
            Self::Bench(arguments) => bench::run(&arguments).map(|()| ExitCode::SUCCESS),
            Self::Doctor(flags) => doctor::run(&flags),
            Self::Migrate(arguments) => migrate::run(&arguments).map(|()| ExitCode::SUCCESS),
            Self::Index(command) => command.run().map(|()| ExitCode::SUCCESS),
            Self::Model(command) => command.run(),
            Self::Upload(arguments) => upload::run_upload(arguments),
            Self::Watch(arguments) => watch::run(arguments),
            Self::Export(arguments) => export::run(arguments),
            Self::Import(arguments) => import::run(&arguments),
            Self::Search(arguments) => search::run(&arguments),
            Self::Reindex(arguments) => reindex::run(arguments),
            Self::Openapi => openapi::run().map(|()| ExitCode::SUCCESS),
            Self::Settings(arguments) => settings::run(&arguments).map(|()| ExitCode::SUCCESS),
            Self::Check(arguments) => check::run(&arguments),
            Self::Backup(arguments) => backup::run(&arguments),
            Self::Restore(arguments) => restore::run(&arguments),
            Self::Originals(command) => command.run(),
            Self::Key(command) => command.run(),
        }
    }
}
