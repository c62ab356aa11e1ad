//! `mitsuke doctor`.

use std::error::Error;
use std::process::ExitCode;

use mitsuke::config::{Flags, Settings};
use mitsuke::doctor;

/// Prints what is in order and what to do about the rest. Fails when a problem keeps the server from serving.
///
/// # Errors
/// When the settings cannot be used.
pub fn run(flags: &Flags) -> Result<ExitCode, Box<dyn Error>> {
    let findings = doctor::diagnose(&Settings::from_flags(flags)?);
    for finding in &findings {
        println!("{finding}");
    }
    let problems = findings.iter().filter(|finding| finding.is_problem()).count();
    Ok(match problems {
        0 => ExitCode::SUCCESS,
        problems => {
            let (need, all) = (if problems == 1 { "needs" } else { "need" }, findings.len());
            println!("\n{problems} of {all} checks {need} attention.");
            ExitCode::FAILURE
        }
    })
}
