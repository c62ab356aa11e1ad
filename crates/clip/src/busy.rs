//! The threads that the machine runs now, and the cores that it has for them.

use std::fs;
use std::sync::LazyLock;
use std::thread;
use std::time::Duration;

/// The number of looks at the machine, of which the least busy one counts.
const LOOKS: usize = 3;

/// The time between two looks. A thread that has just handed over its work is back asleep by then.
const PAUSE: Duration = Duration::from_micros(20);

/// The cores of the machine, which may be more than this process may use.
static MACHINE: LazyLock<Option<usize>> =
    LazyLock::new(|| cores_in(fs::read_to_string("/sys/devices/system/cpu/online").ok()?.trim()));

/// Returns the cores of the machine that are left when threads other than `ours` have theirs. The calling thread is not
/// counted. Returns `None` where the system does not tell, as all but Linux.
pub(super) fn free_cores(ours: usize) -> Option<usize> {
    let machine = (*MACHINE)?;
    let mut most = 0;
    for look in 0..LOOKS {
        if look > 0 {
            thread::sleep(PAUSE);
        }
        let others = running_in(&fs::read_to_string("/proc/loadavg").ok()?)?.saturating_sub(1 + ours);
        most = most.max(machine.saturating_sub(others));
        if others == 0 {
            break;
        }
    }
    Some(most)
}

/// Returns the number of threads that run or wait for a core: what stands before the slash in "0.20 0.18 0.12 2/80 11206"
/// (proc_loadavg(5)).
fn running_in(loadavg: &str) -> Option<usize> {
    loadavg.split(' ').nth(3)?.split_once('/')?.0.parse().ok()
}

/// Returns the number of cores in a list of ranges, such as "0-3,6".
fn cores_in(ranges: &str) -> Option<usize> {
    let mut cores = 0;
    for range in ranges.split(',') {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        cores += (last.parse::<usize>().ok()? + 1).checked_sub(first.parse().ok()?)?;
    }
    Some(cores)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_that_run_stand_before_the_slash() {
        assert_eq!(running_in("0.20 0.18 0.12 2/80 11206\n"), Some(2));
        for other in ["", "0.20 0.18 0.12", "0.20 0.18 0.12 two/80 1"] {
            assert_eq!(running_in(other), None, "{other}");
        }
    }

    #[test]
    fn cores_are_counted_in_ranges() {
        for (ranges, cores) in [("0", Some(1)), ("0-1", Some(2)), ("0-3,6,8-9", Some(7)), ("", None), ("3-0", None)] {
            assert_eq!(cores_in(ranges), cores, "{ranges}");
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn threads_of_ours_take_no_core_away() {
        let machine = MACHINE.unwrap();
        assert_eq!(free_cores(1_000_000), Some(machine));
        assert!(free_cores(0).unwrap() <= machine);
    }
}
