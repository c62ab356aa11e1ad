//! Settings of a check, the faults it finds and the figures it prints.

use std::cell::{Cell, RefCell};
use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

/// Returns the value of an environment variable such as `SOAK_PICTURES`, or `default` where it is not set or blank.
pub fn setting<T: FromStr<Err: Display>>(name: &str, default: T) -> T {
    let Some(text) = text_setting(name) else { return default };
    text.parse().unwrap_or_else(|error| panic!("{name} is {text:?}, which does not work: {error}"))
}

/// Returns the value of an environment variable, or `None` where it is not set or blank.
pub fn text_setting(name: &str) -> Option<String> {
    std::env::var(name).ok().map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}

/// The faults that a check found. A check goes on after a fault, so that one run shows them all.
#[derive(Default)]
pub struct Faults(RefCell<Vec<String>>);

impl Faults {
    const SHOWN: usize = 20;

    pub fn add(&self, fault: impl Into<String>) {
        self.0.borrow_mut().push(fault.into());
    }

    pub fn check(&self, holds: bool, fault: impl FnOnce() -> String) {
        if !holds {
            self.add(fault());
        }
    }

    /// Prints the first faults.
    ///
    /// # Panics
    ///
    /// Panics when there is a fault, which fails the test.
    pub fn assert_none(&self) {
        let faults = self.0.borrow();
        for fault in faults.iter().take(Self::SHOWN) {
            println!("FAULT: {fault}");
        }
        assert!(faults.is_empty(), "{} faults; the first ones are above", faults.len());
    }
}

/// Reports the progress of a longer piece of work on standard error, at each quarter of it.
pub struct Progress {
    label: &'static str,
    total: usize,
    done: Cell<usize>,
}

impl Progress {
    pub fn new(label: &'static str, total: usize) -> Self {
        Self { label, total, done: Cell::new(0) }
    }

    pub fn step(&self) {
        let done = self.done.get() + 1;
        self.done.set(done);
        if done == self.total || done.is_multiple_of((self.total / 4).max(1)) {
            eprintln!("{}: {done} of {}", self.label, self.total);
        }
    }
}

/// A row of the table of times.
pub struct Row {
    pub what: String,
    /// The time of each request.
    pub times: Vec<Duration>,
    /// The time from the first request to the end of the last.
    pub wall: Duration,
}

impl Row {
    pub fn new(what: impl Into<String>, times: Vec<Duration>, wall: Duration) -> Self {
        Self { what: what.into(), times, wall }
    }

    /// Makes a row of requests that were sent one after the other.
    pub fn in_sequence(what: impl Into<String>, times: Vec<Duration>) -> Self {
        let wall = times.iter().sum();
        Self::new(what, times, wall)
    }
}

/// Prints for each row how many requests there were, how many a second, and how long they took.
pub fn print_table(rows: &[Row]) {
    let head = ["count", "per s", "p50 ms", "p95 ms", "p99 ms", "max ms"];
    println!("{:36}{:>7}{:>9}{:>9}{:>9}{:>9}{:>9}", "", head[0], head[1], head[2], head[3], head[4], head[5]);
    for Row { what, times, wall } in rows {
        let count = times.len();
        if count == 0 {
            println!("{what:36}{count:>7}");
            continue;
        }
        let mut times = times.clone();
        times.sort();
        print!("{what:36}{count:>7}{:>9.1}", count as f64 / wall.as_secs_f64());
        for share in [0.5, 0.95, 0.99, 1.0] {
            print!("{:>9.1}", milliseconds(quantile(&times, share)));
        }
        println!();
    }
}

/// Returns the time below which this share of the sorted times lies.
fn quantile(sorted: &[Duration], share: f64) -> Duration {
    sorted[((share * sorted.len() as f64) as usize).min(sorted.len() - 1)]
}

pub fn milliseconds(time: Duration) -> f64 {
    1000.0 * time.as_secs_f64()
}
