//! Why bytes do not become a picture.

use super::FileType;

/// Why a picture was refused. The message is written for the person who sent the file and says what to
/// do; `detail` fields are the decoder's own words and belong in the log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImageError {
    /// The content is none of the six types that are read.
    #[error("{found} is not accepted; send a JPEG, PNG, GIF, WebP, BMP or TIFF picture")]
    UnsupportedType {
        /// What the bytes look like, as the subject of a sentence.
        found: &'static str,
    },
    /// The type is read, this rare kind of it is not (for example a TIFF of 64-bit samples).
    #[error("this kind of {file_type} is not supported; save the picture as PNG or ordinary JPEG and send that")]
    UnsupportedKind {
        /// The sniffed type.
        file_type: FileType,
        /// Which feature, for the log.
        detail: String,
    },
    /// The header announces more pixels than the limit. No pixel was decoded.
    #[error("the picture has {width} × {height} pixels and at most {max_pixels} are accepted; send a smaller version")]
    TooManyPixels {
        /// Pixels across, as the header says.
        width: u32,
        /// Pixels down, as the header says.
        height: u32,
        /// The limit on their product.
        max_pixels: u64,
    },
    /// The header announces an edge longer than the limit. No pixel was decoded.
    #[error("the picture has {width} × {height} pixels and neither edge may exceed {max_edge}; send a smaller version")]
    EdgeTooLong {
        /// Pixels across, as the header says.
        width: u32,
        /// Pixels down, as the header says.
        height: u32,
        /// The limit on each edge.
        max_edge: u32,
    },
    /// Decoding would need more working memory than the limit.
    #[error(
        "decoding this {file_type} needs more than {max_bytes} bytes of memory; send it smaller, or as 8-bit PNG or ordinary JPEG"
    )]
    TooMuchMemory {
        /// The sniffed type.
        file_type: FileType,
        /// The limit.
        max_bytes: u64,
    },
    /// The file is damaged, cut off, empty of pixels, or contradicts itself.
    #[error("the {file_type} file is damaged or incomplete; open it, export it again and send the new file")]
    Corrupt {
        /// The sniffed type.
        file_type: FileType,
        /// What the decoder met, for the log.
        detail: String,
    },
    /// A thumbnail could not be written.
    #[error("the thumbnail could not be made; try again, and report it if it happens again")]
    Encode {
        /// What the encoder met, for the log.
        detail: String,
    },
}

impl ImageError {
    /// The decoder's or encoder's own words, for the log; `None` when the message already says it all.
    #[must_use]
    pub fn detail(&self) -> Option<&str> {
        match self {
            Self::UnsupportedKind { detail, .. } | Self::Corrupt { detail, .. } | Self::Encode { detail } => {
                Some(detail)
            }
            Self::UnsupportedType { .. }
            | Self::TooManyPixels { .. }
            | Self::EdgeTooLong { .. }
            | Self::TooMuchMemory { .. } => None,
        }
    }

    pub(super) fn corrupt(file_type: FileType, detail: impl ToString) -> Self {
        Self::Corrupt { file_type, detail: detail.to_string() }
    }

    pub(super) fn unsupported_kind(file_type: FileType, detail: impl ToString) -> Self {
        Self::UnsupportedKind { file_type, detail: detail.to_string() }
    }
}
