//! Files and folders that only their owner may read, written so that a power cut leaves the old or the new one.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use crate::{BackupError, Hasher, Sha256};

/// A file or folder cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[error("{doing}: {cause}")]
pub(crate) struct FileError {
    /// The operation and the file.
    pub(crate) doing: String,
    /// The error of the operating system.
    pub(crate) cause: io::Error,
}

impl FileError {
    /// Makes an error of a file operation; `doing` says which operation.
    pub(crate) fn of(doing: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let doing = doing.into();
        move |cause| Self { doing, cause }
    }

    /// Returns whether there was no room for what was to be written.
    pub(crate) fn is_full(&self) -> bool {
        use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
        matches!(self.cause.kind(), StorageFull | QuotaExceeded | FileTooLarge)
    }
}

impl From<FileError> for BackupError {
    fn from(FileError { doing, cause }: FileError) -> Self {
        Self::File { doing, cause }
    }
}

/// The end of the name of a file or folder that is not finished.
pub(crate) const PARTIAL: &str = ".partial";

/// Makes a folder and those above it, for their owner alone. A folder that exists stays as it is.
pub(crate) fn make_folder(folder: &Path) -> Result<(), FileError> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).map_err(FileError::of(format!("making {}", folder.display())))
}

/// Opens a file to be written, for its owner alone, and empties one that is there.
pub(crate) fn create_file(path: &Path) -> Result<File, FileError> {
    let mut options = File::options();
    options.create(true).write(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map_err(FileError::of(format!("making {}", path.display())))
}

/// Writes a whole file under another name first, so that no part of it is ever seen under its own name.
pub(crate) fn write_file(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let partial = partial_of(path);
    let mut file = create_file(&partial)?;
    file.write_all(bytes)
        .and_then(|()| file.sync_all())
        .map_err(FileError::of(format!("writing {}", partial.display())))?;
    rename(&partial, path)
}

/// Returns the name that a file or folder has until it is finished.
pub(crate) fn partial_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(PARTIAL);
    name.into()
}

/// Gives a file or folder another name in the same folder, and makes that last.
pub(crate) fn rename(from: &Path, to: &Path) -> Result<(), FileError> {
    fs::rename(from, to).map_err(FileError::of(format!("renaming {} to {}", from.display(), to.display())))?;
    to.parent().map_or(Ok(()), sync_folder)
}

/// Makes the names in a folder last. File systems that do not know this are left alone.
pub(crate) fn sync_folder(folder: &Path) -> Result<(), FileError> {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let Ok(opened) = File::open(folder) else { return Ok(()) };
    match opened.sync_all() {
        Err(error) if !matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported) => {
            Err(FileError::of(format!("writing {}", folder.display()))(error))
        }
        _ => Ok(()),
    }
}

/// Makes the bytes of a file last that another part of the program has written.
pub(crate) fn sync_file(path: &Path) -> Result<(), FileError> {
    let synced = File::options().write(true).open(path).and_then(|file| file.sync_all());
    synced.map_err(FileError::of(format!("writing {}", path.display())))
}

/// Computes the hash of a file.
pub(crate) fn hash_file(path: &Path) -> Result<Sha256, FileError> {
    let read = || -> io::Result<Sha256> {
        let (mut file, mut hasher, mut piece) = (File::open(path)?, Hasher::default(), vec![0; 1 << 20]);
        loop {
            match file.read(&mut piece)? {
                0 => return Ok(hasher.finish()),
                read => hasher.update(&piece[..read]),
            }
        }
    };
    read().map_err(FileError::of(format!("reading {}", path.display())))
}

/// Leaves a file to its owner alone. A file system without modes is no reason to stop.
pub(crate) fn make_private(path: &Path) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        _ = fs::set_permissions(path, fs::Permissions::from_mode(0o600));
    }
    #[cfg(not(unix))]
    let _ = path;
}

/// Deletes a file or folder if it is there.
pub(crate) fn remove(path: &Path) -> Result<(), FileError> {
    let removed = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(FileError::of(format!("removing {}", path.display()))(error))
        }
        _ => Ok(()),
    }
}
