//! The settings of the homes of originals.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use mitsuke_store::{Home, OriginalsOptions};

use crate::config::parsers::choice;

/// The settings of the homes of originals.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Originals")]
pub struct OriginalsValues {
    /// Home of the originals of new pictures: database keeps them with everything else; folder keeps each as a file named by
    /// its hash in MITSUKE_ORIGINALS_DIR. `mitsuke originals move` moves those that are there.
    #[arg(
        env = "MITSUKE_ORIGINALS",
        value_name = "KIND",
        default_value = Home::Database.name(),
        value_parser = choice::<Home>(&Home::NAMES)
    )]
    pub home: Home,

    /// Folder of originals; without a value, originals in MITSUKE_DATA_DIR. All servers of one Oracle database need the same
    /// folder.
    #[arg(env = "MITSUKE_ORIGINALS_DIR", value_name = "FOLDER")]
    pub originals_dir: Option<PathBuf>,

    /// Folders of this machine whose pictures may be registered where they lie, without a copy (`mitsuke watch --link`);
    /// separated as in PATH. Whoever may upload may then read every picture in them.
    #[arg(env = "MITSUKE_LINK_DIRS", value_name = "FOLDERS")]
    pub link_dirs: Option<LinkDirs>,
}

/// Folders whose pictures may be registered where they lie.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LinkDirs(Vec<PathBuf>);

impl FromStr for LinkDirs {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let folders: Vec<_> = std::env::split_paths(text).filter(|folder| !folder.as_os_str().is_empty()).collect();
        match folders.iter().find(|folder| !folder.is_absolute()) {
            Some(relative) => Err(format!("`{}` is not an absolute path", relative.display())),
            None => Ok(Self(folders)),
        }
    }
}

impl OriginalsValues {
    /// Returns the homes that a store with this data directory may use, and checks the folders against each other.
    ///
    /// # Errors
    /// The variable that is wrong, and why.
    pub fn options(
        self,
        data_dir: &Path,
        min_free_bytes: Option<u64>,
    ) -> Result<OriginalsOptions, (&'static str, String)> {
        let folder = self.originals_dir.unwrap_or_else(|| data_dir.join("originals"));
        let link_folders = self.link_dirs.unwrap_or_default().0;
        for linked in &link_folders {
            let linked_to = whole(linked);
            for (own, name) in [(data_dir, "MITSUKE_DATA_DIR"), (&*folder, "MITSUKE_ORIGINALS_DIR")] {
                let own = whole(own);
                if own.starts_with(&linked_to) || linked_to.starts_with(&own) {
                    let reason = format!(
                        "{} and {name} ({}) lie in each other. Pictures cannot be registered out of the folders of the \
                         store itself",
                        linked.display(),
                        own.display()
                    );
                    return Err(("MITSUKE_LINK_DIRS", reason));
                }
            }
        }
        if self.home == Home::Folder && whole(&folder) == whole(data_dir) {
            let reason = "it is MITSUKE_DATA_DIR itself. Name a folder of its own".to_owned();
            return Err(("MITSUKE_ORIGINALS_DIR", reason));
        }
        Ok(OriginalsOptions { home: self.home, folder: Some(folder), link_folders, min_free_bytes })
    }
}

/// Returns an absolute path without links, as far as the folder exists.
fn whole(folder: &Path) -> PathBuf {
    std::fs::canonicalize(folder).or_else(|_| std::path::absolute(folder)).unwrap_or_else(|_| folder.to_owned())
}
