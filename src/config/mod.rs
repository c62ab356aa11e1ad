//! Typed settings from flags, the environment and `.env`, checked before anything starts.
//!
//! [`table`] states every setting, [`sources`] collects the values, and this module checks them together.

mod beside;
mod document;
mod hosts;
mod options;
mod origins;
mod parsers;
mod prefix;
mod proxies;
mod sources;
mod table;
#[cfg(test)]
mod tests;

pub use beside::beside_program;
pub use document::{env_example, markdown};
pub use hosts::{HostName, HostNames};
pub use origins::CorsOrigins;
pub use prefix::PathPrefix;
pub use proxies::TrustedProxies;
pub use sources::Flags;
pub use table::{AccessSettings, BackupSettings, DEFAULT_LOG, EncoderSettings, IntegritySettings, Limits};

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::SecretString;

use self::sources::Sources;
use self::table::{AccessValues, OracleValues, Values};
use mitsuke_store::oracle::OracleSettings;
use mitsuke_store::{Home, OriginalsOptions};

/// A setting that cannot be used, with what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the setting {name} is not usable: {reason}")]
pub struct ConfigError {
    /// The environment variable, or the flag when the value came from the command line.
    pub name: String,
    /// The mistake, and what would be right.
    pub reason: String,
}

/// All settings, each in its range and all of them checked together.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Address to listen on.
    pub bind: SocketAddr,
    /// Folder of the embedded store.
    pub data_dir: PathBuf,
    /// The database, when it takes the place of the embedded store.
    pub oracle: Option<OracleSettings>,
    /// The homes of originals.
    pub originals: OriginalsOptions,
    /// Folder of model folders.
    pub models_dir: PathBuf,
    /// Folder of pictures that are registered when the store is empty.
    pub images_dir: Option<PathBuf>,
    /// HTTP worker threads.
    pub workers: usize,
    /// The settings of encoders.
    pub encoder: EncoderSettings,
    /// Time that running requests may take to finish at shutdown.
    pub shutdown_timeout: Duration,
    /// The settings of the comparison of what is stored with what was written.
    pub integrity: IntegritySettings,
    /// The settings of backups and of the room on the disk.
    pub backup: BackupSettings,
    /// The most that one request may cost.
    pub limits: Limits,
    /// The keys; a caller must show one of them. An empty list lets everybody in.
    pub api_keys: Vec<SecretString>,
    /// Origins of web pages on other servers that may call from a browser.
    pub cors_origins: CorsOrigins,
    /// The other settings that say who may call.
    pub access: AccessSettings,
    /// True when a server beyond loopback may let everybody in.
    pub allow_anonymous: bool,
}

/// Sets the variables of `.env` in the working directory, if there is such a file, that the environment does not set.
/// A program calls this first, because the file may hold even its log level.
///
/// # Errors
/// When the file is there and cannot be read.
pub fn load_env_file() -> Result<(), ConfigError> {
    env_file_outcome(dotenvy::dotenv())
}

fn env_file_outcome(outcome: dotenvy::Result<PathBuf>) -> Result<(), ConfigError> {
    let reason = match outcome {
        Ok(_) => return Ok(()),
        Err(error) if error.not_found() => return Ok(()),
        // The error holds the line, and the line may hold a password.
        Err(dotenvy::Error::LineParse(..)) => {
            "a line is not of the form NAME=value. Put values with spaces, quotes, `$` or `#` in 'single quotes'"
                .to_owned()
        }
        Err(dotenvy::Error::Io(cause)) => format!("the file cannot be read: {cause}"),
        Err(_) => "the file cannot be understood".to_owned(),
    };
    Err(ConfigError { name: ".env".to_owned(), reason })
}

/// Reads one variable. The type is a function, so that tests need no process environment.
type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

impl Settings {
    /// Settings from the process environment; call [`load_env_file`] before.
    ///
    /// # Errors
    /// The first setting that cannot be used.
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::from_flags(&Flags::default())
    }

    /// Settings from the flags of a command line, and from the process environment where there is no flag; call
    /// [`load_env_file`] before.
    ///
    /// # Errors
    /// The first setting that cannot be used.
    pub fn from_flags(flags: &Flags) -> Result<Self, ConfigError> {
        for (name, value) in std::env::vars_os() {
            let name = name.to_string_lossy();
            if (name.starts_with("MITSUKE_") || name.starts_with("DB_")) && value.to_str().is_none() {
                let reason = format!("{name} is not UTF-8 text");
                return Err(ConfigError { name: "environment".to_owned(), reason });
            }
        }
        Self::from_sources(&Sources { flags, environment: &|name| std::env::var(name).ok() })
    }

    /// Settings from any source of variables. A variable that is set but blank counts as not set, except
    /// MITSUKE_IMAGES_DIR, where blank means "none".
    ///
    /// # Errors
    /// The first setting that cannot be used.
    pub fn from_lookup(lookup: Lookup<'_>) -> Result<Self, ConfigError> {
        Self::from_sources(&Sources { flags: &Flags::default(), environment: lookup })
    }

    fn from_sources(sources: &Sources<'_>) -> Result<Self, ConfigError> {
        let Values { server, storage, originals, oracle, models, encoder, integrity, backup, limits, access } =
            sources.read()?;
        let data_dir = storage.data_dir;
        let originals = originals
            .options(&data_dir, backup.min_free_bytes)
            .map_err(|(variable, reason)| ConfigError { name: sources.name(variable), reason })?;
        let mut models_dir = models.models_dir;
        if !sources.is_given("MITSUKE_MODELS_DIR") {
            models_dir = beside::models_dir(models_dir, beside_program("models"));
        }
        let mut images_dir = storage.images_dir;
        if !sources.is_given("MITSUKE_IMAGES_DIR") {
            images_dir = images_dir.map(|default| beside::images_dir(default, beside_program("images")));
        }
        let settings = Self {
            bind: server.bind,
            data_dir: data_dir.clone(),
            oracle: oracle_settings(oracle, &originals, sources)?,
            originals,
            models_dir,
            images_dir,
            workers: server.workers,
            encoder,
            shutdown_timeout: server.shutdown_timeout,
            integrity,
            backup,
            limits,
            api_keys: api_keys(&access, sources)?,
            access: access.settings(&data_dir),
            allow_anonymous: access.allow_anonymous,
            cors_origins: access.cors_origins.unwrap_or_default(),
        };
        settings.check_exposure(sources)?;
        settings.check_backup(sources)?;
        Ok(settings)
    }

    /// Refuses regular backups without a folder, and a folder that is the store itself.
    fn check_backup(&self, sources: &Sources<'_>) -> Result<(), ConfigError> {
        let name = || sources.name("MITSUKE_BACKUP_DIR");
        if self.oracle.is_some() && self.backup.backup_every_h > 0 {
            return Err(ConfigError {
                name: sources.name("MITSUKE_BACKUP_EVERY_H"),
                reason: "an Oracle database is backed up with its own tools (docs/oracle-backup.md). Leave it out"
                    .to_owned(),
            });
        }
        match &self.backup.backup_dir {
            None if self.backup.backup_every_h > 0 => Err(ConfigError {
                name: sources.name("MITSUKE_BACKUP_EVERY_H"),
                reason: "regular backups need a folder. Set MITSUKE_BACKUP_DIR".to_owned(),
            }),
            Some(folder) if *folder == self.data_dir => Err(ConfigError {
                name: name(),
                reason: "it is MITSUKE_DATA_DIR itself. Name another folder, best on another disk".to_owned(),
            }),
            _ => Ok(()),
        }
    }

    /// Returns the file of keys that a server with these variables uses. It needs no other setting, so that the first
    /// key can be made for a server that does not start without one.
    ///
    /// # Errors
    /// The first setting that cannot be used.
    pub fn keys_file(lookup: Lookup<'_>) -> Result<PathBuf, ConfigError> {
        let values = Sources { flags: &Flags::default(), environment: lookup }.read()?;
        Ok(values.access.keys_file(&values.storage.data_dir))
    }

    /// Tells whether callers need a key.
    #[must_use]
    pub fn has_keys(&self) -> bool {
        // A file that cannot be looked at may be there.
        !self.api_keys.is_empty() || self.access.keys_file.try_exists().unwrap_or(true)
    }

    /// Refuses an address beyond loopback unless there are keys or MITSUKE_ALLOW_ANONYMOUS is set.
    fn check_exposure(&self, sources: &Sources<'_>) -> Result<(), ConfigError> {
        if self.bind.ip().is_loopback() || self.has_keys() || self.allow_anonymous {
            return Ok(());
        }
        Err(ConfigError {
            name: sources.name("MITSUKE_BIND"),
            reason: format!(
                "{} can be reached from other machines. Make a key with `mitsuke key add NAME`, set MITSUKE_API_KEYS, or set \
                 MITSUKE_ALLOW_ANONYMOUS=true if everybody may read, upload and delete",
                self.bind
            ),
        })
    }
}

/// The Oracle database, when user, password and DSN name one.
fn oracle_settings(
    values: OracleValues,
    originals: &OriginalsOptions,
    sources: &Sources<'_>,
) -> Result<Option<OracleSettings>, ConfigError> {
    const NAMES: [&str; 3] = ["DB_USER", "DB_PASSWORD", "DB_DSN"];
    let password = match &values.password_file {
        Some(file) => Some(password_of(file, values.password.is_some(), sources)?),
        None => values.password,
    };
    let account = [values.user, password, values.dsn];
    let missing: Vec<&str> = NAMES.into_iter().zip(&account).filter(|(_, v)| v.is_none()).map(|(n, _)| n).collect();
    if let Some(first) = missing.first()
        && missing.len() < NAMES.len()
    {
        return Err(ConfigError {
            name: (*first).to_owned(),
            reason: format!(
                "an Oracle database needs DB_USER, DB_PASSWORD and DB_DSN, and {} not set. Set all three, or none to \
                 use the embedded store",
                match missing.as_slice() {
                    [one] => format!("{one} is"),
                    several => format!("{} are", several.join(" and ")),
                }
            ),
        });
    }
    let [Some(user), Some(password), Some(dsn)] = account else { return Ok(None) };
    if originals.home != Home::Database {
        return Err(ConfigError {
            name: sources.name("MITSUKE_ORIGINALS"),
            reason: "an Oracle database keeps the originals itself. Leave the setting out".to_owned(),
        });
    }
    Ok(Some(OracleSettings {
        pool_size: values.pool_size,
        connect_timeout: values.connect_timeout,
        call_timeout: values.call_timeout,
        target_accuracy: values.target_accuracy,
        vector_index: values.vector_index,
        index_after: values.index_after,
        text_maintenance: values.text_maintenance,
        original_text_indexes: values.original_text_indexes,
        ..OracleSettings::new(user, SecretString::from(password), dsn)
    }))
}

fn password_of(file: &Path, also_set: bool, sources: &Sources<'_>) -> Result<String, ConfigError> {
    let (text, name) = secret_of(file, ("DB_PASSWORD_FILE", "DB_PASSWORD"), also_set, sources)?;
    let password = text.strip_suffix('\n').map_or(text.as_str(), |line| line.strip_suffix('\r').unwrap_or(line));
    if password.is_empty() {
        return Err(ConfigError { name, reason: format!("{} is empty", file.display()) });
    }
    Ok(password.to_owned())
}

fn api_keys(values: &AccessValues, sources: &Sources<'_>) -> Result<Vec<SecretString>, ConfigError> {
    let keys = values.api_keys.as_deref().unwrap_or_default().trim();
    let Some(file) = &values.api_keys_file else { return split_keys(keys, "MITSUKE_API_KEYS") };
    let names = ("MITSUKE_API_KEYS_FILE", "MITSUKE_API_KEYS");
    let (text, name) = secret_of(file, names, !keys.is_empty(), sources)?;
    let keys = split_keys(&text, &name)?;
    // A file without keys must not open the server to everybody.
    if keys.is_empty() {
        return Err(ConfigError { name, reason: format!("{} holds no key", file.display()) });
    }
    Ok(keys)
}

/// Reads a file that holds a secret; returns its text and the name of the setting `variable` for messages. The file
/// stands in for another setting, and `also_set` says whether that one is set.
fn secret_of(
    file: &Path,
    (variable, stands_in_for): (&str, &str),
    also_set: bool,
    sources: &Sources<'_>,
) -> Result<(String, String), ConfigError> {
    let name = sources.name(variable);
    if also_set {
        return Err(ConfigError { name, reason: format!("{stands_in_for} is set, too. Keep one of the two") });
    }
    match std::fs::read_to_string(file) {
        Ok(text) => Ok((text, name)),
        Err(cause) => Err(ConfigError { name, reason: format!("{} cannot be read: {cause}", file.display()) }),
    }
}

fn split_keys(text: &str, name: &str) -> Result<Vec<SecretString>, ConfigError> {
    let keys: Vec<_> = text.split([',', '\n']).map(str::trim).filter(|key| !key.is_empty()).collect();
    if keys.iter().any(|key| key.len() < 16 || !key.bytes().all(|b| b.is_ascii_graphic())) {
        let reason = "every key needs at least 16 visible ASCII characters; separate keys with commas".to_owned();
        return Err(ConfigError { name: name.to_owned(), reason });
    }
    Ok(keys.into_iter().map(SecretString::from).collect())
}
