//! `mitsuke migrate`.

use std::error::Error;
use std::io::Write as _;

use clap::Args;
use mitsuke::config::{Flags, Settings};
use mitsuke::store::oracle::OracleStore;

/// The arguments of `mitsuke migrate`.
#[derive(Args)]
pub struct MigrateArguments {
    /// Print the script for a DBA instead of running it.
    #[arg(long)]
    print: bool,
    #[command(flatten)]
    pub flags: Flags,
}

/// Brings the schema of the Oracle database up to date, or prints how.
///
/// # Errors
/// The reason why it cannot be.
pub fn run(arguments: &MigrateArguments) -> Result<(), Box<dyn Error>> {
    if arguments.print {
        return Ok(std::io::stdout().lock().write_all(OracleStore::migration_script().as_bytes())?);
    }
    let settings = Settings::from_flags(&arguments.flags)?;
    let Some(oracle) = settings.oracle.clone() else {
        println!("The embedded store in {} is brought up to date when the server starts.", settings.data_dir.display());
        return Ok(());
    };
    mitsuke::app::oracle_store(oracle, mitsuke::app::decode_limits(&settings.limits)).migrate()?;
    println!("The schema is up to date.");
    Ok(())
}
