//! The lines of an export: `mitsuke-export.jsonl`, version 1.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mitsuke_engine::models::ModelKey;
use mitsuke_store::UnitVector;
use serde::Deserialize;
use serde_json::Value;
use time::OffsetDateTime;

use super::error::ImportError;

/// The name of the file.
pub const FILE_NAME: &str = "mitsuke-export.jsonl";

/// The version of the format that this program reads.
const VERSION: u64 = 1;

/// The largest number of bytes of a line.
const MAX_LINE_BYTES: u64 = 256 << 20;

/// A model whose embeddings the lines have.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ExportedModel {
    /// The name.
    pub model_name: String,
    /// The version.
    pub model_version: String,
    /// The number of components of an embedding.
    pub vector_dimension: usize,
    /// Whether it was the current model of the store.
    #[serde(default)]
    pub is_current: bool,
}

impl ExportedModel {
    /// Returns the name and version.
    pub fn key(&self) -> ModelKey {
        ModelKey { name: self.model_name.clone(), version: self.model_version.clone() }
    }
}

/// The first line.
#[derive(Debug, Clone, Deserialize)]
pub struct Header {
    /// The number of images at the beginning of the export; `None` where it was not known exactly.
    #[serde(default)]
    pub images: Option<u64>,
    /// The models whose embeddings the lines have.
    #[serde(default)]
    pub models: Vec<ExportedModel>,
}

/// The line of an image.
#[derive(Debug, Clone, Deserialize)]
pub struct ImageLine {
    /// The path of the original below the folder; `None` without one.
    pub file: Option<String>,
    /// The reason why the original is missing.
    #[serde(default)]
    pub problem: Option<Problem>,
    pub file_name: String,
    pub file_type: String,
    /// The size of the original in bytes.
    pub bytes: u64,
    pub width: u32,
    pub height: u32,
    pub sha256: String,
    #[serde(with = "time::serde::rfc3339")]
    pub uploaded_at: OffsetDateTime,
    #[serde(default)]
    pub taken_at: Option<String>,
    #[serde(default)]
    pub camera: Option<String>,
    #[serde(default)]
    pub source_path: Option<String>,
    #[serde(default)]
    pub generation_prompt: Option<String>,
    #[serde(default)]
    pub caption: Option<String>,
    #[serde(default)]
    pub tags: Vec<String>,
    #[serde(default)]
    pub embeddings: Vec<Embedding>,
}

impl ImageLine {
    /// Returns a name of the image for the person at the terminal.
    pub fn name(&self) -> &str {
        self.file.as_deref().or(self.source_path.as_deref()).unwrap_or(&self.file_name)
    }
}

/// The reason why an original is missing.
#[derive(Debug, Clone, Deserialize)]
pub struct Problem {
    #[serde(default)]
    pub detail: String,
}

/// An embedding of an image.
#[derive(Debug, Clone, Deserialize)]
pub struct Embedding {
    /// The place of the model in the list of the first line.
    pub model: usize,
    /// The components as base64 of little-endian 32-bit floats.
    vector: String,
}

impl Embedding {
    /// Reads the vector, which has to have `dimension` components.
    ///
    /// # Errors
    /// The fault, in words that follow the name of the file.
    pub fn vector(&self, dimension: usize) -> Result<UnitVector, String> {
        let bytes = STANDARD.decode(&self.vector).map_err(|error| format!("an embedding is no base64: {error}"))?;
        let vector = UnitVector::from_le_bytes(&bytes).map_err(|error| format!("an embedding is none: {error}"))?;
        if vector.dimension() == dimension {
            Ok(vector)
        } else {
            Err(format!("an embedding has {} components, and its model {dimension}", vector.dimension()))
        }
    }
}

/// The next thing in an export.
#[derive(Debug)]
pub enum Next {
    /// The line of an image.
    Image(Box<ImageLine>),
    /// A line that cannot be read: its number and the fault.
    Broken(u64, String),
    /// The end; false when the line is missing that a finished export ends with.
    End(bool),
}

/// The lines of an export after the first.
#[derive(Debug)]
pub struct Lines {
    file: BufReader<File>,
    path: PathBuf,
    number: u64,
    is_whole: bool,
}

impl Lines {
    /// Opens the export in a folder and reads its first line.
    ///
    /// # Errors
    /// When the file cannot be read, does not begin as an export does, or is of a newer version.
    pub fn open(folder: &Path) -> Result<(Header, Self), ImportError> {
        let path = folder.join(FILE_NAME);
        let file = File::open(&path).map_err(ImportError::at(&path))?;
        let mut lines = Self { file: BufReader::with_capacity(1 << 20, file), path, number: 0, is_whole: false };
        let first = lines.read()?.unwrap_or_default();
        let none = |reason: String| ImportError::NoExport { path: lines.path.clone(), reason };
        let value: Value = serde_json::from_slice(&first).map_err(|error| none(error.to_string()))?;
        if value["kind"] != "export" {
            return Err(none("its first line is not of kind `export`".to_owned()));
        }
        match value["version"].as_u64() {
            Some(found) if found > VERSION => return Err(ImportError::NewerExport { found, known: VERSION }),
            Some(_) => {}
            None => return Err(none("its first line names no version".to_owned())),
        }
        let header = Header::deserialize(value).map_err(|error| none(error.to_string()))?;
        Ok((header, lines))
    }

    /// Reads the next line that this program knows. Lines of other kinds are passed over.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn next(&mut self) -> Result<Next, ImportError> {
        #[derive(Deserialize)]
        #[serde(tag = "kind", rename_all = "lowercase")]
        enum Line {
            Image(Box<ImageLine>),
            End,
            #[serde(other)]
            Other,
        }
        loop {
            let Some(line) = self.read()? else { return Ok(Next::End(self.is_whole)) };
            if line.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            match serde_json::from_slice(&line) {
                Ok(Line::Image(image)) => return Ok(Next::Image(image)),
                Ok(Line::End) => self.is_whole = true,
                Ok(Line::Other) => {}
                Err(error) => return Ok(Next::Broken(self.number, error.to_string())),
            }
        }
    }

    /// Reads a line; `None` at the end.
    fn read(&mut self) -> Result<Option<Vec<u8>>, ImportError> {
        let mut line = Vec::new();
        let read = (&mut self.file).take(MAX_LINE_BYTES).read_until(b'\n', &mut line);
        read.map_err(ImportError::at(&self.path))?;
        self.number += 1;
        if line.len() as u64 == MAX_LINE_BYTES && line.last() != Some(&b'\n') {
            let cause = io::Error::new(io::ErrorKind::InvalidData, format!("line {} is too long", self.number));
            return Err(ImportError::at(&self.path)(cause));
        }
        Ok((!line.is_empty()).then_some(line))
    }
}

/// Counts the lines of a file.
///
/// # Errors
/// When the file cannot be read.
pub fn count_lines(folder: &Path) -> io::Result<u64> {
    let mut file = BufReader::with_capacity(1 << 20, File::open(folder.join(FILE_NAME))?);
    let mut lines = 0;
    loop {
        let part = file.fill_buf()?;
        if part.is_empty() {
            return Ok(lines);
        }
        lines += part.iter().filter(|byte| **byte == b'\n').count() as u64;
        let length = part.len();
        file.consume(length);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn export(text: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(FILE_NAME), text).unwrap();
        folder
    }

    #[test]
    fn lines_are_read_in_their_order_and_broken_ones_are_named() {
        let image = r#"{"kind":"image","file":"pictures/a.png","file_name":"a.png","file_type":"image/png","bytes":9,"width":2,"height":3,"sha256":"00","uploaded_at":"2026-01-02T03:04:05.678901Z","tags":["海"],"embeddings":[{"model":0,"vector":"AACAPwAAAAA="}],"more":1}"#;
        let folder = export(&format!(
            "{{\"kind\":\"export\",\"version\":1,\"images\":1,\"models\":[{{\"model_name\":\"a\",\"model_version\":\"1\",\"vector_dimension\":2}}],\"new\":0}}\n{image}\n{{\"kind\":\"image\"}}\n{{\"kind\":\"later\"}}\n\n{{\"kind\":\"end\",\"images\":1}}\n"
        ));
        let (header, mut lines) = Lines::open(folder.path()).unwrap();
        assert_eq!(
            (header.images, header.models[0].vector_dimension, header.models[0].is_current),
            (Some(1), 2, false)
        );
        let Next::Image(line) = lines.next().unwrap() else { panic!("an image") };
        assert_eq!((line.name(), &line.tags[0][..], line.uploaded_at.microsecond()), ("pictures/a.png", "海", 678_901));
        assert_eq!(line.embeddings[0].vector(2).unwrap(), UnitVector::normalize(vec![1.0, 0.0]).unwrap());
        assert!(line.embeddings[0].vector(3).unwrap_err().contains("2 components"));
        let Next::Broken(number, reason) = lines.next().unwrap() else { panic!("a broken line") };
        assert!(number == 3 && reason.contains("missing field"), "{number} {reason}");
        assert!(matches!(lines.next().unwrap(), Next::End(true)));
        assert_eq!(count_lines(folder.path()).unwrap(), 6);
    }

    #[test]
    fn other_files_and_newer_versions_are_refused() {
        for (text, reason) in [
            ("", "does not begin"),
            ("a picture", "does not begin"),
            ("{\"kind\":\"image\"}\n", "not of kind `export`"),
            ("{\"kind\":\"export\"}\n", "no version"),
            ("{\"kind\":\"export\",\"version\":2}\n", "use a newer program"),
        ] {
            let error = Lines::open(export(text).path()).unwrap_err().to_string();
            assert!(error.contains(reason), "{text}: {error}");
        }
        let (_, mut lines) = Lines::open(export("{\"kind\":\"export\",\"version\":1}\n").path()).unwrap();
        assert!(matches!(lines.next().unwrap(), Next::End(false)), "a cut off export is not whole");
    }
}
