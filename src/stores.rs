//! The stores that settings can select: how each is opened, migrated and diagnosed.
//!
//! A further store is a further variant of [`StoreChoice`]; the compiler names each place here that it needs.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::config::Settings;
use mitsuke_image::{DecodeLimits, decode, parse_generation_prompt, sniff};
use mitsuke_store::oracle::{ForeignFacts, IndexError, OracleSettings, OracleStore, OrganizationChange};
use mitsuke_store::sqlite::{SqliteOptions, SqliteStore, diagnose_texts};
use mitsuke_store::{Finding, ModelId, Occasion, Store, StoreError};

/// The selected store does not open.
#[derive(Debug, thiserror::Error)]
#[error("{store} does not open: {cause}")]
pub struct OpenError {
    /// The store and the setting that selects it.
    store: StoreChoice,
    /// The reason.
    pub cause: StoreError,
}

/// The store that settings select.
#[derive(Debug, Clone)]
pub enum StoreChoice {
    /// The embedded store.
    Embedded {
        /// Its data directory.
        data_dir: PathBuf,
        /// Its options.
        options: Box<SqliteOptions>,
    },
    /// An Oracle database.
    Oracle {
        /// The account and the limits of its use.
        settings: Box<OracleSettings>,
        /// The limits for decoding pictures that other programs put into the database.
        limits: DecodeLimits,
    },
}

/// The store as a noun phrase, with the setting that selects it.
impl fmt::Display for StoreChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Embedded { data_dir, .. } => write!(f, "the store in {} (MITSUKE_DATA_DIR)", data_dir.display()),
            Self::Oracle { settings, .. } => write!(f, "the Oracle database {} (DB_DSN)", settings.dsn),
        }
    }
}

impl StoreChoice {
    /// Returns the choice of these settings.
    #[must_use]
    pub fn new(settings: &Settings) -> Self {
        match &settings.oracle {
            Some(oracle) => Self::Oracle { settings: Box::new(oracle.clone()), limits: settings.decode_limits() },
            None => Self::Embedded { data_dir: settings.data_dir.clone(), options: Box::new(sqlite_options(settings)) },
        }
    }

    /// Opens the store for a command, and brings the schema of a database up to date. A database that cannot be used is
    /// reported to the log, and again by every call of the store. Blocks.
    ///
    /// # Errors
    /// When the embedded store does not open.
    pub fn open(&self) -> Result<Arc<dyn Store>, OpenError> {
        match self {
            Self::Embedded { data_dir, options } => self.open_embedded(data_dir, options),
            Self::Oracle { settings, limits } => {
                let store = oracle_store(settings, *limits);
                if let Err(error) = store.migrate() {
                    log::error!("the database cannot be used: {error}");
                }
                Ok(Arc::new(store))
            }
        }
    }

    /// Opens the store for a server, which does not wait for its database: it listens, reports why it is not ready, and
    /// becomes ready once the database is. Blocks.
    ///
    /// # Errors
    /// When the embedded store does not open.
    pub fn open_for_server(&self) -> Result<Arc<dyn Store>, OpenError> {
        match self {
            Self::Embedded { data_dir, options } => self.open_embedded(data_dir, options),
            Self::Oracle { settings, limits } => {
                let store = oracle_store(settings, *limits);
                match store.check() {
                    Ok(()) => log::info!("images are kept in the Oracle database {}", settings.dsn),
                    Err(error) => log::error!("not ready, and trying again as long as it takes: {error}"),
                }
                Ok(Arc::new(store))
            }
        }
    }

    fn open_embedded(&self, data_dir: &Path, options: &SqliteOptions) -> Result<Arc<dyn Store>, OpenError> {
        match SqliteStore::open(data_dir, options.clone()) {
            Ok(store) => Ok(Arc::new(store)),
            Err(cause) => Err(OpenError { store: self.clone(), cause }),
        }
    }

    /// Brings the schema up to date where that is done apart from the start of a server, does the upkeep that is due
    /// afterwards, and returns a sentence about the result. `tell` receives sentences about work that takes long.
    /// Blocks.
    ///
    /// # Errors
    /// The reason why the schema cannot be brought up to date, or the upkeep fails.
    pub fn migrate(&self, tell: &mut dyn FnMut(&str)) -> Result<String, StoreError> {
        match self {
            Self::Embedded { data_dir, .. } => Ok(format!(
                "The embedded store in {} is brought up to date when the server starts.",
                data_dir.display()
            )),
            Self::Oracle { settings, limits } => {
                let store = oracle_store(settings, *limits);
                store.migrate()?;
                store.maintain(Occasion::AfterBulkWork, tell)?;
                Ok("The schema is up to date.".to_owned())
            }
        }
    }

    /// Stores how the vector index of a model is organized, and builds, rebuilds or drops it. The model is the current
    /// one unless it is named. `tell` receives sentences about the progress. Blocks.
    ///
    /// # Errors
    /// The reason why the index is not as it was asked for.
    pub fn build_index(
        &self,
        model_id: Option<ModelId>,
        change: &OrganizationChange,
        tell: &mut dyn FnMut(&str),
    ) -> Result<(), IndexError> {
        match self {
            Self::Embedded { data_dir, .. } => {
                tell(&format!(
                    "The embedded store in {} needs no such command: it builds its vector indexes by itself.",
                    data_dir.display()
                ));
                Ok(())
            }
            Self::Oracle { settings, limits } => oracle_store(settings, *limits).build_index(model_id, change, tell),
        }
    }

    /// Checks everything that the store needs. Blocks, and leaves everything as it was.
    #[must_use]
    pub fn diagnose(&self) -> Vec<Finding> {
        match self {
            Self::Embedded { data_dir, .. } => {
                std::iter::once(diagnose_data_dir(data_dir)).chain(diagnose_texts(data_dir)).collect()
            }
            Self::Oracle { settings, limits } => oracle_store(settings, *limits).diagnose(),
        }
    }
}

/// Returns the options of the embedded store. Its reserve on the disk lets the largest file be deleted.
fn sqlite_options(settings: &Settings) -> SqliteOptions {
    const BESIDE_THE_FILE: u64 = 8 << 20;
    SqliteOptions {
        min_free_bytes: settings.backup.min_free_bytes,
        reserve_bytes: settings.limits.file_bytes as u64 + BESIDE_THE_FILE,
        upgrade_copy: settings.backup.upgrade_copy,
        originals: settings.originals.clone(),
        ..SqliteOptions::default()
    }
}

/// Returns the migrations of a database as one script for its administrator.
#[must_use]
pub fn migration_script() -> String {
    OracleStore::migration_script()
}

/// Returns a store in an Oracle database that can read the pictures of other programs.
fn oracle_store(settings: &OracleSettings, limits: DecodeLimits) -> OracleStore {
    OracleStore::new(settings.clone(), move |bytes, generation_prompt| {
        read_foreign_facts(bytes, generation_prompt, &limits)
    })
}

/// Reads the facts of a picture that another program put into a shared database. The picture may cost as much as an
/// upload.
fn read_foreign_facts(bytes: &[u8], generation_prompt: Option<&str>, limits: &DecodeLimits) -> ForeignFacts {
    let generation = generation_prompt.and_then(parse_generation_prompt);
    match decode(bytes, limits) {
        Ok(decoded) => ForeignFacts {
            file_type: Some(decoded.facts.file_type.media_type()),
            width: decoded.facts.width,
            height: decoded.facts.height,
            generation,
        },
        Err(error) => {
            log::warn!("a picture of another program cannot be decoded and is kept as it is: {error}");
            let file_type = sniff(bytes).ok().map(|file_type| file_type.media_type());
            ForeignFacts { file_type, generation, ..ForeignFacts::default() }
        }
    }
}

/// Checks whether the embedded store can write into its data directory.
fn diagnose_data_dir(data_dir: &Path) -> Finding {
    // The server makes a missing folder below the nearest one that exists.
    let nearest =
        data_dir.ancestors().find(|folder| folder.exists() || folder.as_os_str().is_empty()).unwrap_or(data_dir);
    let probe = nearest.join(".mitsuke-doctor");
    match std::fs::write(&probe, b"x").and_then(|()| std::fs::remove_file(&probe)) {
        Ok(()) => Finding::good("embedded store", format!("{} can be written", data_dir.display())),
        Err(error) => Finding::problem(
            "embedded store",
            format!("{} cannot be written: {error}", data_dir.display()),
            "Set MITSUKE_DATA_DIR to a folder on a local disk that this user owns.",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_data_directory_is_checked_and_left_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        assert!(!diagnose_data_dir(folder.path()).is_problem());
        assert!(!diagnose_data_dir(&folder.path().join("not/there/yet")).is_problem());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        std::fs::write(folder.path().join("file"), b"x").unwrap();
        assert!(diagnose_data_dir(&folder.path().join("file")).is_problem());
    }
}
