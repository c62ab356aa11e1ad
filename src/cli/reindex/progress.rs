//! The progress of a reindex on standard error: a bar in a terminal, elsewhere a line every few seconds.

use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use mitsuke_client::format_duration;
use mitsuke_client::reindex::Run;

/// Time between two lines where there is no terminal.
const LINE_INTERVAL: Duration = Duration::from_secs(10);

/// Shows how many files are read, how fast, and how long the rest will take.
pub struct Progress {
    bar: ProgressBar,
    is_terminal: bool,
    printed: Instant,
}

impl Progress {
    pub fn new() -> Self {
        let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {msg}");
        let bar = ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Self { bar, is_terminal: std::io::stderr().is_terminal(), printed: Instant::now() }
    }

    /// Shows the state of the reindex.
    pub fn show(&mut self, run: &Run) {
        self.bar.set_length(run.total);
        self.bar.set_position(run.read);
        let changed = run.read.saturating_sub(run.unchanged).saturating_sub(run.failed);
        let mut message = format!("{changed} changed");
        if let Some(rate) = run.per_second {
            #[expect(clippy::cast_precision_loss, reason = "counts of images are far below 2^52")]
            let left = run.total.saturating_sub(run.read) as f64 / rate;
            message.push_str(&format!(", {rate:.0} per s"));
            // The rate is 0 at the beginning, and the time unknown.
            if let Ok(left) = Duration::try_from_secs_f64(left) {
                message.push_str(&format!(", {} left", format_duration(left)));
            }
        }
        if !self.is_terminal && self.printed.elapsed() >= LINE_INTERVAL {
            self.printed = Instant::now();
            eprintln!("{} of {} files {message}", run.read, run.total);
        }
        self.bar.set_message(message);
    }

    /// Removes the bar.
    pub fn end(&self) {
        self.bar.finish_and_clear();
    }
}
