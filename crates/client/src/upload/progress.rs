//! The progress of an upload on standard error: a bar in a terminal, elsewhere a line every few seconds.

use std::cell::Cell;
use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::duration::format_duration;

/// The time between two lines where there is no terminal.
const LINE_INTERVAL: Duration = Duration::from_secs(5);

/// The display of the progress: how many files are finished, how fast, and how long the rest will take.
pub struct Progress {
    bar: Option<ProgressBar>,
    has_lines: bool,
    total: Cell<u64>,
    done: Cell<u64>,
    begin: Cell<Instant>,
    printed: Cell<Instant>,
}

impl Progress {
    /// Makes a display: a bar when standard output and standard error are terminals, otherwise lines.
    #[must_use]
    pub fn new() -> Self {
        let terminal = std::io::stdout().is_terminal() && std::io::stderr().is_terminal();
        let now = Instant::now();
        Self {
            bar: terminal.then(bar),
            has_lines: true,
            total: Cell::new(0),
            done: Cell::new(0),
            begin: Cell::new(now),
            printed: Cell::new(now),
        }
    }

    /// Makes a display of messages alone, for a work without an end.
    #[must_use]
    pub fn of_messages() -> Self {
        Self { bar: None, has_lines: false, ..Self::new() }
    }

    /// Starts to count, with this many files to upload.
    pub fn begin(&self, total: u64) {
        self.total.set(total);
        self.begin.set(Instant::now());
        self.printed.set(Instant::now());
        if let Some(bar) = &self.bar {
            bar.reset();
            bar.set_length(total);
        }
    }

    /// Counts one more finished file.
    pub fn step(&self) {
        self.done.set(self.done.get() + 1);
        let (done, total) = (self.done.get(), self.total.get());
        if let Some(bar) = &self.bar {
            bar.inc(1);
        } else if self.has_lines && (self.printed.get().elapsed() >= LINE_INTERVAL || done == total) {
            self.printed.set(Instant::now());
            eprintln!("{}", line(done, total, self.begin.get().elapsed()));
        }
    }

    /// Prints a message above the bar.
    pub fn message(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| eprintln!("{text}")),
            None => eprintln!("{text}"),
        }
    }

    /// Removes the bar.
    pub fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

impl Default for Progress {
    fn default() -> Self {
        Self::new()
    }
}

fn bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:30} {human_pos}/{human_len} files, {per_sec}, {eta} left");
    ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// Formats a line of progress: `1200 of 5000 files, 68.2 per s, 55 s left`.
#[must_use]
pub fn line(done: u64, total: u64, elapsed: Duration) -> String {
    #[expect(clippy::cast_precision_loss, reason = "counts of files are far below 2^52")]
    let (done_f, left_f) = (done as f64, total.saturating_sub(done) as f64);
    let rate = done_f / elapsed.as_secs_f64().max(1e-3);
    let left = if done == 0 { "?".to_owned() } else { format_duration(Duration::from_secs_f64(left_f / rate)) };
    format!("{done} of {total} files, {rate:.1} per s, {left} left")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_shows_rate_and_time_left() {
        assert_eq!(line(1_200, 5_000, Duration::from_secs(20)), "1200 of 5000 files, 60.0 per s, 1 min 3 s left");
        assert_eq!(line(0, 10, Duration::ZERO), "0 of 10 files, 0.0 per s, ? left");
        assert_eq!(line(10, 10, Duration::from_secs(4)), "10 of 10 files, 2.5 per s, 0 s left");
    }
}
