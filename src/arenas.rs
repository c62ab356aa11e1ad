//! The addresses that the allocator of the C library takes.

/// The arenas of a process with limited addresses: one for most threads, and one to fall back on.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const ARENAS: i32 = 2;

/// The size in bytes from which on a buffer has addresses of its own, which go back to the system with it.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const OWN_ADDRESSES: i32 = 1 << 20;

/// Has malloc take few addresses where those of the process are limited (`ulimit -v`). Each arena reserves 64 MiB, and malloc
/// makes up to eight for each core and keeps the addresses of large buffers in them, so that a server of little memory
/// would use its addresses up. The caller has started no thread yet.
pub fn bound() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    if rustix::process::getrlimit(rustix::process::Resource::As).current.is_some() {
        for (setting, value) in [(libc::M_ARENA_MAX, ARENAS), (libc::M_MMAP_THRESHOLD, OWN_ADDRESSES)] {
            // An allocator that refuses a setting takes more addresses, and nothing else changes.
            // SAFETY: mallopt(3) takes two numbers and changes a setting of the allocator under its own lock.
            _ = unsafe { libc::mallopt(setting, value) };
        }
    }
}
