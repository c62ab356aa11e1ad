//! Files that stay where they lie, below folders that a setting allows.

use std::fs::{self, File};
use std::io;
use std::ops::Range;
use std::path::{Component, Path, PathBuf};

use super::{FileState, FoundOriginal, HomeError, OriginalHome, OriginalKey, read_range, reading_failed, state_of};
use crate::Sha256;

/// The folders whose files may be registered where they lie.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LinkFolders(Vec<PathBuf>);

/// The reason why a file is not opened where it lies.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// No folder is allowed.
    #[error("no folder may be read where it lies")]
    NoFolders,
    /// The path does not lie below an allowed folder.
    #[error("no folder of linked pictures holds {0}")]
    Outside(String),
    /// The path leads through a symbolic link.
    #[error("{0} leads through a symbolic link")]
    Symlink(String),
    /// The path names something else than a file.
    #[error("{0} is not a regular file")]
    NotRegular(String),
    /// There is no such file in a folder that is there.
    #[error("{0} is not there")]
    Missing(String),
    /// The folder is not there or is empty, as a disk that is not mounted.
    #[error("the folder {0} is not there or is empty")]
    Away(String),
    /// The file cannot be read. The text is for the log.
    #[error("{0}")]
    Failed(String),
}

/// A file that was opened where it lies.
#[derive(Debug)]
pub struct OpenedLink {
    /// The open file.
    pub file: File,
    /// Its size and time.
    pub state: FileState,
}

impl LinkFolders {
    /// Allows the files below these folders.
    #[must_use]
    pub fn new(folders: &[PathBuf]) -> Self {
        Self(folders.to_vec())
    }

    /// Opens a regular file below an allowed folder by its canonical absolute path. This function alone decides which
    /// files the store reads where they lie.
    ///
    /// # Errors
    /// See [`LinkError`].
    pub fn open(&self, path: &Path) -> Result<OpenedLink, LinkError> {
        let (root, below) = self.place_of(path)?;
        let name = || path.display().to_string();
        let opened = open_below(&root, &below).and_then(|file| {
            let metadata = file.metadata()?;
            Ok((file, metadata))
        });
        match opened {
            Ok((_, metadata)) if !metadata.is_file() => Err(LinkError::NotRegular(name())),
            Ok((file, metadata)) => Ok(OpenedLink { file, state: state_of(&metadata) }),
            Err(error) => Err(refusal(&root, name(), &error)),
        }
    }

    /// Looks at a file as [`Self::open`] does.
    fn look(&self, path: &Path) -> Result<FileState, LinkError> {
        self.open(path).map(|opened| opened.state)
    }

    /// Returns the allowed folder of a path, and the path below it. A folder may itself be a link to another place.
    fn place_of(&self, path: &Path) -> Result<(PathBuf, PathBuf), LinkError> {
        if self.0.is_empty() {
            return Err(LinkError::NoFolders);
        }
        for folder in &self.0 {
            let root = fs::canonicalize(folder).unwrap_or_else(|_| folder.clone());
            if let Ok(below) = path.strip_prefix(&root)
                && below.components().next().is_some()
                && below.components().all(|part| matches!(part, Component::Normal(_)))
            {
                return Ok((root, below.to_owned()));
            }
        }
        Err(LinkError::Outside(path.display().to_string()))
    }
}

/// Says why a file below a folder does not open.
fn refusal(root: &Path, name: String, error: &io::Error) -> LinkError {
    if is_link_refused(error) {
        return LinkError::Symlink(name);
    }
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory if is_away(root) => {
            LinkError::Away(root.display().to_string())
        }
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => LinkError::Missing(name),
        _ => LinkError::Failed(format!("opening {name}: {error}")),
    }
}

/// Returns whether a folder is missing or empty, which an unmounted disk looks like.
fn is_away(root: &Path) -> bool {
    fs::read_dir(root).map_or(true, |mut entries| entries.next().is_none())
}

#[cfg(unix)]
fn is_link_refused(error: &io::Error) -> bool {
    use rustix::io::Errno;
    matches!(Errno::from_io_error(error), Some(Errno::LOOP | Errno::XDEV))
}

#[cfg(not(unix))]
fn is_link_refused(_error: &io::Error) -> bool {
    false
}

/// Opens a file below a folder without following any link on the way, and without waiting for what is no file.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn open_below(root: &Path, below: &Path) -> io::Result<File> {
    use rustix::fs::{Mode, OFlags, ResolveFlags, open, openat2};
    use rustix::io::Errno;
    let folder = open(root, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
    match openat2(&folder, below, flags, Mode::empty(), resolve) {
        // Kernels before 5.6, and sandboxes, do not know the call.
        Err(Errno::NOSYS | Errno::PERM) => open_checked(root, below),
        opened => Ok(File::from(opened?)),
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn open_below(root: &Path, below: &Path) -> io::Result<File> {
    open_checked(root, below)
}

/// Opens a file below a folder after a look for links on the way.
fn open_checked(root: &Path, below: &Path) -> io::Result<File> {
    let path = root.join(below);
    if fs::canonicalize(&path)? != path {
        return Err(link_refused());
    }
    let mut options = File::options();
    options.read(true);
    #[cfg(unix)]
    {
        use rustix::fs::OFlags;
        use std::os::unix::fs::OpenOptionsExt as _;
        let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
        options.custom_flags(i32::try_from(flags.bits()).unwrap_or_default());
    }
    options.open(path)
}

#[cfg(unix)]
fn link_refused() -> io::Error {
    rustix::io::Errno::LOOP.into()
}

#[cfg(not(unix))]
fn link_refused() -> io::Error {
    io::Error::other("a link leads out of the folder")
}

/// The home of the files that stay where they lie. It writes and removes nothing.
pub struct InPlace(LinkFolders);

impl InPlace {
    /// Makes the home of the files below these folders.
    #[must_use]
    pub fn new(folders: LinkFolders) -> Self {
        Self(folders)
    }

    /// Turns a refusal into what it says about the original that was registered there; `None` when it is not there any
    /// more.
    fn absence<T>(error: LinkError) -> Result<Option<T>, HomeError> {
        match error {
            // Another kind of file has taken the place of the one that was registered.
            LinkError::Missing(_) | LinkError::Symlink(_) | LinkError::NotRegular(_) => Ok(None),
            LinkError::Failed(reason) => Err(HomeError::Failed(reason)),
            away => Err(HomeError::Away(away.to_string())),
        }
    }
}

fn path_of<'a>(key: &OriginalKey<'a>) -> Result<&'a Path, HomeError> {
    key.path.map(Path::new).ok_or_else(|| HomeError::Failed("the path of a file in place is not known".to_owned()))
}

impl OriginalHome for InPlace {
    fn put(&self, _sha256: &Sha256, _bytes: &[u8]) -> Result<(), HomeError> {
        Err(HomeError::Failed("nothing is written where files lie in place".to_owned()))
    }

    fn read(&self, key: &OriginalKey<'_>, range: Range<u64>) -> Result<Option<Vec<u8>>, HomeError> {
        let path = path_of(key)?;
        match self.0.open(path) {
            Ok(mut opened) => match read_range(&mut opened.file, range) {
                Ok(bytes) => Ok(Some(bytes)),
                Err(error) => Err(reading_failed(format!("reading {}", path.display()), &error)),
            },
            Err(error) => Self::absence(error),
        }
    }

    fn look(&self, key: &OriginalKey<'_>) -> Result<Option<FileState>, HomeError> {
        self.0.look(path_of(key)?).map_or_else(Self::absence, |state| Ok(Some(state)))
    }

    fn remove(&self, _sha256: &Sha256) -> Result<(), HomeError> {
        Ok(())
    }

    fn list(&self, _prefix: u8) -> Result<Vec<FoundOriginal>, HomeError> {
        Ok(Vec::new())
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    /// A folder that may be read, with a file in it, and a folder beside it.
    fn folders() -> (tempfile::TempDir, PathBuf, LinkFolders) {
        let directory = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(directory.path()).unwrap().join("pictures");
        fs::create_dir_all(root.join("2024")).unwrap();
        fs::create_dir_all(root.with_file_name("secrets")).unwrap();
        fs::write(root.join("2024/a.png"), b"a").unwrap();
        fs::write(root.with_file_name("secrets").join("key"), b"secret").unwrap();
        let allowed = LinkFolders::new(std::slice::from_ref(&root));
        (directory, root, allowed)
    }

    #[test]
    fn a_path_outside_is_refused() {
        let (_directory, root, allowed) = folders();
        assert_eq!(allowed.open(&root.join("2024/a.png")).unwrap().state.bytes, 1);
        for path in [
            root.clone(),
            root.with_file_name("secrets").join("key"),
            root.join("../secrets/key"),
            PathBuf::from("2024/a.png"),
            PathBuf::from("/etc/passwd"),
        ] {
            assert!(matches!(allowed.open(&path), Err(LinkError::Outside(_))), "{}", path.display());
        }
        assert!(matches!(LinkFolders::default().open(&root.join("2024/a.png")), Err(LinkError::NoFolders)));
        assert!(matches!(allowed.open(&root.join("2024/b.png")), Err(LinkError::Missing(_))));
    }

    #[test]
    fn a_symlink_out_is_refused() {
        let (_directory, root, allowed) = folders();
        std::os::unix::fs::symlink(root.with_file_name("secrets"), root.join("out")).unwrap();
        std::os::unix::fs::symlink(root.with_file_name("secrets").join("key"), root.join("key.png")).unwrap();
        std::os::unix::fs::symlink(root.join("2024/a.png"), root.join("b.png")).unwrap();
        for below in ["out/key", "key.png", "b.png"] {
            let refused = allowed.open(&root.join(below));
            assert!(matches!(refused, Err(LinkError::Symlink(_))), "{below}: {refused:?}");
            assert!(open_checked(&root, Path::new(below)).is_err_and(|error| is_link_refused(&error)), "{below}");
        }
        // A folder that is itself a link is the operator's choice.
        let linked = root.with_file_name("linked");
        std::os::unix::fs::symlink(&root, &linked).unwrap();
        assert!(LinkFolders::new(&[linked]).open(&root.join("2024/a.png")).is_ok());
    }

    #[test]
    fn a_pipe_is_refused() {
        let (_directory, root, allowed) = folders();
        let made = std::process::Command::new("mkfifo").arg(root.join("pipe.png")).status().unwrap();
        assert!(made.success());
        assert!(matches!(allowed.open(&root.join("pipe.png")), Err(LinkError::NotRegular(_))));
        assert!(matches!(allowed.open(&root.join("2024")), Err(LinkError::NotRegular(_))));
    }

    #[test]
    fn an_unmounted_folder_is_away_and_not_missing() {
        let (_directory, root, allowed) = folders();
        let home = InPlace::new(allowed);
        let sha256 = Sha256::of(b"a");
        let path = root.join("2024/a.png").display().to_string();
        let key = OriginalKey { sha256: &sha256, bytes: 1, path: Some(&path) };
        assert_eq!(home.read(&key, 0..9).unwrap().unwrap(), b"a");
        fs::remove_file(root.join("2024/a.png")).unwrap();
        assert_eq!(home.read(&key, 0..9).unwrap(), None);
        assert_eq!(home.look(&key).unwrap(), None);
        fs::remove_dir(root.join("2024")).unwrap();
        assert!(matches!(home.read(&key, 0..9), Err(HomeError::Away(_))));
        fs::remove_dir(&root).unwrap();
        assert!(matches!(home.look(&key), Err(HomeError::Away(_))));
        assert_eq!(InPlace::new(LinkFolders::default()).remove(&sha256), Ok(()));
    }
}
