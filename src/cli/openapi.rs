//! `mitsuke openapi`.

use std::error::Error;
use std::io::Write as _;

/// Prints the OpenAPI document.
///
/// # Errors
/// When standard output is closed.
pub fn run() -> Result<(), Box<dyn Error>> {
    let document = mitsuke::api::openapi_json()?;
    Ok(std::io::stdout().lock().write_all(document.as_bytes())?)
}
