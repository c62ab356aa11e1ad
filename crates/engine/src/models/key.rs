//! Names and versions of models.

use std::fmt;

use mitsuke_clip::Manifest;
use mitsuke_store::Model;

/// The name and version that identify a model everywhere: in its folder, in the store, in other processes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ModelKey {
    /// The name.
    pub name: String,
    /// The version.
    pub version: String,
}

impl From<&Model> for ModelKey {
    fn from(model: &Model) -> Self {
        Self { name: model.model_name.clone(), version: model.model_version.clone() }
    }
}

impl From<&Manifest> for ModelKey {
    fn from(manifest: &Manifest) -> Self {
        Self { name: manifest.model_name.clone(), version: manifest.model_version.clone() }
    }
}

impl fmt::Display for ModelKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.version)
    }
}
