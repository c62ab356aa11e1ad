//! The background thread that builds, trains and saves vector indexes, and reads facts and words into memory.

use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use super::connection::open_reader;
use super::index_cache::{IndexBuild, VectorCache};
use super::shared::Shared;
use super::statements::count_images;
use super::task::Task;
use super::{compact, facts, wipe};
use crate::StoreError;

/// Runs tasks until [`Task::Stop`].
pub(super) fn run(shared: &Shared, tasks: &Receiver<Task>) {
    loop {
        let due = shared.wipe.due_in().into_iter().chain(shared.compact.due_in()).min();
        let task = match due {
            Some(wait) => tasks.recv_timeout(wait),
            None => tasks.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        let task = match task {
            Ok(task) => task,
            Err(RecvTimeoutError::Timeout) => {
                if shared.wipe.due_in() == Some(Duration::ZERO) {
                    wipe::run(shared);
                    shared.compact.note();
                } else {
                    compact::run(shared);
                }
                continue;
            }
            Err(RecvTimeoutError::Disconnected) => return,
        };
        match task {
            Task::Deleted => {}
            Task::Build(cache, build) => {
                let started = std::time::Instant::now();
                match publish(shared, &cache, *build) {
                    Ok(true) => {
                        log::info!(
                            "the vector index of model {} is ready after {:.1?}",
                            cache.model_id,
                            started.elapsed()
                        );
                        maintain(shared, &cache);
                    }
                    Ok(false) => {}
                    // Searches go on reading the rows, and the next start builds the index.
                    Err(error) => log::error!("the vector index of model {} cannot be built: {error}", cache.model_id),
                }
            }
            Task::Maintain(cache) => maintain(shared, &cache),
            Task::ReadFacts => {
                if let Err(error) = publish_facts(shared) {
                    log::error!("the facts of the images cannot be read, and filters are slow: {error}");
                }
            }
            Task::PrepareWords => {
                if let Err(error) = prepare_words(shared) {
                    log::warn!("the common words cannot be read before they are searched for: {error}");
                }
            }
            Task::Stop => return,
        }
    }
}

/// Trains and saves an index, as far as that is due.
fn maintain(shared: &Shared, cache: &VectorCache) {
    // The flag is cleared first, so that a change that comes meanwhile schedules the next maintenance.
    cache.maintenance_pending.store(false, Ordering::Release);
    let closed = || shared.closed.load(Ordering::Acquire);
    if closed() {
        return;
    }
    let trained = cache.index().is_some_and(|index| index.train());
    if trained {
        log::info!("the vector index of model {} has been trained", cache.model_id);
    }
    // The store may have closed without waiting for the training. The directory then may belong to another process.
    if closed() {
        return;
    }
    if trained || cache.needs_saving(shared.options.snapshot_every) {
        cache.save(|| shared.writer());
    }
}

/// Brings an index up to date, and publishes it. Returns false when it gave up because the store is closing.
///
/// # Errors
/// [`StoreError::Damaged`] when an index does not agree with the rows that it was built from.
fn publish(shared: &Shared, cache: &VectorCache, mut build: IndexBuild) -> Result<bool, StoreError> {
    // The build has a connection of its own, because it may take minutes, and the pool is for searches.
    let connection = open_reader(&shared.database, shared.options.busy_timeout)?;
    let mut saved = build.applied;
    for _ in 0..2 {
        while cache.catch_up(&connection, &mut build)? {
            if shared.closed.load(Ordering::Acquire) {
                return Ok(false);
            }
        }
        // The writer is held for the last few changes, so that no new ones come in.
        let writer = shared.writer();
        while cache.catch_up(&writer, &mut build)? {}
        if cache.reconcile(&writer, &mut build)? {
            cache.publish(build, saved);
            return Ok(true);
        }
        build = cache.empty_build();
        saved = 0;
    }
    Err(StoreError::Damaged("the index does not agree with the rows that it was built from".into()))
}

/// Reads the facts of all images, and publishes them unless the store is closing.
///
/// # Errors
/// [`StoreError::Damaged`] when there are not as many facts as images.
pub(super) fn publish_facts(shared: &Shared) -> Result<(), StoreError> {
    let started = std::time::Instant::now();
    let mut connection = open_reader(&shared.database, shared.options.busy_timeout)?;
    // Changes are kept from before the snapshot on, so that none is missing in both.
    shared.memory.facts.begin();
    let facts = facts::build(&connection.transaction()?, || shared.closed.load(Ordering::Acquire))?;
    let Some(facts) = facts else { return Ok(()) };
    let writer = shared.writer();
    let images = count_images(&writer)?;
    if !shared.memory.facts.publish(facts, images) {
        return Err(StoreError::Damaged("there are not as many facts as images".into()));
    }
    log::info!("the facts of {images} images are ready after {:.1?}", started.elapsed());
    Ok(())
}

/// Reads the lists of common words, unless the store is closing.
fn prepare_words(shared: &Shared) -> Result<(), StoreError> {
    let connection = open_reader(&shared.database, shared.options.busy_timeout)?;
    shared.memory.words.prepare(&connection, || shared.closed.load(Ordering::Acquire))
}
