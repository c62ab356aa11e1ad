//! The patience of bulk work with a store that does not answer for a while.

use std::sync::Arc;
use std::time::Duration;

use mitsuke_store::{Store, StoreError};
use tokio::time::sleep;

use crate::blocking::{self, Unfinished};

/// The longest delay before a store that did not answer is asked again.
const MAX_DELAY: Duration = Duration::from_secs(30);

/// The time between two looks whether the work is to end.
const LOOK_INTERVAL: Duration = Duration::from_millis(50);

/// Runs work on the store, and repeats it while the store does not answer; `None` when `is_ending` says so first. `task`
/// names the work in the log.
pub(crate) async fn with_retries<T: Send + 'static, E: From<StoreError> + From<Unfinished>>(
    store: Arc<dyn Store>,
    task: &str,
    is_ending: impl Fn() -> bool,
    work: impl Fn(&dyn Store) -> Result<T, StoreError> + Send + Sync + 'static,
) -> Result<Option<T>, E> {
    let work = Arc::new(work);
    let mut delay = Duration::from_millis(250);
    loop {
        let (work, store) = (Arc::clone(&work), Arc::clone(&store));
        match blocking::run(move || work(store.as_ref())).await? {
            Ok(answer) => return Ok(Some(answer)),
            Err(error) if is_temporary(&error) => log::warn!("{task} waits for the store: {error}"),
            Err(error) => return Err(error.into()),
        }
        let mut waited = Duration::ZERO;
        while waited < delay {
            if is_ending() {
                return Ok(None);
            }
            sleep(LOOK_INTERVAL).await;
            waited += LOOK_INTERVAL;
        }
        delay = (delay * 2).min(MAX_DELAY);
    }
}

/// The time between two looks whether the disk has room again.
const ROOM_INTERVAL: Duration = Duration::from_secs(1);

/// Waits while the disk of the store has too little room, so that bulk work does not take what is left. `task` names the
/// work in the log.
pub(crate) async fn wait_for_room(store: &dyn Store, task: &str, is_ending: impl Fn() -> bool) {
    let mut is_told = false;
    while let Err(error) = store.has_room()
        && !is_ending()
    {
        if !std::mem::replace(&mut is_told, true) {
            log::warn!("{task} waits for room on the disk: {error}");
        }
        sleep(ROOM_INTERVAL).await;
    }
}

/// Returns whether a failure of the store may be temporary, so that the work is worth repeating.
fn is_temporary(error: &StoreError) -> bool {
    matches!(
        error,
        StoreError::Unavailable(_)
            | StoreError::Busy(_)
            | StoreError::Unreachable(_)
            | StoreError::Misconfigured(_)
            | StoreError::Locked(_)
    )
}
