//! The model folders of this process, and which of them are registered in the store.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mitsuke_store::{ModelStore, StoreError};

use super::error::ModelsError;
use super::folders::{BrokenFolder, Folders, ModelFolder};
use super::key::ModelKey;
use super::pool::Pool;

/// The folders, and the keys of those that are rows of the store.
pub(super) struct Registry {
    dir: PathBuf,
    state: Mutex<State>,
    /// The lock that is held while folders are read, so that two refreshes do not undo each other.
    refreshing: Mutex<()>,
}

#[derive(Default)]
struct State {
    folders: Folders,
    registered: BTreeSet<ModelKey>,
}

impl Registry {
    pub(super) fn open(dir: &Path) -> Result<Self, ModelsError> {
        let folders = Folders::scan(dir)?;
        for broken in &folders.broken {
            log::error!("the model folder {} is not used: {}", dir.join(&broken.folder).display(), broken.reason);
        }
        let state = Mutex::new(State { folders, registered: BTreeSet::new() });
        let registry = Self { dir: dir.to_owned(), state, refreshing: Mutex::new(()) };
        registry.check_not_empty()?;
        Ok(registry)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(super) fn check_not_empty(&self) -> Result<(), ModelsError> {
        let state = self.lock();
        if !state.folders.usable.is_empty() {
            return Ok(());
        }
        let reasons = state.folders.broken.iter().map(|broken| format!("; `{}`: {}", broken.folder, broken.reason));
        Err(ModelsError::Empty { dir: self.dir.clone(), reasons: reasons.collect() })
    }

    pub(super) fn folder(&self, key: &ModelKey) -> Option<Arc<ModelFolder>> {
        self.lock().folders.usable.get(key).cloned()
    }

    /// Returns the only usable folder, if there is just one.
    pub(super) fn single_folder(&self) -> Option<Arc<ModelFolder>> {
        let state = self.lock();
        let mut folders = state.folders.usable.values();
        folders.next().filter(|_| folders.next().is_none()).cloned()
    }

    pub(super) fn broken(&self) -> Vec<BrokenFolder> {
        self.lock().folders.broken.clone()
    }

    pub(super) fn broken_reason(&self, key: &ModelKey) -> Option<String> {
        let state = self.lock();
        state
            .folders
            .broken_folder(key)
            .map(|broken| format!("its folder `{}` is broken: {}", broken.folder, broken.reason))
    }

    /// Returns whether any usable folder is not registered yet.
    pub(super) fn has_unregistered(&self) -> bool {
        let state = self.lock();
        state.folders.usable.keys().any(|key| !state.registered.contains(key))
    }

    /// Makes every usable folder a row of the store. A folder that does not fit its row in the store is taken out of
    /// use. Blocks.
    pub(super) fn register<S: ModelStore + ?Sized>(&self, store: &S) -> Result<(), StoreError> {
        let mut waiting: Vec<_> = {
            let state = self.lock();
            let usable = state.folders.usable.iter();
            let waiting = usable.filter(|(key, _)| !state.registered.contains(*key));
            waiting.map(|(key, folder)| (folder.name.clone(), key.clone(), folder.new_model())).collect()
        };
        // The order of the folders' names counts, because the first model ever registered becomes the current one.
        waiting.sort_by(|a, b| a.0.cmp(&b.0));
        for (_, key, model) in waiting {
            match store.register_model(&model) {
                Ok(_) => drop(self.lock().registered.insert(key)),
                Err(StoreError::ModelDimension { expected, found, .. }) => {
                    let reason = format!(
                        "its vectors have {found} components, and the store knows {key} with {expected}; give it a new \
                         model_version"
                    );
                    self.lock().folders.disable(&key, reason);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Reads all folders anew and checks every file. Blocks.
    pub(super) fn rescan(&self, pool: &Pool) -> Result<(), ModelsError> {
        let _one_at_a_time = self.refreshing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut folders = Folders::scan(&self.dir)?;
        for folder in folders.usable.values_mut() {
            let known = self.folder(&folder.key());
            if let Some(known) = known.filter(|known| known.path == folder.path && known.manifest == folder.manifest) {
                Arc::make_mut(folder).verified.clone_from(&known.verified);
            }
        }
        verify_all(&mut folders, pool);
        let mut state = self.lock();
        keep_keys_of_unreadable(&mut folders, &state.folders);
        *state = State { folders, registered: BTreeSet::new() };
        Ok(())
    }

    /// Checks the files of the folders that no load has checked. Blocks; meant for the background.
    pub(super) fn verify_unloaded(&self, pool: &Pool) {
        let _one_at_a_time = self.refreshing.lock().unwrap_or_else(PoisonError::into_inner);
        let unchecked: Vec<_> =
            self.lock().folders.usable.values().filter(|folder| folder.verified.is_none()).cloned().collect();
        for mut folder in unchecked.into_iter().filter(|folder| pool.peek(&folder.key()).is_none()) {
            let verified = folder.verify();
            let mut state = self.lock();
            match verified {
                Ok(stamps) => {
                    Arc::make_mut(&mut folder).verified = Some(stamps);
                    state.folders.usable.insert(folder.key(), folder);
                }
                Err(reason) => state.folders.disable(&folder.key(), reason),
            }
        }
    }
}

/// Takes folders out of use whose files do not match their manifest, or that held another model before.
fn verify_all(folders: &mut Folders, pool: &Pool) {
    let keys: Vec<_> = folders.usable.keys().cloned().collect();
    for key in keys {
        let Some(folder) = folders.usable.get_mut(&key) else { continue };
        let outcome = match pool.changed_since_first_load(folder) {
            Some(reason) => Err(reason.to_owned()),
            None => folder.verify(),
        };
        match outcome {
            Ok(stamps) => Arc::make_mut(folder).verified = Some(stamps),
            Err(reason) => folders.disable(&key, reason),
        }
    }
}

/// Gives a folder whose manifest cannot be read any more the key of the model that it held before.
fn keep_keys_of_unreadable(folders: &mut Folders, before: &Folders) {
    let usable: Vec<_> = folders.usable.keys().cloned().collect();
    for broken in folders.broken.iter_mut().filter(|broken| broken.key.is_none()) {
        let held = before.usable.values().find(|folder| folder.name == broken.folder).map(|folder| folder.key());
        let held = held.or_else(|| before.broken.iter().find(|b| b.folder == broken.folder)?.key.clone());
        broken.key = held.filter(|key| !usable.contains(key));
    }
}
