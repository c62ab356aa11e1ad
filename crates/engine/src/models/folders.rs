//! The model folders of MITSUKE_MODELS_DIR: the usable ones, and the reasons why the others are not.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use mitsuke_clip::Manifest;
use mitsuke_store::NewModel;

use super::error::ModelsError;
use super::key::ModelKey;

/// A folder whose manifest is valid and whose files are there.
#[derive(Debug, Clone)]
pub(super) struct ModelFolder {
    pub(super) path: PathBuf,
    /// The last part of `path`, the only part that callers see.
    pub(super) name: String,
    pub(super) manifest: Arc<Manifest>,
    /// The sizes and dates of the folder's files when their SHA-256 digests were last found right.
    pub(super) verified: Option<Vec<FileStamp>>,
}

/// The size and modification date of a file. A file whose stamp has not changed has not been written to.
pub(super) type FileStamp = (u64, Option<SystemTime>);

impl ModelFolder {
    pub(super) fn key(&self) -> ModelKey {
        ModelKey::from(self.manifest.as_ref())
    }

    pub(super) fn new_model(&self) -> NewModel {
        NewModel {
            model_name: self.manifest.model_name.clone(),
            model_version: self.manifest.model_version.clone(),
            vector_dimension: self.manifest.vector_dimension,
        }
    }

    /// Compares every file with its SHA-256 digest, unless no file was written to since the last comparison. Blocks,
    /// about a second per gigabyte.
    pub(super) fn verify(&self) -> Result<Vec<FileStamp>, String> {
        let stamps = self.stamps();
        if self.verified.as_ref() == Some(&stamps) {
            return Ok(stamps);
        }
        self.manifest.verify_files(&self.path).map_err(|error| self.without_path(&error))?;
        Ok(stamps)
    }

    /// Replaces the path of the folder in a message by the name of the folder.
    pub(super) fn without_path(&self, message: &dyn fmt::Display) -> String {
        without_path(&self.path, &self.name, message)
    }

    fn stamps(&self) -> Vec<FileStamp> {
        let files = self.manifest.files().into_iter();
        files
            .map(|(_, file)| fs::metadata(file.path(&self.path)).map_or((0, None), |m| (m.len(), m.modified().ok())))
            .collect()
    }
}

/// Returns whether two manifests give the same vectors. The parts that are descriptions for people may differ.
pub(super) fn same_vectors(a: &Manifest, b: &Manifest) -> bool {
    (a.vector_dimension, &a.image, &a.text) == (b.vector_dimension, &b.image, &b.text)
}

/// A folder that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokenFolder {
    /// The name of the folder below MITSUKE_MODELS_DIR.
    pub folder: String,
    /// The fault, in a sentence for the operator.
    pub reason: String,
    /// The model that the folder was meant to hold, if its manifest names one.
    pub key: Option<ModelKey>,
}

/// The folders that a scan of MITSUKE_MODELS_DIR found.
#[derive(Debug, Default)]
pub(super) struct Folders {
    pub(super) usable: BTreeMap<ModelKey, Arc<ModelFolder>>,
    pub(super) broken: Vec<BrokenFolder>,
}

impl Folders {
    /// Reads every folder below `dir`, in the order of their names. The first of two folders with one model is used.
    pub(super) fn scan(dir: &Path) -> Result<Self, ModelsError> {
        let unreadable = |cause| ModelsError::Folder { folder: dir.to_owned(), cause };
        let mut paths = Vec::new();
        for entry in fs::read_dir(dir).map_err(unreadable)? {
            let path = entry.map_err(unreadable)?.path();
            let hidden = path.file_name().is_none_or(|name| name.to_string_lossy().starts_with('.'));
            if path.is_dir() && !hidden {
                paths.push(path);
            }
        }
        paths.sort();
        let mut folders = Self::default();
        for path in paths {
            folders.add(path);
        }
        Ok(folders)
    }

    fn add(&mut self, path: PathBuf) {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        match Manifest::read(&path) {
            Err(error) => {
                let reason = if path.join(Manifest::FILE_NAME).exists() {
                    without_path(&path, &name, &error)
                } else {
                    format!("there is no {} in it", Manifest::FILE_NAME)
                };
                self.broken.push(BrokenFolder { key: claimed_key(&path), folder: name, reason });
            }
            Ok(manifest) => {
                let folder = ModelFolder { path, name, manifest: Arc::new(manifest), verified: None };
                match self.usable.get(&folder.key()) {
                    Some(first) => {
                        let reason = format!("`{}` holds the model {} already", first.name, folder.key());
                        self.broken.push(BrokenFolder { folder: folder.name, reason, key: None });
                    }
                    None => drop(self.usable.insert(folder.key(), Arc::new(folder))),
                }
            }
        }
    }

    /// Takes a folder out of use.
    pub(super) fn disable(&mut self, key: &ModelKey, reason: String) {
        if let Some(folder) = self.usable.remove(key) {
            log::error!("the model folder {} is not used: {reason}", folder.path.display());
            self.broken.push(BrokenFolder { folder: folder.name.clone(), reason, key: Some(key.clone()) });
        }
    }

    /// Returns the broken folder of a model.
    pub(super) fn broken_folder(&self, key: &ModelKey) -> Option<&BrokenFolder> {
        self.broken.iter().find(|broken| broken.key.as_ref() == Some(key))
    }
}

/// Finds the folder of a model below `dir`.
///
/// # Errors
/// The reason why there is none that can be used.
pub(crate) fn folder_of(dir: &Path, key: &ModelKey) -> Result<PathBuf, String> {
    let folders = Folders::scan(dir).map_err(|error| error.to_string())?;
    if let Some(folder) = folders.usable.get(key) {
        return Ok(folder.path.clone());
    }
    Err(match folders.broken_folder(key) {
        Some(broken) => format!("its folder {} cannot be used: {}", broken.folder, broken.reason),
        None => format!("it has no folder in {}", dir.display()),
    })
}

/// Returns the model that an unusable manifest names, if the manifest is at least JSON.
fn claimed_key(path: &Path) -> Option<ModelKey> {
    let json: serde_json::Value = serde_json::from_slice(&fs::read(path.join(Manifest::FILE_NAME)).ok()?).ok()?;
    let text = |field: &str| Some(json.get(field)?.as_str()?.to_owned());
    Some(ModelKey { name: text("model_name")?, version: text("model_version")? })
}

/// Replaces a path in a message by a name, because callers do not learn where the server keeps its folders.
fn without_path(path: &Path, name: &str, message: &dyn fmt::Display) -> String {
    message.to_string().replace(&path.display().to_string(), name)
}
