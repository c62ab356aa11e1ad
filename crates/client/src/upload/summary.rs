//! The summary that is printed at the end of an upload.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use mitsuke_image::OtherContent;

use crate::duration::format_duration;

/// The largest number of files that are listed for one problem code or kind; the log has all of them.
const MAX_LISTED_FILES: usize = 20;

/// The counts and failures of one upload.
#[derive(Debug, Clone, Default)]
pub struct Summary {
    /// The number of files that were stored as new images.
    pub created: u64,
    /// The number of files that were sent although the server had them already.
    pub known_sent: u64,
    /// The number of files that were not sent because the server had their hash already.
    pub known_unsent: u64,
    /// The number of files that an earlier run finished, according to the log.
    pub finished_before: u64,
    /// The files that are not pictures, by the kind of their content.
    pub not_pictures: BTreeMap<OtherContent, Vec<PathBuf>>,
    /// The number of hidden files and folders that were skipped.
    pub hidden: u64,
    /// The number of symbolic links that were skipped because they lead back to a folder above them.
    pub symlink_loops: u64,
    /// The failed files with their reasons, by problem code.
    pub failures: BTreeMap<String, Vec<(PathBuf, String)>>,
    /// The number of files that were not tried because the upload stopped.
    pub not_tried: u64,
    /// The number of bytes of the files that were sent.
    pub bytes_sent: u64,
    /// The number of requests that were repeated.
    pub repeated_requests: u64,
    /// The number of captions that were set on images that the server had already.
    pub captions_set: u64,
    /// The number of captions that were not set because the server had the image already.
    pub captions_not_set: u64,
    /// The number of captions beside pictures that cannot be read.
    pub captions_unusable: u64,
    /// The time from the first file to the last.
    pub took: Duration,
}

impl Summary {
    /// Adds a file that failed, with its problem code and a reason for the user.
    pub fn fail(&mut self, code: &str, path: &Path, detail: &str) {
        self.failures.entry(code.to_owned()).or_default().push((path.to_owned(), detail.to_owned()));
    }

    /// Adds a file that is no picture.
    pub fn skip(&mut self, found: OtherContent, path: &Path) {
        self.not_pictures.entry(found).or_default().push(path.to_owned());
    }

    /// Returns the number of files that failed.
    #[must_use]
    pub fn failed(&self) -> usize {
        self.failures.values().map(Vec::len).sum()
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut row = |count: u64, words: String| if count > 0 { writeln!(f, "{count:>9} {words}") } else { Ok(()) };
        row(self.created, "stored".into())?;
        row(self.known_unsent, "already on the server, not sent".into())?;
        row(self.known_sent, "already on the server, sent needlessly".into())?;
        row(self.finished_before, "done by an earlier run (from the log)".into())?;
        for (found, files) in &self.not_pictures {
            row(files.len() as u64, format!("skipped: {found}"))?;
        }
        row(self.hidden, "skipped: hidden (--hidden includes them)".into())?;
        row(self.symlink_loops, "skipped: symlink loop".into())?;
        row(self.captions_set, "captions set on images that were already on the server".into())?;
        row(
            self.captions_not_set,
            "captions not set: image already on the server (--update-captions sets them)".into(),
        )?;
        row(self.captions_unusable, "uploaded without a caption: the text file beside it cannot be read".into())?;
        row(self.failed() as u64, "FAILED".into())?;
        row(self.not_tried, "not tried".into())?;
        for (found, files) in &self.not_pictures {
            if let Some(advice) = advice(*found) {
                writeln!(f, "\n{found}: {} skipped; {advice}", files.len())?;
                list(f, files, |path| path.display().to_string())?;
            }
        }
        for (code, files) in &self.failures {
            writeln!(f, "\n{code}: {} failed", files.len())?;
            list(f, files, |(path, detail)| format!("{}: {detail}", path.display()))?;
        }
        let sent = self.created + self.known_sent;
        #[expect(clippy::cast_precision_loss, reason = "for display")]
        let (megabytes, rate) = (self.bytes_sent as f64 / 1e6, sent as f64 / self.took.as_secs_f64().max(1e-3));
        write!(f, "\nsent {sent} files ({megabytes:.1} MB) in {}", format_duration(self.took))?;
        if sent > 0 {
            write!(f, ", {rate:.1} per s")?;
        }
        match self.repeated_requests {
            0 => writeln!(f),
            1 => writeln!(f, "; one request had to be repeated"),
            count => writeln!(f, "; {count} requests had to be repeated"),
        }
    }
}

/// Returns what to do about skipped files that their owner is likely to miss; `None` for other kinds.
pub fn advice(found: OtherContent) -> Option<&'static str> {
    match found {
        OtherContent::CameraRaw => Some("export as JPEG or TIFF to upload"),
        OtherContent::Video => Some("videos are not read"),
        OtherContent::Pdf => Some("save the pages as pictures to upload"),
        OtherContent::Empty | OtherContent::Svg | OtherContent::Unknown => None,
    }
}

/// Writes the first files of a list, one a line.
fn list<T>(f: &mut fmt::Formatter<'_>, files: &[T], line: impl Fn(&T) -> String) -> fmt::Result {
    for file in files.iter().take(MAX_LISTED_FILES) {
        writeln!(f, "  {}", line(file))?;
    }
    match files.len().saturating_sub(MAX_LISTED_FILES) {
        0 => Ok(()),
        more => writeln!(f, "  … and {more} more; the log names them"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_grouped_by_code_and_the_first_twenty_are_listed() {
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
