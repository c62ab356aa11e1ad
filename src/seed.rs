//! Registers the pictures of a folder in an empty store, with a progress bar; continues after a stop.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _};
use indicatif::{ProgressBar, ProgressStyle};

use mitsuke_clip::EncodeError;
use mitsuke_engine::blocking;
use mitsuke_engine::intake::{Intake, IntakeError, Registered, Upload};
use mitsuke_image::FileType;
use mitsuke_store::{Sha256, Store};

/// The name of a file in the data directory that marks an unfinished registration, so that a start after a stop
/// continues although the store is no longer empty.
const MARKER: &str = "registering-images";

/// Pictures that are registered at once, which are enough to fill a batch.
const IN_FLIGHT: usize = 8;

/// The numbers of files by result.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Seeded {
    /// New images.
    pub created: usize,
    /// Files whose bytes are stored already.
    pub known: usize,
    /// Files that could not be registered, each with its reason in the log.
    pub failed: usize,
}

/// The reason why pictures are not found or not registered, as a sentence.
pub type SeedError = Box<dyn std::error::Error + Send + Sync>;

/// The pictures of a folder that are to be registered.
pub struct Samples {
    folder: PathBuf,
    files: Vec<PathBuf>,
    marker: PathBuf,
}

impl Samples {
    /// Finds every picture below `folder` when the store is empty, or when an earlier registration did not finish, which
    /// a marker in `data_dir` tells. Returns `None` when there is nothing to register.
    ///
    /// # Errors
    /// When the folder cannot be read or the store cannot be asked.
    pub async fn find(folder: &Path, data_dir: &Path, store: Arc<dyn Store>) -> Result<Option<Self>, SeedError> {
        let marker = data_dir.join(MARKER);
        let empty = blocking::run(move || store.count_images()).await?? == 0;
        if (!empty && !marker.exists()) || !folder.is_dir() {
            return Ok(None);
        }
        let files = pictures(folder)?;
        Ok((!files.is_empty()).then(|| Self { folder: folder.to_owned(), files, marker }))
    }

    /// Returns the folder that the pictures are in.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Returns the number of pictures.
    #[must_use]
    pub fn count(&self) -> usize {
        self.files.len()
    }

    /// Registers the pictures, several at once, and returns the numbers of files by result.
    ///
    /// # Errors
    /// When a picture cannot be registered for a reason that is not its own. The next start goes on then.
    pub async fn register(self, intake: &Intake) -> Result<Seeded, SeedError> {
        // A server with a database may have no data directory yet.
        if let Some(data_dir) = self.marker.parent() {
            fs::create_dir_all(data_dir)?;
        }
        fs::write(&self.marker, self.folder.to_string_lossy().as_bytes())?;
        let bar = progress_bar(self.files.len());
        let counts = futures_util::stream::iter(self.files)
            .map(|file| {
                let bar = &bar;
                async move {
                    let outcome = register(&file, intake).await;
                    bar.inc(1);
                    if let Ok(Outcome::LeftOut(reason)) = &outcome {
                        bar.suspend(|| log::warn!("{} is left out: {reason}", file.display()));
                    }
                    outcome
                }
            })
            .buffered(IN_FLIGHT)
            // A failure that is not the picture's fault ends the run, and the marker stays for the next start.
            .try_fold(Seeded::default(), |mut seeded, outcome| async move {
                match outcome {
                    Outcome::Created => seeded.created += 1,
                    Outcome::Known => seeded.known += 1,
                    Outcome::LeftOut(_) => seeded.failed += 1,
                }
                Ok(seeded)
            })
            .await;
        bar.finish_and_clear();
        let counts = counts.map_err(|error| format!("it broke off, and the next start goes on: {error}"))?;
        fs::remove_file(&self.marker)?;
        Ok(counts)
    }
}

/// The result for one file.
enum Outcome {
    /// The picture is a new image.
    Created,
    /// An image has these bytes already.
    Known,
    /// The file cannot be read or is not a usable picture; another attempt would end the same.
    LeftOut(String),
}

async fn register(file: &Path, intake: &Intake) -> Result<Outcome, IntakeError> {
    let path = file.to_owned();
    let bytes = match blocking::run(move || fs::read(path)).await? {
        Ok(bytes) => Bytes::from(bytes),
        Err(error) => return Ok(Outcome::LeftOut(error.to_string())),
    };
    let file_name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let sha256 = Sha256::of(&bytes);
    let upload = Upload {
        bytes,
        sha256,
        file_name,
        caption: None,
        generation_prompt: None,
        tags: Vec::new(),
        source_path: None,
    };
    match intake.register(upload).await {
        Ok(Registered::Created(_)) => Ok(Outcome::Created),
        Ok(Registered::Known(_)) => Ok(Outcome::Known),
        Err(error @ (IntakeError::Image(_) | IntakeError::Encode(EncodeError::NoVector))) => {
            Ok(Outcome::LeftOut(error.to_string()))
        }
        Err(error) => Err(error),
    }
}

/// Returns the files with a picture's extension in the order of their paths. The ids of images follow this order only
/// roughly, because several pictures are registered at once.
fn pictures(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            // `file_type` does not follow links, so a link to a parent folder cannot make the walk endless.
            let (path, kind) = (entry.path(), entry.file_type()?);
            let extension = path.extension().and_then(|e| e.to_str());
            if kind.is_dir() {
                folders.push(path);
            } else if extension.and_then(FileType::from_extension).is_some() {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}

fn progress_bar(length: usize) -> ProgressBar {
    let style = ProgressStyle::with_template("registering images {bar:30} {pos}/{len} {per_sec} {eta} left");
    ProgressBar::new(length as u64).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
