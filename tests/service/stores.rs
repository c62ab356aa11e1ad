//! The store of an app under test. A test runs on the embedded store unless [`on_both_stores!`] lists it; then it runs
//! once more on Oracle's driver over the stand-in client library, and a caller sees no difference.

use std::cell::Cell;
use std::path::Path;

/// A store that an app can keep its images in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreKind {
    Embedded,
    Oracle,
}

thread_local! {
    /// The store of the test on this thread; every test has a thread of its own.
    static SELECTED: Cell<StoreKind> = const { Cell::new(StoreKind::Embedded) };
}

/// Selects the store of the apps that this test starts.
pub fn select(kind: StoreKind) {
    SELECTED.set(kind);
}

/// Returns the settings that select the store of an app with this data directory.
pub fn settings(data_dir: &Path) -> Vec<(&'static str, String)> {
    match SELECTED.get() {
        StoreKind::Embedded => Vec::new(),
        StoreKind::Oracle => oracle_standin::testing::settings_below(data_dir),
    }
}

/// Makes two tests of each listed function: one on the embedded store, one on Oracle's driver.
macro_rules! on_both_stores {
    ($($test:ident),* $(,)?) => {
        mod on_sqlite {
            $(#[tokio::test]
            async fn $test() {
                super::$test().await;
            })*
        }

        mod on_oracle {
            use crate::stores::{StoreKind, select};

            $(#[tokio::test]
            async fn $test() {
                select(StoreKind::Oracle);
                super::$test().await;
            })*
        }
    };
}
