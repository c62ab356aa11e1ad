//! The files of an export on disk. An export may come from anybody, so that no path of it leads out of its folder.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Component, Path, PathBuf};

use bytes::Bytes;
use mitsuke_store::Sha256;

use super::report::LeftOut;

/// Returns the path of a file that a line names.
///
/// # Errors
/// When the path leads out of the folder, or there is no such file.
pub fn locate(folder: &Path, file: &str) -> Result<PathBuf, LeftOut> {
    let below = Path::new(file);
    let is_plain = below.components().all(|part| matches!(part, Component::Normal(_)));
    if file.is_empty() || !is_plain {
        return Err(LeftOut::new("path_refused", "its path leads out of the folder of the export"));
    }
    let unreadable = |error: std::io::Error| LeftOut::new("file_unreadable", &error.to_string());
    let path = fs::canonicalize(folder.join(below)).map_err(unreadable)?;
    let folder = fs::canonicalize(folder).map_err(unreadable)?;
    if !path.starts_with(&folder) {
        return Err(LeftOut::new("path_refused", "it is a link that leads out of the folder of the export"));
    }
    if !path.is_file() {
        return Err(LeftOut::new("file_unreadable", "it is no file"));
    }
    Ok(path)
}

/// Reads a file of at most `max_bytes`.
///
/// # Errors
/// When the file cannot be read or is larger.
pub fn read(path: &Path, max_bytes: usize) -> Result<Bytes, LeftOut> {
    let unreadable = |error: std::io::Error| LeftOut::new("file_unreadable", &error.to_string());
    let file = File::open(path).map_err(unreadable)?;
    let size = file.metadata().map_err(unreadable)?.len();
    let too_large =
        || LeftOut::new("file_too_large", &format!("it has more than {max_bytes} bytes (MITSUKE_MAX_FILE_BYTES)"));
    if size > max_bytes as u64 {
        return Err(too_large());
    }
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or_default() + 1);
    file.take(max_bytes as u64 + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() > max_bytes { Err(too_large()) } else { Ok(bytes.into()) }
}

/// Reads a file as [`read`] does, and compares it with its hash.
///
/// # Errors
/// The errors of [`read`], and a file with another hash.
pub fn read_verified(path: &Path, sha256: &Sha256, max_bytes: usize) -> Result<Bytes, LeftOut> {
    let bytes = read(path, max_bytes)?;
    if Sha256::of(&bytes) == *sha256 {
        Ok(bytes)
    } else {
        Err(LeftOut::new("bytes_differ", "it is not the file that was exported; export the collection again"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_path_leads_out_of_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("pictures")).unwrap();
        fs::write(folder.path().join("pictures/a.png"), b"a").unwrap();
        assert!(locate(folder.path(), "pictures/a.png").is_ok());
        for path in ["", "../a.png", "/etc/passwd", "pictures/../../x", "pictures", "pictures/none.png"] {
            assert!(locate(folder.path(), path).is_err(), "{path}");
        }
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink("/etc/passwd", folder.path().join("pictures/link.png")).unwrap();
            assert_eq!(locate(folder.path(), "pictures/link.png").unwrap_err().code, "path_refused");
        }
    }

    #[test]
    fn a_large_file_and_a_changed_one_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        fs::write(&path, b"12345").unwrap();
        assert_eq!(read(&path, 5).unwrap().as_ref(), b"12345");
        assert_eq!(read(&path, 4).unwrap_err().code, "file_too_large");
        assert!(read_verified(&path, &Sha256::of(b"12345"), 5).is_ok());
        assert_eq!(read_verified(&path, &Sha256::of(b"12346"), 5).unwrap_err().code, "bytes_differ");
    }
}
