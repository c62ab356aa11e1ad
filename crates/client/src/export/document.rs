//! The JSON Lines file of an export, version 1: a line of kind `export`, one of kind `image` for each image, and a line of
//! kind `end`, whose absence shows an export that was not finished.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::{Map, Value};

use super::error::ExportError;
use crate::failure::Failure;

/// The version of the format. A reader ignores fields that it does not know; a higher version says that it would
/// misunderstand the others.
const VERSION: u32 = 1;

/// The name of the file.
const FILE_NAME: &str = "mitsuke-export.jsonl";

/// A line of the file.
#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Line<'a> {
    /// The first line.
    Export {
        /// The version of the format.
        version: u32,
        /// The time of the export, RFC 3339.
        exported_at: String,
        /// The version of the program.
        program: &'static str,
        /// The number of images at the beginning; null where the server does not know it exactly.
        images: Option<u64>,
        /// The query line that chose the images; null for none.
        query: Option<&'a str>,
        /// The fields of the filter that chose the images.
        filter: &'a Map<String, Value>,
        /// The models whose embeddings the lines have; `model` of an embedding is an index into this list.
        models: &'a [Value],
    },
    /// An image.
    Image {
        /// The path of its original below the folder of the export; null without one.
        file: Option<String>,
        /// The reason why the original is missing.
        #[serde(skip_serializing_if = "Option::is_none")]
        problem: Option<ProblemBody>,
        /// Everything that the API says of the image.
        #[serde(flatten)]
        facts: Map<String, Value>,
        /// The embeddings.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        embeddings: Vec<Embedding>,
    },
    /// The last line.
    End {
        /// The number of images.
        images: u64,
        /// The number of images without their original because of a problem.
        left_out: u64,
    },
}

/// The reason why an original is missing.
#[derive(Debug, Serialize)]
pub struct ProblemBody {
    code: String,
    detail: String,
}

impl From<&Failure> for ProblemBody {
    fn from(failure: &Failure) -> Self {
        Self { code: failure.code.clone(), detail: failure.detail.clone() }
    }
}

/// An embedding of an image.
#[derive(Debug, Serialize)]
pub struct Embedding {
    /// The place of the model in the list of the first line.
    pub model: usize,
    /// The components as base64 of little-endian 32-bit floats.
    pub vector: String,
}

impl<'a> Line<'a> {
    /// Makes the first line.
    pub fn first(
        exported_at: String,
        images: Option<u64>,
        query: Option<&'a str>,
        filter: &'a Map<String, Value>,
        models: &'a [Value],
    ) -> Self {
        let program = env!("CARGO_PKG_VERSION");
        Self::Export { version: VERSION, exported_at, program, images, query, filter, models }
    }
}

/// The file while it is written. It gets its name when it is whole, so that the file of the last export stays until then.
#[derive(Debug)]
pub struct Document {
    file: BufWriter<File>,
    unfinished: PathBuf,
    path: PathBuf,
}

impl Document {
    /// Begins the file in a folder. Only one export at a time writes into a folder.
    ///
    /// # Errors
    /// When the file cannot be made, or another export writes it.
    pub fn begin(folder: &Path) -> Result<Self, ExportError> {
        let (path, unfinished) = (folder.join(FILE_NAME), folder.join(format!("{FILE_NAME}.part")));
        let open = || OpenOptions::new().write(true).create(true).truncate(false).open(&unfinished);
        let file = open().map_err(ExportError::at(&unfinished))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(ExportError::Locked(folder.to_owned())),
            // Some network file systems have no locks.
            Err(TryLockError::Error(error)) => log::debug!("{}: {error}", unfinished.display()),
        }
        file.set_len(0).map_err(ExportError::at(&unfinished))?;
        Ok(Self { file: BufWriter::new(file), unfinished, path })
    }

    /// Adds a line.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn add(&mut self, line: &Line<'_>) -> Result<(), ExportError> {
        let write = |file: &mut BufWriter<File>| {
            serde_json::to_writer(&mut *file, line).map_err(io::Error::from)?;
            file.write_all(b"\n")
        };
        write(&mut self.file).map_err(ExportError::at(&self.unfinished))
    }

    /// Ends the file, waits until it is on disk, and gives it its name. Returns its path.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn finish(mut self) -> Result<PathBuf, ExportError> {
        let write = |file: &mut BufWriter<File>| {
            file.flush()?;
            file.get_ref().sync_all()
        };
        write(&mut self.file).map_err(ExportError::at(&self.unfinished))?;
        fs::rename(&self.unfinished, &self.path).map_err(ExportError::at(&self.path))?;
        Ok(self.path)
    }
}
