//! Kills that are aimed by watching files, and not by time.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// The time between two looks. The files that are waited for live for some milliseconds.
const LOOK: Duration = Duration::from_micros(100);

/// Kills a process, from a thread of its own, as soon as `seen` holds, or once the time is up. The thread returns whether
/// it was seen. The caller waits for the process only after the thread has ended.
pub fn kill_when(process_id: u32, at_most: Duration, seen: impl Fn() -> bool + Send + 'static) -> JoinHandle<bool> {
    std::thread::spawn(move || {
        let begin = Instant::now();
        let mut is_seen = false;
        while !is_seen && begin.elapsed() < at_most {
            std::thread::sleep(LOOK);
            is_seen = seen();
        }
        let id = Pid::from_raw(i32::try_from(process_id).expect("a process id")).expect("a process id");
        // A process that has ended, and was not waited for, takes the signal without an error.
        _ = kill_process(id, Signal::KILL);
        is_seen
    })
}

/// Tells whether a file that is being written lies in a folder or below it.
pub fn has_partial(folder: &Path) -> bool {
    let Ok(entries) = fs::read_dir(folder) else { return false };
    entries.flatten().any(|entry| {
        let path = entry.path();
        path.extension().is_some_and(|extension| extension == "partial") || (path.is_dir() && has_partial(&path))
    })
}

/// Returns a condition that holds once a file is shorter than it was at some time before.
pub fn is_shrinking(file: PathBuf) -> impl Fn() -> bool + Send {
    let length = move || fs::metadata(&file).map_or(0, |facts| facts.len());
    let most = std::sync::atomic::AtomicU64::new(length());
    move || {
        let now = length();
        now < most.fetch_max(now, std::sync::atomic::Ordering::Relaxed)
    }
}
