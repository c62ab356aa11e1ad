//! The reasons for which a decoder gives no pixels.

/// The reason for which a decoder gives no pixels. `ImageError` adds the type of the file, which a decoder does not
/// know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The header announces more pixels than the limit.
    TooManyPixels {
        /// Width in pixels, as the header says.
        width: u32,
        /// Height in pixels, as the header says.
        height: u32,
        /// The limit on their product.
        max_pixels: u64,
    },
    /// The header announces an edge longer than the limit.
    EdgeTooLong {
        /// Width in pixels, as the header says.
        width: u32,
        /// Height in pixels, as the header says.
        height: u32,
        /// The limit on each edge.
        max_edge: u32,
    },
    /// Decoding would need more working memory than the limit.
    TooMuchMemory {
        /// The limit in bytes.
        max_bytes: u64,
    },
    /// The system does not give the memory that decoding needs now.
    OutOfMemory,
    /// The file uses a feature of its format that this crate does not read.
    UnsupportedKind {
        /// The feature, for the log.
        detail: String,
    },
    /// The file is damaged, cut off, empty of pixels, or contradicts itself.
    Corrupt {
        /// The decoder's message, for the log.
        detail: String,
    },
}

impl Refusal {
    /// Returns [`Self::Corrupt`] with a message for the log.
    pub fn corrupt(detail: impl ToString) -> Self {
        Self::Corrupt { detail: detail.to_string() }
    }

    /// Returns [`Self::UnsupportedKind`] with a message for the log.
    pub fn unsupported_kind(detail: impl ToString) -> Self {
        Self::UnsupportedKind { detail: detail.to_string() }
    }
}
