//! The gallery page in a real browser: the same app that `mitsuke serve` runs, driven through Chromium's WebDriver.
//!
//! Needs `chromium` and `chromedriver` (Debian: `apt-get install chromium chromium-driver`); without them these tests
//! fail and say so. MITSUKE_SKIP_BROWSER=1 leaves them out.

#[expect(dead_code, reason = "the measurement of the page uses the rest")]
#[path = "../../browser/session.rs"]
mod browser;
#[path = "../../browser/driver.rs"]
mod driver;
mod duplicates;
mod tab;

mod access;
mod facets;
mod failures;
mod foreign;
mod grid;
mod keys;
mod line;
mod many;
mod models;
mod notes;
mod phone;
mod pointer;
mod relevance;
mod safety;
mod scopes;
mod scrubber;
mod search;
mod selection;
mod sort;
mod typed;
mod uploads;
mod viewer;
