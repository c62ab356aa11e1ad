//! What an upload came to, told at its end.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::progress;

/// Names printed for one problem; the log has all of them.
const NAMES: usize = 20;

/// Counts and failures of one run.
#[derive(Debug, Clone, Default)]
pub struct Summary {
    /// Files that were stored as new images.
    pub created: u64,
    /// Files that the server turned out to know when they were sent.
    pub known_sent: u64,
    /// Files that the server knew by their hash, not sent.
    pub known_unsent: u64,
    /// Files that the log says are done.
    pub done_before: u64,
    /// Files that are no picture, by what they are.
    pub others: BTreeMap<&'static str, u64>,
    /// Hidden files and folders passed by.
    pub hidden: u64,
    /// Links that lead in a circle.
    pub loops: u64,
    /// Failed files with their reasons, by problem code.
    pub failures: BTreeMap<String, Vec<(PathBuf, String)>>,
    /// Files that were not tried because the run stopped.
    pub left: u64,
    /// Bytes of the files that were sent and stored.
    pub bytes_sent: u64,
    /// Tries that had to be repeated.
    pub retries: u64,
    /// Captions of known images that were set.
    pub captions_set: u64,
    /// Captions that were not set because the image was known.
    pub captions_kept: u64,
    /// Time from first to last file.
    pub took: Duration,
}

impl Summary {
    /// Notes a file that failed.
    pub fn fail(&mut self, code: &str, path: &Path, detail: &str) {
        self.failures.entry(code.to_owned()).or_default().push((path.to_owned(), detail.to_owned()));
    }

    /// How many files failed.
    #[must_use]
    pub fn failed(&self) -> usize {
        self.failures.values().map(Vec::len).sum()
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut row = |count: u64, words: String| if count > 0 { writeln!(f, "{count:>9} {words}") } else { Ok(()) };
        row(self.created, "stored".into())?;
        row(self.known_unsent, "known to the server, not sent".into())?;
        row(self.known_sent, "known to the server, sent to no use".into())?;
        row(self.done_before, "done by an earlier run, says the log".into())?;
        for (found, count) in &self.others {
            row(*count, format!("skipped: {found}"))?;
        }
        row(self.hidden, "hidden, passed by (--hidden takes them)".into())?;
        row(self.loops, "links in a circle, passed by".into())?;
        row(self.captions_set, "captions set on known images".into())?;
        row(self.captions_kept, "captions not set, their images were known (--update-captions sets them)".into())?;
        row(self.failed() as u64, "FAILED".into())?;
        row(self.left, "not tried".into())?;
        for (code, files) in &self.failures {
            writeln!(f, "\n{code}: {} failed", files.len())?;
            for (path, detail) in files.iter().take(NAMES) {
                writeln!(f, "  {}: {detail}", path.display())?;
            }
            if files.len() > NAMES {
                writeln!(f, "  … and {} more; the log names them", files.len() - NAMES)?;
            }
        }
        let sent = self.created + self.known_sent;
        #[expect(clippy::cast_precision_loss, reason = "for display")]
        let (megabytes, rate) = (self.bytes_sent as f64 / 1e6, sent as f64 / self.took.as_secs_f64().max(1e-3));
        write!(f, "\nsent {sent} files ({megabytes:.1} MB) in {}", progress::duration(self.took))?;
        if sent > 0 {
            write!(f, ", {rate:.1} per s")?;
        }
        match self.retries {
            0 => writeln!(f),
            1 => writeln!(f, "; one request had to be repeated"),
            retries => writeln!(f, "; {retries} requests had to be repeated"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_grouped_by_code_and_named_up_to_a_point() {
        let mut summary =
            Summary { created: 3, bytes_sent: 1_500_000, took: Duration::from_secs(2), ..Summary::default() };
        for number in 0..25 {
            summary.fail("image_corrupt", Path::new(&format!("{number}.jpg")), "It is damaged.");
        }
        summary.fail("file_too_large", Path::new("large.png"), "A file may have 10 bytes at most.");
        let text = summary.to_string();
        assert_eq!(summary.failed(), 26);
        assert!(text.contains("26 FAILED") && text.contains("image_corrupt: 25 failed"), "{text}");
        assert!(text.contains("  19.jpg: It is damaged.\n  … and 5 more"), "{text}");
        assert!(text.contains("  large.png: A file may have 10 bytes at most."), "{text}");
        assert!(text.ends_with("sent 3 files (1.5 MB) in 2 s, 1.5 per s\n"), "{text}");
        assert!(!text.contains("skipped") && !text.contains("captions"), "{text}");
    }
}
