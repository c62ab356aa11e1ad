//! The limits on what one picture may cost.

use std::cell::RefCell;
use std::rc::Rc;

use super::refusal::Refusal;

/// Takes memory for a picture: the function gets its bytes and may block.
type Reserve = Rc<dyn Fn(u64)>;

thread_local! {
    /// The function that takes memory for the pictures that this thread decodes.
    static RESERVE: RefCell<Option<Reserve>> = const { RefCell::new(None) };
}

/// Does `work`, and calls `reserve` with the memory of each picture that it decodes on this thread: the decoder's own and
/// three bytes for each pixel. The call comes when the header is read, before the memory is taken.
pub fn reserving<T>(reserve: impl Fn(u64) + 'static, work: impl FnOnce() -> T) -> T {
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
    /// [`Refusal`] with the limit that would be exceeded, or [`Refusal::Corrupt`] for a picture without pixels.
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
        if let Some(reserve) = RESERVE.with_borrow(Option::clone) {
            reserve(memory.saturating_add(u64::from(width) * u64::from(height) * 3));
        }
        Ok(())
    }

    /// Returns the refusal of a picture that needs more working memory than the limit.
    pub(crate) fn too_much_memory(&self) -> Refusal {
        Refusal::TooMuchMemory { max_bytes: self.max_memory }
    }
}
