//! The log of an upload: JSON Lines, one for each finished file, only ever added to. The next run with the same
//! log skips what is done.

use std::collections::{HashMap, HashSet};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::scan::Found;

/// What became of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Stored as a new image.
    Created,
    /// The server knew the bytes.
    Known,
    /// Not stored; `code` says why. Tried again by the next run.
    Failed,
}

/// One line of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Absolute path of the file, as [`Found::key_text`] writes it.
    pub path: String,
    /// SHA-256 of its bytes, hexadecimal; null when it could not be read.
    pub sha256: Option<String>,
    /// What became of it.
    pub status: Status,
    /// The image, unless failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_id: Option<i64>,
    /// Problem code of a failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// What happened, for a reader.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Size of the file in bytes when it was read.
    pub bytes: u64,
    /// Its last change then, in nanoseconds since 1970.
    pub modified_ns: Option<i64>,
    /// [`caption_mark`] of the caption that was sent with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub caption: Option<String>,
    /// The server it was sent to.
    pub server: String,
}

/// Tells captions apart in the log without repeating them: the beginning of their SHA-256.
#[must_use]
pub fn caption_mark(caption: &str) -> String {
    Sha256::digest(caption).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// Why a log cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// It cannot be opened, read or written.
    #[error("the log {} cannot be used: {cause}. Name another with --log, or do without: --no-log", path.display())]
    Io {
        /// The log.
        path: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
    /// Another run writes it now.
    #[error("another `mitsuke upload` is writing the log {}. Wait for it, or name another with --log", .0.display())]
    Locked(PathBuf),
    /// The file is something else.
    #[error("{} is not a log of `mitsuke upload`, and stays as it is. Name another with --log", .0.display())]
    Foreign(PathBuf),
}

/// What earlier runs did for one server.
#[derive(Debug, Default)]
pub struct Past(HashMap<String, Entry>);

impl Past {
    /// The entry of a file that is done and has not changed since.
    #[must_use]
    pub fn done(&self, file: &Found) -> Option<&Entry> {
        self.0.get(file.key_text().as_ref()).filter(|entry| {
            entry.status != Status::Failed
                && entry.bytes == file.bytes
                && entry.modified_ns.is_some()
                && entry.modified_ns == file.modified_ns
        })
    }

    /// SHA-256 of those of these files that are done, each once.
    #[must_use]
    pub fn hashes(&self, files: &[Found]) -> Vec<String> {
        let done = files.iter().filter_map(|file| self.done(file));
        let hashes: HashSet<&String> = done.filter_map(|entry| entry.sha256.as_ref()).collect();
        hashes.into_iter().cloned().collect()
    }

    /// Forgets files with these hashes, so that they are looked at again.
    pub fn forget(&mut self, sha256: &HashSet<String>) {
        self.0.retain(|_, entry| entry.sha256.as_ref().is_none_or(|hash| !sha256.contains(hash)));
    }
}

/// A log that is open for writing. The file is written and synced on a thread of its own.
#[derive(Debug)]
pub struct Journal {
    lines: Sender<String>,
    writer: JoinHandle<io::Result<()>>,
}

impl Journal {
    /// Opens or creates a log and reads what earlier runs did for `server`. Lines that a crash cut off are passed
    /// over: their files are looked at again.
    ///
    /// # Errors
    /// See [`JournalError`].
    pub fn open(path: &Path, server: &str) -> Result<(Self, Past), JournalError> {
        let io_error = |cause| JournalError::Io { path: path.to_owned(), cause };
        let mut file = OpenOptions::new().read(true).append(true).create(true).open(path).map_err(io_error)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(JournalError::Locked(path.to_owned())),
            // Some network file systems know no locks; a log that two runs write stays readable all the same.
            Err(TryLockError::Error(error)) => log::debug!("{}: {error}", path.display()),
        }
        let past = read(&mut file, server).map_err(io_error)?;
        let past = past.ok_or_else(|| JournalError::Foreign(path.to_owned()))?;
        let (lines, receiver) = mpsc::channel();
        let writer = std::thread::Builder::new().name("upload-log".into()).spawn(move || write(file, &receiver));
        Ok((Self { lines, writer: writer.map_err(io_error)? }, past))
    }

    /// Adds a line. Returns at once; what cannot be written is reported by [`Journal::close`].
    pub fn add(&self, entry: &Entry) {
        if let Ok(line) = serde_json::to_string(entry) {
            // The writer is gone after an error, which `close` reports.
            drop(self.lines.send(line + "\n"));
        }
    }

    /// Waits until every line is on disk.
    ///
    /// # Errors
    /// What kept lines from being written.
    pub fn close(self) -> io::Result<()> {
        drop(self.lines);
        self.writer.join().unwrap_or_else(|_| Err(io::Error::other("the writer of the log broke off")))
    }
}

/// How every line begins.
const BEGINNING: &[u8] = b"{\"path\":";

/// `None` when the file is something else than a log.
fn read(file: &mut File, server: &str) -> io::Result<Option<Past>> {
    file.seek(SeekFrom::Start(0))?;
    let mut start = Vec::new();
    (&mut *file).take(BEGINNING.len() as u64).read_to_end(&mut start)?;
    // A run that was cut off within its first line leaves less than the whole beginning.
    if !BEGINNING.starts_with(&start) {
        return Ok(None);
    }
    file.seek(SeekFrom::Start(0))?;
    let (mut past, mut whole) = (HashMap::new(), 0);
    let mut lines = BufReader::new(&mut *file);
    let mut line = Vec::new();
    while lines.read_until(b'\n', &mut line)? > 0 {
        let entry = serde_json::from_slice::<Entry>(&line);
        whole += if entry.is_ok() || line.ends_with(b"\n") { line.len() as u64 } else { 0 };
        // A line that cannot be read was cut off; its file is looked at again.
        if let Ok(entry) = entry
            && entry.server == server
        {
            past.insert(entry.path.clone(), entry);
        }
        line.clear();
    }
    drop(lines);
    end_line(file, whole)?;
    Ok(Some(Past(past)))
}

/// Takes a line that was cut off away, so that the next one does not become a part of it. A line that lacks only
/// its end gets that.
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

/// Time after which written lines are on disk, come what may. A crash of the program alone loses none.
const SYNC_EVERY: Duration = Duration::from_secs(1);

fn write(mut file: File, lines: &Receiver<String>) -> io::Result<()> {
    let mut synced = Instant::now();
    let mut dirty = false;
    loop {
        match lines.recv_timeout(if dirty { SYNC_EVERY } else { Duration::MAX }) {
            Ok(line) => {
                // One write for all lines that wait.
                let waiting = lines.try_iter().fold(line, |text, line| text + &line);
                file.write_all(waiting.as_bytes())?;
                dirty = true;
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return file.sync_data(),
        }
        if dirty && synced.elapsed() >= SYNC_EVERY {
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
            caption: Some(caption_mark("猫")),
            server: SERVER.into(),
        }
    }

    fn found(path: &str) -> Found {
        Found { path: path.into(), key: path.into(), bytes: 3, modified_ns: Some(1_000) }
    }

    fn log() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.jsonl");
        (folder, path)
    }

    fn read_only(path: &Path, server: &str) -> Past {
        let (journal, past) = Journal::open(path, server).unwrap();
        journal.close().unwrap();
        past
    }

    #[test]
    fn the_next_run_reads_what_this_one_wrote() {
        let (_folder, path) = log();
        let (journal, past) = Journal::open(&path, SERVER).unwrap();
        assert!(past.done(&found("/a.png")).is_none());
        journal.add(&entry("/a.png", Status::Failed));
        journal.add(&entry("/a.png", Status::Created));
        journal.add(&entry("/b.png", Status::Failed));
        journal.close().unwrap();
        let past = read_only(&path, SERVER);
        assert_eq!(past.done(&found("/a.png")), Some(&entry("/a.png", Status::Created)));
        assert!(past.done(&found("/b.png")).is_none(), "a failed file is tried again");
        let changed = Found { bytes: 4, ..found("/a.png") };
        assert!(past.done(&changed).is_none(), "a changed file is sent again");
        let touched = Found { modified_ns: Some(1_001), ..found("/a.png") };
        assert!(past.done(&touched).is_none());
        let elsewhere = read_only(&path, "http://elsewhere/");
        assert!(elsewhere.done(&found("/a.png")).is_none(), "another server knows nothing of it");
    }

    #[test]
    fn two_runs_do_not_share_a_log() {
        let (_folder, path) = log();
        let (_journal, _) = Journal::open(&path, SERVER).unwrap();
        assert!(matches!(Journal::open(&path, SERVER), Err(JournalError::Locked(_))));
    }

    #[test]
    fn a_file_that_is_no_log_is_left_alone() {
        let (_folder, path) = log();
        std::fs::write(&path, b"\x89PNG").unwrap();
        assert!(matches!(Journal::open(&path, SERVER), Err(JournalError::Foreign(_))));
        assert_eq!(std::fs::read(&path).unwrap(), b"\x89PNG");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn a_log_that_is_cut_off_anywhere_keeps_all_whole_lines_and_goes_on(cut in 0.0f64..=1.0) {
            let (_folder, path) = log();
            let names = ["/1.png", "/2.png", "/海.png"];
            let (journal, _) = Journal::open(&path, SERVER).unwrap();
            names.iter().for_each(|name| journal.add(&entry(name, Status::Known)));
            journal.close().unwrap();
            let whole = std::fs::read(&path).unwrap();
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place in a short file")]
            let cut = (whole.len() as f64 * cut) as usize;
            std::fs::write(&path, &whole[..cut]).unwrap();
            // A line that lacks nothing but its end is whole.
            let ends = whole.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
            let kept = ends.filter(|(end, _)| *end <= cut).count();

            let (journal, past) = Journal::open(&path, SERVER).unwrap();
            let read: Vec<_> = names.iter().filter(|name| past.done(&found(name)).is_some()).collect();
            prop_assert_eq!(read, names[..kept].iter().collect::<Vec<_>>());
            journal.add(&entry("/new.png", Status::Created));
            journal.close().unwrap();
            let past = read_only(&path, SERVER);
            prop_assert!(past.done(&found("/new.png")).is_some());
        }
    }
}
