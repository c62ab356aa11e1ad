//! The folder to import: pictures, or an export.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};

use mitsuke_client::upload::scan::{Scan, ScanOptions, SourceFile, scan};

use super::error::ImportError;
use super::lines::{self, FILE_NAME, Header, ImageLine, Lines, Next};

/// A folder to import.
#[derive(Debug)]
pub enum Source {
    /// The output of `mitsuke export`.
    Export(Export),
    /// Pictures.
    Plain(Plain),
}

/// The output of `mitsuke export`.
#[derive(Debug)]
pub struct Export {
    /// The folder.
    pub folder: PathBuf,
    /// The first line.
    pub header: Header,
    pub(super) lines: Lines,
    /// Whether it has been told that the last line is missing.
    is_end_told: bool,
}

/// A folder of pictures.
#[derive(Debug)]
pub struct Plain {
    pub(super) files: VecDeque<SourceFile>,
    /// The files and folders that cannot be read, with the reason.
    pub unreadable: Vec<(PathBuf, String)>,
}

impl Source {
    /// Opens a folder. `exclude` is the log of the import.
    ///
    /// # Errors
    /// When the folder or its export cannot be read.
    pub fn open(folder: &Path, hidden: bool, exclude: Option<&Path>) -> Result<Self, ImportError> {
        if folder.join(FILE_NAME).is_file() {
            let (header, lines) = Lines::open(folder)?;
            return Ok(Self::Export(Export { folder: folder.to_owned(), header, lines, is_end_told: false }));
        }
        let options = ScanOptions { hidden, exclude: exclude.map(Path::to_owned).into_iter().collect() };
        let scanned = scan(&[folder.to_owned()], &options);
        let Scan { files, unreadable, .. } = scanned.map_err(|(path, cause)| ImportError::at(&path)(cause))?;
        Ok(Self::Plain(Plain { files: files.into(), unreadable }))
    }

    /// Returns the number of pictures, as far as it is known without reading them.
    ///
    /// # Errors
    /// When the export cannot be read.
    pub fn total(&self) -> Result<u64, ImportError> {
        match self {
            Self::Export(Export { header: Header { images: Some(images), .. }, .. }) => Ok(*images),
            Self::Export(export) => {
                let lines = lines::count_lines(&export.folder);
                // The first line and the last are no pictures.
                Ok(lines.map_err(ImportError::at(&export.folder.join(FILE_NAME)))?.saturating_sub(2))
            }
            Self::Plain(plain) => Ok(plain.files.len() as u64),
        }
    }

    /// Takes the next pictures, at most `limit`; an empty list at the end.
    ///
    /// # Errors
    /// When the export cannot be read.
    pub(super) fn take(&mut self, limit: usize) -> Result<Vec<Item>, ImportError> {
        let mut items = Vec::with_capacity(limit);
        match self {
            Self::Export(export) => {
                while items.len() < limit {
                    match export.lines.next()? {
                        Next::Image(line) => items.push(Item::Line(line)),
                        Next::Broken(number, reason) => items.push(Item::BrokenLine(number, reason)),
                        Next::End(is_whole) => {
                            if !is_whole && !export.is_end_told {
                                items.push(Item::CutOff);
                            }
                            export.is_end_told = true;
                            break;
                        }
                    }
                }
            }
            Self::Plain(plain) => {
                for _ in 0..limit.min(plain.files.len()) {
                    items.extend(plain.files.pop_front().map(Item::File));
                }
            }
        }
        Ok(items)
    }
}

/// Something to import.
#[derive(Debug)]
pub enum Item {
    /// A file of a plain folder.
    File(SourceFile),
    /// A line of an export.
    Line(Box<ImageLine>),
    /// A line that cannot be read: its number and the reason.
    BrokenLine(u64, String),
    /// The export lacks its last line.
    CutOff,
}
