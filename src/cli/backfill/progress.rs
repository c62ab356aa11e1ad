//! The progress of a backfill on standard error: a bar in a terminal, elsewhere a line every few seconds.

use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use mitsuke_client::format_duration;
use mitsuke_client::models::Coverage;

/// Time between two lines where there is no terminal.
const LINE_INTERVAL: Duration = Duration::from_secs(10);

/// Shows how many images are embedded, how fast, and how long the rest will take.
pub struct Progress {
    bar: ProgressBar,
    is_terminal: bool,
    printed: Instant,
}

impl Progress {
    pub fn new(model: &str) -> Self {
        let style = ProgressStyle::with_template("{prefix} {bar:30} {pos}/{len} {msg}");
        let bar = ProgressBar::new(0)
            .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
            .with_prefix(model.to_owned());
        Self { bar, is_terminal: std::io::stderr().is_terminal(), printed: Instant::now() }
    }

    /// Shows the state of the backfill. `waiting` says that another process does the work.
    pub fn show(&mut self, coverage: Coverage, per_second: Option<f64>, waiting: bool) {
        let done = coverage.embedded + coverage.failed;
        self.bar.set_length(coverage.total);
        self.bar.set_position(done);
        let message = match per_second {
            _ if waiting => "waiting: another process does it".to_owned(),
            Some(rate) => {
                #[expect(clippy::cast_precision_loss, reason = "counts of images are far below 2^52")]
                let left = coverage.total.saturating_sub(done) as f64 / rate;
                // The rate is 0 at the beginning, and the time unknown.
                match Duration::try_from_secs_f64(left) {
                    Ok(left) => format!("{rate:.1} per s, {} left", format_duration(left)),
                    Err(_) => format!("{rate:.1} per s"),
                }
            }
            None => String::new(),
        };
        if !self.is_terminal && self.printed.elapsed() >= LINE_INTERVAL {
            self.printed = Instant::now();
            eprintln!("{done} of {} images {message}", coverage.total);
        }
        self.bar.set_message(message);
    }

    /// Removes the bar.
    pub fn end(&self) {
        self.bar.finish_and_clear();
    }
}
