//! Work on all cores.

use std::sync::{Mutex, PoisonError};
use std::thread;

/// The niceness of a worker, of 19 at most. A thread of usual niceness gets nine times as much of a core as a worker.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 10;

/// The claim of workers to the cores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Priority {
    /// The workers run like all other threads.
    Usual,
    /// The workers give way to all other threads of the machine.
    Low,
}

/// Applies `work` to every item, on a thread for each core, and returns the results in the order of the items.
pub(crate) fn map<T: Send, R: Send>(
    items: impl ExactSizeIterator<Item = T> + Send,
    priority: Priority,
    work: impl Fn(T) -> R + Sync,
) -> Vec<R> {
    let threads = thread::available_parallelism().map_or(1, usize::from).min(items.len());
    let mut results: Vec<Option<R>> = Vec::new();
    results.resize_with(items.len(), || None);
    let places = Mutex::new(items.zip(&mut results));
    let run = || {
        if priority == Priority::Low {
            give_way();
        }
        loop {
            // The lock is released before the work begins.
            let next = places.lock().unwrap_or_else(PoisonError::into_inner).next();
            let Some((item, place)) = next else { return };
            *place = Some(work(item));
        }
    };
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(run);
        }
    });
    drop(places);
    results.into_iter().flatten().collect()
}

/// Makes this thread give way to threads of usual niceness.
fn give_way() {
    // On Linux the niceness is that of a thread, and elsewhere that of the whole process.
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::nice(NICENESS) {
        log::debug!("a worker keeps its usual niceness: {error}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_the_order_of_the_items() {
        let items: Vec<u32> = (0..1000).collect();
        for priority in [Priority::Usual, Priority::Low] {
            let doubled = map(items.iter(), priority, |item| item * 2);
            assert_eq!(doubled, items.iter().map(|item| item * 2).collect::<Vec<_>>());
            assert!(map([0_u8; 0].iter(), priority, |item| *item).is_empty());
        }
    }
}
