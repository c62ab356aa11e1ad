//! `mitsuke key`: makes, lists and revokes the keys of a server.

use std::error::Error;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use mitsuke::access::{KeyDigest, KeyFile, Scope, StoredKey, expiry, new_key};
use mitsuke::config::Settings;
use secrecy::ExposeSecret as _;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// The subcommands of `mitsuke key`.
#[derive(Subcommand)]
pub enum KeyCommand {
    /// Make a key and print it, this once. The server keeps only its hash.
    Add(AddArguments),
    /// List the keys: name, scope, when each was made and when it ends.
    List(FileArguments),
    /// Revoke a key. It opens nothing from the next second on.
    Revoke(RevokeArguments),
}

/// The arguments of `mitsuke key add`.
#[derive(Args)]
pub struct AddArguments {
    /// The name of the key, which logs show: letters, digits, `-`, `_` and `.`
    name: String,
    /// Scope of the key: search, read, write or admin. Each includes those before it.
    #[arg(long, value_name = "SCOPE", default_value = "read")]
    scope: Scope,
    /// Time for which the key lasts, such as 12h or 90d. A key without an end lasts until it is revoked.
    #[arg(long, value_name = "TIME")]
    expires: Option<String>,
    #[command(flatten)]
    file: FileArguments,
}

/// The arguments of `mitsuke key revoke`.
#[derive(Args)]
pub struct RevokeArguments {
    /// The name of the key.
    name: String,
    #[command(flatten)]
    file: FileArguments,
}

/// Where the keys of the server are.
#[derive(Args)]
pub struct FileArguments {
    /// The file of the keys. [env: MITSUKE_KEYS_FILE]
    #[arg(long, value_name = "FILE")]
    keys_file: Option<String>,
    /// The folder that holds keys.json when no file is named. [env: MITSUKE_DATA_DIR]
    #[arg(long, value_name = "FOLDER")]
    data_dir: Option<String>,
}

impl FileArguments {
    fn path(&self) -> Result<PathBuf, Box<dyn Error>> {
        let variable = |name: &str| {
            let argument = match name {
                "MITSUKE_KEYS_FILE" => &self.keys_file,
                "MITSUKE_DATA_DIR" => &self.data_dir,
                // A mistake in another setting is the server's matter.
                _ => return None,
            };
            argument.clone().or_else(|| std::env::var(name).ok())
        };
        Ok(Settings::keys_file(&variable)?)
    }
}

impl KeyCommand {
    /// Runs the command.
    ///
    /// # Errors
    /// When the file of keys cannot be used, or the change is not possible.
    pub fn run(&self) -> Result<ExitCode, Box<dyn Error>> {
        match self {
            Self::Add(arguments) => add(arguments),
            Self::List(arguments) => list(&arguments.path()?),
            Self::Revoke(arguments) => revoke(&arguments.file.path()?, &arguments.name),
        }?;
        Ok(ExitCode::SUCCESS)
    }
}

fn add(arguments: &AddArguments) -> Result<(), Box<dyn Error>> {
    let path = arguments.file.path()?;
    let now = OffsetDateTime::now_utc().replace_nanosecond(0)?;
    let expires_at = arguments.expires.as_deref().map(|text| expiry(text, now)).transpose()?;
    let secret = new_key()?;
    let key = StoredKey {
        name: arguments.name.clone(),
        scope: arguments.scope,
        created_at: now,
        expires_at,
        sha256: KeyDigest::of(secret.expose_secret()).to_hex(),
    };
    let (end, is_first) = (shown_end(&key, now), !path.exists());
    KeyFile::change(&path, |file| file.add(key))?;
    // Standard output has the key alone, for scripts that keep it.
    eprintln!(
        "The key {} ({}, {end}) is in {}. It is shown this once:",
        arguments.name,
        arguments.scope,
        path.display()
    );
    println!("{}", secret.expose_secret());
    if is_first {
        eprintln!("From now on every caller of a server that uses this file needs a key, a running one included.");
    }
    Ok(())
}

fn list(path: &Path) -> Result<(), Box<dyn Error>> {
    let keys = if path.exists() { KeyFile::read(path)?.keys } else { Vec::new() };
    if keys.is_empty() {
        eprintln!("{} holds no key; `mitsuke key add NAME` makes one.", path.display());
        return Ok(());
    }
    let now = OffsetDateTime::now_utc();
    let width = keys.iter().map(|key| key.name.len()).max().unwrap_or_default();
    let mut out = std::io::stdout().lock();
    for key in &keys {
        let made = key.created_at.format(&Rfc3339)?;
        writeln!(out, "{:width$}  {:6}  made {made}  {}", key.name, key.scope.name(), shown_end(key, now))?;
    }
    Ok(())
}

fn revoke(path: &Path, name: &str) -> Result<(), Box<dyn Error>> {
    let left = KeyFile::change(path, |file| file.revoke(name).map(|()| file.keys.len()))?;
    eprintln!("The key {name} is revoked. A running server knows within a second.");
    if left == 0 {
        eprintln!(
            "No key is left in {}, and a server that uses it lets in only the keys of MITSUKE_API_KEYS. Without the file \
             a server needs no key from its next start on.",
            path.display()
        );
    }
    Ok(())
}

fn shown_end(key: &StoredKey, now: OffsetDateTime) -> String {
    match key.expires_at {
        None => "no end".to_owned(),
        Some(end) => {
            let word = if key.has_expired(now) { "ended" } else { "ends" };
            format!("{word} {}", end.format(&Rfc3339).unwrap_or_default())
        }
    }
}
