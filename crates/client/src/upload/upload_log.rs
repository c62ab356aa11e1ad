//! The log of uploads: JSON Lines, one for each file that was stored, failed or is no picture. Lines are only added, and the next
//! run with the same log skips the files that are finished.

use std::collections::{HashMap, HashSet};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::scan::SourceFile;
use crate::hash::hex;

/// The result for a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// The file was stored as a new image.
    Created,
    /// The server had the bytes already.
    Known,
    /// The file was not stored; `code` has the reason. The next run tries again.
    Failed,
    /// The file is no picture; `code` has the kind of its content. The next run looks at it again, because a newer
    /// version may read more kinds.
    Skipped,
}

/// One line of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The absolute path of the file, as [`SourceFile::log_path`] writes it.
    pub path: String,
    /// The SHA-256 of the file's bytes, hexadecimal; null when the file could not be read or is no picture.
    pub sha256: Option<String>,
    /// The result.
    pub status: Status,
    /// The id of the image, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_id: Option<i64>,
    /// The problem code of a failure, or the kind of content of a file that is no picture.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// A sentence about the file that is not stored, for the user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The size of the file in bytes when it was read.
    pub bytes: u64,
    /// The time of the file's last change when it was read, in nanoseconds since 1970.
    pub modified_ns: Option<i64>,
    /// The [`caption_fingerprint`] of the caption that the image got.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub caption: Option<String>,
    /// The address of the server that the file was sent to.
    pub server: String,
}

/// Returns the first 8 bytes of a caption's SHA-256, hexadecimal, which tell captions apart in the log without
/// repeating them.
#[must_use]
pub fn caption_fingerprint(caption: &str) -> String {
    hex(&Sha256::digest(caption)[..8])
}

/// The reason why a log cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The log cannot be opened, read or written.
    #[error("the log {} cannot be used: {cause}. Name another with --log, or do without: --no-log", path.display())]
    Io {
        /// The log.
        path: PathBuf,
        /// The error of the system.
        cause: io::Error,
    },
    /// Another run is writing the log.
    #[error("another `mitsuke upload` or `mitsuke watch` is writing the log {}. Wait for it, or name another with --log", .0.display())]
    Locked(PathBuf),
    /// The file is not a log.
    #[error("{} is not a log of `mitsuke upload` and was left unchanged. Name another with --log", .0.display())]
    Foreign(PathBuf),
}

/// The entries that earlier runs wrote for one server, by the path of the file; the last entry of a file counts.
#[derive(Debug, Default)]
pub struct PreviousRuns(HashMap<String, Entry>);

impl PreviousRuns {
    /// Returns the entry of a file that is finished and has not changed since; `None` for any other file.
    #[must_use]
    pub fn finished(&self, file: &SourceFile) -> Option<&Entry> {
        self.0.get(file.log_path().as_ref()).filter(|entry| {
            matches!(entry.status, Status::Created | Status::Known)
                && entry.bytes == file.bytes
                && entry.modified_ns.is_some()
                && entry.modified_ns == file.modified_ns
        })
    }

    /// Returns whether an earlier run has noted that a file is no picture, as `entry` does, so that no line is added for
    /// it again.
    #[must_use]
    pub fn has_skipped(&self, entry: &Entry) -> bool {
        let is_noted = |before: &Entry| before.status == Status::Skipped && before.code == entry.code;
        entry.status == Status::Skipped && self.0.get(&entry.path).is_some_and(is_noted)
    }

    /// Returns the SHA-256 hashes of the finished files, each once.
    #[must_use]
    pub fn finished_hashes(&self, files: &[SourceFile]) -> Vec<String> {
        let finished = files.iter().filter_map(|file| self.finished(file));
        let hashes: HashSet<&String> = finished.filter_map(|entry| entry.sha256.as_ref()).collect();
        hashes.into_iter().cloned().collect()
    }

    /// Removes the entries with these hashes, so that their files are uploaded again.
    pub fn forget(&mut self, sha256: &HashSet<String>) {
        self.0.retain(|_, entry| entry.sha256.as_ref().is_none_or(|hash| !sha256.contains(hash)));
    }
}

/// A log that is open for writing. A thread of its own writes and syncs the file.
#[derive(Debug)]
pub struct UploadLog {
    lines: Sender<String>,
    writer: JoinHandle<io::Result<()>>,
}

impl UploadLog {
    /// Opens or creates a log and reads the entries that earlier runs wrote for `server`. A line that a crash cut off
    /// is skipped, so that its file is uploaded again.
    ///
    /// # Errors
    /// See [`LogError`].
    pub fn open(path: &Path, server: &str) -> Result<(Self, PreviousRuns), LogError> {
        let io_error = |cause| LogError::Io { path: path.to_owned(), cause };
        let mut file = OpenOptions::new().read(true).append(true).create(true).open(path).map_err(io_error)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(LogError::Locked(path.to_owned())),
            // Some network file systems have no locks. A log that two runs write stays readable nevertheless.
            Err(TryLockError::Error(error)) => log::debug!("{}: {error}", path.display()),
        }
        let previous = read(&mut file, server).map_err(io_error)?;
        let previous = previous.ok_or_else(|| LogError::Foreign(path.to_owned()))?;
        let (lines, receiver) = mpsc::channel();
        let writer = std::thread::Builder::new().name("upload-log".into()).spawn(move || write(file, &receiver));
        Ok((Self { lines, writer: writer.map_err(io_error)? }, previous))
    }

    /// Adds an entry and returns at once; [`UploadLog::close`] reports an error of writing.
    pub fn add(&self, entry: &Entry) {
        if let Ok(line) = serde_json::to_string(entry) {
            // Sending fails when the writer ended with an error, which `close` reports.
            drop(self.lines.send(line + "\n"));
        }
    }

    /// Waits until every line is on disk.
    ///
    /// # Errors
    /// When lines could not be written.
    pub fn close(self) -> io::Result<()> {
        drop(self.lines);
        self.writer.join().unwrap_or_else(|_| Err(io::Error::other("the thread that writes the log panicked")))
    }
}

/// The beginning of every line.
const BEGINNING: &[u8] = b"{\"path\":";

/// Reads the entries for `server`, and repairs the end of the file. Returns `None` when the file is not a log.
fn read(file: &mut File, server: &str) -> io::Result<Option<PreviousRuns>> {
    file.seek(SeekFrom::Start(0))?;
    let mut start = Vec::new();
    (&mut *file).take(BEGINNING.len() as u64).read_to_end(&mut start)?;
    // A run that was cut off in its first line leaves less than the whole beginning.
    if !BEGINNING.starts_with(&start) {
        return Ok(None);
    }
    file.seek(SeekFrom::Start(0))?;
    // `whole` is the length of the file up to the end of its last whole line.
    let (mut entries, mut whole) = (HashMap::new(), 0);
    let mut lines = BufReader::new(&mut *file);
    let mut line = Vec::new();
    while lines.read_until(b'\n', &mut line)? > 0 {
        let entry = serde_json::from_slice::<Entry>(&line);
        whole += if entry.is_ok() || line.ends_with(b"\n") { line.len() as u64 } else { 0 };
        // A line that cannot be read was cut off; its file is uploaded again.
        if let Ok(entry) = entry
            && entry.server == server
        {
            entries.insert(entry.path.clone(), entry);
        }
        line.clear();
    }
    drop(lines);
    end_line(file, whole)?;
    Ok(Some(PreviousRuns(entries)))
}

/// Removes a last line that was cut off, so that the next line does not become a part of it. A last line that lacks
/// only its line break gets one.
fn end_line(file: &mut File, whole: u64) -> io::Result<()> {
    file.set_len(whole)?;
    if whole == 0 {
        return Ok(());
    }
    file.seek(SeekFrom::Start(whole - 1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    if last == *b"\n" { Ok(()) } else { file.write_all(b"\n") }
}

/// The longest time between writing a line and syncing it to disk. Only a crash of the system can lose lines in
/// between.
const SYNC_INTERVAL: Duration = Duration::from_secs(1);

fn write(mut file: File, lines: &Receiver<String>) -> io::Result<()> {
    let mut synced = Instant::now();
    let mut dirty = false;
    loop {
        match lines.recv_timeout(if dirty { SYNC_INTERVAL } else { Duration::MAX }) {
            Ok(line) => {
                // All lines that are waiting are written at once.
                let waiting = lines.try_iter().fold(line, |text, line| text + &line);
                file.write_all(waiting.as_bytes())?;
                dirty = true;
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return file.sync_data(),
        }
        if dirty && synced.elapsed() >= SYNC_INTERVAL {
            file.sync_data()?;
            (synced, dirty) = (Instant::now(), false);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SERVER: &str = "http://127.0.0.1:8080/";

    fn entry(path: &str, status: Status) -> Entry {
        Entry {
            path: path.into(),
            sha256: Some("ab".repeat(32)),
            status,
            image_id: Some(7),
            code: None,
            detail: None,
            bytes: 3,
            modified_ns: Some(1_000),
            caption: Some(caption_fingerprint("猫")),
            server: SERVER.into(),
        }
    }

    fn source_file(path: &str) -> SourceFile {
        SourceFile {
            path: path.into(),
            absolute_path: path.into(),
            source_path: None,
            bytes: 3,
            modified_ns: Some(1_000),
        }
    }

    fn log_file() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.jsonl");
        (folder, path)
    }

    fn read_only(path: &Path, server: &str) -> PreviousRuns {
        let (log, previous) = UploadLog::open(path, server).unwrap();
        log.close().unwrap();
        previous
    }

    #[test]
    fn the_next_run_reads_the_entries_of_this_one() {
        let (_folder, path) = log_file();
        let (log, previous) = UploadLog::open(&path, SERVER).unwrap();
        assert!(previous.finished(&source_file("/a.png")).is_none());
        log.add(&entry("/a.png", Status::Failed));
        log.add(&entry("/a.png", Status::Created));
        log.add(&entry("/b.png", Status::Failed));
        log.close().unwrap();
        let previous = read_only(&path, SERVER);
        assert_eq!(previous.finished(&source_file("/a.png")), Some(&entry("/a.png", Status::Created)));
        assert!(previous.finished(&source_file("/b.png")).is_none(), "a failed file is tried again");
        let changed = SourceFile { bytes: 4, ..source_file("/a.png") };
        assert!(previous.finished(&changed).is_none(), "a changed file is sent again");
        let touched = SourceFile { modified_ns: Some(1_001), ..source_file("/a.png") };
        assert!(previous.finished(&touched).is_none());
        let elsewhere = read_only(&path, "http://elsewhere/");
        assert!(elsewhere.finished(&source_file("/a.png")).is_none(), "entries for another server do not count");
    }

    #[test]
    fn a_file_that_is_no_picture_is_looked_at_again_and_noted_once() {
        let (_folder, path) = log_file();
        let skipped = |code: &str| Entry { code: Some(code.to_owned()), ..entry("/a.cr2", Status::Skipped) };
        let (log, _) = UploadLog::open(&path, SERVER).unwrap();
        log.add(&skipped("camera_raw"));
        log.close().unwrap();
        let previous = read_only(&path, SERVER);
        assert!(previous.finished(&source_file("/a.cr2")).is_none());
        assert!(previous.has_skipped(&skipped("camera_raw")) && !previous.has_skipped(&skipped("video")));
        assert!(!previous.has_skipped(&entry("/a.cr2", Status::Created)));
    }

    #[test]
    fn two_runs_do_not_share_a_log() {
        let (_folder, path) = log_file();
        let (_log, _) = UploadLog::open(&path, SERVER).unwrap();
        assert!(matches!(UploadLog::open(&path, SERVER), Err(LogError::Locked(_))));
    }

    #[test]
    fn a_file_that_is_not_a_log_is_left_unchanged() {
        let (_folder, path) = log_file();
        std::fs::write(&path, b"\x89PNG").unwrap();
        assert!(matches!(UploadLog::open(&path, SERVER), Err(LogError::Foreign(_))));
        assert_eq!(std::fs::read(&path).unwrap(), b"\x89PNG");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn a_log_that_is_cut_off_anywhere_keeps_all_whole_lines_and_can_be_continued(cut in 0.0f64..=1.0) {
            let (_folder, path) = log_file();
            let names = ["/1.png", "/2.png", "/海.png"];
            let (log, _) = UploadLog::open(&path, SERVER).unwrap();
            names.iter().for_each(|name| log.add(&entry(name, Status::Known)));
            log.close().unwrap();
            let whole = std::fs::read(&path).unwrap();
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place in a short file")]
            let cut = (whole.len() as f64 * cut) as usize;
            std::fs::write(&path, &whole[..cut]).unwrap();
            // A line that lacks nothing but its line break is whole.
            let ends = whole.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
            let kept = ends.filter(|(end, _)| *end <= cut).count();

            let (log, previous) = UploadLog::open(&path, SERVER).unwrap();
            let read: Vec<_> = names.iter().filter(|name| previous.finished(&source_file(name)).is_some()).collect();
            prop_assert_eq!(read, names[..kept].iter().collect::<Vec<_>>());
            log.add(&entry("/new.png", Status::Created));
            log.close().unwrap();
            let previous = read_only(&path, SERVER);
            prop_assert!(previous.finished(&source_file("/new.png")).is_some());
        }
    }
}
