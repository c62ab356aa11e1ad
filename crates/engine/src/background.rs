//! Runs blocking bulk work on threads that give way to everything else on the machine.

use mitsuke_clip::lower_thread_priority;
use tokio::runtime::{Builder, Handle, Runtime};

use crate::blocking::Unfinished;
use crate::request_id;

/// A pool of threads for bulk work.
pub struct BackgroundPool {
    /// The runtime whose blocking threads are the pool; nothing else runs on it. `None` when the system gives no runtime.
    runtime: Option<Runtime>,
}

/// A handle of the pool that work is given to.
#[derive(Clone)]
pub struct Background(Option<Handle>);

impl BackgroundPool {
    /// Makes a pool of at most `threads` threads, which start when they are needed.
    #[must_use]
    pub fn new(threads: usize) -> Self {
        let runtime = Builder::new_current_thread()
            .max_blocking_threads(threads.max(1))
            .thread_name("bulk")
            .on_thread_start(lower_thread_priority)
            .build();
        match runtime {
            Ok(runtime) => Self { runtime: Some(runtime) },
            Err(error) => {
                log::warn!("bulk work has the priority of searches: {error}");
                Self { runtime: None }
            }
        }
    }

    /// Returns the handle that work is given to.
    #[must_use]
    pub fn handle(&self) -> Background {
        Background(self.runtime.as_ref().map(|runtime| runtime.handle().clone()))
    }
}

impl Drop for BackgroundPool {
    fn drop(&mut self) {
        // A runtime that is dropped waits for its threads, which a task must not do.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Background {
    /// Runs `work` on the pool, for the request of the caller, and waits for its answer. Dropping the future does not stop work that has begun.
    ///
    /// # Errors
    /// [`Unfinished`] when the work panicked or the pool is gone.
    pub async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Unfinished> {
        match &self.0 {
            Some(handle) => {
                let facts = request_id::current();
                handle.spawn_blocking(move || request_id::within(facts, work)).await.map_err(|_| Unfinished)
            }
            None => crate::blocking::run(work).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn work_runs_on_threads_of_the_pool_and_its_panics_are_told() {
        let pool = BackgroundPool::new(1);
        let name = pool.handle().run(|| std::thread::current().name().map(str::to_owned)).await;
        assert_eq!(name, Ok(Some("bulk".to_owned())));
        let panicked = pool.handle().run(|| panic!("a panic that the test expects")).await;
        assert_eq!(panicked, Err::<(), _>(Unfinished));
        let handle = pool.handle();
        drop(pool);
        assert_eq!(handle.run(|| ()).await, Err(Unfinished));
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn threads_of_the_pool_are_nicer_than_the_process() {
        // Linux answers for the calling thread.
        let nice = || rustix::process::getpriority_process(None).unwrap();
        let pool = BackgroundPool::new(1);
        assert_eq!(pool.handle().run(nice).await, Ok((nice() + 10).min(19)));
    }
}
