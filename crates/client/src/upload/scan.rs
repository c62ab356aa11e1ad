//! Lists the files below folders, always in the same order.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use walkdir::{DirEntry, WalkDir};

use super::captions::SIDECAR_EXTENSIONS;
use mitsuke_image::decode_text;

/// The largest number of characters of a path that a server takes.
const MAX_SOURCE_PATH_CHARS: usize = 1_000;

/// A file that may be a picture; its bytes have not been read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// The path as the user names it.
    pub path: PathBuf,
    /// The absolute path, which is the same in whatever folder the next run starts.
    pub absolute_path: PathBuf,
    /// The path in the folder that the user names, with `/` between its parts, for the server; `None` for a file that the
    /// user names itself, and for a path that is longer than a server takes.
    pub source_path: Option<String>,
    /// The size in bytes.
    pub bytes: u64,
    /// The time of the last change in nanoseconds since 1970; `None` where the file system does not record it.
    pub modified_ns: Option<i64>,
}

impl SourceFile {
    /// Returns the absolute path as text for the log, different for every file. A path that is not Unicode (a Shift_JIS
    /// name from an old archive) begins with `bytes:`, which no absolute path does, and has its other bytes as `\xNN`.
    #[must_use]
    pub fn log_path(&self) -> Cow<'_, str> {
        if let Some(text) = self.absolute_path.to_str() {
            return text.into();
        }
        let mut text = String::from("bytes:");
        for chunk in self.absolute_path.as_os_str().as_encoded_bytes().utf8_chunks() {
            text.push_str(&chunk.valid().replace('\\', r"\\"));
            text.extend(chunk.invalid().iter().map(|byte| format!("\\x{byte:02x}")));
        }
        text.into()
    }
}

/// The files below the folders.
#[derive(Debug, Default)]
pub struct Scan {
    /// The files in the order of their paths, each once.
    pub files: Vec<SourceFile>,
    /// The files and folders that cannot be read, with the reason.
    pub unreadable: Vec<(PathBuf, String)>,
    /// The number of hidden files and folders that were skipped.
    pub hidden: u64,
    /// The number of symbolic links that were skipped because they lead back to a folder above them.
    pub symlink_loops: u64,
}

/// The options of a scan.
#[derive(Debug, Clone, Default)]
pub struct ScanOptions {
    /// Whether hidden files and folders (`.name`) are listed too.
    pub hidden: bool,
    /// The files to leave out, such as the log of the upload itself.
    pub exclude: Vec<PathBuf>,
}

/// Lists all files below `roots`, each of which is a folder or a file. Symbolic links are followed. A file or folder
/// below a root that cannot be read is reported and does not stop the scan.
///
/// # Errors
/// When a root does not exist; the path in the error is that of the root.
pub fn scan(roots: &[PathBuf], options: &ScanOptions) -> Result<Scan, (PathBuf, io::Error)> {
    let mut scan = Scan::default();
    let exclude: HashSet<PathBuf> = options.exclude.iter().filter_map(|path| fs::canonicalize(path).ok()).collect();
    for root in roots {
        let absolute = fs::canonicalize(root).map_err(|error| (root.clone(), error))?;
        scan_root(root, &absolute, options.hidden, &mut scan);
    }
    scan.files.retain(|file| !exclude.contains(&file.absolute_path));
    scan.files.sort_by(|a, b| a.path.cmp(&b.path));
    let mut seen = HashSet::new();
    scan.files.retain(|file| seen.insert(file.absolute_path.clone()));
    drop_sidecars(&mut scan.files);
    Ok(scan)
}

fn scan_root(root: &Path, absolute: &Path, include_hidden: bool, scan: &mut Scan) {
    let mut hidden = 0;
    let entries = WalkDir::new(root).follow_links(true).into_iter().filter_entry(|entry| {
        let skip = !include_hidden && is_hidden(entry);
        hidden += u64::from(skip);
        !skip
    });
    for entry in entries {
        match entry {
            Ok(entry) if entry.file_type().is_file() => match entry.metadata() {
                Ok(metadata) => scan.files.push(source_file(root, absolute, entry.into_path(), &metadata)),
                Err(error) => scan.unreadable.push((entry.into_path(), error.to_string())),
            },
            // The iterator enters folders by itself; pipes, sockets and devices hold no picture and can block a reader.
            Ok(_) => {}
            Err(error) if error.loop_ancestor().is_some() => scan.symlink_loops += 1,
            Err(error) => {
                let path = error.path().unwrap_or(root).to_owned();
                let reason = error.io_error().map_or_else(|| error.to_string(), ToString::to_string);
                scan.unreadable.push((path, reason));
            }
        }
    }
    scan.hidden += hidden;
}

fn is_hidden(entry: &DirEntry) -> bool {
    entry.depth() > 0 && entry.file_name().as_encoded_bytes().starts_with(b".")
}

fn source_file(root: &Path, absolute: &Path, path: PathBuf, metadata: &Metadata) -> SourceFile {
    let below = path.strip_prefix(root).unwrap_or(&path);
    let absolute_path = if below.as_os_str().is_empty() { absolute.to_owned() } else { absolute.join(below) };
    let source_path = source_path(below);
    SourceFile { absolute_path, path, source_path, bytes: metadata.len(), modified_ns: modified_ns(metadata) }
}

/// Writes a path in a folder as a server takes it. Names that are not UTF-8 are read in the encoding that they seem to have.
fn source_path(below: &Path) -> Option<String> {
    let names: Vec<String> = below.iter().map(|name| decode_text(name.as_encoded_bytes())).collect();
    let path = names.join("/");
    (!path.is_empty() && path.chars().nth(MAX_SOURCE_PATH_CHARS).is_none()).then_some(path)
}

/// Returns the time of the last change in nanoseconds since 1970.
#[must_use]
pub fn modified_ns(metadata: &Metadata) -> Option<i64> {
    let since = metadata.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    i64::try_from(since.as_nanos()).ok()
}

/// Removes `a.txt` and `a.jpg.txt` where there is an `a.jpg`, because these files hold the caption of the picture; the
/// other extensions of such files likewise.
fn drop_sidecars(files: &mut Vec<SourceFile>) {
    let is_text = |path: &Path| {
        path.extension().is_some_and(|found| SIDECAR_EXTENSIONS.iter().any(|known| found.eq_ignore_ascii_case(known)))
    };
    let pictures: HashSet<PathBuf> = files
        .iter()
        .filter(|file| !is_text(&file.path))
        .flat_map(|file| [file.path.clone(), file.path.with_extension("")])
        .collect();
    files.retain(|file| !is_text(&file.path) || !pictures.contains(&file.path.with_extension("")));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(scan: &Scan, root: &Path) -> Vec<String> {
        let name = |file: &SourceFile| file.path.strip_prefix(root).unwrap().to_string_lossy().into_owned();
        scan.files.iter().map(name).collect()
    }

    fn tree(files: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, file).unwrap();
        }
        folder
    }

    #[test]
    fn files_are_sorted_and_listed_once_however_often_they_are_named() {
        let folder = tree(&["b/2.png", "b/1.png", "a.png", "海/猫.png"]);
        let root = folder.path().to_owned();
        let roots = [root.join("b"), root.clone(), root.join("a.png")];
        let scan = scan(&roots, &ScanOptions::default()).unwrap();
        assert_eq!(names(&scan, &root), ["a.png", "b/1.png", "b/2.png", "海/猫.png"]);
        let source_paths: Vec<_> = scan.files.iter().map(|file| file.source_path.as_deref()).collect();
        assert_eq!(source_paths, [Some("a.png"), Some("1.png"), Some("2.png"), Some("海/猫.png")]);
        assert_eq!(scan.files[0].bytes, 5);
        assert!(scan.files[0].modified_ns.is_some());
    }

    #[test]
    fn hidden_files_and_folders_are_skipped_unless_asked_for() {
        let folder = tree(&[".hidden/1.png", "2.png", ".3.png"]);
        let roots = [folder.path().to_owned()];
        let plain = scan(&roots, &ScanOptions::default()).unwrap();
        assert_eq!((names(&plain, folder.path()), plain.hidden), (vec!["2.png".to_owned()], 2));
        let all = scan(&roots, &ScanOptions { hidden: true, ..ScanOptions::default() }).unwrap();
        assert_eq!((all.files.len(), all.hidden), (3, 0));
    }

    #[test]
    fn captions_beside_a_picture_and_excluded_files_are_left_out() {
        let folder = tree(&["a.jpg", "a.txt", "b.jpg", "b.jpg.TXT", "b.caption", "notes.txt", "upload.jsonl"]);
        let options = ScanOptions { exclude: vec![folder.path().join("upload.jsonl")], ..ScanOptions::default() };
        let scan = scan(&[folder.path().to_owned()], &options).unwrap();
        assert_eq!(names(&scan, folder.path()), ["a.jpg", "b.jpg", "notes.txt"]);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn file_names_that_are_not_unicode_have_different_paths_in_the_log() {
        use std::os::unix::ffi::OsStrExt as _;
        let folder = tree(&["a.png", r"\x8c\xa2.png"]);
        // 犬, 赤 and 海 in Shift_JIS.
        for name in [b"\x8c\xa2.png".as_slice(), b"\x90\xd4.png", b"\x8a\x43.png"] {
            fs::write(folder.path().join(std::ffi::OsStr::from_bytes(name)), name).unwrap();
        }
        let scan = scan(&[folder.path().to_owned()], &ScanOptions::default()).unwrap();
        let mut paths: Vec<_> = scan.files.iter().map(SourceFile::log_path).collect();
        paths.sort_unstable();
        paths.dedup();
        assert_eq!(paths.len(), 5, "{paths:?}");
        let is_escaped = |path: &Cow<'_, str>| path.starts_with("bytes:/") && path.ends_with(r"/\x8c\xa2.png");
        assert!(paths.iter().any(is_escaped), "{paths:?}");
    }

    #[test]
    fn a_file_that_is_named_itself_is_in_no_folder() {
        let folder = tree(&["a.png"]);
        let scan = scan(&[folder.path().join("a.png")], &ScanOptions::default()).unwrap();
        assert_eq!(scan.files[0].source_path, None);
        assert_eq!(source_path(Path::new(&"x/".repeat(501))), None);
    }

    #[test]
    fn a_folder_that_is_not_there_is_an_error() {
        let (path, error) = scan(&[PathBuf::from("/no/such/folder")], &ScanOptions::default()).unwrap_err();
        assert_eq!((path.to_str(), error.kind()), (Some("/no/such/folder"), io::ErrorKind::NotFound));
    }

    #[cfg(unix)]
    #[test]
    fn links_are_followed_loops_are_skipped_and_a_dangling_link_is_reported() {
        use std::os::unix::fs::symlink;
        let (folder, elsewhere) = (tree(&["a/1.png"]), tree(&["2.png"]));
        symlink(folder.path(), folder.path().join("a/up")).unwrap();
        symlink(elsewhere.path(), folder.path().join("b")).unwrap();
        symlink("nowhere", folder.path().join("c.png")).unwrap();
        let scan = scan(&[folder.path().to_owned()], &ScanOptions::default()).unwrap();
        assert_eq!(names(&scan, folder.path()), ["a/1.png", "b/2.png"]);
        assert_eq!((scan.symlink_loops, scan.unreadable.len()), (1, 1));
        assert!(scan.unreadable[0].0.ends_with("c.png"));
    }
}
