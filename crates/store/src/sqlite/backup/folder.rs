//! The folder of a backup: originals by their hash in `pictures/`, which all copies share, and a folder for each copy in
//! `copies/`.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use time::OffsetDateTime;
use time::macros::format_description;

use crate::files::{self, PARTIAL};
use crate::{BACKUP_FORMAT, BackupError, Manifest, Sha256};

/// The name of the database of a copy.
pub(super) const DATABASE: &str = "mitsuke.db";

/// The name of the facts about a copy.
const MANIFEST: &str = "manifest.json";

/// The folder of a backup.
pub(super) struct Folder(PathBuf);

impl Folder {
    /// Makes the folder of a backup if it does not exist.
    pub(super) fn create(root: &Path) -> Result<Self, BackupError> {
        let folder = Self(root.to_owned());
        for part in [folder.pictures(), folder.copies_folder()] {
            files::make_folder(&part)?;
        }
        Ok(folder)
    }

    /// Opens the folder of a backup that is there.
    pub(super) fn open(root: &Path) -> Result<Self, BackupError> {
        let folder = Self(root.to_owned());
        if folder.copies_folder().is_dir() {
            return Ok(folder);
        }
        Err(BackupError::Unusable(format!(
            "{} is no backup: it has no folder `copies`. Name the folder that `mitsuke backup` has written to",
            root.display()
        )))
    }

    /// Keeps other programs from writing to the backup as long as the answer lives.
    pub(super) fn lock(&self) -> Result<File, BackupError> {
        let path = self.0.join("backup.lock");
        let file = files::create_file(&path)?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(TryLockError::WouldBlock) => Err(BackupError::InUse(self.0.display().to_string())),
            Err(TryLockError::Error(error)) => Err(BackupError::file(format!("locking {}", path.display()))(error)),
        }
    }

    /// Returns the folder of all originals.
    pub(super) fn pictures(&self) -> PathBuf {
        self.0.join("pictures")
    }

    /// Returns the path of an original.
    pub(super) fn picture(&self, sha256: &Sha256) -> PathBuf {
        let name = sha256.to_string();
        self.pictures().join(&name[..2]).join(name)
    }

    fn copies_folder(&self) -> PathBuf {
        self.0.join("copies")
    }

    /// Returns the folder of a copy.
    pub(super) fn copy(&self, name: &str) -> PathBuf {
        self.copies_folder().join(name)
    }

    /// Returns a name that no copy has, made of the time.
    pub(super) fn new_name(&self, at: OffsetDateTime) -> String {
        let format = format_description!("[year]-[month]-[day]T[hour]-[minute]-[second]Z");
        let time =
            at.to_offset(time::UtcOffset::UTC).format(format).unwrap_or_else(|_| at.unix_timestamp().to_string());
        let mut names = std::iter::once(time.clone()).chain((2..).map(|number| format!("{time}-{number}")));
        names.find(|name| !self.copy(name).exists()).unwrap_or(time)
    }

    /// Removes what broken-off backups have left in the folder of copies.
    pub(super) fn remove_unfinished(&self) -> Result<(), BackupError> {
        for (name, path) in entries(&self.copies_folder())? {
            if name.ends_with(PARTIAL) {
                files::remove(&path)?;
            }
        }
        Ok(())
    }

    /// Reads the manifests of all finished copies, oldest first. A copy whose manifest cannot be read is left out and
    /// told to the log.
    pub(super) fn manifests(&self) -> Result<Vec<Manifest>, BackupError> {
        let mut manifests = Vec::new();
        for (name, path) in entries(&self.copies_folder())? {
            if name.ends_with(PARTIAL) || !path.is_dir() {
                continue;
            }
            match read_manifest(&path) {
                Ok(manifest) => manifests.push(Manifest { name, ..manifest }),
                Err(error) => log::warn!("the copy {} is left out: {error}", path.display()),
            }
        }
        manifests.sort_by(|a, b| (a.made_at, &a.name).cmp(&(b.made_at, &b.name)));
        Ok(manifests)
    }

    /// Reads the manifest of a copy, of the newest one if none is named.
    pub(super) fn manifest(&self, name: Option<&str>) -> Result<Manifest, BackupError> {
        let Some(name) = name else {
            let newest = self.manifests()?.pop();
            return newest.ok_or_else(|| BackupError::Unusable(format!("{} holds no copy", self.0.display())));
        };
        let path = self.copy(name);
        // A name is one part of a path, so that no other folder is read.
        if Path::new(name).components().count() != 1 || !path.is_dir() {
            let names: Vec<String> = self.manifests()?.into_iter().map(|manifest| manifest.name).collect();
            return Err(BackupError::Unusable(format!("there is no copy {name}; there are {}", names.join(", "))));
        }
        Ok(Manifest { name: name.to_owned(), ..read_manifest(&path)? })
    }

    /// Writes the manifest into the folder of its copy, which may be an unfinished one.
    pub(super) fn write_manifest(folder: &Path, manifest: &Manifest) -> Result<(), BackupError> {
        let json = serde_json::to_vec_pretty(manifest)
            .map_err(|error| BackupError::Unusable(format!("the manifest cannot be written: {error}")))?;
        Ok(files::write_file(&folder.join(MANIFEST), &json)?)
    }
}

fn read_manifest(copy: &Path) -> Result<Manifest, BackupError> {
    let path = copy.join(MANIFEST);
    let text = fs::read(&path).map_err(BackupError::file(format!("reading {}", path.display())))?;
    let manifest: Manifest =
        serde_json::from_slice(&text).map_err(|error| BackupError::Damaged(format!("{}: {error}", path.display())))?;
    if manifest.format != BACKUP_FORMAT {
        return Err(BackupError::Unusable(format!(
            "the copy {} has format {}, and this program knows {BACKUP_FORMAT}: use a newer program",
            copy.display(),
            manifest.format
        )));
    }
    Ok(manifest)
}

/// Returns the names and paths in a folder.
pub(super) fn entries(folder: &Path) -> Result<Vec<(String, PathBuf)>, BackupError> {
    let read = || -> std::io::Result<Vec<(String, PathBuf)>> {
        fs::read_dir(folder)?
            .map(|entry| entry.map(|entry| (entry.file_name().to_string_lossy().into_owned(), entry.path())))
            .collect()
    };
    read().map_err(BackupError::file(format!("reading {}", folder.display())))
}
