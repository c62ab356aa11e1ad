//! The number of workers of an encoder.

use std::str::FromStr;
use std::thread;

use super::device::Device;
use super::threads::TorchThreads;

/// The most workers that `auto` gives. A worker reads all weights once for each batch, and writes and reads the
/// activations: with a ViT-L/16 in int8, about 0.3 GB and 1 GB in 0.4 seconds of a core, so some 3 GB/s. Sixteen
/// workers then take about 50 GB/s, which is what two channels of memory give; machines with more cores have more
/// channels, but also more to do than to encode.
const MOST_BY_DEFAULT: usize = 16;

/// The number of batches that each tower of a model works on at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WorkerCount {
    /// On a CPU, one for each core, divided by the threads of a batch where their number is fixed, and at most 16; on a
    /// GPU one, because one batch fills it.
    #[default]
    Auto,
    /// This many; at least 1.
    Fixed(usize),
}

impl WorkerCount {
    /// The most workers that a setting may ask for.
    pub const MOST: usize = 256;

    /// Returns the number of workers on a device where each batch has these threads.
    pub(super) fn resolve(self, device: Device, threads: TorchThreads) -> usize {
        match (self, device) {
            (Self::Fixed(workers), _) => workers.max(1),
            (Self::Auto, Device::Cuda) => 1,
            (Self::Auto, Device::Cpu) => {
                let cores = thread::available_parallelism().map_or(1, usize::from);
                (cores / threads.when_busy()).clamp(1, MOST_BY_DEFAULT)
            }
        }
    }
}

impl FromStr for WorkerCount {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.parse() {
            _ if text == "auto" => Ok(Self::Auto),
            Ok(workers @ 1..=Self::MOST) => Ok(Self::Fixed(workers)),
            _ => Err(format!("it is `{text}`, and must be a whole number from 1 to {}, or `auto`", Self::MOST)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workers_and_their_threads_do_not_outnumber_the_cores() {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let workers = |threads| WorkerCount::Auto.resolve(Device::Cpu, TorchThreads::Fixed(threads));
        assert_eq!((workers(1), workers(cores), workers(1_000)), (cores.min(16), 1, 1));
        assert_eq!(WorkerCount::Auto.resolve(Device::Cpu, TorchThreads::Auto), cores.min(16));
        assert_eq!(WorkerCount::Auto.resolve(Device::Cuda, TorchThreads::Auto), 1);
        assert_eq!(WorkerCount::Fixed(40).resolve(Device::Cuda, TorchThreads::Fixed(8)), 40);
    }

    #[test]
    fn a_count_is_a_number_or_auto() {
        assert_eq!("auto".parse(), Ok(WorkerCount::Auto));
        assert_eq!("256".parse(), Ok(WorkerCount::Fixed(256)));
        for text in ["0", "257", "-1", "all", ""] {
            assert!(text.parse::<WorkerCount>().unwrap_err().contains("from 1 to 256, or `auto`"), "{text}");
        }
    }
}
