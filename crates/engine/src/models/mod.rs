//! The models of this process: which exist, which one is current, and the encoders in memory.
//!
//! A model is a row of the store and a folder of MITSUKE_MODELS_DIR that has its name and version. [`Models`] knows the
//! folders and the encoders in memory. The store alone says which model is current and which are maintained, and every
//! request reads that anew.

mod error;
mod folders;
mod key;
mod pool;
mod registry;
mod service;
mod status;
mod upkeep;

pub use error::ModelsError;
pub use folders::BrokenFolder;
pub use key::ModelKey;
pub use pool::TowerStats;
pub use service::{ActiveModel, Models, UploadModels};
pub use status::{LoadState, Loaded, ModelStatus};

pub(crate) use folders::folder_of;
pub(crate) use service::find_model;
