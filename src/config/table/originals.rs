//! The settings of the homes of originals.

use std::path::{Path, PathBuf};

use mitsuke_store::{Home, OriginalsOptions};

use crate::config::parsers::choice;

/// The settings of the homes of originals.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Originals")]
pub struct OriginalsValues {
    /// Home of the originals of new pictures in the embedded store: database keeps them with everything else; folder keeps
    /// each as a file named by its hash in MITSUKE_ORIGINALS_DIR. `mitsuke originals move` moves those that are there.
    #[arg(
        env = "MITSUKE_ORIGINALS",
        value_name = "KIND",
        default_value = Home::Database.name(),
        value_parser = choice::<Home>(&Home::NAMES)
    )]
    pub home: Home,

    /// Folder of originals; without a value, originals in MITSUKE_DATA_DIR.
    #[arg(env = "MITSUKE_ORIGINALS_DIR", value_name = "FOLDER")]
    pub originals_dir: Option<PathBuf>,
}

impl OriginalsValues {
    /// Returns the homes that a store with this data directory may use, and checks the folder.
    ///
    /// # Errors
    /// The variable that is wrong, and why.
    pub fn options(
        self,
        data_dir: &Path,
        min_free_bytes: Option<u64>,
    ) -> Result<OriginalsOptions, (&'static str, String)> {
        let folder = self.originals_dir.unwrap_or_else(|| data_dir.join("originals"));
        if self.home == Home::Folder && whole(&folder) == whole(data_dir) {
            let reason = "it is MITSUKE_DATA_DIR itself. Name a folder of its own".to_owned();
            return Err(("MITSUKE_ORIGINALS_DIR", reason));
        }
        Ok(OriginalsOptions { home: self.home, folder: Some(folder), min_free_bytes, ..OriginalsOptions::default() })
    }
}

/// Returns an absolute path without links, as far as the folder exists.
fn whole(folder: &Path) -> PathBuf {
    std::fs::canonicalize(folder).or_else(|_| std::path::absolute(folder)).unwrap_or_else(|_| folder.to_owned())
}
