//! The memory that the system still gives to this process.

/// The bytes that requests leave to everything that takes memory without asking: encoders, stacks of threads, small
/// buffers.
const HEADROOM: usize = 64 << 20;

/// Tells whether the system gives so many bytes beside the headroom. An allocation that fails later ends the process, so
/// the system is asked beforehand; asking touches none of the memory.
pub(super) fn gives(bytes: usize) -> bool {
    let mut probe = Vec::<u8>::new();
    let given = probe.try_reserve_exact(bytes.saturating_add(HEADROOM)).is_ok();
    // Otherwise the compiler may leave the request out.
    std::hint::black_box(&mut probe);
    given
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_little_is_given_and_more_than_all_addresses_is_not() {
        assert!(gives(1));
        assert!(!gives(1 << 60) && !gives(usize::MAX));
    }
}
