//! The background thread that builds, trains and saves vector indexes.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Receiver;

use super::cache::{Draft, VectorCache};
use super::connection::open_reader;
use super::core::Core;
use crate::StoreError;

/// Something to do in the background.
pub(super) enum Task {
    /// Bring an index up to date with the rows and publish it.
    Build(Arc<VectorCache>, Box<Draft>),
    /// Train the lists of an index, and save it.
    Tend(Arc<VectorCache>),
    /// End.
    Stop,
}

/// Works until told to stop.
pub(super) fn run(core: &Core, tasks: &Receiver<Task>) {
    while let Ok(task) = tasks.recv() {
        match task {
            Task::Build(cache, draft) => {
                let started = std::time::Instant::now();
                match build(core, &cache, *draft) {
                    Ok(true) => {
                        log::info!(
                            "the vector index of model {} is ready after {:.1?}",
                            cache.model_id,
                            started.elapsed()
                        );
                        tend(core, &cache);
                    }
                    Ok(false) => {}
                    // Searches go on reading the rows, and the next start tries again.
                    Err(error) => log::error!("the vector index of model {} cannot be built: {error}", cache.model_id),
                }
            }
            Task::Tend(cache) => tend(core, &cache),
            Task::Stop => return,
        }
    }
}

fn tend(core: &Core, cache: &VectorCache) {
    // Cleared first: a change that comes while this runs asks again, and none is forgotten.
    cache.work_pending.store(false, Ordering::Release);
    let closed = || core.closed.load(Ordering::Acquire);
    if closed() {
        return;
    }
    let trained = cache.index().is_some_and(|index| index.maintain());
    if trained {
        log::info!("the vector index of model {} has been trained", cache.model_id);
    }
    // Closing may have given up on the training and let go of the directory; then its files are no longer ours.
    if closed() {
        return;
    }
    if trained || cache.wants_saving(core.options.snapshot_every) {
        cache.save();
    }
}

/// Whether the index has been published; not when the store is closing.
fn build(core: &Core, cache: &VectorCache, mut draft: Draft) -> Result<bool, StoreError> {
    // A connection of its own: this may take minutes, and the others are for searches.
    let connection = open_reader(&core.database, core.options.busy_timeout)?;
    let mut saved = draft.applied;
    for _ in 0..2 {
        while cache.catch_up(&connection, &mut draft)? {
            if core.closed.load(Ordering::Acquire) {
                return Ok(false);
            }
        }
        // The last few changes, with no new ones coming in.
        let writer = core.writer();
        while cache.catch_up(&writer, &mut draft)? {}
        if cache.reconcile(&writer, &draft)? {
            cache.publish(draft, saved);
            return Ok(true);
        }
        draft = cache.empty_draft();
        saved = 0;
    }
    Err(StoreError::Damaged("the index does not agree with the rows it was just made from".into()))
}
