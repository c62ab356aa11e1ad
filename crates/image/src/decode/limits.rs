//! The limits on what one picture may cost.

use std::cell::RefCell;
use std::rc::Rc;

use super::refusal::Refusal;

/// Takes memory for a picture: the function gets its bytes, may block, and returns false when there is none.
type Reserve = Rc<dyn Fn(u64) -> bool>;

thread_local! {
    /// The function that takes memory for the pictures that this thread decodes.
    static RESERVE: RefCell<Option<Reserve>> = const { RefCell::new(None) };
}

/// Does `work`, and calls `reserve` with the memory of each picture that it decodes on this thread: the decoder's own and
/// three bytes for each pixel. The call comes when the header is read, before the memory is taken, and a picture for which
/// it returns false is refused.
pub fn reserving<T>(reserve: impl Fn(u64) -> bool + 'static, work: impl FnOnce() -> T) -> T {
    /// Puts the earlier function back, also after a panic.
    struct Before(Option<Reserve>);

    impl Drop for Before {
        fn drop(&mut self) {
            RESERVE.set(self.0.take());
        }
    }

    let _before = Before(RESERVE.replace(Some(Rc::new(reserve))));
    work()
}

/// Limits on the cost of decoding one picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DecodeLimits {
    /// The largest number of pixels (width × height).
    pub max_pixels: u64,
    /// The longest edge in pixels. The edge has a limit of its own, because scaling a picture one pixel high to a given
    /// shortest edge would make it enormously wide.
    pub max_edge: u32,
    /// The largest number of bytes of working memory: the decoded samples and the decoder's buffers.
    pub max_memory: u64,
}

/// The defaults are 50 million pixels, 32,768 pixels along an edge, and 512 MiB. These limits suffice for every camera
/// picture of today except stitched panoramas.
impl Default for DecodeLimits {
    fn default() -> Self {
        Self { max_pixels: 50_000_000, max_edge: 32_768, max_memory: 512 * 1024 * 1024 }
    }
}

impl DecodeLimits {
    /// Checks the size and the bytes of working memory that a header announces. Every decoder calls this before it
    /// allocates or decodes pixels.
    ///
    /// # Errors
    /// [`Refusal`] with the limit that would be exceeded, [`Refusal::Corrupt`] for a picture without pixels, or
    /// [`Refusal::OutOfMemory`].
    pub(crate) fn check(&self, (width, height): (u32, u32), memory: u64) -> Result<(), Refusal> {
        let &Self { max_pixels, max_edge, max_memory } = self;
        if width == 0 || height == 0 {
            return Err(Refusal::corrupt(format!("{width} × {height} pixels")));
        }
        if width > max_edge || height > max_edge {
            return Err(Refusal::EdgeTooLong { width, height, max_edge });
        }
        if u64::from(width) * u64::from(height) > max_pixels {
            return Err(Refusal::TooManyPixels { width, height, max_pixels });
        }
        if memory > max_memory {
            return Err(self.too_much_memory());
        }
        let whole = memory.saturating_add(u64::from(width) * u64::from(height) * 3);
        let is_reserved = RESERVE.with_borrow(Option::clone).is_none_or(|reserve| reserve(whole));
        if is_reserved && is_available(whole) { Ok(()) } else { Err(Refusal::OutOfMemory) }
    }

    /// Returns the refusal of a picture that needs more working memory than the limit.
    pub(crate) fn too_much_memory(&self) -> Refusal {
        Refusal::TooMuchMemory { max_bytes: self.max_memory }
    }
}

/// The memory from which on the system is asked before it is taken.
const LARGE: u64 = 4 << 20;

/// Tells whether the system gives so much memory. The decoders take theirs in ways that end the process where it is
/// missing, so it is asked for beforehand; asking touches none of it.
fn is_available(bytes: u64) -> bool {
    if bytes < LARGE {
        return true;
    }
    let mut probe = Vec::<u8>::new();
    let given = usize::try_from(bytes).is_ok_and(|bytes| probe.try_reserve_exact(bytes).is_ok());
    // Otherwise the compiler may leave the request out.
    std::hint::black_box(&mut probe);
    given
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_that_the_system_has_no_memory_for_is_refused() {
        let limits = DecodeLimits { max_memory: u64::MAX, ..DecodeLimits::default() };
        assert_eq!(limits.check((10, 10), 1 << 60), Err(Refusal::OutOfMemory));
        assert_eq!(limits.check((10, 10), 1 << 25), Ok(()));
    }

    #[test]
    fn memory_is_reserved_for_the_pictures_of_this_thread_only_while_it_is_asked_for() {
        let reserved = Rc::new(RefCell::new(Vec::new()));
        let noted = Rc::clone(&reserved);
        let limits = DecodeLimits::default();
        reserving(
            move |bytes| {
                noted.borrow_mut().push(bytes);
                bytes < 10_000
            },
            || {
                assert_eq!(limits.check((10, 20), 1_000), Ok(()));
                assert!(limits.check((0, 20), 1_000).is_err());
                assert_eq!(limits.check((100, 100), 1_000), Err(Refusal::OutOfMemory));
            },
        );
        assert_eq!(limits.check((10, 20), 1_000), Ok(()));
        assert_eq!(*reserved.borrow(), [1_600, 31_000]);
    }
}
