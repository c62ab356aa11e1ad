//! Threads that give way to others.

/// The steps by which a background thread is nicer than the process. The kernel weighs each step by about a quarter, so
/// that ten of them leave a background thread a tenth of a core that another thread wants, and the whole core otherwise.
#[cfg(target_os = "linux")]
const NICER: i32 = 10;

/// Has the calling thread give way to the other threads of the machine, for good. Nothing changes on systems other than
/// Linux, where only whole processes can be nice.
pub fn lower_thread_priority() {
    // On Linux a nice value belongs to a thread, and this call changes that of the calling one (nice(2), "C
    // library/kernel differences" in setpriority(2)).
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::nice(NICER) {
        log::warn!("a thread for bulk work has the priority of searches: {error}");
    }
}
