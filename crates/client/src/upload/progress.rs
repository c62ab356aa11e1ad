//! How far the upload is: a bar in a terminal, a line now and then elsewhere. Everything on standard error.

use std::cell::Cell;
use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// Time between two lines where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// Shows how many files are done, how fast it goes and how long it takes still.
pub struct Progress {
    bar: Option<ProgressBar>,
    total: Cell<u64>,
    done: Cell<u64>,
    begin: Cell<Instant>,
    printed: Cell<Instant>,
}

impl Progress {
    /// A bar when people look on, else lines.
    #[must_use]
    pub fn new() -> Self {
        let terminal = std::io::stdout().is_terminal() && std::io::stderr().is_terminal();
        let now = Instant::now();
        Self {
            bar: terminal.then(bar),
            total: Cell::new(0),
            done: Cell::new(0),
            begin: Cell::new(now),
            printed: Cell::new(now),
        }
    }

    /// Begins with this many files to do.
    pub fn begin(&self, total: u64) {
        self.total.set(total);
        self.begin.set(Instant::now());
        self.printed.set(Instant::now());
        if let Some(bar) = &self.bar {
            bar.reset();
            bar.set_length(total);
        }
    }

    /// One file more is done.
    pub fn step(&self) {
        self.done.set(self.done.get() + 1);
        let (done, total) = (self.done.get(), self.total.get());
        if let Some(bar) = &self.bar {
            bar.inc(1);
        } else if self.printed.get().elapsed() >= LINE_EVERY || done == total {
            self.printed.set(Instant::now());
            eprintln!("{}", line(done, total, self.begin.get().elapsed()));
        }
    }

    /// Says something without tearing the bar.
    pub fn say(&self, words: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| eprintln!("{words}")),
            None => eprintln!("{words}"),
        }
    }

    /// Takes the bar away.
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

/// `1200 of 5000 files, 68.2 per s, 55 s left`
#[must_use]
pub fn line(done: u64, total: u64, elapsed: Duration) -> String {
    #[expect(clippy::cast_precision_loss, reason = "counts of files are far below 2^52")]
    let (done_f, left_f) = (done as f64, total.saturating_sub(done) as f64);
    let rate = done_f / elapsed.as_secs_f64().max(1e-3);
    let left = if done == 0 { "?".to_owned() } else { duration(Duration::from_secs_f64(left_f / rate)) };
    format!("{done} of {total} files, {rate:.1} per s, {left} left")
}

/// `55 s`, `3 min 20 s`, `2 h 5 min`
#[must_use]
pub fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs_f64().round();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "saturates, and a duration is positive"
    )]
    let seconds = seconds as u64;
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, s) => format!("{s} s"),
        (0, min, s) => format!("{min} min {s} s"),
        (h, min, _) => format!("{h} h {min} min"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_rate_and_time_left() {
        assert_eq!(line(1_200, 5_000, Duration::from_secs(20)), "1200 of 5000 files, 60.0 per s, 1 min 3 s left");
        assert_eq!(line(0, 10, Duration::ZERO), "0 of 10 files, 0.0 per s, ? left");
        assert_eq!(line(10, 10, Duration::from_secs(4)), "10 of 10 files, 2.5 per s, 0 s left");
    }

    #[test]
    fn durations_are_told_in_two_units() {
        assert_eq!(duration(Duration::from_millis(59_400)), "59 s");
        assert_eq!(duration(Duration::from_secs(200)), "3 min 20 s");
        assert_eq!(duration(Duration::from_secs(7_530)), "2 h 5 min");
    }
}
