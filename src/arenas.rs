//! The addresses that the allocator of the C library reserves.

/// The arenas of a process with limited addresses: one for most threads, and one to fall back on.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const ARENAS: i32 = 2;

/// Has malloc keep to few arenas where the addresses of the process are limited (`ulimit -v`). Each arena reserves 64 MiB,
/// and malloc makes up to eight for each core, so that a server of little memory would use its addresses up. The caller
/// has started no thread yet.
pub fn bound() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    if rustix::process::getrlimit(rustix::process::Resource::As).current.is_some() {
        // SAFETY: mallopt(3) takes two numbers and changes a setting of the allocator under its own lock.
        // An allocator that refuses the setting reserves more addresses, and nothing else changes.
        _ = unsafe { libc::mallopt(libc::M_ARENA_MAX, ARENAS) };
    }
}
