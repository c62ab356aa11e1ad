//! Reads a file once: is it a picture, what is its SHA-256, which caption goes with it.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use sha2::{Digest as _, Sha256};

use super::captions;
use super::scan::{Found, modified_ns};
use mitsuke_image::{FileType, ImageError, sniff};

/// Bytes read at a time. The first of them tell the type.
const CHUNK: usize = 256 << 10;

/// A picture that is ready to be sent. Its bytes stay on disk.
#[derive(Debug, Clone)]
pub struct Picture {
    /// The file, with size and time as they were when it was read.
    pub file: Found,
    /// SHA-256 of its bytes, hexadecimal.
    pub sha256: String,
    /// What its first bytes prove it to be.
    pub file_type: FileType,
    /// The caption that goes with it.
    pub caption: Option<String>,
}

/// What a look into a file gave.
#[derive(Debug)]
pub enum Prepared {
    /// A picture.
    Picture(Picture),
    /// Something else; the words say what.
    Other(&'static str),
    /// It cannot be used: problem code and reason.
    Failed(Found, &'static str, String),
}

/// Reads a file. `listed` is its caption from a table, which goes before one beside it.
#[must_use]
pub fn prepare(mut file: Found, listed: Option<String>) -> Prepared {
    match read(&file.path) {
        Err(error) => Prepared::Failed(file, "file_unreadable", error.to_string()),
        Ok(Look::Other(found)) => Prepared::Other(found),
        Ok(Look::Picture { file_type, sha256, bytes, modified_ns }) => {
            (file.bytes, file.modified_ns) = (bytes, modified_ns);
            match listed.map_or_else(|| captions::beside(&file.path), |caption| Ok(Some(caption))) {
                Ok(caption) => Prepared::Picture(Picture { file, sha256, file_type, caption }),
                Err(error) => Prepared::Failed(file, "caption_unreadable", error.to_string()),
            }
        }
    }
}

enum Look {
    Picture { file_type: FileType, sha256: String, bytes: u64, modified_ns: Option<i64> },
    Other(&'static str),
}

fn read(path: &Path) -> io::Result<Look> {
    let mut file = File::open(path)?;
    // Before the bytes: whoever changes them later also changes this.
    let modified_ns = modified_ns(&file.metadata()?);
    let mut chunk = vec![0; CHUNK];
    let mut filled = fill(&mut file, &mut chunk)?;
    let file_type = match sniff(&chunk[..filled]) {
        Ok(file_type) => file_type,
        Err(ImageError::UnsupportedType { found }) => return Ok(Look::Other(found)),
        Err(_) => return Ok(Look::Other("a file that is no known picture")),
    };
    let (mut hash, mut bytes) = (Sha256::new(), 0);
    while filled > 0 {
        hash.update(&chunk[..filled]);
        bytes += filled as u64;
        filled = fill(&mut file, &mut chunk)?;
    }
    let sha256 = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(Look::Picture { file_type, sha256, bytes, modified_ns })
}

/// Reads until the buffer is full or the file ends.
fn fill(source: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match source.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &Path) -> Found {
        Found { path: path.to_owned(), key: path.to_owned(), bytes: 0, modified_ns: None }
    }

    #[test]
    fn the_hash_is_that_of_all_bytes_also_of_a_file_larger_than_one_chunk() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.dat");
        let bytes = [b"\xFF\xD8\xFF".as_slice(), &vec![7; CHUNK * 2 + 5]].concat();
        std::fs::write(&path, &bytes).unwrap();
        let Prepared::Picture(picture) = prepare(found(&path), Some("海".into())) else { panic!("a picture") };
        let expected: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!((picture.sha256, picture.file_type), (expected, FileType::Jpeg));
        assert_eq!((picture.file.bytes, picture.caption.as_deref()), (bytes.len() as u64, Some("海")));
        assert!(picture.file.modified_ns.is_some());
    }

    #[test]
    fn what_is_no_picture_is_named_and_what_cannot_be_read_fails_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.jpg");
        std::fs::write(&path, "%PDF-1.7").unwrap();
        assert!(matches!(prepare(found(&path), None), Prepared::Other("a PDF document")));
        std::fs::remove_file(&path).unwrap();
        assert!(matches!(prepare(found(&path), None), Prepared::Failed(_, "file_unreadable", _)));
        std::fs::write(&path, b"GIF89a").unwrap();
        std::fs::write(folder.path().join("a.txt"), b"\x82\xa0").unwrap();
        assert!(matches!(prepare(found(&path), None), Prepared::Failed(_, "caption_unreadable", _)));
    }
}
