//! The result of an import.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use mitsuke_client::format_duration;
use mitsuke_image::OtherContent;

/// The number of files that the report names for one reason.
const NAMED: usize = 20;

/// The reason why a picture is left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// A stable code.
    pub code: &'static str,
    /// The reason, for the person at the terminal.
    pub detail: String,
}

impl LeftOut {
    /// Makes a reason.
    pub fn new(code: &'static str, detail: &str) -> Self {
        Self { code, detail: detail.to_owned() }
    }
}

/// The counts of an import, and the pictures that are left out.
#[derive(Debug, Default)]
pub struct Report {
    /// The number of new images.
    pub created: u64,
    /// The number of pictures that the store had already.
    pub known: u64,
    /// The number of known images whose damaged original has been written anew.
    pub repaired: u64,
    /// The number of files that an earlier run has finished, according to the log.
    pub finished_before: u64,
    /// The number of pictures that a run without --dry-run would store.
    pub to_import: u64,
    /// The number of files that are no pictures, by what they are.
    pub not_pictures: BTreeMap<OtherContent, u64>,
    /// The pictures that are left out, by the code of the reason, each with the reason.
    pub left_out: BTreeMap<&'static str, Vec<(String, String)>>,
    /// The number of new images that a backfill has still to embed.
    pub to_embed: u64,
    /// The number of bytes of the new originals.
    pub bytes: u64,
    /// Whether the export lacks its last line.
    pub is_cut_off: bool,
    /// Whether the import was stopped before its end.
    pub is_stopped: bool,
    /// The time from the first file to the last.
    pub took: Duration,
}

impl Report {
    /// Counts a picture that is left out.
    pub(super) fn leave_out(&mut self, name: &str, reason: LeftOut) {
        self.left_out.entry(reason.code).or_default().push((name.to_owned(), reason.detail));
    }

    /// Returns the number of pictures that are left out.
    #[must_use]
    pub fn left_out(&self) -> usize {
        self.left_out.values().map(Vec::len).sum()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut row = |count: u64, words: &str| if count > 0 { writeln!(f, "{count:>9} {words}") } else { Ok(()) };
        row(self.created, "imported")?;
        row(self.to_import, "would be imported")?;
        row(self.known, "in the store already")?;
        row(self.repaired, "of a damaged original, which is written anew")?;
        row(self.finished_before, "done by an earlier run (from the log)")?;
        for (found, count) in &self.not_pictures {
            row(*count, &format!("skipped: {found}"))?;
        }
        row(self.left_out() as u64, "LEFT OUT")?;
        row(self.to_embed, "still to be embedded: `mitsuke backfill` or a server does it")?;
        for (code, files) in &self.left_out {
            writeln!(f, "\n{code}: {} left out", files.len())?;
            for (name, detail) in files.iter().take(NAMED) {
                writeln!(f, "  {name}: {detail}")?;
            }
            if files.len() > NAMED {
                writeln!(f, "  … and {} more", files.len() - NAMED)?;
            }
        }
        if self.is_cut_off {
            writeln!(f, "\nThe export was not finished: it lacks its last line. What it has is imported.")?;
        }
        #[expect(clippy::cast_precision_loss, reason = "for display")]
        let (megabytes, rate) = (self.bytes as f64 / 1e6, self.created as f64 / self.took.as_secs_f64().max(1e-3));
        write!(f, "\n{} images ({megabytes:.1} MB) in {}", self.created, format_duration(self.took))?;
        if self.created > 0 { writeln!(f, ", {rate:.1} per s") } else { writeln!(f) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_grouped_and_the_first_twenty_pictures_of_each_are_named() {
        let mut report = Report { created: 3, bytes: 1_500_000, took: Duration::from_secs(2), ..Report::default() };
        for number in 0..25 {
            report.leave_out(&format!("{number}.jpg"), LeftOut::new("bytes_differ", "it differs"));
        }
        report.leave_out("a.jpg", LeftOut::new("file_unreadable", "no such file"));
        let text = report.to_string();
        assert_eq!(report.left_out(), 26);
        assert!(text.contains("26 LEFT OUT") && text.contains("bytes_differ: 25 left out"), "{text}");
        assert!(text.contains("  19.jpg: it differs\n  … and 5 more"), "{text}");
        assert!(text.ends_with("3 images (1.5 MB) in 2 s, 1.5 per s\n"), "{text}");
    }
}
