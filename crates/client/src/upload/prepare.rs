//! Reads a file once, for its type, its SHA-256, and the caption that belongs to it.

use std::fs::File;
use std::io;
use std::path::Path;

use super::captions;
use super::scan::{SourceFile, modified_ns};
use crate::hash::{CHUNK_BYTES, fill, hash};
use mitsuke_image::{FileType, ImageError, OtherContent, sniff};

/// A picture that is ready to be sent. The bytes of the picture stay on disk.
#[derive(Debug, Clone)]
pub struct Picture {
    /// The file, with its size and time of change at the time of reading.
    pub file: SourceFile,
    /// The SHA-256 of the bytes, hexadecimal.
    pub sha256: String,
    /// The type that the first bytes show.
    pub file_type: FileType,
    /// The caption that belongs to the picture.
    pub caption: Option<String>,
    /// The reason why the caption beside the picture cannot be used, for the user.
    pub unusable_caption: Option<String>,
}

/// The result of reading a file.
#[derive(Debug)]
pub enum Prepared {
    /// A picture.
    Picture(Picture),
    /// The file holds something else.
    NotPicture {
        /// The file.
        file: SourceFile,
        /// The kind of content.
        found: OtherContent,
    },
    /// The file cannot be read.
    Failed {
        /// The file.
        file: SourceFile,
        /// A code for the summary and the log.
        code: &'static str,
        /// The reason, for the user.
        detail: String,
    },
}

/// Reads a file. `listed` is the caption of the file in the table, which takes precedence over a text file beside it.
#[must_use]
pub fn prepare(mut file: SourceFile, listed: Option<String>) -> Prepared {
    match read(&file.path) {
        Err(error) => Prepared::Failed { file, code: "file_unreadable", detail: error.to_string() },
        Ok(Contents::NotPicture(found)) => Prepared::NotPicture { file, found },
        Ok(Contents::Picture { file_type, sha256, bytes, modified_ns }) => {
            (file.bytes, file.modified_ns) = (bytes, modified_ns);
            // A text that cannot be read does not cost the picture.
            let (caption, unusable_caption) = match listed {
                Some(caption) => (Some(caption), None),
                None => match captions::sidecar_caption(&file.path) {
                    Ok(caption) => (caption, None),
                    Err(error) => (None, Some(error.to_string())),
                },
            };
            Prepared::Picture(Picture { file, sha256, file_type, caption, unusable_caption })
        }
    }
}

enum Contents {
    Picture { file_type: FileType, sha256: String, bytes: u64, modified_ns: Option<i64> },
    NotPicture(OtherContent),
}

fn read(path: &Path) -> io::Result<Contents> {
    let mut file = File::open(path)?;
    // The time is read before the bytes: a change of the bytes from here on also changes the time.
    let modified_ns = modified_ns(&file.metadata()?);
    // The first chunk is more than enough to find the file type.
    let mut chunk = vec![0; CHUNK_BYTES];
    let filled = fill(&mut file, &mut chunk)?;
    let file_type = match sniff(&chunk[..filled]) {
        Ok(file_type) => file_type,
        Err(ImageError::UnsupportedType { found }) => return Ok(Contents::NotPicture(found)),
        Err(_) => return Ok(Contents::NotPicture(OtherContent::Unknown)),
    };
    let (sha256, bytes) = hash(&chunk[..filled], &mut file)?;
    Ok(Contents::Picture { file_type, sha256, bytes, modified_ns })
}

#[cfg(test)]
mod tests {
    use sha2::{Digest as _, Sha256};

    use super::*;
    use crate::hash::hex;

    fn source_file(path: &Path) -> SourceFile {
        SourceFile {
            path: path.to_owned(),
            absolute_path: path.to_owned(),
            source_path: None,
            bytes: 0,
            modified_ns: None,
        }
    }

    #[test]
    fn a_picture_is_hashed_whole_and_known_by_its_type() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.dat");
        let bytes = [b"\xFF\xD8\xFF".as_slice(), &vec![7; CHUNK_BYTES * 2 + 5]].concat();
        std::fs::write(&path, &bytes).unwrap();
        let Prepared::Picture(picture) = prepare(source_file(&path), Some("海".into())) else { panic!("a picture") };
        assert_eq!((picture.sha256, picture.file_type), (hex(&Sha256::digest(&bytes)), FileType::Jpeg));
        assert_eq!((picture.file.bytes, picture.caption.as_deref()), (bytes.len() as u64, Some("海")));
        assert!(picture.file.modified_ns.is_some());
    }

    #[test]
    fn a_file_that_is_not_a_picture_is_named_and_one_that_cannot_be_read_fails() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.jpg");
        std::fs::write(&path, "%PDF-1.7").unwrap();
        let prepared = prepare(source_file(&path), None);
        assert!(matches!(prepared, Prepared::NotPicture { found: OtherContent::Pdf, .. }));
        std::fs::remove_file(&path).unwrap();
        assert!(matches!(prepare(source_file(&path), None), Prepared::Failed { code: "file_unreadable", .. }));
    }

    #[test]
    fn a_caption_that_cannot_be_read_does_not_cost_the_picture() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.gif");
        std::fs::write(&path, b"GIF89a").unwrap();
        std::fs::write(folder.path().join("a.txt"), b"a\x01b").unwrap();
        let Prepared::Picture(picture) = prepare(source_file(&path), None) else { panic!("a picture") };
        assert_eq!(picture.caption, None);
        assert!(picture.unusable_caption.unwrap().contains("a.txt is no text file"));
    }
}
