//! `mitsuke migrate`.

use std::error::Error;
use std::io::Write as _;

use clap::Args;
use mitsuke::config::{Flags, Settings};
use mitsuke::stores::{StoreChoice, migration_script};

/// The arguments of `mitsuke migrate`.
#[derive(Args)]
pub struct MigrateArguments {
    /// Print the script for a DBA instead of running it.
    #[arg(long)]
    print: bool,
    #[command(flatten)]
    pub flags: Flags,
}

/// Brings the schema of the database up to date, or prints the script that does.
///
/// # Errors
/// The reason why it cannot.
pub fn run(arguments: &MigrateArguments) -> Result<(), Box<dyn Error>> {
    if arguments.print {
        return Ok(std::io::stdout().lock().write_all(migration_script().as_bytes())?);
    }
    let settings = Settings::from_flags(&arguments.flags)?;
    println!("{}", StoreChoice::new(&settings).migrate(&mut |sentence| println!("{sentence}"))?);
    Ok(())
}
