//! The gallery page in a real browser: the same app that `mitsuke serve` runs, driven through Chromium's WebDriver.
//!
//! Needs `chromium` and `chromedriver` (Debian: `apt-get install chromium chromium-driver`); without them these tests
//! fail and say so. MITSUKE_SKIP_BROWSER=1 leaves them out.

mod browser;
mod driver;
mod duplicates;
mod tab;

mod access;
mod facets;
mod foreign;
mod keys;
mod line;
mod many;
mod models;
mod notes;
mod pointer;
mod safety;
mod scopes;
mod search;
mod selection;
mod sort;
mod typed;
mod uploads;
mod viewer;
