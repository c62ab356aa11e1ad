//! The memory that this process may use.
//!
//! Crates that answer this question read the root of the cgroup tree only, which is not where a container or a systemd
//! unit has its limit, and none asks for the limit on addresses.

use std::fs;
use std::path::{Path, PathBuf};

/// Assumed where the system tells nothing.
const UNKNOWN: u64 = 4 << 30;

/// Returns the bytes of memory that this process may use: the least of the machine's memory, the limits of its cgroup and
/// of those above it, and the addresses that the process may still take (`ulimit -v`).
#[must_use]
pub fn machine_memory() -> u64 {
    let read = |path: &Path| fs::read_to_string(path).ok();
    [physical(&read), cgroup(&read), addresses(&read)].into_iter().flatten().min().unwrap_or(UNKNOWN)
}

/// Returns the memory of the machine.
fn physical(read: &dyn Fn(&Path) -> Option<String>) -> Option<u64> {
    let text = read(Path::new("/proc/meminfo"))?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

/// Returns the least limit of the cgroups that the process belongs to, of version 1 and 2.
fn cgroup(read: &dyn Fn(&Path) -> Option<String>) -> Option<u64> {
    let text = read(Path::new("/proc/self/cgroup"))?;
    text.lines().filter_map(folders).flatten().filter_map(|file| read(&file)?.trim().parse().ok()).min()
}

/// Returns the files with the limits of one line of /proc/self/cgroup, from its cgroup up to the root. A process in a
/// container may see the limit of its cgroup at the root only.
fn folders(line: &str) -> Option<Vec<PathBuf>> {
    let mut fields = line.splitn(3, ':').skip(1);
    let (controllers, path) = (fields.next()?, fields.next()?);
    let (root, file) = match controllers {
        "" => ("/sys/fs/cgroup", "memory.max"),
        list if list.split(',').any(|controller| controller == "memory") => {
            ("/sys/fs/cgroup/memory", "memory.limit_in_bytes")
        }
        _ => return None,
    };
    let inner = Path::new(path.trim_start_matches('/'));
    Some(inner.ancestors().map(|folder| Path::new(root).join(folder).join(file)).collect())
}

/// Returns the addresses that the process may still take; `None` without a limit.
#[cfg(target_os = "linux")]
fn addresses(read: &dyn Fn(&Path) -> Option<String>) -> Option<u64> {
    let limit = rustix::process::getrlimit(rustix::process::Resource::As).current?;
    let text = read(Path::new("/proc/self/statm"))?;
    let pages: u64 = text.split_whitespace().next()?.parse().ok()?;
    Some(limit.saturating_sub(pages.saturating_mul(rustix::param::page_size() as u64)))
}

#[cfg(not(target_os = "linux"))]
fn addresses(_: &dyn Fn(&Path) -> Option<String>) -> Option<u64> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Files with their texts.
    type Files<'a> = &'a [(&'a str, &'a str)];

    fn files<'a>(files: Files<'a>) -> impl Fn(&Path) -> Option<String> + 'a {
        |path| files.iter().find(|(name, _)| Path::new(name) == path).map(|(_, text)| (*text).to_owned())
    }

    #[test]
    fn the_memory_of_the_machine_is_read() {
        let meminfo = files(&[("/proc/meminfo", "MemTotal:       16303948 kB\nMemFree:  1 kB\n")]);
        assert_eq!(physical(&meminfo), Some(16_303_948 * 1024));
        assert_eq!(physical(&files(&[("/proc/meminfo", "nothing")])), None);
        assert_eq!(physical(&files(&[])), None);
    }

    #[test]
    fn the_least_limit_up_to_the_root_counts_in_both_versions() {
        let cases: [(Files<'_>, Option<u64>); 6] = [
            (&[("/proc/self/cgroup", "0::/a/b\n"), ("/sys/fs/cgroup/a/b/memory.max", "500\n")], Some(500)),
            (
                &[
                    ("/proc/self/cgroup", "0::/a/b\n"),
                    ("/sys/fs/cgroup/a/b/memory.max", "max\n"),
                    ("/sys/fs/cgroup/a/memory.max", "400\n"),
                    ("/sys/fs/cgroup/memory.max", "900\n"),
                ],
                Some(400),
            ),
            (&[("/proc/self/cgroup", "0::/\n"), ("/sys/fs/cgroup/memory.max", "700\n")], Some(700)),
            (
                &[
                    ("/proc/self/cgroup", "5:cpu:/x\n4:blkio,memory:/docker/1\n0::/\n"),
                    ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "300\n"),
                ],
                Some(300),
            ),
            (&[("/proc/self/cgroup", "0::/a\n"), ("/sys/fs/cgroup/a/memory.max", "max\n")], None),
            (&[], None),
        ];
        for (given, limit) in cases {
            assert_eq!(cgroup(&files(given)), limit, "{given:?}");
        }
    }

    #[test]
    fn this_machine_has_memory() {
        assert!(machine_memory() > 0);
    }
}
