//! The number of threads inside one batch.

use std::str::FromStr;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::busy;
use super::device::Device;

/// The most threads that `auto` gives a batch. The products of a short text are small: with more threads, each has less
/// to do between two waits for all than a wait costs.
const MOST_BY_DEFAULT: usize = 16;

/// The cores that this process may use.
static CORES: LazyLock<usize> = LazyLock::new(|| thread::available_parallelism().map_or(1, usize::from));

/// The number of batches that run now, of all towers and models of the process.
static RUNNING: AtomicUsize = AtomicUsize::new(0);

/// The number of threads that compute these batches.
static COMPUTING: AtomicUsize = AtomicUsize::new(0);

/// The number of threads that compute one batch on a CPU.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TorchThreads {
    /// The number of cores that nothing else uses when the batch starts, 16 at most.
    #[default]
    Auto,
    /// A fixed number, whatever else runs; at least 1.
    Fixed(usize),
}

impl TorchThreads {
    /// The most threads that a setting may ask for.
    pub const MOST: usize = 256;

    /// Returns the cores that a batch takes from others while all workers are busy.
    #[must_use]
    pub fn when_busy(self) -> usize {
        match self {
            Self::Auto => 1,
            Self::Fixed(threads) => threads.max(1),
        }
    }

    /// Returns the number of threads of a batch that is alone on a machine.
    #[must_use]
    pub fn when_alone(self) -> usize {
        self.share(*CORES, 1)
    }

    /// Returns the number of threads of a batch that shares cores with all `batches` that run.
    fn share(self, cores: usize, batches: usize) -> usize {
        match self {
            Self::Auto => (cores / batches.max(1)).clamp(1, MOST_BY_DEFAULT),
            Self::Fixed(threads) => threads.max(1),
        }
    }

    /// Counts a batch as running until the result is dropped, and sets the number of threads with which the calling
    /// thread computes it. `others` batches are about to start on other threads.
    pub(super) fn begin(self, device: Device, others: usize) -> RunningBatch {
        let batches = RUNNING.fetch_add(1, Ordering::Relaxed) + 1 + others;
        let mut threads = if device == Device::Cpu { self.share(*CORES, batches) } else { 1 };
        // Threads of a batch wait for each other, so that one of them without a core of its own delays all.
        if self == Self::Auto && threads > 1 {
            let free = busy::free_cores(COMPUTING.load(Ordering::Relaxed));
            threads = self.share(free.unwrap_or(*CORES).min(*CORES), batches);
        }
        COMPUTING.fetch_add(threads, Ordering::Relaxed);
        set(threads);
        RunningBatch { threads }
    }
}

/// Sets the number of threads with which Torch computes what the calling thread asks for. OpenMP keeps one number for
/// each thread, so every thread that runs a module sets its own.
pub(super) fn set(threads: usize) {
    tch::set_num_threads(i32::try_from(threads).unwrap_or(1));
}

/// A batch that runs.
pub(super) struct RunningBatch {
    threads: usize,
}

impl Drop for RunningBatch {
    fn drop(&mut self) {
        RUNNING.fetch_sub(1, Ordering::Relaxed);
        COMPUTING.fetch_sub(self.threads, Ordering::Relaxed);
    }
}

impl FromStr for TorchThreads {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.parse() {
            _ if text == "auto" => Ok(Self::Auto),
            Ok(threads @ 1..=Self::MOST) => Ok(Self::Fixed(threads)),
            _ => Err(format!("it is `{text}`, and must be a whole number from 1 to {}, or `auto`", Self::MOST)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_that_run_share_the_cores() {
        let cores = *CORES;
        assert_eq!(TorchThreads::Auto.when_alone(), cores.min(16));
        assert_eq!(TorchThreads::Auto.share(8, 2), 4);
        assert_eq!(TorchThreads::Auto.share(8, 1_000), 1);
        assert_eq!(TorchThreads::Auto.share(0, 1), 1);
        assert_eq!(TorchThreads::Fixed(3).share(8, 1_000), 3);
    }

    #[test]
    fn a_batch_has_the_threads_that_it_began_with() {
        // Other tests may run batches meanwhile, so that only a fixed number is certain.
        let batch = TorchThreads::Fixed(3).begin(Device::Cpu, 0);
        assert!(RUNNING.load(Ordering::Relaxed) >= 1);
        assert_eq!(tch::get_num_threads(), 3);
        drop(batch);
        let _batch = TorchThreads::Auto.begin(Device::Cpu, 1_000);
        assert_eq!(tch::get_num_threads(), 1);
        let _batch = TorchThreads::Fixed(4).begin(Device::Cuda, 0);
        assert_eq!(tch::get_num_threads(), 1);
    }

    #[test]
    fn a_number_of_threads_is_a_number_or_auto() {
        assert_eq!("auto".parse(), Ok(TorchThreads::Auto));
        assert_eq!("256".parse(), Ok(TorchThreads::Fixed(256)));
        for text in ["0", "257", "-1", "all", ""] {
            assert!(text.parse::<TorchThreads>().unwrap_err().contains("from 1 to 256, or `auto`"), "{text}");
        }
    }
}
